"""The accepted records of a chunk, and what can be made of them before the transaction that stores them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

import numpy as np
import pyarrow as pa

from muniment.columns import Column
from muniment.museum.record_columns import RecordColumns, repeated
from muniment.museum.rows import Keys, Written
from muniment.records import Accepted, Records

RECORD_BITS = 36
"""An object's id is its run's number and its record's, packed: 2**36 records a run, 2**27 runs. It needs no
coordination, is the same on every retry, and ascends, so that indexes grow at their right edge."""


@dataclass(frozen=True, slots=True)
class Given:
    """Accepted records; a place is one among them.

    Attributes:
        records: of the chunk.
        accepted: those of them that may be stored.
        values: what they say.
        hashes: of what each says.
        row_hashes: of the bytes of each.
        as_new: their rows, as they are where all of them become new objects; None where nobody foresaw it.
    """

    records: Records
    accepted: Accepted
    values: RecordColumns
    hashes: Sequence[bytes]
    row_hashes: Column
    as_new: Written | None = None

    @classmethod
    def of(cls, records: Records, accepted: Accepted) -> Given:
        """Accepted records with their hashes."""
        values = by_column(accepted)
        row_hashes = [sha256(records.raw(index)).digest() for index in accepted.indexes]
        return cls(records, accepted, values, values.hashes(), pa.array(row_hashes, pa.binary()))

    def foreseen(self, run_id: int, keys: Keys) -> Written:
        """The rows of all of them as new objects."""
        places = range(len(self.accepted))
        return Written(self.values, places, [self.new_id(place, run_id) for place in places], keys)

    def are_told_apart(self, *, unique_accessions: bool) -> bool:
        """Whether no two of them have one key, nor one accession number where these are unique."""
        keys = self.accepted.keys
        accessions = self.values.texts("accession") if unique_accessions else keys
        return len({*keys}) == len(keys) == len({*accessions})

    def new_id(self, place: int, run_id: int) -> int:
        """The id of the object that a record becomes where it is new."""
        return run_id << RECORD_BITS | self.number_and_line(place)[0]

    def indexes(self, places: Mapping[int, int]) -> list[int]:
        """The indexes in the chunk, of what a decision was taken for."""
        return [self.accepted.indexes[place] for place in places.values()]

    def number_and_line(self, place: int) -> tuple[int, int]:
        """Where a record stands in the source."""
        index = self.accepted.indexes[place]
        return self.records.start.number + index, int(self.records.lines[index])

    def columns(self, places: Sequence[int], run_id: int) -> list[Column]:
        """Of some: the content hash, the run, the record's number, line, offset and length, and its hash."""
        records = self.records
        indexes = np.array([self.accepted.indexes[place] for place in places], np.int64)
        return [
            pa.array([self.hashes[place] for place in places], pa.binary()),
            repeated(run_id, len(places)),
            pa.array(records.start.number + indexes),
            *(pa.array(each[indexes]) for each in (records.lines, records.offsets, records.lengths)),
            self.row_hashes.take(pa.array(places, pa.int64())),
        ]


def by_column(accepted: Accepted) -> RecordColumns:
    """What accepted records say."""
    if not isinstance(accepted.values, RecordColumns):
        raise TypeError("the museum's judge gives its records by column")
    return accepted.values
