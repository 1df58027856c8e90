"""Which of the chunks in work may be stored: such that the result is that of one after the other.

    handed out ──▶ judged ──▶ being stored ──▶ settled
                     ▲             │
                     └─ put back ──┘   its result would depend on what is before it

A chunk may be stored as soon as its footprint conflicts with that of no chunk before it that is not settled.
Of two that conflict, the first in the source is stored first; all others commute. (Locks that are asked for
in an order agreed upon beforehand: A. Thomson et al., Calvin: Fast Distributed Transactions for Partitioned
Database Systems, SIGMOD 2012.)

Pure: it knows no process, clock or database.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from muniment.footprint import Footprint
from muniment.records import Account, Chunk, Place, Progress


@dataclass(frozen=True, slots=True)
class Judged:
    """What is known of a chunk that was read and judged.

    Attributes:
        footprint: what storing it touches.
        account: what of its account is certain already: the records read, and those rejected.
    """

    footprint: Footprint
    account: Account


@dataclass(slots=True)
class _InWork:
    """A chunk that was handed out, and what came of it."""

    chunk: Chunk | None
    end: Place
    judged: Judged | None = None
    stored: bool = False
    alone: bool = False
    account: Account | None = None


class Order:
    """The chunks in work, in the order of the source, and what may be done next.

    Args:
        reached: everything before this place is committed.
        total: what was committed so far.
        within_budget: whether so many records may be quarantined of so many read.

    Attributes:
        reached: everything before this place is committed.
        total: the account of all that is settled.
        over_budget: the account up to where the run ends, since too much of it was quarantined; else None.
            What is settled further on may be better, and changes nothing about that.
    """

    def __init__(self, reached: Place, total: Account, within_budget: Callable[[Account], bool]) -> None:
        self.reached = reached
        self.total = total
        self._up_to_reached = total
        self._within_budget = within_budget
        self.over_budget = None if within_budget(total) else total
        self._in_work: dict[int, _InWork] = {}

    def __len__(self) -> int:
        return len(self._in_work)

    def chunk(self, start: int) -> Chunk:
        """The chunk in work that begins at this offset, by which all of them are called here."""
        chunk = self._in_work[start].chunk
        if chunk is None:
            raise ValueError("a chunk that is settled is not in work any more")
        return chunk

    def hand_out(self, chunk: Chunk) -> None:
        """A chunk is handed out; it follows on the one before."""
        self._in_work[chunk.start.offset] = _InWork(chunk, chunk.end)

    def judge(self, start: int, judged: Judged) -> None:
        """A chunk was read and judged."""
        self._in_work[start].judged = judged

    def store(self, start: int) -> None:
        """A chunk is being stored."""
        self._in_work[start].stored = True

    def put_back(self, start: int) -> None:
        """A chunk has to wait until everything before it is settled."""
        self._in_work[start].stored = False
        self._in_work[start].alone = True

    def lose(self, start: int) -> None:
        """The worker that had a chunk is gone: nobody holds it any more, though it may be committed."""
        self._in_work[start].judged = None
        self._in_work[start].stored = False

    def settle(self, start: int, account: Account) -> None:
        """A chunk is committed."""
        self._in_work[start].account = account
        self._in_work[start].chunk = None  # its bytes are needed no more
        self.total += account
        for first, each in list(self._in_work.items()):
            if each.account is None:
                break
            self.reached = each.end
            self._up_to_reached += each.account
            if self.over_budget is None and not self._within_budget(self._up_to_reached):
                self.over_budget = self._up_to_reached
            del self._in_work[first]

    def waits_for(self, start: int) -> bool:
        """Whether a chunk is in work and not committed."""
        return start in self._in_work and self._in_work[start].account is None

    @property
    def progress(self) -> Progress:
        """What is committed."""
        return Progress(
            self.reached,
            frozenset(start for start, each in self._in_work.items() if each.account is not None),
        )

    @property
    def unsettled(self) -> list[Chunk]:
        """The chunks in work that are not committed."""
        return [each.chunk for each in self._in_work.values() if each.chunk is not None]

    @property
    def storing(self) -> bool:
        """Whether any chunk is being stored."""
        return any(each.stored and each.account is None for each in self._in_work.values())

    def finish(self) -> None:
        """Hand out nothing more, and give up what is not needed for an end without a gap.

        Those chunks are needed that are before the last one that is stored, or being stored.
        """
        self._within_budget = lambda _: True
        needed = [start for start, each in self._in_work.items() if each.stored or each.account is not None]
        last = needed[-1] if needed else -1
        for start in [start for start in self._in_work if start > last]:
            del self._in_work[start]

    def may_be_stored(self) -> Iterator[int]:
        """The chunks that are judged and need wait for nothing any more, in the order of the source."""
        before: list[_InWork] = []
        within_before = self._within_budget(self._up_to_reached)
        for start, within in self._prefixes():
            each = self._in_work[start]
            if each.account is None:
                if not within_before or each.judged is None:
                    return
                if not each.stored and not self._conflicts(each, before):
                    yield start
                before.append(each)
            within_before = within_before and within

    def _prefixes(self) -> Iterator[tuple[int, bool]]:
        """Each chunk in work, and whether the budget allows what is known of all up to and including it."""
        total = self._up_to_reached
        for start, each in list(self._in_work.items()):
            known = each.account or (each.judged.account if each.judged else Account())
            total += known
            yield start, self._within_budget(total)

    @staticmethod
    def _conflicts(each: _InWork, before: list[_InWork]) -> bool:
        if each.alone:
            return bool(before)
        mine = each.judged
        return any(
            mine is None or other.judged is None or mine.footprint.conflicts(other.judged.footprint)
            for other in before
        )
