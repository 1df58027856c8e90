"""A source that was several files, found and put together again: see `muniment.sources.together`.

Their hash is one over all of them, so that either all are as they were, or nothing can be said of any.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from muniment.config import Settings
from muniment.errors import MunimentError
from muniment.sources.format import Format, Part
from muniment.sources.opening import open_source
from muniment.sources.source import Fingerprint, Source
from muniment.sources.stored import Stored
from muniment.sources.together import put_together, with_files


@dataclass(frozen=True)
class FilesFound:
    """Where the files of a source are now.

    Attributes:
        paths: by the path that was recorded of a file, the one at which it is; none where not all were found.
        path: that of the file of the records; "" where not all were found.
        remark: what there is to say: that they moved, that some are gone or changed, or were never kept.
    """

    paths: Mapping[str, Path]
    path: str
    remark: str


def find_files(
    location: str,
    parts: Sequence[str],
    fingerprint: Fingerprint,
    look_in: Iterable[str | os.PathLike[str]] = (),
) -> FilesFound:
    """Find the files with this fingerprint.

    Args:
        location: where the file of the records was, or what it was called where it was no file.
        parts: where the files of their parts were, in the order of the mapping.
        fingerprint: of all of them.
        look_in: folders in which to look, besides the current one, for the file of the records, and for those
            of the parts as they lay beside it.
    """
    files = list(dict.fromkeys([location, *parts]))
    count = f"the source was {len(files)} files"
    if not Path(location).is_absolute():
        return FilesFound({}, "", f"{count}, of which the one of the records, {location}, was not kept")
    if _are(was := {file: Path(file) for file in files}, fingerprint):
        return FilesFound(was, location, "")
    gone = [file for file in files if not Path(file).exists()]
    told = f"{count}; {', '.join(gone)} {'is' if len(gone) == 1 else 'are'} no longer there"
    if not gone:
        told = (
            f"{count}, of which at least one has other bytes now; which one, their common hash does not tell"
        )
    for folder in _folders([*look_in, Path.cwd()]):
        moved = {file: _moved(file, location, folder) for file in files}
        if _are(moved, fingerprint):
            at = str(moved[location])
            return FilesFound(moved, at, f"{told}; the same bytes were found at {at} and beside it")
    return FilesFound({}, "", told)


def _folders(places: Iterable[str | os.PathLike[str]]) -> Iterator[Path]:
    for place in places:
        path = Path(place)
        yield path.absolute() if path.is_dir() else path.absolute().parent


def _moved(file: str, location: str, folder: Path) -> Path:
    """Where a file is if that of the records is in this folder now, whether it moved along or not."""
    moved = Path(os.path.normpath(folder / os.path.relpath(file, Path(location).parent)))
    return moved if moved.exists() else Path(file)


def _are(paths: Mapping[str, Path], fingerprint: Fingerprint) -> bool:
    """Whether these files together have this fingerprint."""
    distinct = list(dict.fromkeys(path.resolve() for path in paths.values()))
    try:
        if sum(path.stat().st_size for path in distinct) != fingerprint.size:
            return False
        hashes = b"".join(_hash_of(path) for path in distinct)
    except (OSError, MunimentError):
        return False
    return hashlib.sha256(hashes).digest() == fingerprint.sha256


def _hash_of(path: Path) -> bytes:
    stored = Stored(path.open("rb"), str(path), str(path), Settings())
    try:
        return stored.fingerprint.sha256
    finally:
        stored.close()


def reopened(location: str, parts: Sequence[str], found: Mapping[str, Path], written: Format) -> Source:
    """The files, put together as they were: the text that is made of them names them as it did.

    Raises:
        MunimentError: they cannot be read.
    """
    names = dict(zip(_part_names(written), parts, strict=True))
    given = with_files(written, {name: found[file] for name, file in names.items()})

    def open_part(name: str, part: Part, _other: Source) -> Source:
        opened = open_source(found[names[name]], _alone(part), Settings())
        renamed: Any = opened  # whose name is only to be read, by the protocol
        renamed.name = names[name]
        return opened

    return put_together(open_source(found[location], _alone(given), Settings()), given, Settings(), open_part)


def _alone(written: Format) -> Format:
    return written.model_copy(update={"parts": {}})


def _part_names(written: Format, above: str = "") -> Iterator[str]:
    """The names of all parts, each before those that complete it, as their rows were recorded."""
    for name, part in written.parts.items():
        yield f"{above}{name}"
        yield from _part_names(part, f"{above}{name}.")
