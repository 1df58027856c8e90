"""The table in a Parquet file, read a few rows at a time whatever the size of its row groups."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import BinaryIO

from muniment.errors import SourceError
from muniment.extras import needed
from muniment.positions import Unit
from muniment.records import Problem
from muniment.sources.recorded import SLICE_ROWS, cells_by_row
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
        where: what it is called, for errors.

    Raises:
        SourceError: it is encrypted or broken, or a row group is too large.
        UsageError: pyarrow is here without its reader of Parquet.
    """

    unit: Unit = "row"

    def __init__(self, file: BinaryIO, where: str) -> None:
        parquet = needed("pyarrow.parquet", "arrow", "a source in Parquet")
        self._where = where
        self._source = file
        with self._told():
            self._file = parquet.ParquetFile(
                file,
                buffer_size=BUFFER_BYTES,
                pre_buffer=False,
                page_checksum_verification=True,
                thrift_string_size_limit=FOOTER_BYTES,
                thrift_container_size_limit=FOOTER_BYTES,
            )
            self.names: Sequence[str] = self._file.schema_arrow.names
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
                for number, cells in enumerate(cells_by_row(batch), number + 1):  # noqa: B020 - goes on
                    yield Row(number, cells)

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
