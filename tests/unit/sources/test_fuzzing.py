"""Any bytes, in any encoding and dialect, in chunks of any size: read to the end, every record accounted for.

What these add to the round trips and the known garbage: every encoding that Python has, special
characters of every kind, headers that are garbage as well, broken compression, and a judge's verdicts.
"""

from __future__ import annotations

import gzip
import io
import signal
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from encodings.aliases import aliases
from itertools import cycle
from types import FrameType

import pytest
import zstandard
from hypothesis import HealthCheck, example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from muniment.chunk_load import Prepared, prepare_chunk
from muniment.config import Settings
from muniment.errors import HeaderError, MunimentError, SourceError
from muniment.records import Account
from muniment.sources import Format, Source, open_source
from muniment.table import TableProfile
from tests.unit.sources.reading import settings
from tests.unit.sources.strategies import ALPHABET

EXAMPLES = 800
"""Some fifteen seconds on a quiet machine."""

MANY_EXAMPLES = 100_000
"""Half an hour, by hand."""

HANGS_AFTER_SECONDS = 120
"""No example is larger than a few kilobytes, which takes milliseconds."""


class Row(BaseModel):
    """Some of the columns that fuzzed headers have."""

    a: str
    b: int | None = None


def encodings() -> list[str]:
    """Every encoding of text that Python knows on this machine, and Muniment takes."""
    found = []
    for name in sorted(set(aliases.values())):
        try:
            Format(encoding=name)
        except ValidationError:
            continue
        found.append(name)
    return found


SPECIAL = st.sampled_from([*",;|\t\"'\\^~þé\x14 a", "😀", "\u2028"])


@st.composite
def formats(draw: st.DrawFn) -> Format:
    """A way of writing text that Muniment accepts."""
    header = draw(st.booleans())
    delimiter, quote, escape = draw(
        st.lists(SPECIAL, min_size=3, max_size=3, unique=True).filter(lambda three: three[0] != three[1])
    )
    return Format(
        encoding=draw(st.sampled_from(["utf-8", "cp1252", "utf-16"]) | st.sampled_from(encodings())),
        delimiter=delimiter,
        quote=draw(st.sampled_from(["", quote])),
        escape=draw(st.sampled_from(["", escape])),
        header=header,
        columns=() if header else ("a", "b"),
        skip_lines=draw(st.integers(0, 2)),
    )


@st.composite
def damaged(draw: st.DrawFn, given: Format) -> bytes:
    """A table as it might be meant, encoded as far as it can be, and then damaged; or bytes of any kind."""
    if draw(st.integers(0, 9)) == 0:
        return draw(st.binary(max_size=80))
    mark = given.quote or "'"
    nasty = st.text(st.sampled_from(ALPHABET + 3 * (given.delimiter + mark + given.escape)), max_size=8)
    cell = st.sampled_from(["", "a", "7", f"{mark}b{given.delimiter}c{mark}", f"{mark}d\n{mark}"]) | nasty
    rows = draw(
        st.lists(st.lists(cell, min_size=1, max_size=3) | st.tuples(cell, st.just("12")), max_size=20)
    )
    ends = draw(st.lists(st.sampled_from(["\n", "\n", "\r\n", "\r", "\n\n"]), min_size=1, max_size=3))
    lines = (given.delimiter.join(row) + end for row, end in zip([("a", "b"), *rows], cycle(ends)))
    try:
        data = bytearray("".join(lines).encode(given.encoding, "ignore"))
    except (UnicodeError, ValueError):
        return draw(st.binary(max_size=80))
    for _ in range(draw(st.integers(0, 3))):
        at, until = sorted(draw(st.tuples(st.integers(0, len(data)), st.integers(0, len(data)))))
        data[at : min(until, at + 3)] = draw(st.binary(max_size=4))
    return bytes(data)


def spoilt(data: bytes) -> bytes:
    """The same, with its last third torn off and a byte in the middle turned over."""
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 0xFF]) + data[middle + 1 : len(data) * 2 // 3]


PACKED: dict[str, Callable[[bytes], bytes]] = {
    "plain": lambda data: data,
    "gzip": lambda data: gzip.compress(data, mtime=0),
    "torn gzip": lambda data: spoilt(gzip.compress(data, mtime=0)),
    "zstd": zstandard.compress,
    "torn zstd": lambda data: spoilt(zstandard.compress(data)),
    "no zip": lambda data: b"PK\x03\x04" + data,
}


@st.composite
def sources(draw: st.DrawFn) -> tuple[bytes, Format, Settings]:
    """Bytes, how they are said to be written, and bounds."""
    given = draw(formats())
    data = PACKED[draw(st.sampled_from([*["plain"] * 6, *PACKED]))](draw(damaged(given)))
    chosen = settings(
        chunk_bytes=draw(st.sampled_from([8, 50, 400, 1 << 20])),
        chunk_rows=draw(st.sampled_from([1, 2, 5, 1_000])),
        max_record_bytes=draw(st.sampled_from([8, 60, 1 << 20])),
    )
    return data, given, chosen


@contextmanager
def in_time() -> Iterator[None]:
    """Fail where the block does not come to an end."""

    def hangs(_number: int, _frame: FrameType | None) -> None:
        raise AssertionError(f"it hangs: not done after {HANGS_AFTER_SECONDS} s")

    former = signal.signal(signal.SIGALRM, hangs)
    signal.alarm(HANGS_AFTER_SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, former)


def assert_all_accounted_for(data: bytes, form: Format, chosen: Settings) -> None:
    """Whatever is wrong with the bytes is told as an error of ours or as a rejection, each record once."""
    with in_time():
        try:
            source = open_source(io.BytesIO(data), form, chosen)
        except MunimentError:
            return
        with closing(source):
            assert_read(source)


def assert_read(source: Source) -> None:
    profile = TableProfile(Row)
    try:
        judge = profile.bind(source.header)
    except HeaderError:
        judge = TableProfile(Anything).bind(source.header)
    place = source.first
    try:
        for chunk in source.chunks(place):
            assert chunk.start == place
            assert chunk.end.offset > place.offset
            prepared = prepare_chunk(chunk, source, judge)
            account = account_of(prepared)
            account.must_balance()
            assert chunk.end.number == place.number + account.read
            place = chunk.end
    except SourceError:
        return
    assert place == source.first or chunk.last


class Anything(BaseModel):
    """What any header suits."""

    nothing: str | None = None


def account_of(prepared: Prepared) -> Account:
    """As a load would account for it; every record must be in one verdict, and in one only."""
    records, verdicts = prepared.records, prepared.verdicts
    indexes = [*verdicts.accepted.indexes, *verdicts.skipped]
    indexes += [rejection.index for rejection in verdicts.rejections]
    assert sorted(indexes) == list(range(len(records)))
    for rejection in verdicts.rejections:
        assert rejection.problems
        records.position(rejection.index)
        records.raw(rejection.index)
    return Account(
        read=len(records),
        inserted=len(verdicts.accepted),
        quarantined=len(verdicts.rejections),
        skipped=len(verdicts.skipped),
    )


@hypothesis_settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(sources())
@example((b"", Format(), Settings()))
def test_any_bytes_are_read_to_the_end_or_refused_and_every_record_is_accounted_for(
    fuzzed: tuple[bytes, Format, Settings],
) -> None:
    assert_all_accounted_for(*fuzzed)


@pytest.mark.long
@hypothesis_settings(max_examples=MANY_EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(sources())
def test_many_more_bytes_are_read_to_the_end_or_refused(fuzzed: tuple[bytes, Format, Settings]) -> None:
    assert_all_accounted_for(*fuzzed)
