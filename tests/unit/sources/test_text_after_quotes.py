"""Text after a closing quote: one bad record, whatever its other cells hold."""

from __future__ import annotations

import io

import pytest

from muniment.config import Settings
from muniment.sources import Format, open_source

pytestmark = pytest.mark.usefixtures("stretches")


def _records(text: str, chunk_bytes: int = 4096) -> list[tuple[list[str], str]]:
    source = open_source(io.BytesIO(text.encode()), Format(), Settings(chunk_bytes=chunk_bytes))
    found = []
    for chunk in source.chunks(source.first):
        records = source.records(chunk)
        for index, row in enumerate(records.rows):
            problem = records.unreadable.get(index)
            found.append((list(row), problem.code if problem else ""))
    source.close()
    return found


@pytest.mark.parametrize("filler", ["", "x" * 5_000])
def test_text_after_a_closing_quote_spoils_one_record_though_a_later_cell_has_lines(filler: str) -> None:
    found = _records(f'a,b,c\n1,"The" Night,"two\nlines{filler}"\n2,x,y\n', 1_024)
    assert [code for _, code in found] == ["quote", ""]
    assert found[1][0] == ["2", "x", "y"]


def test_a_quote_that_closes_on_a_later_line_takes_nothing_of_that_line() -> None:
    found = _records('a,b,c\n1,"abc,2\n3,"def",4\n5,x,y\n')
    assert found[-1] == (["5", "x", "y"], "")
    assert (["3", "def", "4"], "") in found


def test_a_record_of_another_width_ends_with_its_first_line() -> None:
    found = _records('a,b,c\n1,"The" Night\n"2",x,y\n')
    assert [code for _, code in found] == ["quote", ""]
