"""What kind of file a source is, by its content: names lie, and standard input has none."""

from __future__ import annotations

import re
from codecs import BOM_UTF8
from contextlib import ExitStack, closing
from typing import BinaryIO

from muniment.config import Settings
from muniment.errors import SourceError
from muniment.sources.decompression import PIECE_BYTES, suffixes_of
from muniment.sources.format import Format
from muniment.sources.parquet import ENCRYPTED_MAGIC, MAGIC, ParquetTable, encrypted
from muniment.sources.stored import Stored, spooled
from muniment.sources.tabular import Tabular
from muniment.sources.workbook.package import Package, names_in
from muniment.sources.workbook.table import WorkbookTable
from muniment.sources.workbook.xlsx import Xlsx

BEGINNING_BYTES = 4096
"""How much of a source is looked at to know its kind."""

JSON_SUFFIXES = ([".jsonl"], [".ndjson"])
"""What names of JSON lines end with."""

_OBJECT, _LIST = re.compile(rb'\s*\{\s*"'), re.compile(rb"\s*\[\s*\{")
"""How a JSON object with keys begins, and a list of objects: no header has names such as these."""

ZIP, OLE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
"""How zip files begin, and the compound files that Office wrote before 2007 and still wraps secrets in."""

CONTENT_TYPES = "[content_types].xml"
"""The member that every file of Office Open XML has."""

OPEN_DOCUMENT = {"mimetype", "content.xml"}
"""Members that every OpenDocument file has (ODF 1.3, part 2)."""

ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
"""What the part of a compound file is called that holds an encrypted workbook."""


def is_json_lines(stored: Stored) -> bool:
    """Whether a text is one of JSON lines; raises `SourceError` where it is one JSON list."""
    if suffixes_of(stored.name)[:1] in JSON_SUFFIXES:
        return True
    beginning = _beginning(stored).removeprefix(BOM_UTF8)
    if _LIST.match(beginning):
        raise SourceError(
            "this is one JSON list, and not one object a line",
            hint="Write one object a line, as `jq -c '.[]'` does",
            where=stored.name,
        )
    return bool(_OBJECT.match(beginning))


def table_of(stored: Stored, given: Format, settings: Settings) -> Tabular | None:
    """The table in a file that is no delimited text; None where it is (or may be) such text.

    Raises:
        SourceError: it is a workbook, or Parquet, that cannot be read.
        HeaderError: it is one without a header.
    """
    beginning = _beginning(stored)
    if beginning.startswith(OLE):
        raise _old_or_encrypted(stored)
    if beginning.startswith(ENCRYPTED_MAGIC):
        raise encrypted(stored.name)
    parquet = beginning.startswith(MAGIC)
    if not parquet and suffixes_of(stored.name)[:1] == [".parquet"]:
        raise SourceError(
            "this is no Parquet file, though it is called so",
            hint="Copy or export it again, or call it what it is",
            where=stored.name,
        )
    if not parquet and not beginning.startswith(ZIP):
        return None
    with ExitStack() as opened:
        file = stored.as_file() if _is_itself(stored) else _decompressed(stored, settings)
        opened.enter_context(closing(file))
        table = (
            ParquetTable(file, given, stored.name) if parquet else _workbook(file, stored, given, settings)
        )
        if table is not None:
            opened.pop_all()
        return table


def _workbook(file: BinaryIO, stored: Stored, given: Format, settings: Settings) -> Tabular | None:
    names = names_in(file)
    if names >= OPEN_DOCUMENT:
        raise SourceError(
            "this is an OpenDocument spreadsheet (.ods), which no library reads without holding it whole",
            hint="Open it in a spreadsheet program and save it as .xlsx",
            where=stored.name,
        )
    if CONTENT_TYPES not in names:
        return None
    package = Package(file, stored.name, settings)
    with ExitStack() as opened:
        workbook = Xlsx(package, all_numbers=bool(given.workbook and given.workbook.types))
        opened.enter_context(closing(workbook))
        table = WorkbookTable(workbook, given, stored.name)
        opened.pop_all()
        return table


def _beginning(stored: Stored) -> bytes:
    """The first bytes of what is to be read: of a compressed file, decompressed."""
    if _is_itself(stored):
        return stored.read_at(0, BEGINNING_BYTES)
    return stored.read_bytes(0, BEGINNING_BYTES)


def _is_itself(stored: Stored) -> bool:
    """Whether the file is what is to be read, and not only what it is packed in."""
    if stored.kind == "zip":
        return bool({CONTENT_TYPES, "mimetype"} & names_in(stored.as_file()))
    return stored.kind == "plain"


def _decompressed(stored: Stored, settings: Settings) -> BinaryIO:
    stream = stored.stream(0)
    pieces = iter(lambda: stream.read(PIECE_BYTES), b"")
    return spooled(pieces, settings)


def _old_or_encrypted(stored: Stored) -> SourceError:
    stream, former = stored.stream(0), b""
    while piece := stream.read(PIECE_BYTES):
        if ENCRYPTED in former[-len(ENCRYPTED) :] + piece:
            return SourceError(
                "the workbook is encrypted",
                hint="Open it with its password, and save it without one",
                where=stored.name,
            )
        former = piece
    return SourceError(
        "this is a workbook of Excel 2003 or older (.xls)",
        hint="Open it in a spreadsheet program and save it as .xlsx",
        where=stored.name,
    )
