"""The account of an export: its files, each with its records, bytes and SHA-256.

While an export goes on, a hidden folder beside its files has what was asked for, and one small file for
each part that is whole. At the end they become the manifest, in one piece. So an export without a manifest
is not complete, and nothing of the account is held in memory.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import PurePosixPath
from typing import Any

from muniment.errors import UsageError
from muniment.exports.storage import Storage

UNFINISHED = ".{name}.unfinished"
"""The folder that is there while an export goes on, by the name of its manifest."""

REQUEST = "request.json"
PART = "part-{number:06}.json"

VERSION = 1
"""The form of the manifest."""


@dataclass(frozen=True, slots=True)
class FileEntry:
    """One file of an export.

    Attributes:
        name: its path in the export's folder.
        of: what stands in it: `objects`, the name of a table, `withdrawn`, `mapping`.
        records: how many.
        bytes: its size as it lies there, compressed or not.
        sha256: of its bytes, in hexadecimal.
        cut: values of which the format could hold only the beginning.
    """

    name: str
    of: str
    records: int
    bytes: int
    sha256: str
    cut: int = 0


class Account:
    """The account of one export, kept beside its files.

    Args:
        storage: the export's folder.
        name: the manifest's.
    """

    def __init__(self, storage: Storage, name: str) -> None:
        self.storage = storage
        self.name = name
        self._unfinished = UNFINISHED.format(name=name)

    def complete(self) -> dict[str, Any] | None:
        """The manifest of the export that is there; None where there is none."""
        content = self.storage.read(self.name)
        return None if content is None else _parsed(content, self.name, self.storage.label)

    def begun(self) -> dict[str, Any] | None:
        """What was asked of the unfinished export that is there; None where there is none."""
        content = self.storage.read(self._path(REQUEST))
        return None if content is None else _parsed(content, self._path(REQUEST), self.storage.label)

    def begin(self, request: Mapping[str, Any]) -> None:
        """Remove the export that is there, whole or not, and note what is asked for."""
        former = (self.complete() or {}).get("files", ())
        for name in [entry["name"] for entry in former] + [entry.name for entry in self.files(self.parts())]:
            if ".." not in PurePosixPath(name).parts and not PurePosixPath(name).is_absolute():
                self.storage.remove(name)
        self.forget()
        self.storage.remove(self.name)
        self._write(REQUEST, request)

    def parts(self) -> set[int]:
        """The numbers of the parts that are whole."""
        names = [name.rpartition("/")[2] for name in self.storage.names(self._unfinished)]
        return {int(name[5:-5]) for name in names if name != REQUEST}

    def enter(self, number: int, files: Sequence[FileEntry]) -> None:
        """Note that a part is whole."""
        self._write(PART.format(number=number), [asdict(file) for file in files])

    def files(self, numbers: Iterable[int]) -> Iterator[FileEntry]:
        """The files of these parts."""
        for number in numbers:
            content = self.storage.read(self._path(PART.format(number=number))) or b"[]"
            yield from (FileEntry(**entry) for entry in json.loads(content))

    def finish(self, told: Mapping[str, Any], entries: Iterator[FileEntry]) -> None:
        """Write the manifest: what is told of the whole, then its files, one a line."""
        with self.storage.writing(self.name) as stream:
            head = json.dumps({"muniment_export": VERSION, **told}, indent=1, ensure_ascii=False)
            stream.write(head.removesuffix("\n}").encode() + b',\n "files": [')
            for number, entry in enumerate(entries):
                line = json.dumps(asdict(entry), ensure_ascii=False)
                stream.write((",\n  " if number else "\n  ").encode() + line.encode())
            stream.write(b"\n ]\n}\n")
        self.forget()

    def forget(self) -> None:
        """Remove what is kept while an export goes on."""
        self.storage.remove(self._unfinished)

    def _path(self, name: str) -> str:
        return f"{self._unfinished}/{name}"

    def _write(self, name: str, content: Any) -> None:
        with self.storage.writing(self._path(name)) as stream:
            stream.write(json.dumps(content, ensure_ascii=False).encode())


def _parsed(content: bytes, name: str, where: str) -> dict[str, Any]:
    try:
        found = json.loads(content)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise UsageError(
            f"{name} is not what an export leaves there",
            where=where,
            hint="Name an empty folder, or remove the file",
        )
    return found
