"""Which chunk may be stored when; and what a footprint tells."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from muniment.footprint import NOTHING, Footprint, footprint, footprint_of_keys
from muniment.records import Account, Chunk, Place
from muniment.workers.order import Judged, Order

Names = st.lists(st.sampled_from("abcdefgh"), max_size=3)

Shared = st.dictionaries(st.sampled_from("uvwxyz"), st.sets(st.integers(0, 2), min_size=1), max_size=3)


def chunk(number: int) -> Chunk:
    """A chunk of ten records."""
    return Chunk(
        Place(100 * number, 10 * number + 1, 10 * number + 2),
        Place(100 * number + 100, 10 * number + 11, 10 * number + 12),
        b"",
        last=False,
    )


def in_work(*footprints: Footprint | None, bad: int = 0, allowed: int = 1_000) -> Order:
    """So many chunks handed out, each but those without a footprint judged."""
    order = Order(Place(0, 1, 2), Account(), lambda total: total.quarantined <= allowed)
    for number, each in enumerate(footprints):
        order.hand_out(chunk(number))
        if each is not None:
            order.judge(100 * number, Judged(each, Account(read=10, quarantined=bad)))
    return order


@settings(deadline=None)
@given(Names, Shared, Names, Shared)
def test_footprints_conflict_where_one_touches_what_another_does_unless_both_do_the_same(
    alone: list[str], alike: dict[str, set[int]], others: list[str], theirs: dict[str, set[int]]
) -> None:
    expected = bool({*alone} & {*others}) or any(
        len(alike[name]) > 1 or alike[name] != theirs[name] for name in alike.keys() & theirs.keys()
    )
    one, other = footprint(alone, alike), footprint(others, theirs)
    assert one.conflicts(other) == other.conflicts(one) == expected
    assert footprint_of_keys(alone).conflicts(footprint_of_keys(others)) == bool({*alone} & {*others})


@settings(deadline=None)
@given(Names, Shared, Names, Shared)
def test_a_footprint_of_two_parts_is_that_of_both(
    alone: list[str], alike: dict[str, set[int]], more: list[str], further: dict[str, set[int]]
) -> None:
    both = {name: alike.get(name, set()) | further.get(name, set()) for name in alike | further}
    whole, parts = (
        footprint([*alone, *more], both),
        footprint(alone, alike).together(footprint(more, further)),
    )
    assert (whole.names.tolist(), whole.ways.tolist()) == (parts.names.tolist(), parts.ways.tolist())


def test_chunks_without_a_conflict_may_be_stored_at_once_and_others_wait() -> None:
    a, b = footprint(["a"]), footprint(["b"])
    order = in_work(a, b, a)
    assert list(order.may_be_stored()) == [0, 100]
    order.store(0)
    order.store(100)
    order.settle(100, Account(read=10))
    assert (list(order.may_be_stored()), order.reached.offset) == ([], 0)
    order.settle(0, Account(read=10))
    assert (list(order.may_be_stored()), order.reached.offset) == ([200], 200)


def test_a_chunk_waits_until_all_before_it_are_judged() -> None:
    assert list(in_work(NOTHING, None, NOTHING).may_be_stored()) == [0]


def test_a_chunk_that_was_put_back_waits_until_everything_before_it_is_committed() -> None:
    order = in_work(NOTHING, NOTHING, NOTHING)
    for start in (0, 100):
        order.store(start)
    order.put_back(100)
    assert list(order.may_be_stored()) == [200]
    order.settle(0, Account(read=10))
    assert list(order.may_be_stored()) == [100, 200]


def test_the_reject_budget_holds_back_what_comes_after_the_chunk_that_uses_it_up() -> None:
    order = in_work(NOTHING, NOTHING, NOTHING, bad=6, allowed=10)
    assert list(order.may_be_stored()) == [0, 100]
    for start in (0, 100):
        order.settle(start, Account(read=10, inserted=4, quarantined=6))
    assert order.over_budget == Account(read=20, inserted=8, quarantined=12)
    assert list(order.may_be_stored()) == []


@pytest.mark.parametrize("first", [100, 200], ids=["in order", "the later one first"])
def test_a_budget_that_is_used_up_stays_so_however_good_what_is_stored_beside_is(first: int) -> None:
    order = Order(Place(0, 1, 2), Account(), lambda total: total.quarantined * 2 <= total.read)
    accounts = {0: Account(read=10, inserted=10), 100: Account(read=20, quarantined=20)}
    accounts[200] = Account(read=100, inserted=100)
    for number, start in enumerate(accounts):
        order.hand_out(chunk(number))
        order.judge(start, Judged(NOTHING, Account()))
        order.store(start)
    for start in (0, first, 300 - first):
        order.settle(start, accounts[start])
        if order.over_budget is not None and order.waits_for(200):
            order.finish()
    assert order.over_budget == Account(read=30, inserted=10, quarantined=20)
    assert (order.reached.offset, order.total.read, list(order.may_be_stored())) == (300, 130, [])


def test_what_was_rejected_and_then_counted_as_left_out_does_not_use_up_the_budget() -> None:
    order = in_work(NOTHING, NOTHING, NOTHING, bad=6, allowed=10)
    for start in (0, 100):
        order.settle(start, Account(read=10, inserted=4, skipped=6))
    assert order.over_budget is None
    assert list(order.may_be_stored()) == [200]


def test_a_run_that_ends_finishes_what_lies_before_the_last_chunk_that_is_being_stored() -> None:
    a = footprint(["a"])
    order = in_work(a, a, NOTHING, a)
    order.store(0)
    order.store(200)
    order.finish()
    assert [order.waits_for(start) for start in (0, 100, 200, 300)] == [True, True, True, False]
    order.settle(0, Account(read=10))
    assert list(order.may_be_stored()) == [100]
    for start in (100, 200):
        order.settle(start, Account(read=10))
    assert (order.unsettled, order.reached.offset) == ([], 300)
