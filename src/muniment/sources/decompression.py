"""Decompressing, a bounded piece at a time: the ratio and the size are watched before a piece is used."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import PurePath
from typing import Any, BinaryIO

import zstandard

from muniment.config import Settings
from muniment.errors import SourceError, SourceIncomplete, SourceTooLarge

PIECE_BYTES = 256 * 1024
"""Decompressed bytes held at a time."""

READ_BYTES = 64 * 1024
"""Compressed bytes read at a time."""

ZSTD_FEED_BYTES = 512
"""Compressed bytes fed to zstd at a time: it takes no bound on what it gives, but a block of 4 bytes
gives at most 128 KiB, so that these give at most 16 MiB."""

ZSTD_WINDOW_BYTES = 128 * 1024 * 1024
"""The largest window that zstd may ask memory for: what its own command line accepts."""

RATIO_JUDGED_FROM = 1024 * 1024
"""Decompressed bytes after which the ratio is judged: a small file of blanks is no bomb."""

MAGIC_BYTES = 8
"""How many first bytes tell how a file is compressed."""

GZIP_BITS = 31
"""What tells zlib that it reads gzip."""

ZSTD_MAGIC = (b"\x28\xb5\x2f\xfd", *(bytes([n]) + b"\x2a\x4d\x18" for n in range(0x50, 0x60)))
"""The first bytes of a frame, and of each kind of frame that is to be skipped."""

COMPRESSED = {".gz", ".zst", ".zip"}
"""Suffixes behind the one that tells what a file is."""

Read = Callable[[int], bytes]
"""Reads so many bytes of the stored file, fewer at its end."""


def suffixes_of(name: str) -> list[str]:
    """The suffix that tells what a file is, and one of compression behind it."""
    suffixes = PurePath(name).suffixes
    return suffixes[-2:] if suffixes and suffixes[-1] in COMPRESSED else suffixes[-1:]


def kind_of(beginning: bytes) -> str:
    """`gzip`, `zstd`, `zip` or `plain`, by the first bytes of a file."""
    if beginning.startswith(b"\x1f\x8b"):
        return "gzip"
    if beginning.startswith(ZSTD_MAGIC):
        return "zstd"
    return "zip" if beginning.startswith((b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")) else "plain"


def gunzipped(read: Read) -> Iterator[bytes]:
    """The contents of all members of a gzip file.

    Raises:
        SourceIncomplete: the file ends within a member.
        SourceError: what is there is not gzip, or is damaged.
    """
    member = zlib.decompressobj(GZIP_BITS)
    while data := read(READ_BYTES):
        while data:
            if member.eof:
                data = data.lstrip(b"\0")
                member = zlib.decompressobj(GZIP_BITS) if data else member
                continue
            yield from _inflated(member, data)
            data = member.unused_data
    if not member.eof:
        raise _ended_early("gzip")


def _inflated(member: Any, data: bytes) -> Iterator[bytes]:
    """All that a gzip member gives for this data, which may be more than it has taken in already."""
    full = True
    while full and not member.eof:
        try:
            piece = member.decompress(data, PIECE_BYTES)
        except zlib.error as error:
            raise _damaged("gzip") from error
        yield piece
        full, data = len(piece) == PIECE_BYTES, member.unconsumed_tail


def unzstandardized(read: Read) -> Iterator[bytes]:
    """The contents of all frames of a zstd file; raises as `gunzipped` does."""
    decompressor = zstandard.ZstdDecompressor(max_window_size=ZSTD_WINDOW_BYTES)
    frame = decompressor.decompressobj()
    while block := read(READ_BYTES):
        for first in range(0, len(block), ZSTD_FEED_BYTES):
            data = block[first : first + ZSTD_FEED_BYTES]
            while data:
                frame = decompressor.decompressobj() if frame.eof else frame
                try:
                    yield frame.decompress(data)
                except zstandard.ZstdError as error:
                    raise _damaged("zstd") from error
                data = frame.unused_data if frame.eof else b""
    if not frame.eof:
        raise _ended_early("zstd")


def unzipped(file: BinaryIO) -> Iterator[bytes]:
    """The contents of the one member of a zip file; raises as `gunzipped` does."""
    try:
        with zipfile.ZipFile(file) as archive, archive.open(_only_member(archive)) as member:
            while data := member.read(PIECE_BYTES):
                yield data
    except EOFError as error:
        raise _ended_early("zip") from error
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError) as error:
        raise _damaged("zip") from error


def _only_member(archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    members = [
        member
        for member in archive.infolist()
        if not member.is_dir() and not member.filename.startswith("__MACOSX/")
    ]
    names = {member.filename for member in members}
    if len(members) != 1:
        workbook = "[Content_Types].xml" in names
        raise SourceError(
            f"the zip file holds {len(members)} files, not one",
            hint="It is a workbook: save the sheet as CSV" if workbook else "Unpack it and load its files",
        )
    if members[0].flag_bits & 1:
        raise SourceError("the zip file is encrypted", hint="Unpack it with its password first")
    if members[0].compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise SourceError("the zip file is not compressed by deflate", hint="Unpack it first")
    return members[0]


def bounded(pieces: Iterator[bytes], consumed: Callable[[], int], settings: Settings) -> Iterator[bytes]:
    """The pieces, as long as they keep to the bounds on size and ratio; raises `SourceTooLarge`."""
    total = 0
    for piece in pieces:
        total += len(piece)
        if total > settings.max_decompressed_bytes:
            raise too_large(settings)
        if total > RATIO_JUDGED_FROM and total > settings.max_compression_ratio * consumed():
            raise SourceTooLarge(
                f"it decompresses to more than {settings.max_compression_ratio:g} times its size",
                hint="It may be a decompression bomb; if you trust it, decompress it first",
            )
        yield piece


def too_large(settings: Settings) -> SourceTooLarge:
    """The error for what is larger than any real export."""
    return SourceTooLarge(
        f"the source is larger than {settings.max_decompressed_bytes} bytes",
        hint="Split it, or allow more (max_decompressed_bytes)",
    )


def _damaged(kind: str) -> SourceError:
    return SourceError(f"the {kind} data is damaged", hint="Copy or export the file again")


def _ended_early(kind: str) -> SourceIncomplete:
    return SourceIncomplete(f"the {kind} data ends too early", hint="Copy or export the file again")
