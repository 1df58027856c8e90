"""What a reader of a file that is no delimited text gives: its columns, and its rows with their positions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

from muniment.positions import Unit
from muniment.records import Problem


class Finding(NamedTuple):
    """Something about one cell that the text of it does not tell.

    Attributes:
        place: of its column in the header; -1 where it stands beyond.
        code: as in `muniment.sources.findings`.
        cell: what the file calls it, such as `C1042`.
        value: what is told of it.
    """

    place: int
    code: str
    cell: str
    value: str


class Row(NamedTuple):
    """A row: where it stands, its cells, and what there is to say of them."""

    line: int
    cells: Sequence[str]
    findings: Sequence[Finding] = ()


class Stretch(NamedTuple):
    """Rows that stand together, such as those of a sheet: see `muniment.positions.Part`."""

    name: str
    first_column: int
    rows: Iterator[Row]
    file: str = ""
    unit: Unit | None = None


class Tabular(Protocol):
    """A table, read forward once.

    Attributes:
        unit: what the position of a row counts.
        names: of its columns, as the file has them.
    """

    unit: Unit
    names: Sequence[str]

    def stretches(self) -> Iterator[Stretch]:
        """Its rows. A row without any cell counts as blank."""
        ...

    def believes(self, finding: Finding) -> bool:
        """Whether a finding still counts, now that all rows were read."""
        ...

    def remarks(self) -> list[Problem]:
        """What there is to say of it as a whole, once all rows were read."""
        ...

    def close(self) -> None:
        """Give back files."""
        ...
