"""Whether a source still is what a run began to load, by the hashes of what was committed of it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from muniment.config import Settings
from muniment.errors import SourceChanged, SourceError
from muniment.ledger import Row
from muniment.sources.cutting import KEPT_BYTES
from muniment.sources.source import Fingerprint, Source
from muniment.sources.windows import Stream

READ_BYTES = 1024 * 1024
"""Bytes hashed at a time."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """How much of what was committed stands in the source as it did.

    Attributes:
        records: so many of the first ones.
        committed: of how many.
    """

    records: int
    committed: int


def agreement(source: Source, claims: Iterable[Row], settings: Settings) -> Agreement:
    """Read the committed ranges again, in the order of the source, and compare their hashes.

    Args:
        source: as it is now.
        claims: of the run's chunks, in the order of the source.
        settings: those of the run: they decide how much is kept of a record that is too long.
    """
    kept = min(KEPT_BYTES, settings.max_record_bytes)
    stream, offset, agreed = source.stored.stream(source.first.offset), source.first.offset, True
    records = committed = 0
    for claimed in claims:
        count = claimed["end_record"] - claimed["first_record"]
        committed += count
        if agreed:
            try:
                _range_hashes(stream, claimed["start_offset"] - offset, kept)
                found = _range_hashes(stream, claimed["end_offset"] - claimed["start_offset"], kept)
            except SourceError:
                found = ()
            offset, agreed = claimed["end_offset"], claimed["sha256"] in found
            records += count if agreed else 0
    return Agreement(records, committed)


def _range_hashes(stream: Stream, length: int, kept: int) -> tuple[bytes, ...]:
    """The hashes that a chunk of the next bytes may have: of all, or of the beginning of a long record."""
    whole, beginning, read = hashlib.sha256(), hashlib.sha256(), 0
    while read < length and (piece := stream.read(min(READ_BYTES, length - read))):
        beginning.update(piece[: max(0, kept - read)])
        whole.update(piece)
        read += len(piece)
    return (whole.digest(), beginning.digest()) if read == length else ()


def must_agree(source: Source, claims: Iterable[Row], settings: Settings, run_id: int) -> None:
    """Raise `SourceChanged` unless all that was committed of a run stands in the source as it did."""
    found = agreement(source, claims, settings)
    if found.records < found.committed:
        raise SourceChanged(
            f"after record {found.records:,} it does not read as when run {run_id} committed it, though the "
            "file has the same hash",
            where=source.name,
            hint="Either the ledger was changed (`muniment audit verify` tells), or memory or disk fail",
        )


def what_changed(source: Source, before: Fingerprint, claims: Iterable[Row], settings: Settings) -> str:
    """How a source differs from the one of which these chunks were committed, as a sentence's end."""
    more = source.fingerprint.size - before.size
    if more > 0 and source.stored.hash_of(before.size) == before.sha256:
        return f"it has grown by {more:,} bytes: its first {before.size:,} are the former file"
    size = f"{abs(more):,} bytes {'longer' if more > 0 else 'shorter'}" if more else "of the same size"
    found = agreement(source, claims, settings)
    if not found.committed:
        return f"it is {size}; nothing of it was committed"
    if not found.records:
        return f"it is {size}, and not even its first records are the same: it was replaced"
    if found.records < found.committed:
        return f"it is {size}; its first {found.records:,} records are the same, the next ones were changed"
    told = "it was cut short, or changed" if more < 0 else "it was changed"
    return (
        f"it is {size}; the {found.committed:,} records that were committed are the same, {told} after them"
    )
