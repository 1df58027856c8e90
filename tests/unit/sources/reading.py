"""Reading bytes to the end, for tests: what came out, where it stood, how it ended."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from typing import Any

from muniment.config import Settings
from muniment.errors import SourceIncomplete
from muniment.records import Chunk, Header, Place, Position
from muniment.sources import Format, Source, open_source


@dataclass
class Reading:
    """All that a source gave."""

    header: Header
    first: Place
    rows: list[list[str]] = field(default_factory=list)
    positions: list[Position] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)
    problems: dict[int, str] = field(default_factory=dict)
    messages: dict[int, str] = field(default_factory=dict)
    chunks: list[Chunk] = field(default_factory=list)
    blank_lines: int = 0
    incomplete: bool = False

    @property
    def good(self) -> list[list[str]]:
        """The rows that are readable."""
        return [row for index, row in enumerate(self.rows) if index not in self.problems]


def settings(**given: Any) -> Settings:
    """Settings with bounds smaller than a user may ask for."""
    return Settings.model_construct(**{**Settings().__dict__, **given})


def read_all(source: Source, start: Place | None = None) -> Reading:
    """Everything that the source gives from `start` on."""
    reading = Reading(source.header, source.first)
    try:
        for chunk in source.chunks(start or source.first):
            reading.chunks.append(chunk)
            records = source.records(chunk)
            for index, problem in records.unreadable.items():
                reading.problems[len(reading.rows) + index] = problem.code
                reading.messages[len(reading.rows) + index] = problem.message
            reading.rows += [list(row) for row in records.rows]
            reading.positions += [records.position(index) for index in range(len(records))]
            reading.raw += [records.raw(index) for index in range(len(records))]
            reading.blank_lines += records.blank_lines
    except SourceIncomplete:
        reading.incomplete = True
    return reading


def read(data: bytes, given: Format | None = None, bounds: Settings | None = None) -> Reading:
    """Everything in these bytes."""
    source = open_source(io.BytesIO(data), given or Format(), bounds or Settings())
    try:
        return read_all(source)
    finally:
        source.close()
