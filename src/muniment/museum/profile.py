"""The museum profile: a mapping turned into judge, tables and writer for the engine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256

from pydantic import ValidationError

from muniment.config import CHUNK_ROWS
from muniment.databases.database import Transaction
from muniment.databases.types import KEY_CHARACTERS
from muniment.museum.cells import Columns
from muniment.museum.mapping import Mapping
from muniment.museum.part_readers import Part
from muniment.museum.reading import RecordReader
from muniment.museum.record import LidoRecord
from muniment.museum.writing import MuseumWriter
from muniment.profile import RunContext
from muniment.records import Accepted, Header, Note, Problem, Records, Rejection, Verdicts
from muniment.validation.filters import Condition, row_filter
from muniment.validation.messages import problems_of

MEANING = "museum 1"
"""Changes when the same mapping would mean something else: another meaning is another run."""

_FIELDS = {
    "titles": "title",
    "object_types": "object_type",
    "materials": "material",
    "subjects": "subject",
    "dimensions": "dimension",
    "identifiers": "identifier",
    "owners": "owner",
    "keepers": "keeper",
    "production.actors": "creator",
    "production.date": "date",
    "production.place": "place",
    "texts": "text",
}
"""The mapping's fields, by the record's."""

_NAMES = {"accession": "accession number", "identifier": "other number", "resources": "image or manifest"}
"""What a registrar calls fields, where it is not what the mapping calls them."""


class MuseumProfile:
    """See `muniment.profile.Profile`.

    Args:
        mapping: the institution's mapping.
        only: further conditions on the records to load.
    """

    name = "museum"
    branch = "museum"
    chunk_rows = CHUNK_ROWS

    def __init__(self, mapping: Mapping, only: Sequence[Condition] = ()) -> None:
        self.mapping = mapping
        self.source = mapping.source
        self.conditions = (*mapping.only, *only)
        self.scope = f"{mapping.institution.id}/{mapping.record_source}"
        self.text = mapping.text
        told = "\n".join(condition.model_dump_json() for condition in only)
        self.version = sha256(f"{MEANING}\0{self.text}\0{told}".encode()).digest()

    def bind(self, header: Header) -> MuseumJudge:
        """A judge for sources with this header; raises `HeaderError` where columns are missing."""
        return MuseumJudge(self.mapping, self.conditions, header)

    def columns(self) -> list[tuple[str, ...]]:
        """The columns that the mapping reads, each with its name."""
        return [(name,) for name in (*self.mapping.sources(), *(c.column for c in self.conditions))]

    def prepare(self, transaction: Transaction) -> None:
        """Nothing beyond the migrations of the museum's branch."""

    def writer(self, run: RunContext) -> MuseumWriter:
        """A writer for one run."""
        return MuseumWriter(self.mapping, run)


class MuseumJudge:
    """Judges the rows of sources with one header."""

    judges_columns = False

    def __init__(self, mapping: Mapping, conditions: Sequence[Condition], header: Header) -> None:
        columns = Columns(mapping, header)
        self._key_is_accession = mapping.record.key is None
        self._reader = RecordReader(mapping, columns)
        self._wanted = row_filter(conditions, header)
        self._null = columns.null
        self._columns = {name: ", ".join(read) for name, read in self._reader.columns_by_field.items()}

    def judge(self, records: Records) -> Verdicts:
        """Say of each record whether it is accepted, rejected or left out."""
        indexes: list[int] = []
        accepted: list[LidoRecord] = []
        rejections: list[Rejection] = []
        skipped: list[int] = []
        notes: list[Note] = []
        for index, row in enumerate(records.rows):
            if index in records.unreadable:
                rejections.append(Rejection(index, (records.unreadable[index],)))
                continue
            if self._wanted is not None and not self._wanted(row):
                skipped.append(index)
                continue
            judged = self._judge_row(index, row)
            if isinstance(judged, Rejection):
                rejections.append(judged)
            else:
                record, soft = judged
                indexes.append(index)
                accepted.append(record)
                notes += [Note(index, problem, record.key) for problem in soft]
        keys = [record.key for record in accepted]
        return Verdicts(Accepted(indexes, keys, accepted), rejections, skipped, notes)

    def _judge_row(self, index: int, row: Sequence[str]) -> Rejection | tuple[LidoRecord, list[Problem]]:
        if all(cell.strip() in self._null for cell in row):
            empty = Problem("empty-row", "the row holds nothing", "Remove it at the source")
            return Rejection(index, (empty,))
        part, findings = self._reader.read(row)
        also = [replace(problem, severity="note") for problem in findings.soft]
        try:
            record = LidoRecord.model_validate(part)
        except ValidationError as error:
            faults = problems_of(error, self._columns, _FIELDS, _NAMES)
            if self._key_is_accession:  # one fault, told once
                faults = [fault for fault in faults if fault.field != "key"]
            return Rejection(index, (*faults, *findings.hard, *also), _key(part))
        if findings.hard:
            return Rejection(index, (*findings.hard, *also), record.key)
        return record, findings.soft


def _key(part: Part) -> str | None:
    """The key of a rejected record, where it could be read."""
    key = part.get("key")
    return key if isinstance(key, str) and 0 < len(key) <= KEY_CHARACTERS else None
