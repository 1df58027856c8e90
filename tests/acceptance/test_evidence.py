"""Evidence that cannot be changed without a trace: seals over runs, and what finds a change."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from muniment import Settings, audit
from muniment.audit import Verification
from muniment.config import RejectBudget
from muniment.databases.types import metadata
from muniment.errors import DatabaseError, UsageError
from muniment.events import ChunkCommitted
from muniment.evidence import seal_run, seal_table
from muniment.ledger import change_table, chunk_result_table, chunk_table, run_table, source_table
from muniment.quarantine import note_table, quarantine_table
from tests.acceptance.loading import allow_changes, load, opened, query, vase, write

FEW = 5
"""Records of a chunk, so that a small export has many."""

ALL_MAY_BE_BAD = Settings(chunk_rows=400, max_rejects=RejectBudget.parse("100%"))

KEPT = (change_table, note_table, quarantine_table)


def verified(url: str, expect: str | None = None) -> Verification:
    with opened(url) as database:
        return audit.verify(database, expect)


def loaded(folder: Path, url: str) -> str:
    """Two exports: the newer one updates, and has notes and rejections; returns the hash of its seal."""
    rows = [vase(n) for n in range(1, 21)]
    load(write(folder / "first.csv", rows), url, chunk_rows=FEW)
    changed = [vase(n, title=f"Bowl {n}", made="sometime" if n % 3 else "1800") for n in range(1, 21)]
    changed += [vase(n, title="") for n in range(21, 24)]
    return load(write(folder / "second.csv", changed), url, chunk_rows=FEW).seal


def change(url: str, *statements: Any) -> None:
    """Change what nobody may change, as somebody with all rights could."""
    allow_changes(url)
    with opened(url) as database, database.engine.connect() as connection:
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("PRAGMA foreign_keys = OFF")
        for statement in statements:
            connection.execute(statement)
        connection.commit()


def told(verification: Verification) -> list[tuple[str, int | None]]:
    return [(finding.table, finding.run) for finding in verification.findings]


def test_what_was_loaded_is_as_it_was_sealed(tmp_path: Path, database_url: str) -> None:
    head = loaded(tmp_path, database_url)
    with opened(database_url) as database, database.engine.connect() as connection:
        for table in KEPT:
            assert connection.scalar(sa.select(sa.func.count()).select_from(table)), table.name
    verification = verified(database_url, head)
    assert verification.findings == ()
    assert (verification.status, verification.head) == ("intact", head)
    assert (verification.seals, verification.runs, verification.chunks) == (2, 2, 9)
    assert verification.not_sealed == ()


def one_of(table: sa.Table, run: int = 2) -> sa.ColumnElement[bool]:
    """The condition for one row of a table, somewhere in the middle; MySQL needs it in two steps."""
    name = "record_number" if "record_number" in table.c else "start_offset"
    found = sa.select(table.c[name]).where(table.c.run_id == run).order_by(table.c[name]).limit(1).offset(1)
    chosen = sa.select(found.subquery().c[name]).scalar_subquery()
    return sa.and_(table.c.run_id == run, table.c[name] == chosen)


CHANGES: dict[str, tuple[Any, str]] = {
    "a before-image": (change_table.update().where(one_of(change_table)).values(before="{}"), "change"),
    "a change that is gone": (change_table.delete().where(one_of(change_table)), "change"),
    "a note": (note_table.update().where(one_of(note_table)).values(message="else"), "note"),
    "a note that is gone": (note_table.delete().where(one_of(note_table)), "note"),
    "an entry's place": (
        quarantine_table.update().where(one_of(quarantine_table)).values(line=1),
        "quarantine",
    ),
    "an entry that is gone": (quarantine_table.delete().where(one_of(quarantine_table)), "quarantine"),
    "an account": (
        chunk_result_table.update()
        .where(chunk_result_table.c.run_id == 1)
        .values(inserted=chunk_result_table.c.inserted - 1, skipped=1),
        "chunk_result",
    ),
    "a chunk's hash": (
        chunk_table.update().where(one_of(chunk_table)).values(sha256=bytes(32)),
        "chunk_result",
    ),
    "the mapping of a run": (run_table.update().where(run_table.c.run_id == 2).values(mapping=""), "run"),
    "who began a run": (run_table.update().where(run_table.c.run_id == 2).values(operator="x"), "run"),
    "the hash of a source": (
        source_table.update().where(source_table.c.source_id == 2).values(sha256=bytes(32)),
        "run",
    ),
    "a seal": (seal_table.update().where(seal_table.c.number == 2).values(chunks=1), "seal"),
    "the newest seal that is gone": (seal_table.delete().where(seal_table.c.number == 2), "seal"),
    "an earlier seal that is gone": (seal_table.delete().where(seal_table.c.number == 1), "seal"),
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_row_that_was_changed_or_is_missing_is_found(tmp_path: Path, database_url: str, what: str) -> None:
    loaded(tmp_path, database_url)
    statement, table = CHANGES[what]
    change(database_url, statement)
    verification = verified(database_url)
    assert verification.status == "changed"
    assert table in [table for table, _ in told(verification)]


@pytest.mark.parametrize(
    "what", [name for name, (_, table) in CHANGES.items() if table in ("change", "note")]
)
def test_a_finding_tells_the_table_the_run_and_the_records(tmp_path: Path, what: str) -> None:
    url = f"sqlite:///{tmp_path / 'told.db'}"
    loaded(tmp_path, url)
    change(url, CHANGES[what][0])
    (finding,) = verified(url).findings
    assert (finding.table, finding.run) == (CHANGES[what][1], 2)
    assert "records 1 to 5" in finding.message


def test_rows_that_were_added_are_found(tmp_path: Path, database_url: str) -> None:
    loaded(tmp_path, database_url)
    added = {"run_id": 1, "record_key": "x", "before": "{}", "changed_at": sa.func.current_timestamp()}
    if database_url.startswith("sqlite"):
        added["changed_at"] = sa.literal("2026-01-01T00:00:00.000000+00:00", sa.Text)
    change(
        database_url,
        change_table.insert().values(**added, record_number=3),
        change_table.insert().values(**added, record_number=4_000),
    )
    messages = [finding.message for finding in verified(database_url).findings]
    assert messages == [
        "changed, missing or added: rows of records 1 to 5",
        "added: 1 rows of records that are in no chunk",
    ]


@pytest.mark.parametrize("place", [0, 1, 3])
def test_a_chunk_that_is_gone_with_all_that_belongs_to_it_is_found(
    tmp_path: Path, database_url: str, place: int
) -> None:
    load(write(tmp_path / "export.csv", [vase(n) for n in range(1, 21)]), database_url, chunk_rows=FEW)
    start = sorted(row[0] for row in query(database_url, "SELECT start_offset FROM chunk"))[place]
    change(
        database_url,
        chunk_result_table.delete().where(chunk_result_table.c.start_offset == start),
        chunk_table.delete().where(chunk_table.c.start_offset == start),
    )
    assert ("chunk", 1) in told(verified(database_url))


def test_a_chain_that_was_made_anew_is_found_by_a_hash_that_was_written_down(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'anew.db'}"
    head = loaded(tmp_path, url)
    change(url, seal_table.delete(), run_table.update().values(operator="somebody else"))
    with opened(url) as database, database.transaction() as transaction:
        for run in (1, 2):
            seal_run(transaction, run, "done")
    assert verified(url).findings == ()
    (finding,) = verified(url, head).findings
    assert finding.message == "the seal whose hash was expected is not there"


def test_a_hash_written_down_long_ago_is_still_found(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'later.db'}"
    first = load(write(tmp_path / "first.csv", [vase(1)]), url).seal
    load(write(tmp_path / "second.csv", [vase(2)]), url)
    assert verified(url, first).status == "intact"
    assert verified(url, first).head != first


def test_what_is_no_hash_is_refused(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'no.db'}"
    load(write(tmp_path / "first.csv", [vase(1)]), url)
    with pytest.raises(UsageError, match="64 hexadecimal digits"):
        verified(url, "abc")


def test_a_run_that_is_stopped_and_taken_up_has_two_seals_that_both_hold(
    tmp_path: Path, database_url: str
) -> None:
    export = write(
        tmp_path / "export.csv", [vase(n, title="" if n < 1_200 else "x") for n in range(1, 1_500)]
    )
    stopped = load(export, database_url, chunk_rows=400)
    assert (stopped.status, len(stopped.seal)) == ("stopped", 64)
    done = load(export, database_url, settings=ALL_MAY_BE_BAD)
    assert done.status == "done"
    verification = verified(database_url, stopped.seal)
    assert (verification.findings, verification.seals) == ((), 2)
    assert load(export, database_url, settings=ALL_MAY_BE_BAD).seal == done.seal


@pytest.mark.usefixtures("one_connection")
def test_an_interrupted_run_is_not_sealed_until_it_is_done(tmp_path: Path, database_url: str) -> None:
    class Died(Exception):
        pass

    def die(event: object) -> None:
        if isinstance(event, ChunkCommitted) and event.start_record == 6:
            raise Died

    export = write(tmp_path / "export.csv", [vase(n) for n in range(1, 21)])
    with pytest.raises(Died):
        load(export, database_url, chunk_rows=FEW, observer=die)
    verification = verified(database_url)
    assert (verification.status, verification.not_sealed, verification.chunks) == ("intact", (1,), 2)
    assert load(export, database_url, chunk_rows=FEW).seal == verified(database_url).head


def test_runs_that_end_at_once_are_sealed_one_after_the_other(tmp_path: Path, database_url: str) -> None:
    load(write(tmp_path / "first.csv", [vase(0)]), database_url)
    exports = [write(tmp_path / f"{n}.csv", [vase(n)]) for n in range(1, 9)]
    with ThreadPoolExecutor(4) as pool:
        runs = list(pool.map(lambda export: load(export, database_url), exports))
    assert {run.status for run in runs} == {"done"}
    verification = verified(database_url)
    assert (verification.findings, verification.seals) == ((), 9)


def test_a_source_without_records_is_sealed_too(tmp_path: Path, database_url: str) -> None:
    run = load(write(tmp_path / "empty.csv", []), database_url)
    verification = verified(database_url, run.seal)
    assert (verification.findings, verification.chunks) == ((), 0)


def test_sqlite_refuses_to_change_what_is_only_inserted(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'kept.db'}"
    loaded(tmp_path, url)
    for table in (source_table, chunk_table, chunk_result_table, change_table, note_table, seal_table):
        column = next(iter(table.columns))
        for statement in (table.update().values({column: column}), table.delete()):
            with (
                opened(url) as database,
                pytest.raises(DatabaseError, match="never changed"),
                database.transaction() as transaction,
            ):
                transaction.execute(statement)


def test_all_tables_that_are_only_inserted_into_say_so() -> None:
    names = {table.name for table in metadata.tables.values() if table.info.get("insert_only")}
    assert {"source", "chunk", "chunk_result", "change", "note", "seal", "sighting"} <= names
    assert not {"run", "quarantine", "object"} & names
