"""Runs: chunk after chunk of a source into a database, until done, stopped or interrupted.

`run_load` is the loop around `muniment.chunk_load.load_chunk`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from functools import partial
from itertools import count
from typing import Any

import sqlalchemy as sa

from muniment import evidence, first_load, ledger, quarantine
from muniment.beginning import open_run
from muniment.chunk_load import Job, must_reach
from muniment.config import WITHDRAWN_SHARE, Settings
from muniment.databases.database import Database, Transaction
from muniment.databases.patience import GO_ON_LATER, persistently
from muniment.errors import (
    CommitsLost,
    HeaderError,
    Interrupted,
    MunimentError,
)
from muniment.events import (
    Observer,
    RunEnded,
    RunStarted,
    SourceRemark,
    telling_failures,
)
from muniment.heeding import Heeding
from muniment.memory import peak_rss, rare_collections
from muniment.migrations import upgrade
from muniment.profile import Judge, Profile, RunContext
from muniment.records import Account, Problem
from muniment.sitting import Sitting, account_so_far, load_in_order
from muniment.sources.format import joining_columns
from muniment.sources.remarks import remarks, unsettled
from muniment.sources.source import Source
from muniment.stopping import StopRequest
from muniment.workers.crew import Crew
from muniment.workers.judging import judged_by
from muniment.workers.loading import WorkersLoad
from muniment.workers.task import Task
from muniment.workers.threads import over_two_connections

EXIT_CODES = {"done": 0, "already loaded": 0, "stopped": 3, "interrupted": 130}
"""By status of a run; any other is 1."""

SETTLED = ("already loaded", *evidence.SEALED)
"""The ends of a sitting after which the run has a seal, unless it was loaded before there were any."""

ALREADY_LOADED_IN_FULL = "nothing more was marked as withdrawn: --again beside --full compares once more"

OVERTAKEN = "run {run} has loaded since, and what that stored stays; --again loads this source over it"

LOSSES_OUTLASTED = 3
"""So often a load goes on by itself from what a crash of the server left: more crashes are no accident."""

WITHDRAW_MANY = "If the export is complete, load it with --full --again --withdraw-many"


@dataclass(frozen=True, slots=True)
class Run:
    """What came of a load.

    Attributes:
        run: its number in the ledger.
        source: what was loaded.
        status: `done`, `already loaded`, `stopped` (by the reject budget), `incomplete` (the source ends
            in mid-record), or `interrupted`; all but the first two go on where they were when run again.
        account: what became of the records, over all sittings of the run.
        withdrawn: objects that a full run did not see.
        seal: the hash of the run's seal, in hexadecimal, to be written down elsewhere (see `muniment audit
            verify`); "" where it was not sealed, since it goes on.
        seconds, rows_per_second: of this sitting.
        peak_rss_bytes: the largest size of the process so far, and of its workers.
        messages: what else there is to say, for people.
    """

    run: int
    source: str
    status: str
    account: Account
    chunks: int
    seconds: float
    rows_per_second: float
    peak_rss_bytes: int
    withdrawn: int = 0
    messages: tuple[str, ...] = ()
    seal: str = ""

    @property
    def exit_code(self) -> int:
        """The exit code of a command that ends so."""
        return EXIT_CODES.get(self.status, 1)

    def as_dict(self) -> dict[str, Any]:
        """Plain data, the account's numbers beside the rest."""
        plain = asdict(self)
        account: dict[str, Any] = plain.pop("account")
        told: dict[str, Any] = {"run": plain.pop("run"), "status": plain.pop("status")}
        return told | account | plain


def run_load(  # noqa: PLR0913 - the one loop around it all, called by `load` and `check`
    source: Source,
    profile: Profile,
    database: Database,
    *,
    settings: Settings,
    again: bool = False,
    full: bool = False,
    withdraw_many: bool = False,
    abandon: bool = False,
    observer: Observer,
    stop: StopRequest,
    crew: Crew | None = None,
) -> Run:
    """Load a source, be it with workers; see `muniment.load`, which opens what is passed here."""
    began = time.perf_counter()
    judge = _judge(profile, source)
    for problem in (*source.remarks, *_remarks(source, profile)):
        observer(SourceRemark(source.name, problem))
    before = partial(persistently, settings=settings, stop=stop, failed=telling_failures(observer))
    _make_ready(partial(before, partial(prepare, database, profile)), source)
    entry, mends = before(
        partial(open_run, database, source, profile, settings, again=again, abandon=abandon)
    )
    told = telling_failures(observer, entry.run_id)
    in_ledger = partial(persistently, settings=settings, stop=stop, failed=told)
    if not entry.created and entry.status == "done":
        newer = before(partial(_newer_run, database, profile.scope, entry.run_id))
        said = (OVERTAKEN.format(run=newer),) if newer else ()
        sitting = Sitting("already loaded", 0, (*said, ALREADY_LOADED_IN_FULL) if full else said)
        return in_ledger(partial(_finished, database, source, entry.run_id, sitting, began))
    writer = profile.writer(RunContext(entry.run_id))
    job = Job(source, judge, database, writer, entry.run_id, profile.scope, mends)
    observer(RunStarted(entry.run_id, source.name, source.fingerprint.size, resumed=not entry.created))
    try:
        told_of_keys = in_ledger(
            partial(first_load.begin, database, profile, source.fingerprint.size, resumed=not entry.created)
        )
        load = partial(
            _load_chunks,
            source=source,
            profile=profile,
            settings=settings,
            observer=observer,
            stop=stop,
            crew=crew,
        )
        sitting = _until_sealed(job, profile, load, in_ledger, full=full, many=withdraw_many)
        sitting = replace(sitting, messages=(*told_of_keys, *sitting.messages))
    except (KeyboardInterrupt, Interrupted):
        _end_early(job, "interrupted", began, observer)
        raise Interrupted("interrupted", hint=GO_ON_LATER) from None
    except BaseException:
        _end_early(job, "failed", began, observer)
        raise
    in_ledger(partial(_note_status, job, sitting.status))
    run = in_ledger(partial(_finished, database, source, entry.run_id, sitting, began))
    observer(RunEnded(run.run, run.status, run.account, run.seconds))
    return run


def _newer_run(database: Database, scope: str, run_id: int) -> int | None:
    """The last run after this one that has loaded something of the same scope."""
    c = ledger.run_table.c
    query = sa.select(sa.func.max(c.run_id)).where(c.scope == scope, c.run_id > run_id)
    with database.transaction() as transaction:
        newest: int | None = transaction.execute(query.where(c.status.in_(evidence.SEALED))).scalar()
        return newest


def _remarks(source: Source, profile: Profile) -> list[Problem]:
    of_header = remarks(source.header, profile.columns(), joining_columns(profile.source))
    return [*of_header, *unsettled(profile.text)]


def _make_ready(prepare_database: Callable[[], None], source: Source) -> None:
    """Create or upgrade what the database lacks, while the source is being hashed."""
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="muniment-hash") as beside:
        hashing = beside.submit(lambda: source.fingerprint)
        prepare_database()
        hashing.result()


def prepare(database: Database, profile: Profile) -> None:
    """Create or upgrade what a profile needs; where all is there, no right to create anything is needed."""
    upgrade(database, "engine")
    if profile.branch:
        upgrade(database, profile.branch)
    with database.schema_lock() as transaction:
        profile.prepare(transaction)


def _judge(profile: Profile, source: Source) -> Judge:
    columns = {name for names in profile.columns() for name in names} | joining_columns(profile.source)
    try:
        return Heeding(profile.bind(source.header), columns, profile.source.null)
    except HeaderError as error:
        error.where = source.name
        raise


def _until_sealed(
    job: Job,
    profile: Profile,
    load: Callable[[Job], Sitting],
    in_ledger: Callable[[Callable[[], Any]], Any],
    *,
    full: bool,
    many: bool,
) -> Sitting:
    """Load what is not yet committed, and do what is done once for all of it.

    Where a crash took back what was committed, the load goes on from where it stands, with writers that
    remember nothing: what they knew of the database may be gone as well.
    """
    for losses in count():
        try:
            with rare_collections():
                sitting = load(job)
            if sitting.status == "done":
                sitting = in_ledger(partial(_complete, job, sitting))
            if sitting.status != "interrupted":
                in_ledger(partial(first_load.finish, job.database, profile))
            if full and sitting.status == "done":
                # Before the run counts as done: a run that dies in between does it again.
                sitting = in_ledger(partial(_withdraw_unseen, job, sitting, many=many))
            if sitting.status in evidence.SEALED:
                in_ledger(partial(_seal, job, sitting))
        except CommitsLost:
            if losses == LOSSES_OUTLASTED:
                raise
            job = replace(job, writer=profile.writer(RunContext(job.run_id)))
        else:
            return sitting
    raise AssertionError("the loop ends by one of the two")


def _load_chunks(
    job: Job,
    source: Source,
    profile: Profile,
    settings: Settings,
    observer: Observer,
    stop: StopRequest,
    crew: Crew | None,
) -> Sitting:
    """Load what is not yet committed: by workers, over two connections, or in order.

    Over two, where the server is what a load waits for; where it fails, in order from then on.
    """
    patiently = partial(
        persistently, settings=settings, stop=stop, failed=telling_failures(observer, job.run_id)
    )
    in_order = partial(load_in_order, job, source, settings, observer, stop)
    reader = source.reader()
    if reader is None:
        return in_order()
    if crew is None and not patiently(partial(first_load.checks_row_by_row, job.database, profile)):
        return in_order()
    repeats = patiently(partial(_has_earlier, job))
    task = Task(profile, reader, source.ranges, settings, job.run_id, job.mends, repeats)
    if crew is None:
        return over_two_connections(job, task, source, observer, stop)
    crew.begin(task)
    if not crew.stores:
        return in_order(judged_by(crew, observer))
    return WorkersLoad(crew, job, source, settings, observer, stop).load()


def _has_earlier(job: Job) -> bool:
    with job.database.transaction() as transaction:
        return quarantine.has_earlier(transaction, job.run_id, job.scope)


def _complete(job: Job, sitting: Sitting) -> Sitting:
    """Let the writer do what is done once for all records; done again, it finds that it was."""
    with job.database.transaction() as transaction:
        _must_be_whole(transaction, job, sitting)
        said = job.writer.complete(transaction)
    return replace(sitting, messages=(*sitting.messages, said)) if said else sitting


class _TooMany(Exception):
    """More objects would be withdrawn than are, unasked; with what there is to say."""


def _withdraw_unseen(job: Job, sitting: Sitting, *, many: bool) -> Sitting:
    """Mark what a full run did not see; done again, it finds what is marked already."""
    account = account_so_far(job)
    if not account.inserted + account.updated + account.unchanged:
        # An export that failed leaves an empty file more often than a museum gives up all that it has.
        said = "nothing was marked as withdrawn: the source holds no record that could be stored"
        return replace(sitting, messages=(*sitting.messages, said))
    with job.database.transaction() as transaction:
        _must_be_whole(transaction, job, sitting)
        unreadable = quarantine.count_without_key(transaction, job.run_id)
        if unreadable:
            said = f"quarantined records without a readable key: {unreadable:,}"
            return replace(sitting, messages=(*sitting.messages, f"nothing was marked as withdrawn: {said}"))
        try:
            with transaction.savepoint():
                now, before = job.writer.withdraw_unseen(transaction, quarantine.keys_seen(job.run_id))
                # What is marked already was asked for then, or plausible: nobody need ask for it again.
                if now and not many:
                    _must_be_plausible(now, before, account)
        except _TooMany as refused:
            return replace(sitting, withdrawn=before, messages=(*sitting.messages, str(refused)))
        return replace(sitting, withdrawn=now + before)


def _must_be_plausible(now: int, before: int, account: Account) -> None:
    """Raise `_TooMany` where a full run saw fewer of the objects that were there than it may."""
    withdrawn = now + before
    known = withdrawn + account.updated + account.unchanged + account.quarantined
    if withdrawn > WITHDRAWN_SHARE * known:
        raise _TooMany(
            f"nothing {'more ' if before else ''}was marked as withdrawn: the export lacks {withdrawn:,} of "
            f"the {known:,} objects that were there, more than {WITHDRAWN_SHARE:.0%}. {WITHDRAW_MANY}"
        )


def _seal(job: Job, sitting: Sitting) -> None:
    """Seal the run, and wait until the disk has it; done again, it finds the seal that is there."""
    with job.database.durable_transaction() as transaction:
        _must_be_whole(transaction, job, sitting)
        evidence.seal_run(transaction, job.run_id, sitting.status)


def _must_be_whole(transaction: Transaction, job: Job, sitting: Sitting) -> None:
    """Raise `CommitsLost` where a crash took back some of what a sitting has committed."""
    if sitting.end:
        must_reach(transaction, job, sitting.end)


def _note_status(job: Job, status: str) -> None:
    with job.database.transaction() as transaction:
        ledger.set_status(transaction, job.run_id, status)


def _end_early(job: Job, status: str, began: float, observer: Observer) -> None:
    """Note and tell that a run ends by an error, which the caller raises."""
    account = Account()
    with suppress(MunimentError):  # it would hide the one that ends the run
        _note_status(job, status)
        account = account_so_far(job)
    observer(RunEnded(job.run_id, status, account, time.perf_counter() - began))


def _finished(database: Database, source: Source, run_id: int, sitting: Sitting, began: float) -> Run:
    messages = sitting.messages
    if appended := source.stored.appended():
        messages += (f"{appended:,} bytes were appended to {source.name} meanwhile, and not read",)
    with database.transaction() as transaction:
        account, chunks = ledger.account_of(transaction, run_id)
        seal = evidence.seal_of(transaction.execute, run_id) if sitting.status in SETTLED else None
    if sitting.status == "done" and not account.read and not messages:
        messages += (f"{source.name} holds no record",)
    seconds = time.perf_counter() - began
    return Run(
        run=run_id,
        source=source.name,
        status=sitting.status,
        account=account,
        chunks=chunks,
        seconds=round(seconds, 3),
        rows_per_second=round(sitting.read / seconds, 1),
        peak_rss_bytes=peak_rss() + sitting.workers_peak_rss,
        withdrawn=sitting.withdrawn,
        messages=messages,
        seal=seal.sha256.hex() if seal else "",
    )
