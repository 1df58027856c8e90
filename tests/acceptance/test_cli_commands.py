"""The commands around the load, as processes: guess, status, trace, quarantine, mapping, help."""

from __future__ import annotations

import csv
import io
import json
import tomllib
from pathlib import Path

import pytest

from tests.acceptance.program import Program, good_row, program_in, write_csv, write_export


@pytest.fixture
def muniment(tmp_path: Path) -> Program:
    return program_in(tmp_path)


@pytest.fixture
def loaded(muniment: Program, tmp_path: Path) -> Program:
    """The program in a folder whose export is loaded: 20 objects, and 2 records without a title."""
    write_export(tmp_path)
    assert muniment("load", "export.csv", "-m", "museum.toml", "-q").exit_code == 0
    return muniment


def test_the_program_alone_tells_the_way_from_guess_to_trace(muniment: Program) -> None:
    ended = muniment()
    assert ended.exit_code == 0
    places = [ended.out.index(f"muniment {c}") for c in ("guess", "check", "load", "quarantine", "trace")]
    assert places == sorted(places)


def test_the_version_is_shown(muniment: Program) -> None:
    ended = muniment("--version")
    assert ended.exit_code == 0
    assert ended.out.startswith("muniment ")


@pytest.mark.parametrize("command", ["load", "quarantine list"])
def test_the_help_of_a_command_keeps_its_examples_line_by_line(muniment: Program, command: str) -> None:
    ended = muniment(*command.split(), "--help")
    assert ended.exit_code == 0
    assert ended.out.count(f"\n    muniment {command}") > 1


def test_a_guess_reports_and_drafts_a_mapping_with_which_the_load_works(
    muniment: Program, tmp_path: Path
) -> None:
    rows = [good_row(number) for number in range(1, 60)]
    write_csv(
        tmp_path / "town export.csv", rows, ("Object Number", "Title", "Classification", "Artist", "Date")
    )
    ended = muniment("guess", "town export.csv")
    assert ended.exit_code == 0
    assert "utf-8" in ended.out
    assert "Classification" in ended.out
    drafts = list(tmp_path.glob("*.toml"))
    assert len(drafts) == 1
    assert f"--mapping {drafts[0].name}" in ended.out
    checked = muniment("check", "town export.csv", "--mapping", drafts[0].name, "--json")
    assert (checked.exit_code, checked.result["inserted"]) == (0, 59)
    assert "Besides: the mapping still has TODO on lines 6, 7, 9." in checked.err


def test_a_draft_never_overwrites_a_file_unasked(muniment: Program, tmp_path: Path) -> None:
    write_export(tmp_path)
    (tmp_path / "mine.toml").write_text("precious", encoding="utf-8")
    ended = muniment("guess", "export.csv", "-o", "mine.toml", "--json")
    assert (ended.exit_code, ended.result["status"]) == (2, "failed")
    assert (tmp_path / "mine.toml").read_text(encoding="utf-8") == "precious"
    assert muniment("guess", "export.csv", "-o", "mine.toml", "--force").exit_code == 0
    assert tomllib.loads((tmp_path / "mine.toml").read_text(encoding="utf-8"))["fields"]


def test_a_draft_can_go_to_stdout_and_the_report_does_not_mix_with_it(
    muniment: Program, tmp_path: Path
) -> None:
    write_export(tmp_path)
    ended = muniment("guess", "export.csv", "-o", "-")
    assert tomllib.loads(ended.out)["institution"]
    assert "encoding" in ended.err
    result = muniment("guess", "export.csv", "-o", "-", "--json").result
    assert tomllib.loads(result["mapping"]) == tomllib.loads(ended.out)
    assert result["draft"] is None
    assert [column["name"] for column in result["columns"]] == ["number", "title", "kind", "maker", "made"]


def test_the_schema_of_mappings_is_json(muniment: Program) -> None:
    described = json.loads(muniment("mapping", "schema").out)
    assert {"institution", "fields"} <= set(described["required"])
    assert muniment("mapping", "schema", "--json").result == described


def test_status_lists_all_runs_the_newest_first(loaded: Program, tmp_path: Path) -> None:
    write_csv(tmp_path / "more.csv", [good_row(77)])
    loaded("load", "more.csv", "-m", "museum.toml", "-q")
    ended = loaded("status", "--json")
    assert [run["source"] for run in ended.result["runs"]] == ["more.csv", "export.csv"]
    told = loaded("status").out
    assert told.index("more.csv") < told.index("export.csv")


def test_status_of_a_run_tells_its_account_and_its_problems(loaded: Program, tmp_path: Path) -> None:
    result = loaded("status", "1", "--json").result
    assert (result["run"], result["status"], result["read"], result["quarantined"]) == (1, "done", 22, 2)
    assert result["problems"] == {"missing": 2}
    assert result["location"] == str(tmp_path / "export.csv")
    told = loaded("status", "1").out
    sealed = loaded("audit", "verify", "--json").result["head"]
    assert result["seal"] == sealed
    for part in ("balances", result["sha256"], result["mapping_version"], "missing", sealed):
        assert part in told


def test_a_trace_leads_to_file_hash_line_and_bytes(loaded: Program, tmp_path: Path) -> None:
    result = loaded("trace", "2001.7", "--json").result
    (trace,) = result["traces"]
    content = (tmp_path / "export.csv").read_bytes()
    raw = content[trace["byte_offset"] : trace["byte_offset"] + trace["byte_length"]]
    assert bytes.fromhex(trace["raw_hex"]) == raw == b"2001.7,Vase 7,vessel,Maker 0,1807"
    assert (trace["record"], trace["line"], trace["intact"]) == (7, 8, True)
    told = loaded("trace", "2001.7").out
    for part in ("2001.7,Vase 7,vessel", "line 8", trace["source"]["sha256"], "run 1"):
        assert part in told


def test_a_field_is_traced_to_its_cell_and_its_rule(loaded: Program) -> None:
    (trace,) = loaded("trace", "2001.7", "--field", "title", "--json").result["traces"]
    assert trace["field"]["cells"] == {"title": "Vase 7"}
    assert "title" in trace["field"]["rule"]
    told = loaded("trace", "2001.7", "-f", "title").out
    assert "Vase 7" in told


def test_a_moved_source_is_recognised_and_a_lost_one_is_said_to_be(loaded: Program, tmp_path: Path) -> None:
    archive = tmp_path / "archive"
    archive.mkdir()
    (tmp_path / "export.csv").rename(archive / "renamed.csv")
    (trace,) = loaded("trace", "2001.7", "--look-in", "archive", "--json").result["traces"]
    assert trace["source"]["found_at"] == str(archive / "renamed.csv")
    assert trace["intact"] is True
    ended = loaded("trace", "2001.7")
    assert ended.exit_code == 0
    assert "no longer at" in ended.out


def test_a_trace_of_a_quarantined_record_leads_to_its_entry(loaded: Program) -> None:
    ended = loaded("trace", "2002.2")
    assert ended.exit_code == 2
    assert "muniment quarantine show 2" in ended.err
    assert "quarantine" not in loaded("trace", "2002.3").err


def test_the_quarantine_lists_line_and_reason(loaded: Program) -> None:
    told = loaded("quarantine", "list").out
    assert "title is missing" in told
    entries = loaded("quarantine", "list", "--json").result["entries"]
    assert [(entry["line"], entry["key"], entry["state"]) for entry in entries] == [
        (22, "2002.1", "open"),
        (23, "2002.2", "open"),
    ]
    assert entries[0]["problems"][0]["code"] == "missing"


def test_a_list_tells_that_there_is_more_than_it_shows(loaded: Program) -> None:
    ended = loaded("quarantine", "list", "--limit", "1", "--json")
    assert (len(ended.result["entries"]), ended.result["more"]) == (1, True)
    assert "--limit" in ended.err
    assert loaded("quarantine", "list", "--limit", "2", "--json").result["more"] is False


def test_entries_are_chosen_by_run_state_and_code(loaded: Program) -> None:
    def chosen(*options: str) -> int:
        return len(loaded("quarantine", "list", *options, "--json").result["entries"])

    assert chosen("--code", "missing") == 2
    assert chosen("--code", "ragged") == 0
    assert chosen("--run", "1") == 2
    assert chosen("--run", "2") == 0
    assert chosen("--state", "closed") == 0
    assert chosen("--state", "all") == 2


def test_an_entry_is_shown_with_its_cells_and_bytes(loaded: Program) -> None:
    result = loaded("quarantine", "show", "1", "--json").result
    assert result["raw"] == "2002.1,,vessel,,"
    assert bytes.fromhex(result["raw_hex"]) == b"2002.1,,vessel,,"
    assert result["cells"]["number"] == "2002.1"
    told = loaded("quarantine", "show", "1").out
    for part in ("title is missing", "2002.1", "line 22", "vessel"):
        assert part in told


def mended(text: str, titles: dict[str, str]) -> list[list[str]]:
    """The rows of an exported spreadsheet with titles filled in, as somebody would."""
    rows = list(csv.reader(io.StringIO(text, newline="")))
    number, title = rows[0].index("number"), rows[0].index("title")
    for row in rows[1:]:
        row[title] = titles.get(row[number], row[title])
    return rows


def test_bad_records_are_exported_mended_and_handed_in_again(loaded: Program, tmp_path: Path) -> None:
    ended = loaded("quarantine", "export", "-o", "bad.csv", "--json")
    assert (ended.exit_code, ended.result["exported"], ended.result["file"]) == (0, 2, "bad.csv")
    rows = mended((tmp_path / "bad.csv").read_text(encoding="utf-8-sig"), {"2002.1": "Bowl", "2002.2": "Jug"})
    write_csv(tmp_path / "fixed.csv", rows[1:], rows[0])
    result = loaded("quarantine", "resubmit", "fixed.csv", "--json").result
    assert (result["status"], result["inserted"], result["quarantined"]) == ("done", 2, 0)
    assert loaded("quarantine", "list", "--json").result["entries"] == []
    told = loaded("trace", "2002.1").out
    assert "title is missing" in told
    assert "entry 1" in told


def test_an_entry_tells_of_its_other_attempts(loaded: Program, tmp_path: Path) -> None:
    write_csv(tmp_path / "more.csv", [["2003.1", "", "", "", ""]])
    loaded("load", "more.csv", "-m", "museum.toml", "--max-rejects", "100%", "-q")
    loaded("quarantine", "export", "-o", "bad.csv", "--run", "2")
    rows = mended((tmp_path / "bad.csv").read_text(encoding="utf-8-sig"), {"2003.1": "Bowl"})
    write_csv(tmp_path / "halfway.csv", rows[1:], rows[0])
    assert loaded("quarantine", "resubmit", "halfway.csv", "--json").result["quarantined"] == 1
    for entry in ("3", "4"):
        assert "entries 3, 4: the last one counts" in loaded("quarantine", "show", entry).out
    assert "attempts" not in loaded("quarantine", "show", "1").out


def test_the_entries_can_be_exported_to_stdout(loaded: Program) -> None:
    ended = loaded("quarantine", "export", "-o", "-")
    assert len(list(csv.reader(io.StringIO(ended.out)))) == 3
    assert loaded("quarantine", "export", "-o", "-", "--json").exit_code == 2


def test_an_export_never_overwrites_corrections(loaded: Program, tmp_path: Path) -> None:
    (tmp_path / "bad.csv").write_text("precious", encoding="utf-8")
    assert loaded("quarantine", "export", "-o", "bad.csv").exit_code == 2
    assert (tmp_path / "bad.csv").read_text(encoding="utf-8") == "precious"


def test_entries_are_dismissed_with_a_reason_and_reopened(loaded: Program) -> None:
    assert (
        loaded("quarantine", "dismiss", "1", "2", "--reason", "not ours", "--json").result["dismissed"] == 2
    )
    entries = loaded("quarantine", "list", "--state", "dismissed", "--json").result["entries"]
    assert [(entry["id"], entry["reason"]) for entry in entries] == [(1, "not ours"), (2, "not ours")]
    again = loaded("load", "export.csv", "-m", "museum.toml", "--again", "--json").result
    assert (again["quarantined"], again["skipped"]) == (0, 2)
    assert loaded("quarantine", "reopen", "1", "--json").result["reopened"] == 1
    assert [e["id"] for e in loaded("quarantine", "list", "--json").result["entries"]] == [1]


def test_the_whole_loop_runs_on_each_kind_of_database(
    muniment: Program, tmp_path: Path, database_url: str
) -> None:
    write_export(tmp_path)
    database = ("--db", database_url, "--json")
    assert muniment("load", "export.csv", "-m", "museum.toml", *database).exit_code == 0
    muniment("quarantine", "export", "-o", "bad.csv", *database)
    rows = mended((tmp_path / "bad.csv").read_text(encoding="utf-8-sig"), {"2002.1": "Bowl"})
    write_csv(tmp_path / "fixed.csv", rows[1:], rows[0])
    result = muniment("quarantine", "resubmit", "fixed.csv", *database).result
    assert (result["inserted"], result["quarantined"]) == (1, 1)
    assert muniment("quarantine", "dismiss", "2", "--reason", "lost", *database).result["dismissed"] == 1
    assert muniment("quarantine", "list", *database).result["entries"] == []
    (trace,) = muniment("trace", "2002.1", "--field", "title", *database).result["traces"]
    assert trace["field"]["stored"]
    assert [entry["id"] for entry in trace["corrects"]] == [1]


COMMANDS_WITH_A_RESULT = (
    ("guess", "export.csv"),
    ("check", "export.csv", "-m", "museum.toml"),
    ("load", "export.csv", "-m", "museum.toml"),
    ("status",),
    ("status", "1"),
    ("trace", "2001.1"),
    ("quarantine", "list"),
    ("quarantine", "show", "1"),
    ("quarantine", "export", "-o", "bad.csv"),
    ("quarantine", "dismiss", "1", "--reason", "x"),
    ("mapping", "schema"),
)


@pytest.mark.parametrize("command", COMMANDS_WITH_A_RESULT, ids=" ".join)
def test_with_json_stdout_is_one_object_and_people_read_stderr(
    loaded: Program, command: tuple[str, ...]
) -> None:
    ended = loaded(*command, "--json")
    assert ended.exit_code == 0
    assert len(ended.out.splitlines()) == 1
    assert isinstance(ended.result, dict)
