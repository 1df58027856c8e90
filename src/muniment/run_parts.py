"""The parts of a run's source: by them, positions in workbooks are told as a person would."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, get_args

import sqlalchemy as sa

from muniment.databases.database import Transaction, rows_in
from muniment.databases.types import INSERT_ONLY, Id, Integer, Key, Text, metadata
from muniment.positions import LINES, Part, Positions, Unit

UNITS: Mapping[str, Unit] = {unit: unit for unit in get_args(Unit)}

run_part_table = sa.Table(
    "run_part",
    metadata,
    sa.Column(
        "run_id", Id, sa.ForeignKey("run.run_id", name="run_part_run"), primary_key=True, autoincrement=False
    ),
    sa.Column("position", Integer, primary_key=True, autoincrement=False, comment="1, 2, 3"),
    sa.Column("unit", Key, nullable=False, comment="what the lines of its records count: line or row"),
    sa.Column("name", Text, nullable=False, comment="of the sheet; empty where the source is one table"),
    sa.Column("first_record", Id, nullable=False),
    sa.Column("first_column", Integer, nullable=False, comment="of the sheet, from 0"),
    sa.Column("file", Text, nullable=False, comment="where it is another than the one of the records"),
    comment="Sheets and the like, of which a source other than a text consists",
    info=INSERT_ONLY,
)


def store_positions(transaction: Transaction, run_id: int, positions: Positions) -> None:
    """Enter how the positions of a run's source are told; nothing is entered of a text's."""
    if positions != LINES:
        parts = positions.parts or (Part("", 1),)
        rows = [
            (
                run_id,
                number,
                part.unit or positions.unit,
                part.name,
                part.first_record,
                part.first_column,
                part.file,
            )
            for number, part in enumerate(parts, start=1)
        ]
        transaction.insert(run_part_table, [column.name for column in run_part_table.columns], rows)


def positions_of(connection: sa.Connection, runs: Iterable[int]) -> Mapping[int, Positions]:
    """By run, how positions in its source are told, lines included."""
    wanted = sorted(set(runs))
    found: dict[int, Positions] = dict.fromkeys(wanted, LINES)
    if not sa.inspect(connection).has_table(run_part_table.name):
        return found  # it was made before there was anything but text
    c = run_part_table.c
    query = sa.select(run_part_table).order_by(c.run_id, c.position)
    rows: list[sa.Row[Any]] = list(rows_in(connection.execute, query, c.run_id, wanted))
    for row in rows:
        parts, unit = found[row.run_id].parts, UNITS.get(row.unit, "line")
        first = found[row.run_id].unit if parts else unit
        other = unit if unit != first else None
        part = Part(row.name, row.first_record, row.first_column, row.file, other)
        found[row.run_id] = Positions(first, (*parts, part))
    return found
