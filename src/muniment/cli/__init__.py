"""The command line. Each command says what it does by calling the API, and shows what came of it."""

from __future__ import annotations

import importlib
import signal
import sys
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from muniment.cli.output import Output
from muniment.cli.teaching import command_of, help_text
from muniment.errors import Interrupted, UsageError
from muniment.memory import arrange_arrow, rare_collections
from muniment.stopping import SIGNALS

COMMANDS = {
    "guess": "guessing:guess",
    "check": "loading:check",
    "load": "loading:load",
    "status": "auditing:status",
    "notes": "auditing:notes",
    "doctor": "examining:doctor",
    "trace": "auditing:trace",
    "export": "exporting:export",
    "migrate": "administering:migrate",
    "grants": "administering:grants",
    "quarantine": "quarantining:app",
    "audit": "evidence:app",
    "mapping": "guessing:mapping_app",
}
"""In the order of the help, and where each is."""


class Commands(Mapping[str, Any]):
    """The commands by their names, each imported when it is asked for: no other needs what it brings."""

    def __getitem__(self, name: str) -> Any:
        module, _, attribute = COMMANDS[name].partition(":")
        return command_of(name, getattr(importlib.import_module(f"muniment.cli.{module}"), attribute))

    def __iter__(self) -> Iterator[str]:
        return iter(COMMANDS)

    def __len__(self) -> int:
        return len(COMMANDS)


class Program(TyperGroup):
    """`muniment` itself."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given | {"commands": Commands()})


app = typer.Typer(
    cls=Program,
    name="muniment",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"muniment {version('muniment')}")
        raise typer.Exit


def begin(
    context: typer.Context,
    *,
    show_version: Annotated[  # noqa: ARG001  # its callback does it
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and end."),
    ] = False,
) -> None:
    """Museum collection exports, validated and loaded into a database, every record accounted for.

    From an export to a database, step by step:
      muniment guess export.csv                  what it holds; writes a first mapping
      muniment check export.csv -m export.toml   try the whole load; nothing is kept
      muniment load export.csv -m export.toml    load it, into ./muniment.db or --to URL
      muniment quarantine list                   what was not stored, and why
      muniment trace ACCESSION                   from an object back to its bytes
      muniment export csv --out objects.csv      the way out: files that others can read

    `muniment COMMAND --help` explains each command.
    """
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


app.callback(invoke_without_command=True, help=help_text(begin))(begin)


def main() -> None:
    """The program `muniment`: runs the command that `sys.argv` names, and ends with its exit code."""
    arrange_arrow()
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]  # a TextIOWrapper, by Python's docs
    try:
        with rare_collections():  # imports are a tenth quicker: nearly all that they make stays
            code = app(standalone_mode=False)
    except typer.TyperException as error:
        code = _wrong_usage(error)
    except (KeyboardInterrupt, typer.Abort):
        code = Interrupted.exit_code
    finally:
        # All is done: a signal from here on could only spoil the exit code.
        for number in SIGNALS:
            signal.signal(number, signal.SIG_IGN)
    sys.exit(code)


def _wrong_usage(error: typer.TyperException) -> int:
    """Report arguments that cannot be understood; `--json` cannot have been parsed, so it is looked for."""
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "muniment"
    output = Output(json="--json" in sys.argv)
    # Of a value that is none of those named, typer tells what Pydantic raised in words meant for programmers.
    message = error.format_message().replace("Value error, ", "")
    output.fail(UsageError(message, hint=f"`{command} --help` shows how it is written"))
    return output.exit_code
