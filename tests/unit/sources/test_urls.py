"""Sources at URLs that fsspec reaches, and byte ranges that others read of them."""

from __future__ import annotations

import importlib
import pickle
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from muniment import Settings
from muniment.errors import SourceChanged, SourceError, UsageError
from muniment.sources import Format, open_source
from muniment.sources.ranges import Handed, Ranges, is_url
from muniment.sources.source import Source

TEXT = b"id,title\n" + b"".join(b"%d,Vase %d\n" % (n, n) for n in range(1, 101))

SETTINGS = Settings(chunk_rows=30)


@pytest.fixture
def url() -> Iterator[str]:
    system = importlib.import_module("fsspec").filesystem("memory")  # it has no types
    system.pipe_file("/exports/vases.csv", TEXT)
    yield "memory://exports/vases.csv"
    system.rm("/exports/vases.csv")


def rows(source: Source, ranges: Ranges | None) -> list[list[str]]:
    """The cells of all records, as others read them who are handed chunks."""
    reader = source.reader()
    assert reader is not None
    handed = [Handed.of(chunk, ranges) for chunk in source.chunks(source.first)]
    return [list(row) for each in handed for row in reader.records(each.taken(ranges)).rows]


def test_a_source_at_a_url_is_read_as_a_file_is(url: str, tmp_path: Path) -> None:
    path = tmp_path / "vases.csv"
    path.write_bytes(TEXT)
    with (
        closing(open_source(url, Format(), SETTINGS)) as remote,
        closing(open_source(path, Format(), SETTINGS)) as local,
    ):
        assert remote.location == url
        assert remote.fingerprint == local.fingerprint
        assert remote.ranges is not None
        assert local.ranges is not None
        assert rows(remote, remote.ranges) == rows(local, local.ranges) == rows(local, None)
        assert len(rows(local, None)) == 100


def test_what_is_sent_of_a_range_does_not_hold_its_bytes(tmp_path: Path) -> None:
    path = tmp_path / "vases.csv"
    path.write_bytes(TEXT)
    with closing(open_source(path, Format(), SETTINGS)) as source:
        chunk = next(source.chunks(source.first))
        assert b"Vase" in pickle.dumps(Handed.of(chunk, None))
        assert b"Vase" not in pickle.dumps(Handed.of(chunk, source.ranges))


def test_a_range_that_has_other_bytes_than_when_it_was_cut_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "vases.csv"
    path.write_bytes(TEXT)
    with closing(open_source(path, Format(), SETTINGS)) as source:
        handed = Handed.of(next(source.chunks(source.first)), source.ranges)
        path.write_bytes(TEXT.replace(b"Vase", b"Bowl"))
        with pytest.raises(SourceChanged, match="other bytes"):
            handed.taken(source.ranges)
        path.unlink()
        with pytest.raises(SourceError, match="a worker cannot read it"):
            handed.taken(source.ranges)


def test_a_url_that_leads_nowhere_or_holds_a_password_is_refused() -> None:
    with pytest.raises(SourceError, match="cannot be read"):
        open_source("memory://exports/none.csv", Format(), SETTINGS)
    with pytest.raises(UsageError, match="cannot be reached"):
        open_source("nonsense://exports/none.csv", Format(), SETTINGS)
    with pytest.raises(UsageError, match="no user or password"):
        open_source("ftp://me:secret@host/none.csv", Format(), SETTINGS)


def test_a_path_is_no_url() -> None:
    assert not is_url("exports/vases.csv")
    assert not is_url("C:\\exports\\vases.csv")
    assert is_url("s3://museum/vases.csv")
