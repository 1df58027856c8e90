"""What the package offers to Python: loading, and loading on trial. The command line calls the same."""

from __future__ import annotations

import os
import pickle
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import replace
from functools import partial
from typing import IO, TYPE_CHECKING, Any, TypeAlias

from pydantic import BaseModel

from muniment.archiving import (
    archive_at,
    keep,
    must_be_durable,
    must_be_removable,
    note_copy,
    remove_original,
)
from muniment.config import Settings, database_url
from muniment.databases import connect, scratch
from muniment.databases.database import Database
from muniment.databases.kinds import modules_of
from muniment.databases.patience import persistently
from muniment.databases.url import in_memory, parsed
from muniment.doctor import must_be_fit
from muniment.errors import DatabaseUnreachable, UsageError
from muniment.events import Observer, telling_failures, unobserved
from muniment.migrations import upgrade
from muniment.profile import Profile
from muniment.registry import read_mapping
from muniment.run import Run, prepare, run_load
from muniment.sources import open_source
from muniment.sources.format import Format
from muniment.sources.together import with_files
from muniment.stopping import StopRequest
from muniment.table import Mode, TableMapping, TableProfile
from muniment.validation.filters import Condition
from muniment.workers.cluster import Cluster
from muniment.workers.crew import Crew
from muniment.workers.processes import Processes

if TYPE_CHECKING:
    from muniment.museum.mapping import Mapping as MuseumMapping

SourceLike = str | os.PathLike[str] | IO[bytes] | Iterable[Mapping[str, object]] | Iterable[Any]
"""A path (`-` is standard input), an open binary file, or an iterable of dicts or of Arrow record batches; as
a `muniment.Query`, which is a table or query of another database, is one."""

MappingLike: TypeAlias = "MuseumMapping | TableMapping | str | os.PathLike[str]"
"""A mapping, or the path of its file, of either profile."""

ARCHIVED = ("done", "already loaded")
"""The ends of a sitting after which the source is archived: a run that is to go on needs its source."""


def load(  # noqa: PLR0913 - a load has an option for each thing that its user may choose
    source: SourceLike,
    *,
    mapping: MappingLike | None = None,
    model: type[BaseModel] | None = None,
    table: str | None = None,
    to: str | None = None,
    only: Sequence[str | Condition] = (),
    again: bool = False,
    full: bool = False,
    withdraw_many: bool = False,
    abandon: bool = False,
    row_lineage: bool = False,
    source_format: Format | None = None,
    parts: Mapping[str, str | os.PathLike[str]] | None = None,
    archive: str | os.PathLike[str] | None = None,
    archive_move: bool = False,
    workers: int = 1,
    dask: str | None = None,
    settings: Settings | None = None,
    observer: Observer = unobserved,
) -> Run:
    """Load a source into a database, every record accounted for; an interrupted load is taken up again.

    Meanwhile, in the main thread, Ctrl-C and SIGTERM let the current chunk finish; a second one ends at once.

    Args:
        source: what to load; see `SourceLike`.
        mapping: a mapping, or the path of its file, which says itself of which profile it is.
        model: for the `table` profile, instead of a mapping the Pydantic model of a row.
        table: the table to load into; else named after the model.
        to: the database's URL; else `MUNIMENT_DB`, else `sqlite:///muniment.db`.
        only: conditions on the records to load, such as `department=Prints`.
        again: load a source that was loaded before once more, comparing by content.
        full: mark objects that this source does not hold as withdrawn.
        withdraw_many: beside `full`, mark even where that is more than half of the objects.
        abandon: give up an interrupted run whose source has changed since.
        row_lineage: add columns of lineage to each row (`table` profile).
        source_format: how delimited text is written, for a model; a mapping says it itself.
        parts: by the name of a part of the mapping, another file than it names.
        archive: a folder, or a URL that fsspec reaches: once the run is done, a copy of the source is kept
            there, compressed and compared.
        archive_move: then remove the source, which must be a file.
        workers: how many processes load at once, each with one connection; the result is the same. One alone
            has two, for museum records whose foreign keys PostgreSQL checks. A script that asks for more than
            one needs the usual `if __name__ == "__main__":`.
        dask: instead, the address of a Dask scheduler, such as `tcp://scheduler:8786`: its workers load.
        settings: chunks, bounds, reject budget.
        observer: is called with each event (`muniment.events`).

    Returns:
        The run: its status and its account.

    Raises:
        MunimentError: the run cannot begin or go on; `muniment.errors` has the tree.
    """
    if archive_move and archive is None:
        raise UsageError("--archive-move goes with --archive")
    place = archive_at(os.fspath(archive)) if archive is not None else None
    conditions = _conditions(only)
    if full and conditions:
        raise UsageError(
            "a load of some records cannot tell which objects are gone",
            hint="Give --full without --only, on a complete export",
        )
    if withdraw_many and not full:
        raise UsageError("--withdraw-many goes with --full", hint="Only a full load withdraws")
    profile = choose_profile(mapping, model, table, conditions, source_format, row_lineage=row_lineage)
    if archive is not None and profile.source.parts:
        raise UsageError(
            "--archive keeps one file, and these records have parts in files of their own",
            hint="Keep the files by other means; the ledger has the hash over all of them",
        )
    _refuse_what_a_profile_cannot(profile, again=again, full=full)
    _refuse_database_in_memory(database_url(to))
    chosen = (settings or Settings()).suiting(profile.chunk_rows)
    with (
        _crew(workers, dask, profile, database_url(to)) as crew,
        closing(open_source(source, with_files(profile.source, parts or {}), chosen)) as opened,
        closing(_reached(database_url(to), chosen, observer)) as database,
        StopRequest() as stop,
    ):
        if archive_move:
            must_be_removable(opened)
        run = run_load(
            opened,
            profile,
            database,
            settings=chosen,
            again=again,
            full=full,
            withdraw_many=withdraw_many,
            abandon=abandon,
            observer=observer,
            stop=stop,
            crew=crew,
        )
        if isinstance(profile, TableProfile) and run.status in ARCHIVED:
            from muniment.correction.waiting import retry_waiting

            retried = retry_waiting(database, run.run, profile.scope, profile.table.name, chosen, stop, model)
            run = replace(run, messages=(*run.messages, *filter(None, map(_told_of_waiting, retried))))
        if place is None or run.status not in ARCHIVED:
            return run
        in_ledger = partial(
            persistently, settings=chosen, stop=stop, failed=telling_failures(observer, run.run)
        )
        kept = keep(opened, place)
        in_ledger(partial(note_copy, database, run.run, kept))
        if archive_move:
            in_ledger(partial(must_be_durable, opened, database))
            remove_original(opened)
        return replace(run, messages=(*run.messages, f"a copy of the source is kept at {kept}"))


def check(  # noqa: PLR0913 - as for `load`
    source: SourceLike,
    *,
    mapping: MappingLike | None = None,
    model: type[BaseModel] | None = None,
    table: str | None = None,
    db: str | None = None,
    only: Sequence[str | Condition] = (),
    source_format: Format | None = None,
    parts: Mapping[str, str | os.PathLike[str]] | None = None,
    settings: Settings | None = None,
    observer: Observer = unobserved,
) -> Run:
    """Load a source into a throwaway database: the same code, constraints included, and nothing is kept.

    The throwaway database is made on the server at `db`, or else in a temporary SQLite file. The other
    arguments, the result and the errors are those of `load`. What it cannot foresee: conflicts with
    what the real database holds, its disk, and what other programs do to it.
    """
    throwaway: AbstractContextManager[Database] = scratch(db)
    profile = choose_profile(mapping, model, table, _conditions(only), source_format)
    _refuse_what_a_check_cannot(profile)
    chosen = (settings or Settings()).suiting(profile.chunk_rows)
    with (
        closing(open_source(source, with_files(profile.source, parts or {}), chosen)) as opened,
        throwaway as database,
        StopRequest() as stop,
    ):
        return run_load(opened, profile, database, settings=chosen, observer=observer, stop=stop)


def migrate(
    to: str | None = None,
    *,
    mapping: MappingLike | None = None,
    model: type[BaseModel] | None = None,
    table: str | None = None,
    row_lineage: bool = False,
) -> None:
    """Create or upgrade the tables and load nothing, so that those who load need no right to.

    Args:
        to: the database's URL; else `MUNIMENT_DB`, else `sqlite:///muniment.db`.
        mapping: a mapping whose tables are wanted; else those of museum objects are.
        model: a model whose table is wanted instead.
        table: the name of that table; else named after the model.
        row_lineage: whether that table has columns of lineage.

    Raises:
        DatabaseError: it cannot be done, such as for want of rights.
    """
    with closing(connect(database_url(to))) as database:
        if mapping is not None or model is not None:
            prepare(database, choose_profile(mapping, model, table, (), row_lineage=row_lineage))
            return
        upgrade(database, "engine")
        upgrade(database, "museum")


def _reached(url: str, settings: Settings, observer: Observer) -> Database:
    """The database at a URL, into which a load can go well.

    What passes is waited for. Where nothing answers at all that is said at once: the URL may be wrong.
    """
    # Nothing is in progress yet that Ctrl-C should let finish: this request to stop listens to nobody.
    patiently = partial(
        persistently, settings=settings, stop=StopRequest(), failed=telling_failures(observer)
    )
    database = patiently(partial(connect, url), final=(DatabaseUnreachable,))
    try:
        patiently(partial(must_be_fit, database))
    except BaseException:
        database.close()
        raise
    return database


def choose_profile(
    mapping: MappingLike | None,
    model: type[BaseModel] | None,
    table: str | None,
    conditions: Sequence[Condition],
    source_format: Format | None = None,
    *,
    row_lineage: bool = False,
) -> Profile:
    """The profile that a mapping says, the `table` profile for a model."""
    if (mapping is None) == (model is None):
        raise UsageError(
            "say how the columns are to be read: either by a mapping or by a model",
            hint="Add a mapping (--mapping FILE): `muniment guess SOURCE` writes a first one",
        )
    if model is not None:
        return TableProfile(model, table, only=conditions, source=source_format, row_lineage=row_lineage)
    if source_format is not None:
        raise UsageError(
            "a mapping says itself how its source is written",
            hint="Leave `source_format` out, and write it under [source] in the mapping",
        )
    read: Any = read_mapping(mapping) if isinstance(mapping, str | os.PathLike) else mapping
    if isinstance(read, TableMapping):
        return TableProfile.of(read, conditions)
    from muniment.museum.profile import MuseumProfile

    return MuseumProfile(read, conditions)


def _refuse_what_a_profile_cannot(profile: Profile, *, again: bool, full: bool) -> None:
    if full and isinstance(profile, TableProfile):
        raise UsageError(
            "--full marks museum objects as withdrawn, and a table of rows has none",
            hint="Leave out --full",
        )
    if full:
        from muniment.museum.profile import MuseumProfile

        if isinstance(profile, MuseumProfile) and profile.conditions:
            raise UsageError("a mapping with conditions under [[only]] cannot be loaded with --full")
    if again and isinstance(profile, TableProfile) and profile.mode is Mode.APPEND:
        raise UsageError(
            f"the model {profile.model.__name__} has no key to compare by: each row would be there twice"
            if not profile.key
            else f"the mode append only adds rows, and those of {profile.table.name} are there",
            hint="Mark what identifies a row with muniment.table.PrimaryKey, or leave out --again",
        )


def _refuse_what_a_check_cannot(profile: Profile) -> None:
    looked_up = profile.lookups if isinstance(profile, TableProfile) else ()
    if lacking := [one.lookup.table for one in looked_up if one.lookup.missing != "insert"]:
        raise UsageError(
            f"a check loads into an empty database of its own, which has no {', '.join(lacking)} to look up "
            "keys in",
            hint="Try the load on a copy of the real database: `muniment load` with --db",
        )


def _told_of_waiting(retried: Run) -> str:
    account = retried.account
    stored = account.inserted + account.updated + account.unchanged
    told = f"{stored:,} of {account.read:,} records that had waited are stored now, by run {retried.run}"
    return told if stored else ""


def _crew(workers: int, dask: str | None, profile: Profile, url: str) -> AbstractContextManager[Crew | None]:
    """Those who load; None where this process does all by itself."""
    if workers < 1:
        raise UsageError(f"{workers} workers cannot load anything", hint="Give --workers 1 or more")
    if workers == 1 and dask is None:
        return nullcontext()
    if workers > 1 and dask is not None:
        raise UsageError("--workers and --dask exclude each other", hint="A cluster has its own workers")
    try:
        pickle.dumps(profile)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise UsageError(
            f"the model cannot be sent to other processes: {error}",
            hint="Define it at the top level of a module that can be imported, or load with one worker",
        ) from error
    kind = parsed(url).get_backend_name()
    one_writer = kind == "sqlite"
    if dask is None:
        modules = (type(profile).__module__, *modules_of(kind))
        return closing(Processes(workers, None if one_writer else url, modules))
    if one_writer:
        raise UsageError(
            "a SQLite file has one writer, and only processes of one machine can share it safely",
            hint="Load with --workers on the machine that has the file, or into a server with --dask",
        )
    return closing(Cluster(dask, url))


def _refuse_database_in_memory(url: str) -> None:
    if in_memory(parsed(url)):
        raise UsageError(
            "a database in memory would be gone when the load ends",
            hint="Name a file, such as sqlite:///collection.db; `muniment check` keeps nothing",
        )


def _conditions(only: Sequence[str | Condition]) -> list[Condition]:
    return [
        condition if isinstance(condition, Condition) else Condition.parse(condition) for condition in only
    ]
