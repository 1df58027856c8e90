"""Finding a source again: where it was, or under another name, by its size and hash."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import zstandard

from muniment.archiving import decompressed
from muniment.config import Settings
from muniment.errors import MunimentError
from muniment.sources.source import Fingerprint
from muniment.sources.stored import Stored, spooled

MAX_FILES_LOOKED_AT = 10_000
"""Files whose size is looked at for one that moved: a large folder of exports, not a whole disk."""


@dataclass(frozen=True)
class Whereabouts:
    """Where a source is now.

    Attributes:
        stored: the file, or None where it was not found; whoever asked closes it.
        path: where it is; "" where it was not found.
        remark: what there is to say: that it moved, changed, is gone, or was never kept.
    """

    stored: Stored | None
    path: str
    remark: str


def find_source(
    location: str,
    fingerprint: Fingerprint,
    look_in: Iterable[str | os.PathLike[str]] = (),
    kept_at: Iterable[str] = (),
) -> Whereabouts:
    """Find the file with this fingerprint.

    Args:
        location: where it was when it was loaded, or what it was called where it was no file.
        fingerprint: its size and hash.
        look_in: folders and files in which to look besides that location's folder and the current one.
        kept_at: where copies of it were archived.
    """
    was_file = Path(location).is_absolute()
    if was_file:
        stored = _opened(Path(location), fingerprint)
        if stored is not None:
            return Whereabouts(stored, location, "")
    gone = _what_became_of(location) if was_file else _never_kept(location)
    folders: list[str | os.PathLike[str]] = [Path(location).parent] if was_file else []
    for path in islice(_files([*folders, *look_in, Path.cwd()]), MAX_FILES_LOOKED_AT):
        stored = _opened(path, fingerprint)
        if stored is not None:
            return Whereabouts(stored, str(path), f"{gone}; the same bytes were found at {path}")
    for place in kept_at:
        stored = _archived(place, fingerprint)
        if stored is not None:
            return Whereabouts(stored, place, f"{gone}; a copy was archived at {place}")
    return Whereabouts(None, "", f"{gone}, and no file with the same bytes was found")


def _what_became_of(location: str) -> str:
    if Path(location).exists():
        return f"the file at {location} has other bytes now"
    return f"the file is no longer at {location}"


def _never_kept(location: str) -> str:
    came = {"<stdin>": "came through standard input", "<records>": "was made of records by a program"}
    return f"the source {came.get(location, f'was {location}, which is no file')} and was not kept"


def _files(places: Iterable[str | os.PathLike[str]]) -> Iterator[Path]:
    """The files in these places, each once; what cannot be looked at is passed over."""
    seen: set[Path] = set()
    for place in places:
        path = Path(place)
        try:
            candidates = sorted(path.iterdir()) if path.is_dir() else [path]
        except OSError:
            continue
        for candidate in candidates:
            found = candidate.absolute()
            if found not in seen:
                seen.add(found)
                yield found


def _archived(place: str, fingerprint: Fingerprint) -> Stored | None:
    """An archived copy, decompressed into a temporary file, where it has this fingerprint."""
    settings = Settings(max_decompressed_bytes=max(fingerprint.size, 1))
    try:
        stored = Stored(spooled(decompressed(place), settings), place, place, Settings())
    except (OSError, MunimentError, zstandard.ZstdError):
        return None
    if stored.fingerprint == fingerprint:
        return stored
    stored.close()
    return None


def _opened(path: Path, fingerprint: Fingerprint) -> Stored | None:
    """The file, opened, where it has this fingerprint."""
    try:
        if not path.is_file() or path.stat().st_size != fingerprint.size:
            return None
        stored = Stored(path.open("rb"), str(path), str(path), Settings())
    except (OSError, MunimentError):
        return None
    if stored.fingerprint == fingerprint:
        return stored
    stored.close()
    return None
