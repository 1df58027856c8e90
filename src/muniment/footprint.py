"""What storing some records touches that storing others may touch as well.

Two chunks whose footprints do not conflict may be stored in either order, or at once, and leave the same
behind. That is how several workers come to the result of one: see docs/decisions/0018-order-of-workers.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from zlib import adler32, crc32

import numpy as np

from muniment.records import Integers


@dataclass(frozen=True, slots=True)
class Footprint:
    """What storing some records touches; names are told by their hashes.

    Two names with the same hash are taken for one. That costs some waiting and is never wrong.

    Attributes:
        names: hashes of what is touched, ascending, each once.
        ways: for each, how: those who touch it in the same way may come in any order. A way below zero
            belongs to one footprint alone.
    """

    names: Integers
    ways: Integers

    def conflicts(self, other: Footprint) -> bool:
        """Whether the order matters in which these records and others are stored."""
        small, large = (self, other) if len(self.names) < len(other.names) else (other, self)
        if not len(small.names):
            return False
        places = np.minimum(np.searchsorted(large.names, small.names), len(large.names) - 1)
        ways = large.ways[places]
        return bool(((large.names[places] == small.names) & ((ways != small.ways) | (ways < 0))).any())

    def together(self, other: Footprint) -> Footprint:
        """The footprint of these records and others."""
        names, ways = np.append(self.names, other.names), np.append(self.ways, other.ways)
        order = np.argsort(names, kind="stable")
        names, ways = names[order], ways[order]
        first = np.flatnonzero(np.append(True, names[1:] != names[:-1])[: len(names)])
        if len(first) == len(names):
            return Footprint(names, ways)
        least, most = np.minimum.reduceat(ways, first), np.maximum.reduceat(ways, first)
        return Footprint(names[first], np.where(least == most, least, ALONE))


ALONE = -1
"""The way of what one chunk at a time may touch."""

EVERYTHING = Footprint(np.zeros(1, np.int64), np.full(1, ALONE, np.int64))
"""Of records that must be stored in the order of the source."""

NOTHING = Footprint(np.empty(0, np.int64), np.empty(0, np.int64))


def footprint(alone: Iterable[str], alike: Mapping[str, Iterable[object]] | None = None) -> Footprint:
    """The footprint of some records.

    Args:
        alone: names of what is touched in a way that concerns everybody else who touches it.
        alike: by name of what is touched, what is done to it. Where that is one thing, others may do the
            same to it at any time.
    """
    ways = dict.fromkeys(hashes(list(alone)).tolist(), ALONE)
    if alike:
        done = [sorted({repr(one) for one in given}) for given in alike.values()]
        told = hashes(["".join(each) for each in done]).tolist()
        for name, way, each in zip(hashes(list(alike)).tolist(), told, done, strict=True):
            same = len(each) == 1 and ways.get(name, way) == way
            ways[name] = way if same else ALONE
    if not ways:
        return NOTHING
    names = np.fromiter(ways, np.int64, len(ways))
    order = np.argsort(names)
    return Footprint(names[order], np.fromiter(ways.values(), np.int64, len(ways))[order])


def footprint_of_keys(keys: Sequence[str]) -> Footprint:
    """The footprint of records of which each touches what has its key, and nothing else."""
    names = np.unique(hashes(keys))
    return Footprint(names, np.full(len(names), ALONE, np.int64))


def hashes(texts: Sequence[str]) -> Integers:
    """Of each text a number from 0 on, the same in every process and on every machine."""
    encoded = (text.encode("utf-8", "surrogatepass") for text in texts)
    return np.fromiter((crc32(data) << 31 | adler32(data) >> 1 for data in encoded), np.int64, len(texts))
