"""What a format of exported files is: the seams between files and what stands in them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import IO, Any, Protocol, TypeVar

Item_contra = TypeVar("Item_contra", contravariant=True)


class ExportFormat(Protocol[Item_contra]):
    """A format whose files are bytes, item after item; pure, so that it can run in any process.

    A file is `opening()`, then `record(item)` for each of its items, then `closing()`. See `ItemByItem`.

    Attributes:
        name: what the command line calls it: `lido`.
        suffix: how its files' names end, without compression: `.xml`.
        replaced: characters that it could not hold, and told of by another, in all that it wrote so far.
    """

    @property
    def name(self) -> str: ...  # noqa: D102  # told above
    @property
    def suffix(self) -> str: ...  # noqa: D102  # told above
    @property
    def replaced(self) -> int: ...  # noqa: D102  # told above

    def opening(self) -> bytes:
        """What stands before the first item of a file."""
        ...

    def record(self, item: Item_contra) -> bytes:
        """One item; ends with a line end."""
        ...

    def closing(self) -> bytes:
        """What stands after the last item of a file."""
        ...


class FileWriter(Protocol):
    """Writes one file. `cut` counts what the format could not hold: cells cut, characters replaced."""

    @property
    def cut(self) -> int: ...  # noqa: D102  # told above

    def write(self, items: Sequence[Any]) -> None:
        """Write the next items."""
        ...

    def finish(self) -> None:
        """Write what stands at the end; the stream stays open."""
        ...


class FileFormat(Protocol):
    """A format of files, which may need to see a file as a whole.

    Attributes:
        name, suffix: as in `ExportFormat`.
        compresses: whether its files are compressed as they are.
    """

    @property
    def name(self) -> str: ...  # noqa: D102  # told above
    @property
    def suffix(self) -> str: ...  # noqa: D102  # told above
    @property
    def compresses(self) -> bool: ...  # noqa: D102  # told above

    def writer(self, stream: IO[bytes]) -> FileWriter:
        """A writer that begins a file in an open stream."""
        ...


@dataclass(frozen=True)
class ItemByItem:
    """An `ExportFormat` as a format of files."""

    format: ExportFormat[Any]
    compresses: bool = False

    @property
    def name(self) -> str:
        """See `FileFormat`."""
        return self.format.name

    @property
    def suffix(self) -> str:
        """See `FileFormat`."""
        return self.format.suffix

    def writer(self, stream: IO[bytes]) -> FileWriter:
        """See `FileFormat`."""
        return _ItemWriter(self.format, stream)


@dataclass(frozen=True)
class Projected:
    """A format of rows, for items of which a function makes rows; any process must be able to have it."""

    format: FileFormat
    row: Callable[[Any], Sequence[Any]]

    @property
    def name(self) -> str:
        """See `FileFormat`."""
        return self.format.name

    @property
    def suffix(self) -> str:
        """See `FileFormat`."""
        return self.format.suffix

    @property
    def compresses(self) -> bool:
        """See `FileFormat`."""
        return self.format.compresses

    def writer(self, stream: IO[bytes]) -> FileWriter:
        """See `FileFormat`."""
        return _ProjectedWriter(self.format.writer(stream), self.row)


class _ProjectedWriter:
    def __init__(self, writer: FileWriter, row: Callable[[Any], Sequence[Any]]) -> None:
        self._writer = writer
        self._row = row

    @property
    def cut(self) -> int:
        return self._writer.cut

    def write(self, items: Sequence[Any]) -> None:
        self._writer.write(list(map(self._row, items)))

    def finish(self) -> None:
        self._writer.finish()


class _ItemWriter:
    cut = 0

    def __init__(self, given: ExportFormat[Any], stream: IO[bytes]) -> None:
        self._format = given
        self._replaced_before = given.replaced
        self._stream = stream
        stream.write(given.opening())

    def write(self, items: Sequence[Any]) -> None:
        self._stream.write(b"".join(map(self._format.record, items)))

    def finish(self) -> None:
        self._stream.write(self._format.closing())
        self.cut = self._format.replaced - self._replaced_before
