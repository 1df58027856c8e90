"""The table in a Parquet file, read a few rows at a time whatever the size of its row groups."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, BinaryIO

import pyarrow as pa

from muniment.errors import SourceError
from muniment.extras import needed
from muniment.positions import Unit
from muniment.records import Problem
from muniment.sources.findings import told
from muniment.sources.format import Format
from muniment.sources.json_cells import BrokenLine, Nesting, problem_of
from muniment.sources.recorded import SLICE_ROWS, text_of, texts_of
from muniment.sources.tabular import Finding, Row, Stretch

MAGIC, ENCRYPTED_MAGIC = b"PAR1", b"PARE"
"""How Parquet files begin and end; the second where not even the names of columns can be read."""

BUFFER_BYTES = 1024 * 1024
"""Bytes of each column that are read at a time, instead of all that a row group has of it."""

GROUP_BYTES = 4 * 1024 * 1024 * 1024
"""The most that a row group may hold, decompressed: beyond it nothing bounds the pages, which are held one by
one. Other readers hold all of a group, so that hardly any is written as large."""

FOOTER_BYTES = 64 * BUFFER_BYTES
"""The longest footer: names and places of ten thousands of columns and row groups."""


class ParquetTable:
    """See `muniment.sources.tabular.Tabular`.

    Args:
        file: closed by `close`.
        given: what becomes of lists and structures.
        where: what it is called, for errors.

    Raises:
        SourceError: it is encrypted or broken, or a row group is too large.
        UsageError: pyarrow is here without its reader of Parquet.
    """

    unit: Unit = "row"

    def __init__(self, file: BinaryIO, given: Format, where: str) -> None:
        parquet = needed("pyarrow.parquet", "arrow", "a source in Parquet")
        self._where = where
        self._source = file
        self._whole = given.nested == "text"
        self._nesting = Nesting(given.list_separator, text_of)
        with self._told():
            self._file = parquet.ParquetFile(
                file,
                buffer_size=BUFFER_BYTES,
                pre_buffer=False,
                page_checksum_verification=True,
                thrift_string_size_limit=FOOTER_BYTES,
                thrift_container_size_limit=FOOTER_BYTES,
            )
            self._columns = [list(_names(field.name, field.type)) for field in self._file.schema_arrow]
            if self._whole:
                self._columns = [[name] for name in self._file.schema_arrow.names]
            self.names: Sequence[str] = [name for names in self._columns for name in names]
            self._must_have_groups_of_a_size()

    def stretches(self) -> Iterator[Stretch]:
        """As in `Tabular`."""
        yield Stretch("", 0, self._rows())

    def believes(self, finding: Finding) -> bool:  # noqa: ARG002 - the protocol's
        """As in `Tabular`: there are none."""
        return True

    def remarks(self) -> list[Problem]:
        """As in `Tabular`: none."""
        return []

    def close(self) -> None:
        """As in `Tabular`."""
        self._file.close()
        self._source.close()

    def _rows(self) -> Iterator[Row]:
        with self._told():
            number = 0
            for batch in self._file.iter_batches(SLICE_ROWS, use_threads=False):
                broken: dict[int, BrokenLine] = {}
                columns = [
                    column
                    for names, field, values in zip(self._columns, batch.schema, batch.columns, strict=True)
                    for column in self._texts(names, field.name, values, broken)
                ]
                for index, cells in enumerate(zip(*columns, strict=True)):
                    error = broken.get(index)
                    yield Row(number + index + 1, cells, [told(problem_of(error))] if error else ())
                number += batch.num_rows

    def _texts(
        self, names: Sequence[str], name: str, values: Any, broken: dict[int, BrokenLine]
    ) -> list[list[str]]:
        """The cells of a column in those that it leads to; notes the places of values that fit none."""
        if self._whole or not pa.types.is_nested(values.type) or pa.types.is_map(values.type):
            return [texts_of(values)]
        rows: list[dict[str, str]] = []
        for index, value in enumerate(values.to_pylist()):
            try:
                rows.append(self._nesting.all_cells([(name, value)]))
            except BrokenLine as error:
                rows.append({})
                broken[index] = error
        return [[row.get(name, "") for row in rows] for name in names]

    def _must_have_groups_of_a_size(self) -> None:
        metadata = self._file.metadata
        for group in range(metadata.num_row_groups):
            # Where columns are encrypted, asking for them is the end of the process.
            size = metadata.row_group(group).total_byte_size
            if size > GROUP_BYTES:
                raise SourceError(
                    f"its row group {group + 1} holds {size:,} bytes, of which {GROUP_BYTES:,} can be read",
                    hint="Write it with smaller row groups, of 100,000 rows or fewer",
                    where=self._where,
                )

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Tell what Arrow says of a file."""
        try:
            yield
        except SourceError:
            raise
        except (OSError, ValueError, NotImplementedError) as error:  # Arrow's errors are some of these
            raise unreadable(error, self._where) from error


def _names(name: str, kind: Any) -> Iterator[str]:
    """The columns that one of a file leads to: a structure, also within a list, has some of its own."""
    inner = kind.value_type if pa.types.is_list(kind) or pa.types.is_large_list(kind) else kind
    if not pa.types.is_struct(inner):
        yield name
        return
    for field in inner.fields:
        yield from _names(f"{name}.{field.name}", field.type)


def unreadable(error: Exception, where: str) -> SourceError:
    """The error for a Parquet file that Arrow refuses."""
    told = str(error).partition("\n")[0].rstrip(". ")
    if "encrypt" in told.lower() or "decrypt" in told.lower():
        return encrypted(where)
    return SourceError(
        f"the Parquet file cannot be read: {told}",
        hint="It may be broken or not whole: copy or export it again",
        where=where,
    )


def encrypted(where: str) -> SourceError:
    """The error for a Parquet file that is encrypted."""
    return SourceError(
        "the Parquet file is encrypted", hint="Write it again without encryption, or as CSV", where=where
    )
