"""Opening whatever a user calls a source."""

from __future__ import annotations

import os
import stat
import sys
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, BinaryIO, TypeAlias

from muniment.config import Settings
from muniment.errors import SourceError, SourceTooLarge, UsageError
from muniment.extras import needed
from muniment.sources.delimited import DelimitedSource
from muniment.sources.format import Format, Part
from muniment.sources.json_lines import JsonLinesSource
from muniment.sources.ranges import Ranges, is_url
from muniment.sources.recognition import is_json_lines, table_of
from muniment.sources.recorded import recorded_format, written
from muniment.sources.source import Source
from muniment.sources.spooled import SpooledSource
from muniment.sources.stored import Stored, spooled
from muniment.sources.together import path_of, put_together

if TYPE_CHECKING:
    import pyarrow as pa

STDIN = "-"
"""What stands for standard input among paths."""

STDIN_NAME = "<stdin>"
"""What standard input is called."""

RECORDS_NAME = "<records>"
"""What records from Python are called."""

Given: TypeAlias = (
    "str | os.PathLike[str] | IO[bytes] | Iterable[Mapping[str, object]] | Iterable[pa.RecordBatch]"
)
"""What can be opened."""


def open_source(given: Given, format: Format, settings: Settings) -> Source:  # noqa: A002  # the mapping's word
    """Open a source; the caller closes it.

    Args:
        given: a path, or a URL that fsspec reaches (plain, gzip, zstd, or zip with one member, as its first
            bytes tell), `-` for standard input, an open binary file, or an iterable of dicts or of Arrow
            record batches. What can be read only once is copied to a temporary file. Records from Python
            come with their columns: of `format`, only `null` concerns them.
        format: how the text is written.
        settings: with the bounds.

    Raises:
        SourceError: it cannot be read, or not in this encoding.
        HeaderError: its header cannot be read.
        SourceTooLarge: it is over a bound on size or decompression ratio.
    """
    file, name, actual = _opened(given, format, settings)
    location, ranges = name, None
    if isinstance(given, str) and is_url(given):
        ranges = Ranges(given)
    elif isinstance(given, str | os.PathLike) and name != STDIN_NAME:
        path = Path(given).resolve()
        location = _readable(str(path))
        ranges = Ranges(str(path)) if path.is_file() else None
    try:
        stored = Stored(file, name, location, settings, ranges)
        records = not (isinstance(given, str | os.PathLike) or hasattr(given, "read"))
        opened = DelimitedSource(stored, actual, settings) if records else source_of(stored, actual, settings)
    except BaseException:
        file.close()
        raise
    if not format.parts:
        return opened
    return _put_together(opened, format, settings)


def _put_together(records: Source, given: Format, settings: Settings) -> Source:
    def open_part(name: str, part: Part, other: Source) -> Source:
        alone, path = part.model_copy(update={"parts": {}}), path_of(part, other)
        try:
            return open_source(path, alone, settings)
        except SourceError as error:
            if isinstance(error.__cause__, OSError):
                raise _no_file(name, path, error.__cause__) from error
            raise

    try:
        return put_together(records, given, settings, open_part)
    except OSError as error:
        raise _no_room(error, records.name) from error


def _no_file(name: str, path: Path, error: OSError) -> SourceError:
    return SourceError(
        f"the file of the part {name} cannot be read: {error.strerror or error}",
        hint=f"Put it there, or say which file it is: --part {name}=FILE",
        where=str(path),
    )


def source_of(stored: Stored, format: Format, settings: Settings) -> Source:  # noqa: A002  # the mapping's word
    """The source that a file holds, as its content tells; raises as `open_source` does."""
    table = table_of(stored, format, settings)
    if table is None:
        text = JsonLinesSource if is_json_lines(stored) else DelimitedSource
        return text(stored, format, settings)
    try:
        return SpooledSource(stored, table, format, settings)
    except OSError as error:
        raise _no_room(error, stored.name) from error
    finally:
        table.close()


def _opened(given: Given, declared: Format, settings: Settings) -> tuple[BinaryIO, str, Format]:
    """A file that can seek, what to call it, and how it is written."""
    if isinstance(given, str | os.PathLike):
        if os.fspath(given) == STDIN:
            return _copied(sys.stdin.buffer, STDIN_NAME, settings), STDIN_NAME, declared
        name = _readable(str(given))
        if isinstance(given, str) and is_url(given):
            return _at_url(given), name, declared
        return _file(Path(given), name, settings), name, declared
    if hasattr(given, "read"):
        name = str(getattr(given, "name", "<stream>"))
        return _copied(given, name, settings), name, declared
    name = str(getattr(given, "name", RECORDS_NAME))
    return _copied(written(given), name, settings), name, recorded_format(declared)


def _readable(path: str) -> str:
    """A path as text that every database can hold: Linux lets a name be any bytes."""
    return path.encode("utf-8", "backslashreplace").decode()


def _at_url(url: str) -> BinaryIO:
    """A file that fsspec reaches; it reads ahead, and may seek."""
    if "@" in url.partition("://")[2].partition("/")[0]:
        raise UsageError(
            "the URL of a source may hold no user or password: it is kept in the ledger",
            hint="Give them in the way that fsspec's package for this kind of URL takes them",
        )
    fsspec = needed("fsspec.core", "cloud", "a source at a URL")
    try:
        system, path = fsspec.url_to_fs(url)
        file: BinaryIO = system.open(path, "rb")
    except (ValueError, ImportError) as error:
        raise UsageError(f"this URL cannot be reached: {error}", where=url) from error
    except OSError as error:
        raise SourceError(
            f"the file cannot be read: {error.strerror or type(error).__name__}",
            hint="Check the URL, and the rights that fsspec's package is given",
            where=url,
        ) from error
    return file


def _file(path: Path, name: str, settings: Settings) -> BinaryIO:
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise SourceError("this is a folder", hint="Name a file in it", where=name)
        file = path.open("rb")
    except OSError as error:
        raise SourceError(
            f"the file cannot be read: {error.strerror or error}",
            hint="Check its name and its rights",
            where=name,
        ) from error
    if stat.S_ISREG(mode):
        return file
    with file:
        return _copied(file, name, settings)


def _copied(given: Any, name: str, settings: Settings) -> BinaryIO:
    try:
        return spooled(given, settings)
    except SourceTooLarge as error:
        error.where = name
        raise
    except OSError as error:
        raise _no_room(error, name) from error


def _no_room(error: OSError, name: str) -> SourceError:
    return SourceError(
        f"it cannot be copied to a temporary file: {error.strerror or error}",
        hint=f"Make room in {tempfile.gettempdir()}, or name another folder in TMPDIR",
        where=name,
    )
