"""`muniment load` and `muniment check`, as processes."""

from __future__ import annotations

import json
import os
import pty
import subprocess
from pathlib import Path

import pytest

from tests.acceptance.program import Program, good_row, program_in, write_csv, write_export
from tests.faults.catalogue import fault

ACCOUNT_FIELDS = {
    "run",
    "status",
    "read",
    "inserted",
    "updated",
    "unchanged",
    "quarantined",
    "skipped",
    "notes",
    "chunks",
    "seconds",
    "rows_per_second",
    "peak_rss_bytes",
}

TOLERANT = ("--max-rejects", "100%")

MODEL = """
from pydantic import BaseModel

class Loan(BaseModel):
    number: str
    days: int

class NotAModel:
    pass
"""


@pytest.fixture
def muniment(tmp_path: Path) -> Program:
    return program_in(tmp_path)


def test_a_load_ends_with_one_json_object_that_has_the_account(muniment: Program, tmp_path: Path) -> None:
    write_export(tmp_path)
    ended = muniment("load", "export.csv", "--mapping", "museum.toml", "--json")
    assert ended.exit_code == 0
    assert len(ended.out.splitlines()) == 1
    result = ended.result
    assert result.keys() >= ACCOUNT_FIELDS
    assert (result["status"], result["read"], result["inserted"], result["quarantined"]) == (
        "done",
        22,
        20,
        2,
    )
    assert [(p["code"], p["count"], p["first_line"]) for p in result["problems"]] == [("missing", 2, 22)]


def test_the_account_is_told_to_a_registrar(muniment: Program, tmp_path: Path) -> None:
    write_export(tmp_path, good=1200)
    ended = muniment("load", "export.csv", "--mapping", "museum.toml")
    assert ended.exit_code == 0
    for told in ("1,202", "1,200", "title is missing", "balances", "rows/s", "muniment quarantine list"):
        assert told in ended.out


def test_columns_that_are_not_loaded_are_told_of_in_the_account(muniment: Program, tmp_path: Path) -> None:
    write_export(tmp_path)
    path = tmp_path / "export.csv"
    lines = path.read_text(encoding="utf-8").splitlines()
    path.write_text(
        "\n".join([f"{lines[0]},weight", *(f"{line},2 kg" for line in lines[1:])]), encoding="utf-8"
    )
    ended = muniment("load", "export.csv", "-m", "museum.toml")
    assert "Besides: no mapping mentions the columns weight; they are not loaded." in ended.out


def test_without_a_database_url_the_load_goes_into_the_folder(muniment: Program, tmp_path: Path) -> None:
    write_export(tmp_path)
    assert muniment("load", "export.csv", "-m", "museum.toml").exit_code == 0
    assert (tmp_path / "muniment.db").is_file()


@pytest.mark.parametrize("spelling", ["--to", "--db"])
def test_the_database_url_can_be_spelt_in_two_ways(muniment: Program, tmp_path: Path, spelling: str) -> None:
    write_export(tmp_path)
    assert muniment("load", "export.csv", "-m", "museum.toml", spelling, "sqlite:///other.db").exit_code == 0
    assert (tmp_path / "other.db").is_file()
    assert not (tmp_path / "muniment.db").exists()


def test_the_environment_names_the_database(tmp_path: Path) -> None:
    write_export(tmp_path)
    muniment = program_in(tmp_path, MUNIMENT_DB="sqlite:///named.db")
    assert muniment("load", "export.csv", "-m", "museum.toml").exit_code == 0
    assert (tmp_path / "named.db").is_file()


def test_the_same_file_again_is_already_loaded(muniment: Program, tmp_path: Path) -> None:
    write_export(tmp_path)
    muniment("load", "export.csv", "-m", "museum.toml")
    ended = muniment("load", "export.csv", "-m", "museum.toml", "--json")
    assert (ended.exit_code, ended.result["status"]) == (0, "already loaded")
    full = muniment("load", "export.csv", "-m", "museum.toml", "--full")
    assert "Nothing more was marked as withdrawn: --again beside --full compares once more." in full.out
    again = muniment("load", "export.csv", "-m", "museum.toml", "--again", "--json").result
    assert (again["status"], again["unchanged"], again["inserted"]) == ("done", 20, 0)


def test_several_sources_are_a_run_each_and_are_added_up(muniment: Program, tmp_path: Path) -> None:
    write_export(tmp_path, good=30, untitled=1, name="a.csv")
    write_csv(tmp_path / "b.csv", [good_row(number) for number in range(100, 140)])
    ended = muniment("load", "a.csv", "b.csv", "-m", "museum.toml", "--json")
    result = ended.result
    assert ended.exit_code == 0
    assert (result["read"], result["inserted"], result["quarantined"]) == (71, 70, 1)
    assert [run["read"] for run in result["runs"]] == [31, 40]
    assert result.keys() >= ACCOUNT_FIELDS


def test_the_first_source_that_fails_is_the_last(muniment: Program, tmp_path: Path) -> None:
    write_export(tmp_path, name="a.csv")
    write_export(tmp_path, name="c.csv", good=3, untitled=0)
    ended = muniment("load", "a.csv", "b.csv", "c.csv", "-m", "museum.toml", "--json")
    assert (ended.exit_code, ended.result["status"], ended.result["where"]) == (1, "failed", "b.csv")
    assert [run["inserted"] for run in ended.result["runs"]] == [20]
    assert "Not begun: c.csv" in ended.err


def test_full_with_several_sources_is_refused(muniment: Program, tmp_path: Path) -> None:
    write_export(tmp_path)
    ended = muniment("load", "export.csv", "export.csv", "-m", "museum.toml", "--full")
    assert ended.exit_code == 2
    assert "hint:" in ended.err


def test_a_full_load_tells_what_it_withdrew(muniment: Program, tmp_path: Path) -> None:
    write_export(tmp_path, good=20, untitled=0)
    muniment("load", "export.csv", "-m", "museum.toml")
    write_csv(tmp_path / "newer.csv", [good_row(number) for number in range(1, 18)])
    ended = muniment("load", "newer.csv", "-m", "museum.toml", "--full", "--json")
    assert (ended.result["withdrawn"], ended.result["unchanged"]) == (3, 17)
    assert "3 objects marked as withdrawn" in ended.err


def test_only_some_records_can_be_loaded(muniment: Program, tmp_path: Path) -> None:
    write_export(tmp_path, good=20, untitled=0)
    only = muniment(
        "load", "export.csv", "-m", "museum.toml", "--only", "number=2001.3..2001.7", "--json"
    ).result
    assert (only["read"], only["inserted"], only["skipped"]) == (20, 5, 15)


def test_standard_input_is_a_source(muniment: Program, tmp_path: Path) -> None:
    content = write_export(tmp_path, good=5, untitled=0).read_bytes()
    ended = muniment("load", "-", "-m", "museum.toml", "--json", stdin=content)
    assert (ended.exit_code, ended.result["inserted"], ended.result["source"]) == (0, 5, "<stdin>")


def test_too_many_rejects_stop_the_load_with_exit_code_3(muniment: Program, tmp_path: Path) -> None:
    write_export(tmp_path, good=5, untitled=5)
    ended = muniment("load", "export.csv", "-m", "museum.toml", "--json")
    assert (ended.exit_code, ended.result["status"]) == (3, "stopped")
    ended = muniment("load", "export.csv", "-m", "museum.toml", "--json", *TOLERANT)
    assert (ended.exit_code, ended.result["status"], ended.result["read"]) == (0, "done", 10)


@fault(4, "sqlite")
def test_an_interrupted_load_ends_with_130_and_goes_on_when_run_again(
    muniment: Program, tmp_path: Path
) -> None:
    write_export(tmp_path, good=4000, untitled=1)
    command = ("load", "export.csv", "-m", "museum.toml", "--chunk-rows", "20", "--json")
    stopped = muniment.interrupted(*command, "-v", after="chunk committed")
    assert (stopped.exit_code, stopped.result["status"]) == (130, "interrupted")
    assert 0 < stopped.result["read"] < 4001
    ended = muniment(*command)
    assert (ended.exit_code, ended.result["status"]) == (0, "done")
    assert (ended.result["inserted"], ended.result["quarantined"]) == (4000, 1)
    assert ended.result["run"] == stopped.result["run"]
    assert "run resumed" in ended.err


def test_a_cut_file_is_incomplete_and_the_exit_code_says_so(muniment: Program, tmp_path: Path) -> None:
    content = write_export(tmp_path).read_bytes()
    (tmp_path / "export.csv").write_bytes(content + b'2009.1,"A title that never')
    ended = muniment("load", "export.csv", "-m", "museum.toml", "--json", *TOLERANT)
    assert (ended.exit_code, ended.result["status"]) == (1, "incomplete")


def test_a_check_reports_like_a_load_and_keeps_nothing(muniment: Program, tmp_path: Path) -> None:
    write_export(tmp_path)
    before = sorted(tmp_path.iterdir())
    ended = muniment("check", "export.csv", "-m", "museum.toml", "--json")
    assert ended.exit_code == 0
    assert ended.result.keys() >= ACCOUNT_FIELDS
    assert (ended.result["read"], ended.result["inserted"], ended.result["quarantined"]) == (22, 20, 2)
    assert "cannot foresee" in ended.err
    assert sorted(tmp_path.iterdir()) == before


def test_a_check_runs_on_each_kind_of_server(muniment: Program, tmp_path: Path, database_url: str) -> None:
    write_export(tmp_path)
    ended = muniment("check", "export.csv", "-m", "museum.toml", "--db", database_url, "--json")
    assert (ended.exit_code, ended.result["inserted"]) == (0, 20)
    # The database in the URL is only the way to its server.
    ended = muniment("status", "--db", database_url)
    assert ended.exit_code == 2
    assert "there is no database yet" in ended.err or "nothing was ever loaded" in ended.err


def test_a_load_runs_on_each_kind_of_database(muniment: Program, tmp_path: Path, database_url: str) -> None:
    write_export(tmp_path)
    ended = muniment("load", "export.csv", "-m", "museum.toml", "--to", database_url, "--json")
    assert (ended.exit_code, ended.result["inserted"], ended.result["quarantined"]) == (0, 20, 2)
    status = muniment("status", ended.result["run"], "--db", database_url, "--json").result
    assert (status["read"], status["inserted"], status["quarantined"]) == (22, 20, 2)
    trace = muniment("trace", "2001.7", "--db", database_url)
    assert trace.exit_code == 0
    assert "Vase 7" in trace.out


def test_a_model_is_loaded_into_a_table(muniment: Program, tmp_path: Path) -> None:
    (tmp_path / "loans.py").write_text(MODEL, encoding="utf-8")
    write_csv(tmp_path / "loans.csv", [("L1", "30"), ("L2", "many"), ("L3", "7")], ("number", "days"))
    ended = muniment("load", "loans.csv", "--model", "loans:Loan", "--table", "loan", "--json", *TOLERANT)
    assert (ended.exit_code, ended.result["inserted"], ended.result["quarantined"]) == (0, 2, 1)


def test_a_model_takes_the_delimiter_and_encoding_from_options(muniment: Program, tmp_path: Path) -> None:
    (tmp_path / "loans.py").write_text(MODEL, encoding="utf-8")
    (tmp_path / "loans.csv").write_bytes("number\tdays\nCafé\t3\n".encode("cp1252"))
    ended = muniment(
        "load", "loans.csv", "--model", "loans:Loan", "--delimiter", "tab", "--encoding", "cp1252", "--json"
    )
    assert (ended.exit_code, ended.result["inserted"]) == (0, 1)


@pytest.mark.parametrize(
    ("model", "told"),
    [
        ("loans", "package.module:Class"),
        ("loons:Loan", "No module named"),
        ("loans:Lone", "Its models are Loan"),
        ("loans:NotAModel", "no Pydantic model"),
        ("broken:Loan", "ZeroDivisionError"),
    ],
)
def test_a_model_that_cannot_be_had_is_explained(
    muniment: Program, tmp_path: Path, model: str, told: str
) -> None:
    (tmp_path / "loans.py").write_text(MODEL, encoding="utf-8")
    (tmp_path / "broken.py").write_text("1 / 0\n", encoding="utf-8")
    write_csv(tmp_path / "loans.csv", [("L1", "30")], ("number", "days"))
    ended = muniment("load", "loans.csv", "--model", model)
    assert ended.exit_code == 2
    assert told in ended.err
    assert "hint:" in ended.err
    assert "Traceback" not in ended.err


def test_sizes_are_read_with_their_units(muniment: Program, tmp_path: Path) -> None:
    write_export(tmp_path, good=200, untitled=0)
    ended = muniment("load", "export.csv", "-m", "museum.toml", "--chunk-bytes", "1KiB", "--json")
    assert ended.exit_code == 0
    assert ended.result["chunks"] > 5


def test_each_rejection_is_a_log_line_without_the_value(muniment: Program, tmp_path: Path) -> None:
    write_export(tmp_path, good=3, untitled=0)
    content = (tmp_path / "museum.toml").read_text(encoding="utf-8")
    (tmp_path / "museum.toml").write_text(content + 'manifest = "maker"\n', encoding="utf-8")
    command = ("load", "export.csv", "-m", "museum.toml", "--log-format", "json", *TOLERANT)
    logged = [json.loads(line) for line in muniment(*command).err.splitlines() if line.startswith("{")]
    rejected = [entry for entry in logged if entry["event"] == "record rejected"]
    assert [(entry["record"], entry["line"], entry["key"]) for entry in rejected] == [
        (1, 2, "2001.1"),
        (2, 3, "2001.2"),
        (3, 4, "2001.3"),
    ]
    assert not any("Maker" in json.dumps(entry) for entry in logged)
    quoting = muniment(*command, "--log-values", "--to", "sqlite:///second.db")
    assert "Maker 1" in quoting.err


def test_a_cell_can_neither_break_a_log_line_nor_steer_the_terminal(
    muniment: Program, tmp_path: Path
) -> None:
    write_export(tmp_path)
    write_csv(tmp_path / "export.csv", [("9\x1b[2J\r\n[red]x\u202e9", "", "vessel", "", "")])
    ended = muniment("load", "export.csv", "-m", "museum.toml", "--log-values", *TOLERANT)
    assert "\\x1b[2J\\r\\n[red]x\\u202e9" in ended.err.replace("\\\\", "\\")
    listed = muniment("quarantine", "list")
    assert listed.exit_code == 0
    assert not any(character in ended.said + listed.said for character in "\x1b\r\u202e")
    assert "[red]" in listed.out


def test_on_a_terminal_there_is_a_bar_and_no_line_for_each_rejection(
    muniment: Program, tmp_path: Path
) -> None:
    write_export(tmp_path, good=500)
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        muniment.command("load", "export.csv", "-m", "museum.toml", "--chunk-rows", "20"),
        cwd=tmp_path,
        env=muniment.environment | {"TERM": "xterm", "COLUMNS": "120"},
        stdout=subprocess.PIPE,
        stderr=theirs,
    ) as process:
        os.close(theirs)
        shown = b""
        while True:
            try:
                part = os.read(ours, 65536)
            except OSError:  # how Linux tells that the other side is closed
                break
            if not part:
                break
            shown += part
        assert process.stdout is not None
        assert "quarantined   2" in process.stdout.read().decode()
    os.close(ours)
    assert process.returncode == 0
    assert b"rows/s" in shown
    assert b"export.csv" in shown
    assert b"record rejected" not in shown


def test_plain_progress_is_one_line_at_the_end_of_a_short_load(muniment: Program, tmp_path: Path) -> None:
    write_export(tmp_path)
    command = ("load", "export.csv", "-m", "museum.toml")
    told = [line for line in muniment(*command).err.splitlines() if line.startswith("progress:")]
    assert len(told) == 1
    assert "22 rows" in told[0]
    assert "progress:" not in muniment(*command, "--again", "--no-progress").err
    assert muniment(*command, "--again", "-q").err == ""


def test_nobody_reading_the_output_is_no_error(muniment: Program, tmp_path: Path) -> None:
    write_export(tmp_path, good=0, untitled=300)
    muniment("load", "export.csv", "-m", "museum.toml", *TOLERANT)
    with subprocess.Popen(
        muniment.command("quarantine", "list", "--limit", "300"),
        cwd=tmp_path,
        env=muniment.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 0


def test_the_memory_report_has_curves_and_figures_of_each_chunk(muniment: Program, tmp_path: Path) -> None:
    write_export(tmp_path)
    options = ("--mapping", "museum.toml", "--chunk-rows", "10", "--memory-report", "memory.svg")
    assert muniment("load", "export.csv", *options, *TOLERANT).exit_code == 0
    assert (tmp_path / "memory.svg").read_text().startswith("<svg ")
    samples = json.loads((tmp_path / "memory.json").read_text())
    assert [sample["records"] for sample in samples] == [0, 10, 20, 22]
    assert all(sample["peak_rss"] >= sample["rss"] > sample["python_peak"] > 0 for sample in samples)


def test_the_memory_report_is_an_svg_image(muniment: Program, tmp_path: Path) -> None:
    write_export(tmp_path)
    ended = muniment("load", "export.csv", "--mapping", "museum.toml", "--memory-report", "memory.csv")
    assert (ended.exit_code, "memory.svg" in ended.err) == (2, True)
