"""What a format of exported files is: the seam between files and what stands in them."""

from __future__ import annotations

from typing import Protocol, TypeVar

Item_contra = TypeVar("Item_contra", contravariant=True)


class ExportFormat(Protocol[Item_contra]):
    """A format whose files are bytes, item after item; pure, so that it can run in any process.

    A file is `opening()`, then `record(item)` for each of its items, then `closing()`.

    Attributes:
        name: what the command line calls it: `lido`.
        suffix: how its files' names end, without compression: `.xml`.
    """

    name: str
    suffix: str

    def opening(self) -> bytes:
        """What stands before the first item of a file."""
        ...

    def record(self, item: Item_contra) -> bytes:
        """One item; ends with a line end."""
        ...

    def closing(self) -> bytes:
        """What stands after the last item of a file."""
        ...
