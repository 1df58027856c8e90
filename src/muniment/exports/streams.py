"""What a file's bytes pass on their way out: compression, then the count and hash that the manifest tells."""

from __future__ import annotations

import gzip
import hashlib
import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any, cast

import zstandard

from muniment.errors import UsageError

COMPRESSIONS = ("gz", "zst")
"""What files can be compressed by, with the ending of their names."""


class Hashed(io.RawIOBase):
    """Passes bytes on, and counts and hashes them."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._hash = hashlib.sha256()
        self.size = 0

    @property
    def sha256(self) -> str:
        """The hash so far, in hexadecimal."""
        return self._hash.hexdigest()

    def writable(self) -> bool:
        """Always."""
        return True

    def tell(self) -> int:
        """Bytes so far."""
        return self.size

    def write(self, data: Any) -> int:
        """Pass bytes on."""
        with memoryview(data) as view:
            self._hash.update(view)
            self._stream.write(view)
            self.size += view.nbytes
            return view.nbytes


def must_be_known(compression: str) -> None:
    """Raise `UsageError` unless files can be compressed so; "" is no compression."""
    if compression and compression not in COMPRESSIONS:
        raise UsageError(
            f"there is no compression called {compression!r}", hint=f"There is {', '.join(COMPRESSIONS)}"
        )


@contextmanager
def compressed(stream: Hashed, compression: str) -> Iterator[IO[bytes]]:
    """A stream that compresses into another; the same content gives the same bytes whenever it is written."""
    if not compression:
        yield cast(IO[bytes], stream)
        return
    if compression == "gz":
        packed: Any = gzip.GzipFile(filename="", fileobj=cast(IO[bytes], stream), mode="wb", mtime=0)
    else:
        packed = zstandard.ZstdCompressor().stream_writer(cast(IO[bytes], stream), closefd=False)
    with packed:
        yield packed
