"""The user's own loops: each item is stored once, whatever ends the loop, and nothing is held meanwhile."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

import muniment
from muniment.errors import DatabaseError, DatabaseUnavailable, RowRefused, UsageError
from muniment.loops import KEYS_NAMED, Batch, Batches


class Base(DeclarativeBase):
    pass


class Vase(Base):
    __tablename__ = "vase"
    vase_id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(sa.String(20), unique=True)


@pytest.fixture
def url(database_url: str) -> str:
    engine = muniment.engine(database_url)
    Base.metadata.create_all(engine)
    engine.dispose()
    return database_url


def names(url: str) -> list[str]:
    engine = muniment.engine(url)
    with muniment.sessions(engine)() as session:
        found = list(session.scalars(sa.select(Vase.name).order_by(Vase.vase_id)))
    engine.dispose()
    return found


def add(session: Session, wanted: tuple[str, ...]) -> list[Vase]:
    made = [Vase(name=name) for name in wanted]
    session.add_all(made)
    return made


def as_they_are(name: str) -> str:
    return name


def opened(url: str, items: Any, every: int | None = 2) -> Batches[str]:
    return muniment.batches(items, name="vases", key=as_they_are, every=every, to=url)


def store_all(
    url: str, items: Any, every: int | None = 2, work: Callable[[Session, tuple[str, ...]], Any] = add
) -> Batches[str]:
    with opened(url, items, every) as batches:
        for batch in batches:
            batch.store(work, batch.items)
    return batches


def test_items_are_stored_in_batches_and_the_rest_at_the_end(url: str) -> None:
    sizes = []
    with opened(url, "abcde") as batches:
        for batch in batches:
            sizes.append(len(batch.items))
            batch.store(add, batch.items)
    assert sizes == [2, 2, 1]
    assert names(url) == list("abcde")
    assert (batches.read, batches.stored, batches.skipped) == (5, 5, 0)


def test_without_a_number_all_is_one_commit(url: str) -> None:
    assert store_all(url, "abcde", every=None).stored == 5
    assert names(url) == list("abcde")


def test_a_second_sitting_stores_what_is_new_in_whatever_order(url: str) -> None:
    store_all(url, "abc")
    batches = store_all(url, "dcbae")
    assert (batches.read, batches.stored, batches.skipped) == (5, 2, 3)
    assert sorted(names(url)) == list("abcde")


def test_another_name_is_another_work(url: str) -> None:
    store_all(url, "ab")
    with muniment.batches("ab", name="others", to=url) as batches:
        for batch in batches:
            assert batch.keys == ("1", "2")
            batch.skip()
    assert (batches.stored, names(url)) == (2, ["a", "b"])


def test_an_error_of_the_database_names_the_batch_and_stores_nothing_of_it(url: str) -> None:
    store_all(url, "c")
    with pytest.raises(RowRefused, match="vases: a, b") as refused:
        store_all(url, "ab", work=lambda session, _wanted: add(session, ("a", "c")))
    told = "".join(traceback.format_exception(refused.value))
    assert "given again by the next sitting: vases: a, b" in told
    assert names(url) == ["c"]
    assert store_all(url, "ab").stored == 2


def fail_at_c(batches: Batches[str]) -> None:
    with batches:
        for batch in batches:
            if "c" in batch.keys:
                raise ZeroDivisionError
            batch.store(add, batch.items)


def test_an_error_of_the_loop_itself_is_told_which_batch_it_cost(url: str) -> None:
    with pytest.raises(ZeroDivisionError) as failed:
        fail_at_c(opened(url, "abcd"))
    told = "muniment: not stored, and given again by the next sitting: vases: c, d"
    assert failed.value.__notes__ == [told]
    assert names(url) == ["a", "b"]


def test_an_error_of_the_storing_function_rolls_back(url: str) -> None:
    def fail(session: Session, wanted: tuple[str, ...]) -> None:
        add(session, wanted)
        session.flush()
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        store_all(url, "ab", work=fail)
    assert names(url) == []
    assert store_all(url, "ab").stored == 2


def test_objects_and_caches_are_usable_after_the_commit(url: str) -> None:
    cache: dict[str, int] = {}
    with opened(url, "abcd") as batches:
        for batch in batches:
            made = batch.store(add, batch.items)
            cache |= {vase.name: vase.vase_id for vase in made}
    assert list(cache) == list("abcd")
    assert len(set(cache.values())) == 4


def test_no_connection_is_held_while_the_loop_waits(url: str) -> None:
    with opened(url, "abcd") as batches:
        for batch in batches:
            pool: Any = batches._progress.database.engine.pool
            assert pool.checkedout() == 0
            batch.store(add, batch.items)
            assert pool.checkedout() == 0


class Flaky:
    """A storing function whose first attempts lose their connection."""

    def __init__(self, failures: int) -> None:
        self.failures = failures
        self.made: list[Vase] = []

    def __call__(self, session: Session, wanted: tuple[str, ...]) -> None:
        # Made once and added at each attempt: a careless rollback would leave them out the second time.
        self.made = self.made or [Vase(name=name) for name in wanted]
        session.add_all(self.made)
        session.flush()
        if self.failures:
            self.failures -= 1
            raise DatabaseUnavailable("cut")


def test_a_lost_connection_is_made_good_by_another_attempt(url: str) -> None:
    with opened(url, "ab") as batches:
        for batch in batches:
            batch.store(Flaky(2), batch.items)
    assert names(url) == ["a", "b"]
    assert batches.stored == 2


def test_a_commit_whose_reply_was_lost_is_not_done_again(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    commit = Session.commit
    calls = []

    def losing_the_first_reply(session: Session) -> None:
        commit(session)
        calls.append(session)
        if len(calls) == 1:
            raise DatabaseUnavailable("the reply was lost")

    monkeypatch.setattr(Session, "commit", losing_the_first_reply)
    with opened(url, "ab") as batches:
        for batch in batches:
            assert batch.store(lambda session, wanted: len(add(session, wanted)), batch.items) == 2
    monkeypatch.undo()
    assert len(calls) == 1
    assert names(url) == ["a", "b"]
    assert batches.stored == 2


def test_two_programs_of_one_name_do_not_store_an_item_twice(url: str) -> None:
    with opened(url, "ab") as first, opened(url, "ab") as second:
        (one,), (other,) = list(take(first, 1)), list(take(second, 1))
        one.store(add, one.items)
        with pytest.raises(DatabaseError, match="another program works under the name 'vases'"):
            other.store(add, other.items)
    assert names(url) == ["a", "b"]


def take(batches: Batches[str], count: int) -> Iterator[Batch[str]]:
    iterator = iter(batches)
    return (next(iterator) for _ in range(count))


@pytest.mark.parametrize("method", ["commit", "rollback"])
def test_a_session_of_a_batch_neither_commits_nor_rolls_back_by_itself(url: str, method: str) -> None:
    def store(session: Session, wanted: tuple[str, ...]) -> None:
        add(session, wanted)
        getattr(session, method)()

    with pytest.raises(UsageError, match="batch is"):
        store_all(url, "ab", work=store)
    assert names(url) == []


def test_a_session_of_a_batch_begins_no_transaction_of_its_own(url: str) -> None:
    def store(session: Session, wanted: tuple[str, ...]) -> None:
        with session.begin():
            add(session, wanted)

    with pytest.raises(DatabaseError, match="already begun"):
        store_all(url, "ab", work=store)
    assert names(url) == []


class Committing:
    """A storing function in whose middle something commits, as MySQL does at DDL; then it may fail."""

    def __init__(self, failure: Exception | None) -> None:
        self.failure = failure

    def __call__(self, session: Session, wanted: tuple[str, ...]) -> None:
        session.execute(sa.text("COMMIT"))
        if session.get_bind().dialect.name == "sqlite":
            session.execute(sa.text("BEGIN"))
        add(session, wanted)
        session.flush()
        failure, self.failure = self.failure, None
        if failure is not None:
            raise failure


@pytest.mark.parametrize("failure", [None, ZeroDivisionError(), DatabaseUnavailable("cut")])
def test_a_commit_in_the_middle_of_a_batch_is_told_and_costs_no_item(
    url: str, failure: Exception | None
) -> None:
    with pytest.raises(UsageError, match="vases: a, b: something committed in the middle"):
        store_all(url, "ab", work=Committing(failure))
    assert names(url) == []
    assert store_all(url, "ab").stored == 2
    assert names(url) == ["a", "b"]


def test_a_table_made_by_the_storing_function_costs_no_item(url: str) -> None:
    def store(session: Session, wanted: tuple[str, ...]) -> None:
        session.execute(sa.text("CREATE TABLE IF NOT EXISTS made (name VARCHAR(20))"))
        add(session, wanted)
        session.flush()
        raise ZeroDivisionError

    with pytest.raises((UsageError, ZeroDivisionError)) as failed:
        store_all(url, "ab", work=store)
    assert isinstance(failed.value, UsageError) == url.startswith(("mysql", "mariadb"))
    assert store_all(url, "ab").stored == 2
    assert names(url) == ["a", "b"]


def test_part_of_a_batch_may_be_undone_by_a_savepoint(url: str) -> None:
    def store(session: Session, wanted: tuple[str, ...]) -> None:
        for name in wanted:
            try:
                with session.begin_nested():
                    session.add(Vase(name=name[:1]))
            except sa.exc.IntegrityError:
                session.add(Vase(name=name))

    with opened(url, ["a1", "a2", "b1"], every=3) as batches:
        for batch in batches:
            batch.store(store, batch.items)
    assert sorted(names(url)) == ["a", "a2", "b"]


def test_a_batch_that_is_not_stored_does_not_pass_unnoticed(url: str) -> None:
    with pytest.raises(UsageError, match=r"vases: a, b.*batch.skip"), opened(url, "abcd") as batches:
        for _ in batches:
            pass


def test_a_batch_is_stored_once(url: str) -> None:
    with opened(url, "ab") as batches:
        for batch in batches:
            batch.store(add, batch.items)
            with pytest.raises(UsageError, match="stored already"):
                batch.store(add, batch.items)
    assert names(url) == ["a", "b"]


@pytest.mark.parametrize("items", ["aa", "aba"])
def test_two_items_of_one_key_are_not_taken_for_one(url: str, items: str) -> None:
    with pytest.raises(UsageError, match="two items have the key 'a'"):
        store_all(url, items, every=2)


@pytest.mark.parametrize("wrong", [{"name": ""}, {"every": 0}])
def test_what_cannot_be_meant_is_refused_at_once(wrong: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        muniment.batches("ab", **{"name": "vases", **wrong})


def test_batches_outside_their_context_say_how_it_is_written() -> None:
    with pytest.raises(UsageError, match=r"with muniment\.batches"):
        list(muniment.batches("ab", name="vases"))


def test_an_error_does_not_list_more_keys_than_can_be_read(url: str) -> None:
    with opened(url, [f"n{number}" for number in range(KEYS_NAMED + 3)], every=None) as batches:
        for batch in batches:
            assert str(batch).endswith("n49 and 3 more")
            batch.skip()


@given(
    items=st.lists(
        st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8), unique=True, max_size=12
    ),
    every=st.integers(1, 5),
    stops=st.lists(st.integers(0, 4), max_size=4),
)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_wherever_the_sittings_end_each_item_is_stored_once(
    items: list[str], every: int, stops: list[int], tmp_path_factory: pytest.TempPathFactory
) -> None:
    url = f"sqlite:///{tmp_path_factory.mktemp('loop') / 'loop.db'}"
    stored: list[str] = []
    for stop in [*stops, None]:
        with opened(url, items, every) as batches:
            for turn, batch in enumerate(batches):
                if turn == stop:
                    break
                batch.store(lambda _session: None)
                stored.extend(batch.items)
    assert stored == items


# --- with asyncio ---------------------------------------------------------------------------------


async def store_async(
    url: str, items: Any, work: Callable[[Session, tuple[str, ...]], Any] = add
) -> tuple[int, int]:
    async with muniment.async_batches(items, name="vases", key=as_they_are, every=2, to=url) as batches:
        async for batch in batches:
            await asyncio.sleep(0)
            await batch.store(work, batch.items)
    return batches.stored, batches.skipped


async def one_by_one(items: str) -> AsyncIterator[str]:
    for item in items:
        await asyncio.sleep(0)
        yield item


def test_an_async_loop_stores_and_goes_on_likewise(url: str) -> None:
    assert asyncio.run(store_async(url, "abc")) == (3, 0)
    assert asyncio.run(store_async(url, one_by_one("abcd"))) == (1, 3)
    assert names(url) == list("abcd")


def test_an_async_loop_is_told_which_batch_an_error_cost(url: str) -> None:
    with pytest.raises(RowRefused, match="vases: c, d"):
        asyncio.run(store_async(url, "abcd", lambda session, _wanted: add(session, ("a", "b"))))
    assert names(url) == ["a", "b"]


@pytest.mark.parametrize("times", [1, 3])
def test_a_cancelled_async_loop_leaves_a_whole_batch_or_none(url: str, times: int) -> None:
    began = asyncio.Event()

    async def run() -> None:
        loop = asyncio.get_running_loop()

        def slow(session: Session, wanted: tuple[str, ...]) -> None:
            add(session, wanted)
            session.flush()
            loop.call_soon_threadsafe(began.set)
            asyncio.run_coroutine_threadsafe(asyncio.sleep(0.05), loop).result()

        task = asyncio.create_task(store_async(url, "abcd", slow))
        await began.wait()
        for _ in range(times):
            task.cancel()
            await asyncio.sleep(0)
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(run())
    assert names(url) == ["a", "b"]
    assert asyncio.run(store_async(url, "abcd")) == (2, 2)


def test_a_batch_that_an_async_loop_skips_is_not_given_again(url: str) -> None:
    async def skip_all() -> None:
        async with muniment.async_batches("ab", name="vases", key=as_they_are, to=url) as batches:
            async for batch in batches:
                await batch.skip()
                assert batch.stored

    asyncio.run(skip_all())
    assert asyncio.run(store_async(url, "abc")) == (1, 2)
    assert names(url) == ["c"]
