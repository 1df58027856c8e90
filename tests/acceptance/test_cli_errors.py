"""What the program says when something is wrong: where, what, and what to do; and never a secret."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from tests.acceptance.program import MAPPING, Program, program_in, write_export

CANARY = "c4n4ry-s3cret"


@pytest.fixture
def muniment(tmp_path: Path) -> Program:
    write_export(tmp_path)
    return program_in(tmp_path)


def free_port() -> int:
    """A port of the loopback interface on which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


def explained(muniment: Program, *arguments: str, exit_code: int, error: str, hint: str) -> None:
    """Assert that a command fails with this exit code and explains itself, to people and to programs."""
    ended = muniment(*arguments, "--json")
    assert ended.exit_code == exit_code, ended.said
    lines = ended.err.splitlines()
    assert any(line.startswith("error: ") and error in line for line in lines), ended.err
    assert any(line.startswith("hint: ") and hint in line for line in lines), ended.err
    assert "Traceback" not in ended.err
    told = ended.result
    assert told["status"] == "failed"
    assert error in f"{told['where']}: {told['error']}"
    assert hint in told["hint"]


def test_a_missing_source(muniment: Program) -> None:
    explained(
        muniment,
        "load",
        "nope.csv",
        "-m",
        "museum.toml",
        exit_code=1,
        error="nope.csv: ",
        hint="Check its name",
    )


def test_a_missing_mapping(muniment: Program) -> None:
    explained(
        muniment,
        "load",
        "export.csv",
        "-m",
        "nope.toml",
        exit_code=2,
        error="nope.toml",
        hint="muniment guess",
    )


def test_neither_mapping_nor_model(muniment: Program) -> None:
    explained(muniment, "load", "export.csv", exit_code=2, error="mapping", hint="muniment guess")


def test_a_mapped_column_that_is_not_there(muniment: Program, tmp_path: Path) -> None:
    (tmp_path / "museum.toml").write_text(MAPPING.replace('"title"', '"titel"'), encoding="utf-8")
    ended = muniment("load", "export.csv", "-m", "museum.toml")
    assert ended.exit_code == 2
    assert "titel" in ended.err
    assert "title" in ended.err.replace("titel", "")
    assert "Traceback" not in ended.err


def test_a_mapping_that_is_not_toml(muniment: Program, tmp_path: Path) -> None:
    (tmp_path / "museum.toml").write_text("[institution\n", encoding="utf-8")
    ended = muniment("load", "export.csv", "-m", "museum.toml")
    assert ended.exit_code == 2
    assert ended.err.startswith("error: museum.toml: this is not TOML")
    assert "line 1" in ended.err


def test_a_name_that_no_mapping_knows(muniment: Program, tmp_path: Path) -> None:
    (tmp_path / "museum.toml").write_text(MAPPING + 'creater = "maker"\n', encoding="utf-8")
    explained(
        muniment, "check", "export.csv", "-m", "museum.toml", exit_code=2, error="creator", hint="schema"
    )


@pytest.mark.parametrize(
    "command", [("load", "export.csv", "-m", "museum.toml"), ("status",), ("quarantine", "list")]
)
def test_a_url_of_no_known_database(muniment: Program, command: tuple[str, ...]) -> None:
    explained(
        muniment, *command, "--db", "oracle://host/name", exit_code=2, error="oracle", hint="sqlite:///"
    )


def test_a_server_that_does_not_answer(muniment: Program) -> None:
    for kind in ("postgresql", "mariadb"):
        url = f"{kind}://me:{CANARY}@127.0.0.1:{free_port()}/collection"
        for command in (("load", "export.csv", "-m", "museum.toml"), ("status",)):
            ended = muniment(*command, "--db", url)
            assert ended.exit_code == 1
            assert "127.0.0.1" in ended.err
            assert "hint: " in ended.err
            assert "Traceback" not in ended.err
            assert CANARY not in ended.said


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:{}@127.0.0.1:1/name",
        "postgresql://me:{}@127.0.0.1:port/name",
        "postgresql://me:{}@[bad/name",
        "postgresql://127.0.0.1:1/name?password={}",
        "mysql://me:{}@127.0.0.1:1/name",
        "mysql://me:{}@127.0.0.1:1",
        "oracle://me:{}@host/name",
        "sqlite://me:{}@host/name",
        "me:{}@host",
    ],
)
def test_no_password_is_ever_shown(muniment: Program, url: str) -> None:
    command = ("load", "export.csv", "-m", "museum.toml", "--to", url.format(CANARY))
    ended = muniment(*command, "--verbose", "--debug", "--json")
    assert ended.exit_code in (1, 2)
    assert ended.result["error"]
    assert "Traceback" in ended.err
    assert CANARY not in ended.said


READING = (
    ("status",),
    ("status", "1"),
    ("trace", "2001.1"),
    ("quarantine", "list"),
    ("quarantine", "show", "1"),
    ("quarantine", "export", "-o", "bad.csv"),
    ("quarantine", "resubmit", "export.csv"),
    ("quarantine", "dismiss", "1", "--reason", "known"),
)


@pytest.mark.parametrize("command", READING, ids=" ".join)
def test_no_database_yet(muniment: Program, tmp_path: Path, command: tuple[str, ...]) -> None:
    before = sorted(tmp_path.iterdir())
    explained(
        muniment,
        *command,
        exit_code=2,
        error="there is no database yet at muniment.db",
        hint="`muniment load",
    )
    assert sorted(tmp_path.iterdir()) == before


def test_a_database_in_which_nothing_was_loaded(muniment: Program, tmp_path: Path) -> None:
    (tmp_path / "muniment.db").touch()
    explained(muniment, "status", exit_code=2, error="nothing was ever loaded", hint="`muniment load")


def test_an_unknown_run(muniment: Program) -> None:
    muniment("load", "export.csv", "-m", "museum.toml")
    explained(muniment, "status", "99", exit_code=2, error="99", hint="muniment status")


def test_an_unknown_accession(muniment: Program) -> None:
    muniment("load", "export.csv", "-m", "museum.toml")
    explained(muniment, "trace", "2001.1x", exit_code=2, error="2001.1x", hint="2001.1")


def test_an_unknown_field(muniment: Program) -> None:
    muniment("load", "export.csv", "-m", "museum.toml")
    explained(muniment, "trace", "2001.1", "--field", "titel", exit_code=2, error="titel", hint="title")


def test_an_unknown_quarantine_entry(muniment: Program) -> None:
    muniment("load", "export.csv", "-m", "museum.toml")
    explained(muniment, "quarantine", "show", "99", exit_code=2, error="99", hint="muniment quarantine list")


@pytest.mark.parametrize(
    "arguments",
    [
        ("load",),
        ("lode", "export.csv"),
        ("load", "export.csv", "--nope"),
        ("load", "export.csv", "-m", "museum.toml", "--max-rejects", "many"),
        ("load", "export.csv", "-m", "museum.toml", "--chunk-bytes", "4 pounds"),
        ("load", "export.csv", "-m", "museum.toml", "--chunk-rows", "0"),
        ("load", "export.csv", "-m", "museum.toml", "--table", "x"),
        ("load", "export.csv", "-m", "museum.toml", "--encoding", "cp1252"),
        ("load", "export.csv", "-m", "museum.toml", "--only", "nonsense"),
        ("load", "export.csv", "--model", "loans:Loan", "--delimiter", "::"),
        ("quarantine", "nope"),
        ("quarantine", "dismiss", "1"),
    ],
    ids=" ".join,
)
def test_wrong_usage_has_exit_code_2_and_a_hint(muniment: Program, arguments: tuple[str, ...]) -> None:
    ended = muniment(*arguments, "--json")
    assert ended.exit_code == 2, ended.said
    assert ended.result["status"] == "failed"
    assert ended.result["error"]
    assert ended.result["hint"]
    assert "error: " in ended.err
    assert "Traceback" not in ended.err


def test_debug_shows_the_traceback_and_the_message(tmp_path: Path, muniment: Program) -> None:
    ended = muniment("load", "nope.csv", "-m", "museum.toml", "--debug")
    assert "Traceback" in ended.err
    assert "error: nope.csv" in ended.err
    ended = program_in(tmp_path, MUNIMENT_DEBUG="1")("load", "nope.csv", "-m", "museum.toml")
    assert "Traceback" in ended.err


def test_a_mapping_for_another_header_names_the_file(muniment: Program) -> None:
    (muniment.folder / "other.csv").write_text("inventory,name,kind\n")
    explained(
        muniment,
        "load",
        "other.csv",
        "-m",
        "museum.toml",
        exit_code=2,
        error="other.csv: the mapping names columns that the source does not have: 'number'",
        hint="The source has: inventory, name, kind",
    )


def test_a_proposed_command_can_be_typed_whatever_the_database_is_called(muniment: Program) -> None:
    ended = muniment("load", "export.csv", "-m", "museum.toml", "--db", "sqlite:///two words.db")
    assert "muniment status 1 --db 'sqlite:///two words.db'" in ended.out
    assert muniment("status", "1", "--db", "sqlite:///two words.db").exit_code == 0


def test_a_format_or_a_role_that_there_is_not_is_told_with_those_that_there_are(muniment: Program) -> None:
    muniment("load", "export.csv", "-m", "museum.toml")
    explained(
        muniment,
        *("export", "marc", "--to-dir", "out"),
        exit_code=2,
        error="there is no format 'marc'",
        hint="csv, xlsx, jsonl, parquet, lido, linked-art, crm, quarantine, audit",
    )
    explained(
        muniment,
        *("export", "lido", "--as", "xlsx", "--to-dir", "out"),
        exit_code=2,
        error="lido is a format itself",
        hint="quarantine and audit",
    )
    explained(
        muniment,
        *("grants", "king", "somebody"),
        exit_code=2,
        error="Invalid value for 'role': 'king' is not one of 'migrator', 'loader', 'reader'",
        hint="muniment grants --help",
    )
