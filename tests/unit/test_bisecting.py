"""Finding the records that a database refuses, with few attempts."""

from __future__ import annotations

import math
from contextlib import AbstractContextManager, nullcontext
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muniment.chunk_load import Job, apply
from muniment.errors import DuplicateKey, RowRefused, StatementTimeout
from muniment.profile import Applied
from muniment.records import Accepted

LARGE = 2_048


class Refusing:
    """A database, its transaction and its writer in one: refuses a batch in which there is a bad record."""

    def __init__(self, bad: frozenset[int], error: type[RowRefused] = RowRefused, most: int = LARGE) -> None:
        self.bad = bad
        self.error = error
        self.most = most
        self.attempts = 0
        self.stored: list[int] = []
        self.writer = self

    def savepoint(self) -> AbstractContextManager[None]:
        return nullcontext()

    def settle(self, *, committed: bool) -> None:
        assert not committed

    def apply(self, _transaction: object, _records: object, accepted: Accepted) -> Applied:
        self.attempts += 1
        if len(accepted) > self.most:
            raise StatementTimeout("too many at once")
        if not self.bad.isdisjoint(accepted.indexes):
            raise self.error("refused")
        self.stored.extend(accepted.indexes)
        return Applied(inserted=accepted.indexes)


def load(database: Refusing, count: int) -> Applied:
    indexes = range(count)
    accepted = Accepted(indexes, [""] * count, [None] * count)
    everything = cast("Any", database)
    job = Job(everything, everything, everything, everything, 1, "", mends=False)
    return apply(everything, job, everything, accepted)


@given(st.integers(0, 200).flatmap(lambda n: st.tuples(st.just(n), st.sets(st.integers(0, max(n - 1, 0))))))
def test_exactly_the_refused_are_rejected_and_all_others_are_stored_once_in_order(
    case: tuple[int, set[int]],
) -> None:
    count, bad = case
    database = Refusing(frozenset(bad))
    applied = load(database, count)
    good = [index for index in range(count) if index not in bad]
    assert database.stored == list(applied.inserted) == good
    assert [rejection.index for rejection in applied.rejections] == [i for i in range(count) if i in bad]


@given(st.sets(st.integers(0, LARGE - 1), max_size=40))
def test_a_few_bad_records_are_found_in_about_k_log_n_attempts(bad: set[int]) -> None:
    database = Refusing(frozenset(bad))
    load(database, LARGE)
    found = 1 + math.log2(LARGE)
    # Behind each, parts grow again from what the share of bad ones so far suggests.
    assert database.attempts <= 1 + 2.5 * len(bad) * found


@given(st.integers(1, 300), st.floats(0, 1), st.randoms(use_true_random=False))
def test_many_bad_records_cost_little_more_than_trying_each_alone(
    count: int, share: float, chance: Any
) -> None:
    bad = frozenset(index for index in range(count) if chance.random() < share)
    database = Refusing(bad)
    load(database, count)
    assert database.attempts <= 1.3 * count + 2 * math.log2(count) + 5


def test_all_bad_records_cost_one_attempt_each_and_those_of_finding_out() -> None:
    database = Refusing(frozenset(range(LARGE)))
    load(database, LARGE)
    assert database.attempts == LARGE + math.log2(LARGE)


def test_a_key_that_was_taken_in_between_is_found_there_by_the_second_attempt() -> None:
    class TakenOnce(Refusing):
        def apply(self, transaction: object, records: object, accepted: Accepted) -> Applied:
            try:
                return super().apply(transaction, records, accepted)
            except DuplicateKey:
                self.bad = frozenset()
                raise

    database = TakenOnce(frozenset((3, 70)), DuplicateKey)
    assert load(database, 100).inserted == list(range(100))
    assert database.attempts == 2


def test_a_statement_that_takes_too_long_is_tried_on_fewer_records() -> None:
    database = Refusing(frozenset((17,)), most=100)
    applied = load(database, 1_000)
    assert len(applied.inserted) == 999
    assert [rejection.index for rejection in applied.rejections] == [17]
    assert database.attempts < 45


def test_a_statement_that_takes_too_long_for_one_record_is_no_fault_of_the_record() -> None:
    with pytest.raises(StatementTimeout):
        load(Refusing(frozenset(), most=0), 10)
