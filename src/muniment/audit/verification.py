"""Whether the evidence is as it was: every hash computed again, and every seal compared."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import sqlalchemy as sa

from muniment.databases.database import Database
from muniment.databases.types import HASH_BYTES
from muniment.errors import UsageError
from muniment.evidence import (
    BEFORE_THE_FIRST,
    KEPT,
    ROWS_AT_ONCE,
    SEALED,
    Seal,
    chunks_of,
    identity,
    linked,
    rows_hash,
    seal_table,
    sealable,
    seals,
)
from muniment.ledger import Row, chunk_hash, reading, run_table

FINDINGS_TOLD = 1_000
"""Findings that are kept; who has more of them needs a backup, not a longer list."""

SNAPSHOT = "REPEATABLE READ"
"""Everything is read as of one moment, so that a load going on meanwhile does not look like a change."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it was sealed.

    Attributes:
        table: where: `seal`, `run`, `chunk`, `chunk_result`, `change`, `note` or `quarantine`.
        run: whose; None where that cannot be told.
        message: what is wrong.
    """

    table: str
    run: int | None
    message: str


@dataclass(frozen=True, slots=True)
class Verification:
    """What came of comparing the evidence with its seals.

    Attributes:
        findings: what is not as it was, at most `FINDINGS_TOLD`.
        found: how many there are.
        head: the hash of the newest seal, in hexadecimal; "" where there is none.
        seals, runs, chunks: how many were looked at.
        not_sealed: runs without a seal: they go on, failed, or ended before seals were kept.
    """

    findings: tuple[Finding, ...]
    found: int
    head: str
    seals: int
    runs: int
    chunks: int
    not_sealed: tuple[int, ...]

    @property
    def status(self) -> str:
        """`intact` or `changed`."""
        return "changed" if self.found else "intact"


def verify(database: Database, expect: str | None = None) -> Verification:
    """Compute all hashes of the evidence again, and compare them with those that were sealed.

    What is found: a row of `source`, `run` (but its status and end), `chunk`, `chunk_result`, `change`,
    `note`, `quarantine` (its position and the hash of its record) or `seal` that was changed, is missing,
    or was added. Memory does not grow with what there is to read.

    Args:
        database: where.
        expect: the hash of a seal, in hexadecimal, as it was written down: it must still be there.

    Raises:
        UsageError: nothing was ever loaded into this database, or `expect` is no hash.
    """
    expected = _hash(expect) if expect else None
    with reading(database) as connection:
        if connection.dialect.name != "sqlite":  # which has no other level
            connection.rollback()
            connection.execution_options(isolation_level=SNAPSHOT)
        if not sa.inspect(connection).has_table(seal_table.name):
            raise UsageError(
                "this database was last loaded into before seals were kept",
                where=database.label,
                hint="The next `muniment load` upgrades it, and seals its runs from then on",
            )
        return _verified(connection, expected)


def _hash(text: str) -> bytes:
    try:
        expected = bytes.fromhex(text)
    except ValueError:
        expected = b""
    if len(expected) != HASH_BYTES:
        raise UsageError(
            f"{text!r} is no hash of a seal: that has {2 * HASH_BYTES} hexadecimal digits",
            hint="A load, and `muniment audit verify`, print it",
        )
    return expected


class _Findings:
    """Collects what is found, up to a bound."""

    def __init__(self) -> None:
        self.told: list[Finding] = []
        self.count = 0

    def add(self, table: str, run: int | None, message: str) -> None:
        self.count += 1
        if len(self.told) < FINDINGS_TOLD:
            self.told.append(Finding(table, run, message))


def _verified(connection: sa.Connection, expected: bytes | None) -> Verification:
    findings = _Findings()
    last, count, seen = None, 0, expected is None
    for seal in _all_seals(connection):
        _check_link(seal, last, findings)
        seen |= seal.sha256 == expected
        last, count = seal, count + 1
    if not seen:
        findings.add("seal", None, "the seal whose hash was expected is not there")
    runs, chunks, not_sealed = 0, 0, []
    for run_id, status in _all_runs(connection):
        checked = _RunCheck(connection, run_id, findings)
        runs, chunks = runs + 1, chunks + checked.check(status)
        if not checked.sealed:
            not_sealed.append(run_id)
    head = last.sha256.hex() if last else ""
    told = tuple(findings.told)
    return Verification(told, findings.count, head, count, runs, chunks, tuple(not_sealed))


def _all_seals(connection: sa.Connection) -> Iterator[Seal]:
    last = 0
    while page := list(seals(connection.execute, seal_table.c.number > last, limit=ROWS_AT_ONCE)):
        yield from page
        last = page[-1].number


def _all_runs(connection: sa.Connection) -> Iterator[tuple[int, str]]:
    c, last = run_table.c, 0
    query = sa.select(c.run_id, c.status).order_by(c.run_id).limit(ROWS_AT_ONCE)
    while page := connection.execute(query.where(c.run_id > last)).all():
        yield from ((row.run_id, row.status) for row in page)
        last = page[-1].run_id


def _check_link(seal: Seal, before: Seal | None, findings: _Findings) -> None:
    number, previous = (before.number, before.sha256) if before else (0, BEFORE_THE_FIRST)
    if seal.number != number + 1:
        findings.add("seal", None, f"missing between seal {number} and seal {seal.number}")
    elif seal.previous != previous:
        findings.add("seal", seal.run_id, f"seal {seal.number} does not follow from the one before it")
    if seal.hash() != seal.sha256:
        findings.add("seal", seal.run_id, f"seal {seal.number} was changed")


class _RunCheck:
    """Compares one run with what its chunks' results and its seals say of it."""

    def __init__(self, connection: sa.Connection, run_id: int, findings: _Findings) -> None:
        self._connection = connection
        self._run_id = run_id
        self._findings = findings
        self._found_before = findings.count
        self._counted = dict.fromkeys((kept.table.name for kept in KEPT), 0)
        self._seals = list(seals(connection.execute, seal_table.c.run_id == run_id))
        self._hashed = False
        self.sealed = bool(self._seals)

    def check(self, status: str) -> int:
        """Look at all of it; returns how many chunks there are."""
        root = identity(self._connection.execute, self._run_id)
        if any(seal.identity != root for seal in self._seals):
            self._find("run", "the run or its source was changed")
        self._compare(0, 0, root)
        end = chunks = 0
        for claimed, result in chunks_of(self._connection.execute, self._run_id):
            if self._seals and end and claimed["start_offset"] != end:
                self._find("chunk", f"missing between byte {end:,} and byte {claimed['start_offset']:,}")
            end, chunks = claimed["end_offset"], chunks + 1
            if result:
                self._check_chunk(claimed, result)
                root = linked(root, sealable(claimed, result))
            else:
                self._find("chunk_result", f"missing: that of {_records(claimed)}")
            self._compare(chunks, end, root)
        self._check_end(status)
        return chunks

    def _find(self, table: str, message: str) -> None:
        self._findings.add(table, self._run_id, message)

    def _compare(self, chunks: int, end: int, root: bytes) -> None:
        """Compare the seals that end here; what was found already needs no second finding."""
        for seal in [seal for seal in self._seals if seal.end_offset == end]:
            self._seals.remove(seal)
            if self._findings.count > self._found_before:
                continue
            if seal.chunks != chunks:
                self._find("chunk", f"of {seal.chunks:,} up to byte {end:,}, {chunks:,} are there")
            elif seal.root != root:
                self._find("chunk_result", f"one was changed, together with its hash, before byte {end:,}")

    def _check_chunk(self, claimed: Row, result: Row) -> None:
        if result["sha256"] is None:
            return
        self._hashed = True
        if chunk_hash(claimed, result) != result["sha256"]:
            self._find("chunk_result", f"changed, or else the claim in chunk: that of {_records(claimed)}")
        for kept in KEPT:
            found, count = rows_hash(self._connection.execute, kept, claimed)
            self._counted[kept.table.name] += count
            if found != result[kept.evidence]:
                self._find(kept.table.name, f"changed, missing or added: rows of {_records(claimed)}")

    def _check_end(self, status: str) -> None:
        for seal in self._seals:
            self._find("chunk", f"missing: those up to byte {seal.end_offset:,}, of seal {seal.number}")
        for kept in KEPT if self._hashed else ():
            c = kept.table.c
            count = sa.select(sa.func.count()).select_from(kept.table).where(c.run_id == self._run_id)
            more = self._connection.execute(count).scalar_one() - self._counted[kept.table.name]
            if more:
                self._find(kept.table.name, f"added: {more:,} rows of records that are in no chunk")
        if self._hashed and not self.sealed and status in SEALED:
            self._find("seal", f"missing: that of a run which is {status}")


def _records(claimed: Row) -> str:
    return f"records {claimed['first_record']:,} to {claimed['end_record'] - 1:,}"
