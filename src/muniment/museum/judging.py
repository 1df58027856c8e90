"""Judging the records of a museum: by column what columns can tell, by row the rest."""

from __future__ import annotations

from collections.abc import Mapping as Named
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa
from pydantic import ValidationError

from muniment.columns import ColumnarRows
from muniment.databases.types import KEY_CHARACTERS
from muniment.museum.blocks import Block, Mask
from muniment.museum.cells import Columns
from muniment.museum.column_reading import sections_of, with_control_characters
from muniment.museum.distinct_reading import distinct
from muniment.museum.mapping import Mapping
from muniment.museum.part_readers import Part
from muniment.museum.reading import RecordReader
from muniment.museum.record import LidoRecord
from muniment.museum.record_columns import FORMS, PartColumns, RecordColumns, of_records, together
from muniment.records import Accepted, Header, Integers, Note, Problem, Records, Rejection, Verdicts
from muniment.validation.filters import Condition, row_filter
from muniment.validation.messages import problems_of

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


REQUIRED = ("accession", "key", "titles", "object_types")
"""The parts without which there is no record."""


class MuseumJudge:
    """Judges the rows of sources with one header."""

    def __init__(self, mapping: Mapping, conditions: Sequence[Condition], header: Header) -> None:
        columns = Columns(mapping, header)
        self._key_is_accession = mapping.record.key is None
        self._reader = RecordReader(mapping, columns)
        self._wanted = row_filter(conditions, header)
        self._conditions = [(columns.index(one.column), one) for one in conditions]
        self._null = columns.null
        self._columns = {name: ", ".join(read) for name, read in self._reader.columns_by_field.items()}
        self._read = sorted({columns.index(name) for bound in self._reader.sources for name in bound.columns})
        self._sections = sections_of(self._reader.sources, columns)
        self.judges_columns = True

    def judge_only_rows(self) -> None:
        """Judge row by row, which is the definition of what judging by columns comes to."""
        self.judges_columns = False

    def judge(self, records: Records) -> Verdicts:
        """Say of each record whether it is accepted, rejected or left out."""
        rejections = [Rejection(index, (problem,)) for index, problem in records.unreadable.items()]
        chosen, skipped = self._chosen(records)
        blocks: dict[str, list[PartColumns]] = {path: [] for path in FORMS}
        by_rows = np.ones(len(chosen), np.bool_)
        notes: list[Note] = []
        if self.judges_columns and records.columns is not None and len(chosen):
            by_rows, notes = self._judge_columns(records.columns, chosen, blocks)
        decided: list[int] = []
        valid: list[LidoRecord] = []
        for number in np.flatnonzero(by_rows).tolist():
            index = int(chosen[number])
            judged = self._judge_row(index, records.rows[index])
            if isinstance(judged, Rejection):
                rejections.append(judged)
            else:
                record, soft = judged
                decided.append(number)
                valid.append(record)
                notes += [Note(index, problem, record.key) for problem in soft]
        if valid:
            for path in FORMS:
                blocks[path].append(of_records(path, valid, decided))
        numbers = np.union1d(np.flatnonzero(~by_rows), decided).astype(np.int64)
        parts = {path: together(form, blocks[path]) for path, form in FORMS.items()}
        values = RecordColumns(parts, self._reader.constants, numbers)
        rejections.sort(key=lambda rejection: rejection.index)
        notes.sort(key=lambda note: note.index)
        accepted = Accepted(chosen[numbers].tolist(), values.texts("key"), values)
        return Verdicts(accepted, rejections, skipped, notes)

    def _chosen(self, records: Records) -> tuple[Integers, list[int]]:
        """The indexes of the records to be judged, and of those that the conditions leave out."""
        readable = np.ones(len(records), np.bool_)
        readable[list(records.unreadable)] = False
        if self._wanted is None:
            return np.flatnonzero(readable), []
        if records.columns is None:
            wanted = np.array(
                [readable[i] and self._wanted(row) for i, row in enumerate(records.rows)], np.bool_
            )
        else:
            wanted = np.ones(len(records), np.bool_)
            for position, condition in self._conditions:
                codes, cells = distinct([records.columns.columns[position]], len(records))
                wanted &= np.array([condition.holds(cell) for (cell,) in cells], np.bool_)[codes]
        return np.flatnonzero(readable & wanted), np.flatnonzero(readable & ~wanted).tolist()

    def _judge_columns(
        self, columns: ColumnarRows, chosen: Integers, blocks: Named[str, list[PartColumns]]
    ) -> tuple[Mask, list[Note]]:
        """Add to `blocks` what columns tell of records; which are doubtful, and notes on the others."""
        cells = list(columns.columns)
        if len(chosen) < len(columns):
            some = pa.array(chosen)
            for position in self._read:
                cells[position] = cells[position].take(some)
        doubtful = np.zeros(len(chosen), np.bool_)
        for position in self._read:
            doubtful[with_control_characters(cells[position])] = True
        said: list[tuple[str, Block]] = []
        for section in self._sections:
            block = section.read(cells, len(chosen))
            doubtful[block.doubtful] = True
            said.append((section.path, block))
            if section.path == "accession" and self._key_is_accession:
                said.append(("key", Block(block.part, block.doubtful)))  # its notes are told once
        for path in REQUIRED:
            there = np.zeros(len(chosen), np.bool_)
            for owners in (block.part.owners for told, block in said if told == path):
                there[owners] = True
            doubtful |= ~there
        for path, block in said:
            blocks[path].append(block.part.only(~doubtful))
        return doubtful, self._notes(said, chosen, doubtful, blocks)

    @staticmethod
    def _notes(
        said: Sequence[tuple[str, Block]],
        chosen: Integers,
        doubtful: Mask,
        blocks: Named[str, list[PartColumns]],
    ) -> list[Note]:
        """The notes on records that are not doubtful, in the order in which rows would tell them."""
        told = [
            (number, problem) for _, block in said for number, problem in block.notes if not doubtful[number]
        ]
        if not told:
            return []
        numbers = np.array([number for number, _ in told], np.int64)
        keys = together(FORMS["key"], blocks["key"]).by_record("value", numbers).to_pylist()
        return [
            Note(int(chosen[number]), problem, key) for (number, problem), key in zip(told, keys, strict=True)
        ]

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
