"""What the package offers to Python: exporting. The command line calls the same."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from muniment import evidence, ledger
from muniment.config import database_url
from muniment.databases import connect
from muniment.errors import UsageError
from muniment.exports.changes import runs_since, state_of
from muniment.exports.columns import Column, Columns, columns_of
from muniment.exports.dataset import Dataset, TableRows, table_named
from muniment.exports.format import ExportFormat, FileFormat, ItemByItem, Projected
from muniment.exports.storage import Storage, storage_at
from muniment.exports.streams import must_be_known
from muniment.exports.tabular import CsvFormat, JsonLinesFormat, ParquetFormat
from muniment.exports.workbook import WorkbookFormat
from muniment.exports.writing import Exported, Observer, Plan, Progress, run_export
from muniment.ledger import reading
from muniment.museum import tables as museum_tables
from muniment.museum.flat_mapping import Scope, mapping_text
from muniment.museum.flat_table import FlatTable
from muniment.museum.publishing.crm import Crm
from muniment.museum.publishing.datasets import Departments, Objects, SharedRecords
from muniment.museum.publishing.identifiers import LOCAL_BASE, Identifiers, identifiers
from muniment.museum.publishing.lido import Lido
from muniment.museum.publishing.linked_art import LinkedArt
from muniment.museum.selected import WITHDRAWN_COLUMNS, WithdrawnObjects, WithdrawnRow, scopes, surveyed
from muniment.museum.selection import Selection, ids_of_accessions
from muniment.quarantine import note_table, quarantine_table
from muniment.validation.filters import Condition

ROW_FORMATS: dict[str, Callable[[Columns], FileFormat]] = {
    "csv": CsvFormat,
    "xlsx": WorkbookFormat,
    "jsonl": JsonLinesFormat,
    "parquet": ParquetFormat,
}
"""Formats of rows, by name."""

LOADED_AGAIN = ("csv", "jsonl", "parquet")
"""Formats of objects beside which a mapping is written that loads them again."""

MUSEUM_TABLES = (
    museum_tables.vocabulary,
    museum_tables.term,
    museum_tables.actor,
    museum_tables.place,
    museum_tables.object_,
    *museum_tables.PARTS_OF_OBJECT,
)
"""The tables of the museum profile, in an order in which they can be inserted."""

WHOLE = {
    "quarantine": (quarantine_table,),
    "audit": (
        ledger.source_table,
        ledger.run_table,
        ledger.chunk_table,
        ledger.chunk_result_table,
        ledger.change_table,
        note_table,
        evidence.seal_table,
        evidence.source_copy_table,
    ),
}
"""What can be exported as its tables, by name."""

PUBLISHED: dict[str, Callable[[Identifiers], ExportFormat[Any]]] = {
    "lido": Lido,
    "linked-art": LinkedArt,
    "crm": Crm,
}
"""Formats of museum objects, by name."""

LINKED = {
    "linked-art": {"actors": "actors", "places": "places", "concepts": "own concepts"},
    "crm": {"actors": "actors", "places": "places", "concepts": "concepts"},
}
"""Those in which what objects share has records of its own: by the name of their files, of which kind."""

FORMATS = (*ROW_FORMATS, *PUBLISHED, *WHOLE)
"""Everything that `export` takes as its format."""

RECORDS_PER_FILE = 100_000
"""Records of a file, in an export into a folder, unless somebody chooses: large enough for few files, small
enough that little is written again after an interruption."""

NAMED = 5
"""Accession numbers without an object that are named, so that one sees what is wrong with them."""

DOCUMENTS_PER_FILE = 10_000
"""The same for documents, which are longer than rows, and read whole by many programs: some 100 MB. With
several processes each writes a file at a time, so there should be more files than processes."""


def export(  # noqa: PLR0913 - an export has an option for each thing that its user may choose
    what: str,
    *,
    to_dir: str | os.PathLike[str] | None = None,
    out: str | os.PathLike[str] | None = None,
    db: str | None = None,
    rows_as: str = "",
    tables: Sequence[str] | bool = (),
    where: Sequence[str | Condition] = (),
    since: str | int | None = None,
    accessions: Iterable[str] | None = None,
    compress: str = "",
    records_per_file: int | None = None,
    workers: int = 1,
    again: bool = False,
    observer: Observer | None = None,
) -> Exported:
    """Write what a database holds as files that others can read, in flat memory, with a manifest.

    The same call takes an interrupted export up again: whole files are kept. It is refused where the
    ledger tells of a change since, for the files would not be of one state; what other programs do to tables
    is not noticed.

    Args:
        what: a format, one of `FORMATS`; `quarantine` and `audit` are written as `rows_as` says.
        to_dir: the folder, or a URL that fsspec knows, for the files and `manifest.json`.
        out: instead, one file; its manifest stands beside it.
        db: the database's URL; else `MUNIMENT_DB`, else `sqlite:///muniment.db`.
        rows_as: the format of rows for `quarantine` and `audit`; else `csv`.
        tables: instead of objects, the tables to write, one file or more each; True for all of the museum
            profile.
        where: conditions on the objects, such as `department=Prints`; see `muniment.museum.selection`.
        since: only what changed after this run, or this ISO date or time, and a list of what was withdrawn.
        accessions: only objects with these accession numbers.
        compress: "", `gz` or `zst`.
        records_per_file: begin a new file after so many; else after 100,000 rows or 10,000 documents; one
            file has all.
        workers: processes that write files.
        again: replace an export that is there, or one that was begun before the database changed.
        observer: is told how far it is.

    Raises:
        MunimentError: it cannot begin or go on; `muniment.errors` has the tree.
    """
    if what not in FORMATS:
        raise UsageError(f"there is no format {what!r}", hint=f"There are {', '.join(FORMATS)}")
    if rows_as and what not in WHOLE:
        raise UsageError(
            f"{what} is a format itself", hint="--as chooses how quarantine and audit are written"
        )
    must_be_known(compress)
    storage, file_name = _place(to_dir, out)
    url = database_url(db)
    with closing(connect(url)) as database:
        with reading(database) as connection:
            state = state_of(connection)
            documents: dict[str, bytes] = {}
            notes: list[str] = []
            if what in WHOLE or tables:
                _refuse_choices(where, since, accessions)
                datasets = _tables(connection, what, rows_as or "csv", tables)
            else:
                selection = _selection(connection, where, since)
                if accessions is not None:
                    ids, unborne = ids_of_accessions(connection, accessions)
                    selection = replace(selection, object_ids=ids)
                    notes += _not_found(unborne)
                minted = identifiers(connection)
                datasets, documents = _objects(connection, what, selection, minted, file_name)
                notes += _local(what, minted)
        _must_suit(datasets, file_name, compress, records_per_file)
        plan = Plan(
            storage,
            tuple(datasets),
            compression=compress,
            file_items=None if file_name else records_per_file or _usual(what),
            file_name=file_name,
            documents=documents,
            told={"export": what, "format": datasets[0].format.name, "since": since, "notes": notes},
        )
        return run_export(
            plan, database, url, state, workers=workers, again=again, observer=observer or _unobserved
        )


def _usual(what: str) -> int:
    """Records of a file where nobody chooses."""
    return DOCUMENTS_PER_FILE if what in PUBLISHED else RECORDS_PER_FILE


def _unobserved(progress: Progress) -> None:
    pass


def _place(to_dir: str | os.PathLike[str] | None, out: str | os.PathLike[str] | None) -> tuple[Storage, str]:
    """Where the files go, and the name of the one file or ""."""
    if (to_dir is None) == (out is None):
        raise UsageError(
            "say where the export is to go", hint="Give a folder (--to-dir FOLDER) or one file (--out FILE)"
        )
    if to_dir is not None:
        return storage_at(to_dir), ""
    text = os.fspath(out) if out is not None else ""
    folder, slash, name = text.rpartition("/")
    if "://" not in text:
        path = Path(text)
        folder, slash, name = str(path.parent), "/", path.name
    if not name or not slash or ("://" not in text and Path(text).is_dir()):
        raise UsageError("this names no file", where=text, hint="Give --out a file, or --to-dir a folder")
    return storage_at(folder), name


def _must_suit(
    datasets: Sequence[Dataset], file_name: str, compress: str, records_per_file: int | None
) -> None:
    if file_name and len([dataset for dataset in datasets if not dataset.optional]) > 1:
        raise UsageError("several tables do not go into one file", hint="Give --to-dir instead of --out")
    if file_name and records_per_file:
        raise UsageError("one file has all records", hint="Give --to-dir instead of --out")
    if compress and datasets[0].format.compresses:
        raise UsageError(
            f"{datasets[0].format.name} files are compressed as they are", hint="Leave out --compress"
        )


def _tables(
    connection: sa.Connection, what: str, rows_as: str, tables: Sequence[str] | bool
) -> list[Dataset]:
    if what in WHOLE:
        return [_rows(table, rows_as) for table in WHOLE[what] if _has(connection, table)]
    if tables is True:
        chosen = [table for table in MUSEUM_TABLES if _has(connection, table)]
        if not chosen:
            raise UsageError("this database holds no museum objects", hint="Choose a table with --table NAME")
        return [_rows(table, what) for table in chosen]
    return [_rows(table_named(connection, name), what) for name in tables or ()]


def _refuse_choices(*choices: object) -> None:
    if any(choice not in (None, ()) for choice in choices):
        raise UsageError(
            "only objects can be chosen by their columns, changes or accession numbers",
            hint="Leave out --where, --since and --accessions, or --tables and --table",
        )


def _selection(
    connection: sa.Connection, where: Sequence[str | Condition], since: str | int | None
) -> Selection:
    if not _has(connection, museum_tables.object_):
        raise UsageError("this database holds no museum objects", hint="Choose a table with --table NAME")
    return Selection(
        conditions=tuple(c if isinstance(c, Condition) else Condition.parse(c) for c in where),
        changed_by=None if since is None else runs_since(connection, str(since)),
    )


def _objects(
    connection: sa.Connection, what: str, selection: Selection, minted: Identifiers, file_name: str
) -> tuple[list[Dataset], dict[str, bytes]]:
    """The objects in a format, and where some were withdrawn a list of those; with their documents."""
    told = repr(minted)
    columns = tuple(map(Column, WITHDRAWN_COLUMNS))
    documents: dict[str, bytes] = {}
    if what in PUBLISHED:
        datasets, listed = _published(what, selection, minted), row_format("csv", columns)
    else:
        listed = row_format(what, columns)
        table = surveyed(connection, selection)
        rows = row_format(what, tuple(map(Column, table.columns)))
        datasets = [Objects(Projected(rows, table.row), selection)]
        if what in LOADED_AGAIN:
            documents = _mappings(what, table, scopes(connection, table), file_name or "objects")
    withdrawn = replace(selection, withdrawn=True)
    datasets.append(WithdrawnObjects(Projected(listed, WithdrawnRow(minted)), withdrawn, told))
    return datasets, documents


def _not_found(accessions: Sequence[str]) -> list[str]:
    """What is to be said of accession numbers that were asked for and that no object bears."""
    if not accessions:
        return []
    more = f" and {len(accessions) - NAMED:,} more" if len(accessions) > NAMED else ""
    return [f"No object bears the accession number {', '.join(accessions[:NAMED])}{more}."]


def _local(what: str, minted: Identifiers) -> list[str]:
    """What is to be said of the identifiers of published records that have none of their own."""
    local = [institution for institution in minted.publishers if not minted.published(institution)]
    if what not in PUBLISHED or not local:
        return []
    why = f"the mapping of {', '.join(local)} has no base_uri"
    if what == "lido":
        return [f"Records have no objectPublishedID: {why}."]
    return [f"Identifiers are local, below {LOCAL_BASE}: {why}."]


def _mappings(what: str, table: FlatTable, found: Sequence[Scope], stem: str) -> dict[str, bytes]:
    """The mappings that load the table again, one for each scope."""
    alone = len(found) == 1
    names = [f"{stem}.toml"] if alone else [f"{stem}-{number}.toml" for number, _ in enumerate(found, 1)]
    source = {"formula_guard": what == "csv", "columns": table.columns if what == "jsonl" else ()}
    texts = (mapping_text(table, scope, alone=alone, source=source) for scope in found)
    return {name: text.encode() for name, text in zip(names, texts, strict=True)}


def _published(what: str, chosen: Selection, minted: Identifiers) -> list[Dataset]:
    form, told = ItemByItem(PUBLISHED[what](minted)), repr(minted)
    datasets: list[Dataset] = [Objects(form, chosen, told)]
    if what in LINKED:
        datasets += [SharedRecords(form, chosen, name, kind, told) for name, kind in LINKED[what].items()]
        datasets.append(Departments(form, chosen, told))
    return datasets


def _has(connection: sa.Connection, table: sa.Table) -> bool:
    return sa.inspect(connection).has_table(table.name)


def _rows(table: sa.Table, name: str) -> Dataset:
    return TableRows(table, row_format(name, columns_of(table)))


def row_format(name: str, columns: Columns) -> FileFormat:
    """The format of rows with this name; raises `UsageError` where there is none."""
    if name not in ROW_FORMATS:
        raise UsageError(
            f"there is no format {name!r} for tables", hint=f"There are {', '.join(ROW_FORMATS)}"
        )
    return ROW_FORMATS[name](columns)
