"""What the sources of a mapping say of a chunk's records, source by source."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from muniment.columns import Column
from muniment.museum.record_columns import PartColumns
from muniment.records import Problem

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Block:
    """What one source says of the parts of a chunk's records.

    Attributes:
        part: what it says of those that are not doubtful.
        doubtful: the records, by number, that rows must decide.
        notes: on records, by number, that may still be doubtful for another reason.
    """

    part: PartColumns
    doubtful: npt.NDArray[np.int64]
    notes: Sequence[tuple[int, Problem]] = ()


class Section(Protocol):
    """One source of one part, read by column.

    Attributes:
        path: of the part.
    """

    @property
    def path(self) -> str: ...  # noqa: D102 - above

    def read(self, cells: Sequence[Column], count: int) -> Block:
        """What it says in `count` records, given all columns."""
        ...
