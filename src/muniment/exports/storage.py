"""Where exported files go: a folder, or with the extra `cloud` whatever fsspec can reach.

A file appears under its name when it is whole, and not before.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any, Protocol

from muniment.errors import MunimentError, UsageError
from muniment.extras import needed

PARTIAL = ".{name}.partial"
"""What a file is called while it is written: hidden, and beside its place, so that renaming is atomic."""


class Storage(Protocol):
    """A folder of files, named by relative paths with `/`."""

    @property
    def label(self) -> str:
        """The folder's path or URL."""
        ...

    def writing(self, name: str) -> AbstractContextManager[IO[bytes]]:
        """A stream to a new file, which takes its place when the block ends; after an error there is none."""
        ...

    def read(self, name: str) -> bytes | None:
        """The content of a file; None where there is none."""
        ...

    def names(self, folder: str) -> list[str]:
        """The files of a folder below it, sorted."""
        ...

    def remove(self, name: str) -> None:
        """Remove a file or an emptied folder, if it is there."""
        ...


def storage_at(place: str | os.PathLike[str]) -> Storage:
    """The folder at a path, or at a URL such as `s3://bucket/folder`."""
    text = os.fspath(place)
    if "://" in text:
        return CloudStorage(text.rstrip("/"))
    return FolderStorage(text)


@dataclass(frozen=True)
class FolderStorage:
    """A folder on this machine."""

    label: str

    @contextmanager
    def writing(self, name: str) -> Iterator[IO[bytes]]:
        """See `Storage`."""
        path = Path(self.label, name)
        partial = path.with_name(PARTIAL.format(name=path.name))
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with partial.open("wb") as stream:
                yield stream
                stream.flush()
                os.fsync(stream.fileno())
            partial.replace(path)
            _sync(path.parent)
        except OSError as error:
            partial.unlink(missing_ok=True)
            raise MunimentError(
                f"the file cannot be written: {error.strerror}",
                where=str(path),
                hint="What was written before stays: run the same command again",
            ) from error
        except BaseException:
            partial.unlink(missing_ok=True)
            raise

    def read(self, name: str) -> bytes | None:
        """See `Storage`."""
        try:
            return Path(self.label, name).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None

    def names(self, folder: str) -> list[str]:
        """See `Storage`."""
        below = Path(self.label, folder)
        names = (path.name for path in below.iterdir()) if below.is_dir() else ()
        return sorted(f"{folder}/{name}" for name in names if not name.startswith("."))

    def remove(self, name: str) -> None:
        """See `Storage`."""
        path = Path(self.label, name)
        if path.is_dir():
            for left in path.iterdir():
                left.unlink()
            path.rmdir()
        else:
            path.unlink(missing_ok=True)


def _sync(folder: Path) -> None:
    """Let the disk know the folder's new entry, so that a power cut cannot take it back."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@dataclass(frozen=True)
class CloudStorage:
    """A folder at a URL, reached by fsspec."""

    label: str

    def _reached(self, name: str) -> tuple[Any, str]:
        fsspec = needed("fsspec.core", "cloud", "writing to a URL")
        try:
            system, root = fsspec.url_to_fs(self.label)
        except (ValueError, ImportError) as error:
            raise UsageError(f"this URL cannot be written to: {error}", where=self.label) from error
        return system, str(PurePosixPath(root, name))

    @contextmanager
    def writing(self, name: str) -> Iterator[IO[bytes]]:
        """See `Storage`."""
        system, path = self._reached(name)
        system.makedirs(str(PurePosixPath(path).parent), exist_ok=True)
        stream = system.open(path, "wb", autocommit=False)
        try:
            yield stream
            stream.close()
        except BaseException:
            stream.discard()
            raise
        stream.commit()

    def read(self, name: str) -> bytes | None:
        """See `Storage`."""
        system, path = self._reached(name)
        try:
            return bytes(system.cat_file(path))
        except FileNotFoundError:
            return None

    def names(self, folder: str) -> list[str]:
        """See `Storage`."""
        system, path = self._reached(folder)
        system.invalidate_cache()
        found = system.ls(path, detail=False) if system.isdir(path) else ()
        return sorted(f"{folder}/{PurePosixPath(name).name}" for name in found)

    def remove(self, name: str) -> None:
        """See `Storage`."""
        system, path = self._reached(name)
        if system.exists(path):
            system.rm(path, recursive=True)
