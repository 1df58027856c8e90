"""Beginning a run, or taking it up: the same source, the same settings, and what was committed as it was."""

from __future__ import annotations

from importlib.metadata import version

from muniment import evidence, ledger, quarantine, run_parts
from muniment.config import Settings, operator
from muniment.continuation import must_agree, what_changed
from muniment.databases.database import Database, Transaction
from muniment.errors import SourceChanged, UsageError
from muniment.profile import Profile
from muniment.sources.source import Fingerprint, Source


def open_run(
    database: Database,
    source: Source,
    profile: Profile,
    settings: Settings,
    *,
    again: bool,
    abandon: bool,
) -> tuple[ledger.RunEntry, bool]:
    """The run's entry, and whether earlier runs left records in quarantine that it may mend.

    Raises:
        SourceChanged: a run from this place was not finished, and its source was another.
        UsageError: it began with other settings, which it cannot change.
    """
    request = ledger.RunRequest(
        fingerprint=source.fingerprint,
        source_name=source.name,
        location=source.location,
        profile=profile.name,
        scope=profile.scope,
        mapping_version=profile.version,
        mapping_text=profile.text,
        header=source.header.given,
        settings={"chunk_bytes": settings.chunk_bytes, "chunk_rows": settings.chunk_rows},
        operator=operator(),
        program=version("muniment"),
    )
    _must_not_replace(database, request, source, settings, abandon=abandon)
    with database.transaction() as transaction:
        entry = ledger.open_run(transaction, request, again=again)
        _must_have_same_settings(transaction, entry, settings, source)
        if entry.created:
            run_parts.store_positions(transaction, entry.run_id, source.positions)
        if entry.status != "done":
            ledger.set_status(transaction, entry.run_id, "running")
        mends = quarantine.has_waiting(transaction, entry.run_id, profile.scope)
    if not entry.created and entry.status != "done":
        must_agree(source, evidence.claims_of(database, entry.run_id), settings, entry.run_id)
    return entry, mends


def _must_not_replace(
    database: Database, request: ledger.RunRequest, source: Source, settings: Settings, *, abandon: bool
) -> None:
    """Raise `SourceChanged` where an unfinished run has lost its source to another, or give that run up."""
    with database.transaction() as transaction:
        before = ledger.interrupted_run_of(transaction, request.location, request.mapping_version)
        if before is None:
            return
        former = Fingerprint(before.size, bytes(before.sha256))
        if former == source.fingerprint:
            return
        if abandon:
            ledger.set_status(transaction, before.run_id, "abandoned")
            return
    raise SourceChanged(
        f"the source is not the one that run {before.run_id} began to load and did not finish: "
        + what_changed(source, former, evidence.claims_of(database, before.run_id), settings),
        where=source.name,
        hint="Put the former file back to finish that run, or give --abandon to load this one",
    )


def _must_have_same_settings(
    transaction: Transaction, entry: ledger.RunEntry, settings: Settings, source: Source
) -> None:
    fixed = ledger.settings_of(transaction, entry.run_id)
    differing = [f"{name} = {value}" for name, value in fixed.items() if getattr(settings, name) != value]
    if differing and entry.status != "done":
        raise UsageError(
            f"run {entry.run_id} began with {', '.join(differing)}, which a run cannot change",
            where=source.name,
            hint="Give the same chunk settings to go on with it",
        )
