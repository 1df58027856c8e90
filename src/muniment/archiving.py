"""Keeping a copy of a source: compressed, named by its hash, read again and compared before it counts.

    PLACE/<SHA-256 of the source, in hexadecimal>.zst

The name comes from the bytes alone, so that no name of a source leads anywhere else. What is there in a
folder is never overwritten; at a URL it is looked for before the copy is written. A copy takes its name when
it is whole, on the disk and compared. Until then it is called PLACE/.<SHA-256>.zst.<random>.partial (at a URL
without the first dot); what an archiver that was killed has left of that the next one removes.
"""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
import stat
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from functools import partial
from pathlib import Path
from typing import IO, Any, BinaryIO, Protocol, cast

import sqlalchemy as sa
import zstandard

from muniment.config import Settings
from muniment.databases.database import Database
from muniment.errors import MunimentError, UsageError
from muniment.evidence import source_copy_table
from muniment.extras import needed
from muniment.ledger import now, run_table
from muniment.sources.source import Fingerprint, Source
from muniment.sources.stored import Stored

COPIED_BYTES = 1024 * 1024
"""Bytes compressed, read or compared at a time."""

LEVEL = 3
"""zstd's own: 6 is a tenth smaller and takes three times as long."""

NO_LINK, NO_WAIT, AS_IT_IS = (getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_BINARY"))
"""Of these Windows has only the last, and other systems only the first two."""

ONLY_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | NO_LINK | AS_IT_IS
ONLY_A_FILE = os.O_RDONLY | NO_LINK | NO_WAIT | AS_IT_IS
"""How files of an archive are opened: no link is followed, and a pipe does not make anyone wait."""

WITHOUT_LINKS = frozenset({errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL})
"""What file systems say that know no hard links, such as exFAT and some network shares."""


class Archive(Protocol):
    """A place for copies."""

    def path(self, name: str) -> str:
        """Where a copy is, for people and the ledger."""
        ...

    def opened(self, name: str) -> IO[bytes] | None:
        """A copy; None where there is none."""
        ...

    def add(
        self, name: str, write: Callable[[IO[bytes]], None], compare: Callable[[IO[bytes]], None]
    ) -> None:
        """Write a copy under another name, compare it as it lies there, and let it have its name.

        Raises:
            FileNotFoundError: somebody has removed it before it had its name.
        """
        ...

    def remove_unfinished(self, name: str) -> None:
        """Remove what is there of a copy that never got its name."""
        ...


def archive_at(place: str) -> Archive:
    """The archive in a folder, or at a URL that fsspec reaches; raises `UsageError` where there is none."""
    return CloudArchive(place) if "://" in place else FolderArchive(place)


class FolderArchive:
    """An archive in a folder, which must be there: a disk that is not mounted is no place for copies."""

    def __init__(self, place: str) -> None:
        self._folder = Path(place).resolve()
        if not self._folder.is_dir():
            raise UsageError(
                "there is no such folder", where=place, hint="Create it, or name another --archive"
            )

    def path(self, name: str) -> str:
        """See `Archive`."""
        return str(self._folder / name)

    def opened(self, name: str) -> IO[bytes] | None:
        """See `Archive`."""
        try:
            descriptor = os.open(self._folder / name, ONLY_A_FILE)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _not_ours(self.path(name)) from error
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise _not_ours(self.path(name))
        return os.fdopen(descriptor, "rb")

    def add(
        self, name: str, write: Callable[[IO[bytes]], None], compare: Callable[[IO[bytes]], None]
    ) -> None:
        """See `Archive`."""
        unfinished = self._folder / f".{name}.{secrets.token_hex(4)}.partial"
        try:
            with os.fdopen(os.open(unfinished, ONLY_NEW, 0o600), "wb") as file:
                write(file)
                file.flush()
                os.fsync(file.fileno())
            with unfinished.open("rb") as file:
                compare(file)
            self._let_have(unfinished, name, compare)
        finally:
            unfinished.unlink(missing_ok=True)
        descriptor = os.open(self._folder, os.O_RDONLY)
        os.fsync(descriptor)
        os.close(descriptor)

    def remove_unfinished(self, name: str) -> None:
        """See `Archive`."""
        for path in self._folder.glob(f".{name}.*.partial"):
            path.unlink(missing_ok=True)

    def _let_have(self, unfinished: Path, name: str, compare: Callable[[IO[bytes]], None]) -> None:
        """Let a copy have its name, or compare what has taken it since it was looked for."""
        path = self._folder / name
        try:
            os.link(unfinished, path)  # refuses a name that is taken, where renaming would overwrite
        except OSError as error:
            if error.errno in WITHOUT_LINKS and not os.path.lexists(path):
                unfinished.rename(path)
                return
            there = self.opened(name)
            if there is None:
                raise
            with there:
                compare(there)


class CloudArchive:
    """An archive at a URL."""

    def __init__(self, place: str) -> None:
        if "@" in place.partition("://")[2].partition("/")[0]:
            raise UsageError(
                "the URL of an archive may hold no user or password: it is kept in the ledger",
                hint="Give them in the way that fsspec's package for this kind of URL takes them",
            )
        fsspec = needed("fsspec.core", "cloud", "an archive at a URL")
        try:
            self._system, self._root = fsspec.url_to_fs(place.rstrip("/"))
        except (ValueError, ImportError) as error:
            raise UsageError(f"this URL cannot be reached: {error}", where=place) from error
        self._place = place.rstrip("/")

    def path(self, name: str) -> str:
        """See `Archive`."""
        return f"{self._place}/{name}"

    def opened(self, name: str) -> IO[bytes] | None:
        """See `Archive`."""
        try:
            return cast("IO[bytes]", self._system.open(f"{self._root}/{name}", "rb"))
        except FileNotFoundError:
            return None

    def add(
        self, name: str, write: Callable[[IO[bytes]], None], compare: Callable[[IO[bytes]], None]
    ) -> None:
        """See `Archive`."""
        unfinished = f"{self._root}/{name}.{secrets.token_hex(4)}.partial"
        self._system.makedirs(self._root, exist_ok=True)
        try:
            with self._system.open(unfinished, "wb") as file:
                write(file)
            with self._system.open(unfinished, "rb") as file:
                compare(file)
            self._system.mv(unfinished, f"{self._root}/{name}")
        finally:
            if self._system.exists(unfinished):
                self._system.rm(unfinished)

    def remove_unfinished(self, name: str) -> None:
        """See `Archive`."""
        self._system.invalidate_cache()
        with suppress(FileNotFoundError):  # there is no folder yet, or another removes the same
            for path in self._system.ls(self._root, detail=False):
                if path.rpartition("/")[2].startswith(f"{name}.") and path.endswith(".partial"):
                    self._system.rm(path)


def keep(source: Source, archive: Archive) -> str:
    """Keep a copy of a source that was loaded; returns where it is.

    Raises:
        MunimentError: it cannot be written, does not read as it was written, or something else has its name.
    """
    fingerprint = source.fingerprint
    name = f"{fingerprint.sha256.hex()}.zst"
    place = archive.path(name)
    try:
        there = archive.opened(name)
        if there is None:
            archive.remove_unfinished(name)
            add = partial(
                archive.add,
                name,
                lambda file: _compress(source, file),
                lambda file: _compare(file, fingerprint, place),
            )
            try:
                add()
            except FileNotFoundError:
                add()  # another archiver of the same source has just taken ours for one of a former attempt
        else:
            with there:
                _compare(there, fingerprint, place)
    except OSError as error:
        raise MunimentError(
            f"the source cannot be archived: {error.strerror or error}", where=place
        ) from error
    return place


def note_copy(database: Database, run_id: int, place: str) -> None:
    """Enter in the ledger where a copy of a run's source is kept; done again, it finds it there."""
    with database.durable_transaction() as transaction:
        of_run = sa.select(run_table.c.source_id).where(run_table.c.run_id == run_id)
        source_id = transaction.execute(of_run).scalar_one()
        c = source_copy_table.c
        same = sa.exists().where(c.source_id == source_id, c.place == place)
        if not transaction.execute(sa.select(same)).scalar():
            row = {"source_id": source_id, "place": place, "kept_at": now()}
            transaction.execute(source_copy_table.insert(), row)


def must_be_durable(source: Source, database: Database) -> None:
    """Raise `MunimentError` where the database may lose what it has committed, so that its source stays."""
    if not database.is_durable():
        raise _stays(source, "this server may lose in a crash what it has committed")


def remove_original(source: Source) -> None:
    """Remove the file that was loaded, once it is kept and the database durable, if it still is that file.

    Raises:
        MunimentError: it is another by now.
    """
    path = Path(source.location)
    if Path(source.name).is_symlink():
        raise _stays(source, "it is a symbolic link")
    try:
        file = os.fdopen(os.open(path, ONLY_A_FILE), "rb")
        with closing(Stored(cast(BinaryIO, file), source.name, source.location, Settings())) as stored:
            # Hashing comes first: in its minutes another file can take the name, or this one grow.
            same = stored.fingerprint == source.fingerprint
            now_there, opened = path.lstat(), os.fstat(file.fileno())
            same &= (now_there.st_dev, now_there.st_ino) == (opened.st_dev, opened.st_ino)
            if not same or opened.st_size != source.fingerprint.size:
                raise _stays(source, "it is not the file any more that was loaded")
            path.unlink()
    except OSError as error:
        raise _stays(source, error.strerror or str(error)) from error


def must_be_removable(source: Source) -> None:
    """Raise `UsageError` where a source is no file that could be removed."""
    if not Path(source.location).is_absolute():
        raise UsageError("--archive-move goes with a file", where=source.name, hint="Give --archive alone")


def decompressed(place: str) -> Iterator[bytes]:
    """The bytes of a copy, as the ledger has its place; raises `MunimentError` or `OSError`."""
    folder, _, name = place.rpartition("/")
    file = archive_at(folder).opened(name)
    if file is None:
        raise MunimentError("the copy is gone", where=place)
    with file:
        yield from _pieces(file)


def _compress(source: Source, file: IO[bytes]) -> None:
    compressor = zstandard.ZstdCompressor(level=LEVEL, write_checksum=True)
    with compressor.stream_writer(file, closefd=False) as writer:
        for offset in range(0, source.fingerprint.size, COPIED_BYTES):
            writer.write(source.stored.read_at(offset, COPIED_BYTES))


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    reader: Any = zstandard.ZstdDecompressor().stream_reader(file, closefd=False)
    while piece := reader.read(COPIED_BYTES):
        yield piece


def _compare(file: IO[bytes], fingerprint: Fingerprint, place: str) -> None:
    """Raise `MunimentError` unless a copy holds the bytes of the source."""
    digest, size = hashlib.sha256(), 0
    try:
        for piece in _pieces(file):
            digest.update(piece)
            size += len(piece)
            if size > fingerprint.size:
                break
    except zstandard.ZstdError as error:
        raise _not_ours(place) from error
    if Fingerprint(size, digest.digest()) != fingerprint:
        raise _not_ours(place)


def _not_ours(place: str) -> MunimentError:
    return MunimentError(
        "what is there under the name of the copy is not the source, and is left alone",
        where=place,
        hint="Look at it, move it away, and run the same command again",
    )


def _stays(source: Source, reason: str) -> MunimentError:
    return MunimentError(
        f"the file was loaded and archived, and stays where it is: {reason}", where=source.name
    )
