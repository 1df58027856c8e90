"""The zip file that a workbook is: its members, each read as a bounded stream."""

from __future__ import annotations

import posixpath
import zipfile
import zlib
from collections.abc import Iterator
from typing import BinaryIO
from urllib.parse import unquote

from muniment.config import Settings
from muniment.errors import SourceError, SourceTooLarge
from muniment.sources.decompression import too_large
from muniment.sources.workbook.xml import Attributes, Handlers, local, parse

PIECE_BYTES = 32 * 1024
"""Decompressed bytes at a time: some hundred cells, each of which may name a text of 32 KiB."""

MAX_MEMBERS = 20_000
"""Files in a workbook: each sheet, picture and comment is one. All their names are held."""

MAX_RATIO = 1_000.0
"""Decompressed to compressed bytes of a member. Rows that were formatted and hold nothing reach 200; 1,032 is
what deflate can do, and what bombs do."""

RATIO_JUDGED_FROM = 64 * 1024 * 1024
"""Decompressed bytes after which the ratio is judged."""

DAMAGED = "Open it in a spreadsheet program and save it anew, or copy the file again"


class Package:
    """The members of a workbook.

    Args:
        file: the workbook, able to seek; closed by `close`.
        name: what the user calls it.
        settings: with the bound on what it may decompress to.

    Raises:
        SourceError: it is no zip file that can be read.
    """

    def __init__(self, file: BinaryIO, name: str, settings: Settings) -> None:
        self.name = name
        self._file = file
        self._settings = settings
        try:
            self._zip = zipfile.ZipFile(file)
        except (zipfile.BadZipFile, EOFError, OSError, NotImplementedError) as error:
            raise self.damaged() from error
        members = self._zip.infolist()
        if len(members) > MAX_MEMBERS:
            raise SourceTooLarge(f"it holds more than {MAX_MEMBERS:,} files", hint=DAMAGED, where=name)
        # Names differ in case where programs were careless, and some begin with a slash.
        self._members = {_plain(member.filename): member for member in members}

    def damaged(self, what: str = "") -> SourceError:
        """The error for a workbook that cannot be read."""
        told = f"the workbook is damaged: {what}" if what else "the workbook is damaged"
        return SourceError(told, hint=DAMAGED, where=self.name)

    def __contains__(self, path: str) -> bool:
        return _plain(path) in self._members

    def pieces(self, path: str) -> Iterator[bytes]:
        """The contents of a member, piece by piece.

        Raises:
            SourceError: it is not there, encrypted, or damaged.
            SourceTooLarge: it is over a bound on size or ratio.
        """
        member = self._members.get(_plain(path))
        if member is None:
            raise self.damaged(f"{path} is missing")
        if member.flag_bits & 1:
            raise SourceError("it is encrypted", hint="Save it without a password", where=self.name)
        total = 0
        try:
            with self._zip.open(member) as stream:
                while piece := stream.read(PIECE_BYTES):
                    total += len(piece)
                    self._must_be_bounded(total, member)
                    yield piece
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
            raise self.damaged(f"{path} cannot be unpacked") from error

    def _must_be_bounded(self, total: int, member: zipfile.ZipInfo) -> None:
        if total > self._settings.max_decompressed_bytes:
            error = too_large(self._settings)
            error.where = self.name
            raise error
        if total > RATIO_JUDGED_FROM and total > MAX_RATIO * max(member.compress_size, 1):
            raise SourceTooLarge(
                f"{member.filename} decompresses to more than {MAX_RATIO:,g} times its size",
                hint="It may be a decompression bomb; if you trust it, save it anew or as CSV",
                where=self.name,
            )

    def parse(self, path: str, handlers: Handlers) -> None:
        """Read a member whose elements are told apart by their local names."""

        def of_any(_: str) -> Handlers:
            return Handlers(
                lambda name, attributes: handlers.begin(local(name), attributes),
                lambda name: handlers.end(local(name)),
                handlers.text,
            )

        for _ in parse(self.pieces(path), of_any, self.where(path)):
            pass

    def where(self, path: str) -> str:
        """A member, for errors."""
        return f"{self.name}, {path}"

    def related(self, path: str) -> dict[str, tuple[str, str]]:
        """By its id, what a member is related to: the last word of the kind of relation, and the path."""
        folder, name = posixpath.split(path)
        relations = posixpath.join(folder, "_rels", f"{name}.rels")
        found: dict[str, tuple[str, str]] = {}

        def begin(name: str, attributes: Attributes) -> None:
            if name == "Relationship" and attributes.get("TargetMode") != "External":
                target = posixpath.normpath(
                    posixpath.join("/", folder, unquote(attributes.get("Target", "")))
                )
                kind = attributes.get("Type", "").rpartition("/")[2]
                found[attributes.get("Id", "")] = (kind, target.lstrip("/"))

        if relations in self:
            self.parse(relations, Handlers(begin, _nothing, _nothing))
        return found

    def close(self) -> None:
        """Give back the file."""
        self._zip.close()
        self._file.close()


def _plain(path: str) -> str:
    return path.replace("\\", "/").lstrip("/").casefold()


def _nothing(_: str) -> None:
    """Nothing is to be done."""


def names_in(file: BinaryIO) -> frozenset[str]:
    """The names in a zip file; none where it cannot be read."""
    try:
        with zipfile.ZipFile(file) as archive:
            return frozenset(_plain(name) for name in archive.namelist()[:MAX_MEMBERS])
    except (zipfile.BadZipFile, EOFError, OSError, NotImplementedError):
        return frozenset()
