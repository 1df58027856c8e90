"""Keys that were found, in sorted arrays: some 20 bytes each, where a dict of texts takes 200."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

Found = tuple[Array, npt.NDArray[np.bool_]]
"""The values of some keys, and which of the keys are there; what stands for another means nothing."""

REMEMBERED_BYTES = 32 * 1024 * 1024
"""Of one lookup: more than a million keys of the usual length."""

LONGEST_REMEMBERED = 64
"""Bytes of a key: in an array every key takes as many as the longest. Longer ones are asked for each time."""


@dataclass(frozen=True)
class Sorted:
    """Keys as bytes in their order, and the value of each."""

    keys: Array
    values: Array

    @classmethod
    def of(cls, keys: Array, values: Array) -> Sorted:
        """These keys, each of which is there once, put in order."""
        order = np.argsort(keys, kind="stable")
        return cls(keys[order], values[order])

    @property
    def bytes(self) -> int:
        """The memory that they take."""
        return int(self.keys.nbytes + self.values.nbytes)

    def find(self, wanted: Array) -> Found:
        """The values of some keys."""
        if not len(self.keys):
            return np.zeros(len(wanted), self.values.dtype), np.zeros(len(wanted), np.bool_)
        places = np.minimum(np.searchsorted(self.keys, wanted), len(self.keys) - 1)
        return self.values[places], self.keys[places] == wanted

    def joined(self, more: Sorted) -> Sorted:
        """With further keys, none of which is there yet."""
        if not len(self.keys):
            return more
        width = max(self.keys.dtype.itemsize, more.keys.dtype.itemsize)
        places = np.searchsorted(self.keys, more.keys)
        keys = np.insert(self.keys.astype(f"S{width}", copy=False), places, more.keys)
        return Sorted(keys, np.insert(self.values, places, more.values))

    def without(self, keys: Array) -> Sorted:
        """Without some keys, whether they are there or not."""
        there = keys[self.find(keys)[1]]
        if not len(there):
            return self
        places = np.searchsorted(self.keys, there)
        return Sorted(np.delete(self.keys, places), np.delete(self.values, places))


class RememberedKeys:
    """The keys that were used last, in bounded memory.

    There are two generations. What is found in the older one moves to the newer; when that has grown to
    half of the bound, it becomes the older one, and what was not used meanwhile is forgotten.
    """

    def __init__(self, kind: type, bound: int = REMEMBERED_BYTES) -> None:
        self._nothing = Sorted(np.zeros(0, "S1"), np.zeros(0, np.int64 if kind is int else object))
        self._newer = self._older = self._nothing
        self._bound = bound // 2

    def foreseen(self, wanted: Array) -> Found:
        """Those of the newer generation; in whatever thread."""
        return self._newer.find(wanted)

    def find(self, wanted: Array, foreseen: Found | None = None) -> Found:
        """The values of some keys, each of them once, and which are remembered, or were `foreseen`."""
        if foreseen:
            values, found = foreseen[0].copy(), foreseen[1].copy()
            self._fill(values, found, wanted, self._newer)
        else:
            values, found = self._newer.find(wanted)
        moving = self._fill(values, found, wanted, self._older)
        self.remember(wanted[moving], values[moving])
        return values, found

    def _fill(
        self, values: Array, found: npt.NDArray[np.bool_], wanted: Array, generation: Sorted
    ) -> npt.NDArray[np.intp]:
        """Find what is missing in one generation; the places of what was."""
        rest = np.flatnonzero(~found)
        old, there = generation.find(wanted[rest])
        places = rest[there]
        values[places], found[places] = old[there], True
        return places

    def remember(self, keys: Array, values: Array) -> None:
        """Remember keys; those that are known already stay as they are."""
        known = self._newer.find(keys)[1]
        if known.all():
            return
        if known.any():
            keys, values = keys[~known], values[~known]
        self._newer = self._newer.joined(Sorted.of(keys, values))
        if self._newer.bytes > self._bound:
            self._older, self._newer = self._newer, self._nothing

    def forget(self, keys: Array) -> None:
        """Forget keys: what is remembered of them is doubtful."""
        self._newer, self._older = self._newer.without(keys), self._older.without(keys)

    def has_room_for(self, keys: int, width: int) -> bool:
        """Whether so many keys, of so many bytes, can be remembered together."""
        return keys * (width + self._nothing.values.itemsize) <= self._bound
