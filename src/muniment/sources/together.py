"""A source of several files: records, and the parts that belong to them."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path

from muniment.config import Settings
from muniment.errors import UsageError
from muniment.sources.assembling import Assembly, OpenPart, opened_parts
from muniment.sources.decompression import suffixes_of
from muniment.sources.format import Format, Part
from muniment.sources.source import Fingerprint, Source
from muniment.sources.spooled import SpooledSource


class FilesTogether:
    """The files of records and of their parts, as one: see `muniment.sources.spooled.Original`.

    Where it differs from what it was, that is told of the first file, the one of the records.
    """

    def __init__(self, files: Sequence[Source]) -> None:
        self.name = files[0].name
        self.location = files[0].location
        self._files = files

    @cached_property
    def fingerprint(self) -> Fingerprint:
        """The size of all files together, and a hash over their hashes, in the order of the mapping."""
        known = {source.location: source.fingerprint for source in self._files}
        digest = hashlib.sha256(b"".join(found.sha256 for found in known.values()))
        return Fingerprint(sum(found.size for found in known.values()), digest.digest())

    @property
    def size(self) -> int:
        """Bytes of all files together."""
        return self.fingerprint.size

    def read_at(self, offset: int, length: int) -> bytes:
        """Bytes of the file of the records."""
        return self._files[0].stored.read_at(offset, length)

    def hash_of(self, size: int) -> bytes:
        """The SHA-256 of its first bytes."""
        return self._files[0].stored.hash_of(size)

    def appended(self) -> int:
        """How many bytes were appended to one of the files."""
        return max(source.stored.appended() for source in self._files)

    def close(self) -> None:
        """Give back all files."""
        with ExitStack() as stack:
            for source in self._files:
                stack.callback(source.close)


def put_together(records: Source, given: Format, settings: Settings, open_part: OpenPart) -> Source:
    """The source of records and their parts; takes over the source of the records, also where it fails."""
    opened: dict[tuple[Path, str], Source] = {}

    def once(name: str, part: Part, other: Source) -> Source:
        """The file of a part, the same for parts that are different rows of it."""
        written_so = part.model_dump_json(include=set(Format.model_fields) - {"parts"})
        key = path_of(part, other), written_so
        if key not in opened:
            opened[key] = open_part(name, part, other)
        return opened[key]

    try:
        parts = opened_parts(records, given, once)
        files = FilesTogether([records, *opened.values()])
        return SpooledSource(files, Assembly(records, parts), given, settings)
    except BaseException:
        for source in (records, *opened.values()):
            source.close()
        raise


def path_of(part: Part, other: Source) -> Path:
    """Where the file of a part is, as told from the other file."""
    told = "".join(suffixes_of(other.location))
    return Path(other.location).parent / part.file.replace("{suffix}", told)


def with_files(given: Format, files: Mapping[str, str | os.PathLike[str]]) -> Format:
    """The format with other files for some of its parts, named as columns name them: `makers.person`.

    Raises:
        UsageError: there is no such part.
    """
    parts = dict(given.parts)
    for name, path in files.items():
        first, _, rest = name.partition(".")
        if first not in parts:
            raise UsageError(
                f"the mapping has no part {name!r}",
                hint=f"Its parts are: {', '.join(given.parts) or 'none'}",
            )
        changed = with_files(parts[first], {rest: path}) if rest else parts[first]
        update = {"parts": changed.parts} if rest else {"file": str(Path(path).resolve())}
        parts[first] = parts[first].model_copy(update=update)
    return given.model_copy(update={"parts": parts})
