"""The parts of the command line that need no process: escaping, sizes, counting, progress lines."""

from __future__ import annotations

import subprocess
import sys
import unicodedata

import pytest
import structlog
import typer
from hypothesis import given
from hypothesis import strategies as st

from muniment.cli.account import MANY_GROUPS, Rejections, counted, duration, summed
from muniment.cli.logs import start_log
from muniment.cli.options import LogFormat, LogLevel, parse_budget, parse_delimiter, parse_size
from muniment.cli.output import JOINERS, visible
from muniment.cli.progress import Tally, plain_lines
from muniment.events import ChunkCommitted, RecordRejected, RunEnded, RunStarted
from muniment.records import Account, Problem
from muniment.run import Run

STEERING = {"Cc", "Cf", "Cs", "Zl", "Zp"}


@given(st.text(st.characters(exclude_categories=[])))
def test_visible_text_holds_nothing_that_steers_a_terminal(text: str) -> None:
    shown = visible(text)
    assert not any(unicodedata.category(c) in STEERING and c not in JOINERS for c in shown)
    shown.encode("utf-8")


@given(st.text(st.characters(categories=["L", "M", "N", "P", "S", "Zs"])))
def test_ordinary_text_of_any_script_is_shown_as_it_is(text: str) -> None:
    assert visible(text) == text


def test_line_feeds_are_kept_where_lines_are_wanted() -> None:
    assert visible("a\n\tb\x1b", lines=True) == "a\n\tb\\x1b"
    assert visible("a\nb\u2028c\u202ed\udc80") == "a\\nb\\u2028c\\u202ed\\udc80"


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("65536", 65_536),
        ("500k", 500_000),
        ("4MiB", 4_194_304),
        ("4 mib", 4_194_304),
        ("1.5kB", 1_500),
        ("1g", 10**9),
    ],
)
def test_a_size_is_read_with_its_unit(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "MiB", "4 pounds", "9" * 400, "-1", "1e6", "4MiB4"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(typer.BadParameter):
        parse_size(text)


@pytest.mark.parametrize("text", ["", "x", "-1", "101%", "nan%", "%"])
def test_what_is_no_budget_is_refused(text: str) -> None:
    with pytest.raises(typer.BadParameter):
        parse_budget(text)


def test_a_delimiter_can_be_spelt_as_a_word() -> None:
    assert [parse_delimiter(text) for text in (";", "tab", "\\t", "TAB")] == [";", "\t", "\t", "\t"]


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(0.04, "0.0 s"), (9.94, "9.9 s"), (59.4, "59 s"), (185, "3 min 5 s"), (7805, "2 h 10 min")],
)
def test_a_time_is_told_in_the_units_that_people_use(seconds: float, told: str) -> None:
    assert duration(seconds) == told


def test_one_thing_is_counted_in_the_singular() -> None:
    assert [counted(n, "record") for n in (0, 1, 1952)] == ["0 records", "1 record", "1,952 records"]
    assert counted(1, "entry|entries") + ", " + counted(2, "entry|entries") == "1 entry, 2 entries"


def rejected(line: int, *problems: Problem) -> RecordRejected:
    places = (f"line {line}",) * len(problems)
    return RecordRejected(1, "a.csv", line - 1, line, None, problems, places)


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("xy")), max_size=50))
def test_problems_are_counted_by_kind_with_the_line_of_the_first(kinds: list[tuple[str, str]]) -> None:
    rejections = Rejections()
    for line, (code, field) in enumerate(kinds, start=2):
        rejections(rejected(line, Problem(code, f"in {line}", field=field)))
    assert sum(group.count for group in rejections.commonest()) == len(kinds)
    for group in rejections.commonest():
        kind = (group.problem.code, group.problem.field)
        assert group.count == kinds.count(kind)
        assert group.line == kinds.index(kind) + 2


def test_however_many_kinds_of_problems_there_are_memory_is_bounded() -> None:
    rejections = Rejections()
    for line in range(2, MANY_GROUPS + 102):
        rejections(rejected(line, Problem(f"code-{line}", "odd")))
    assert len(rejections.groups) == MANY_GROUPS
    assert rejections.others == 100


def committed(read: int, fraction: float) -> ChunkCommitted:
    return ChunkCommitted(1, 1, Account(read=read, inserted=read), 100, fraction, 0.1, 0.1)


def test_plain_progress_is_seldom_and_comes_at_the_end() -> None:
    lines: list[str] = []
    observe = plain_lines(lines.append, seconds=1000)
    observe(RunStarted(1, "a.csv", 100, resumed=False))
    for step in range(50):
        observe(committed(10, step / 50))
    observe(RunEnded(1, "done", Account(), 1.0))
    assert len(lines) == 1
    assert "500 rows" in lines[0]


def test_plain_progress_tells_the_share_that_is_done() -> None:
    lines: list[str] = []
    observe = plain_lines(lines.append, seconds=0)
    observe(committed(10, 0.25))
    assert "25%" in lines[0]


def test_each_run_is_tallied_from_zero() -> None:
    tally = Tally()
    tally.observe(committed(10, 1.0))
    tally.observe(RunStarted(2, "b.csv", 100, resumed=False))
    tally.observe(committed(3, 0.5))
    assert (tally.read, tally.fraction) == (3, 0.5)


def run(number: int, read: int, seconds: float) -> Run:
    account = Account(read=read, inserted=read)
    return Run(number, f"{number}.csv", "done", account, 2, seconds, read / seconds, 10**6 * number)


def test_one_run_is_told_flat_and_several_with_their_sums() -> None:
    assert summed([run(1, 10, 1.0)]) == run(1, 10, 1.0).as_dict()
    both = summed([run(1, 10, 1.0), run(2, 30, 3.0)])
    assert (both["run"], both["read"], both["chunks"], both["seconds"]) == (2, 40, 4, 4.0)
    assert (both["rows_per_second"], both["peak_rss_bytes"]) == (10.0, 2 * 10**6)
    assert [each["run"] for each in both["runs"]] == [1, 2]


def test_soft_problems_are_no_reason_for_a_rejection() -> None:
    rejections = Rejections()
    problems = (Problem("missing", "title is missing"), Problem("date", "odd date", severity="note"))
    rejections(rejected(2, *problems))
    assert [group.problem.code for group in rejections.commonest()] == ["missing"]


def test_on_a_terminal_the_log_speaks_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    log = start_log(LogLevel.INFO, LogFormat.TEXT, for_people=True)
    log.warning("no mapping mentions the column x", source="a.csv", code="unmapped-columns")
    log.info("run started", run=3, source="a.csv", bytes=12)
    assert capsys.readouterr().err == (
        "warning: a.csv: no mapping mentions the column x\ninfo: a.csv: run started (run 3, bytes 12)\n"
    )
    structlog.reset_defaults()


def test_drivers_print_nothing_beside_the_log() -> None:
    said = (
        "import logging; from muniment.cli import logs, options;"
        "logs.start_log(options.LogLevel.INFO, options.LogFormat.TEXT, for_people=True);"
        "logging.getLogger('psycopg').warning('lost')"
    )
    done = subprocess.run([sys.executable, "-c", said], capture_output=True, text=True, check=True)
    assert done.stderr == ""
