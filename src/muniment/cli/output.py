"""What a command says: text for people, one JSON object for programs, and errors that tell what to do."""

from __future__ import annotations

import json
import os
import sys
import traceback
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, is_dataclass
from datetime import datetime
from pathlib import PurePath
from typing import IO, Any

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from muniment.errors import Interrupted, MunimentError

PIPE_WIDTH = 10_000
"""Columns of the "screen" where output goes to a file or another program: nothing is cut or wrapped there."""

UNSAFE_CATEGORIES = {"Cc", "Cf", "Cs", "Zl", "Zp"}
"""Characters that steer a terminal, hide text or turn its direction, and lone surrogates."""

SMALLER_CHUNKS = "Let it have more, or load with smaller chunks: --chunk-rows, --chunk-bytes"

JOINERS = {"\u200c", "\u200d"}
"""Of the invisible characters, those that Persian, Indic scripts and emoji are spelt with."""


def visible(text: object, *, lines: bool = False) -> str:
    r"""`text` with whatever could steer a terminal written as an escape, such as `\x1b`.

    Args:
        text: anything; its `str()` is taken.
        lines: leave line feeds and tabs as they are.
    """
    return "".join(_harmless(character, lines) for character in str(text))


def _harmless(character: str, lines: bool) -> str:
    if character in JOINERS or (lines and character in "\n\t"):
        return character
    if unicodedata.category(character) not in UNSAFE_CATEGORIES:
        return character
    return (
        character.encode("ascii", "backslashreplace").decode()
        if ord(character) > 0x7F
        else repr(character)[1:-1]
    )


def plain_data(value: object) -> object:
    """What `json` cannot write by itself, as plain data."""
    if is_dataclass(value) and not isinstance(value, type):
        as_dict = getattr(value, "as_dict", None)
        return as_dict() if as_dict else asdict(value)
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bytes | memoryview):
        return bytes(value).hex()
    if isinstance(value, PurePath):
        return str(value)
    raise TypeError(f"{type(value).__name__} is no plain data")


class _PatientConsole(Console):
    """Lets whoever prints know that nobody reads any more; rich would end the program."""

    def on_broken_pipe(self) -> None:
        raise  # noqa: PLE0704  # rich calls this while it handles the BrokenPipeError


def console_for(stream: IO[str]) -> Console:
    """A console that takes text as it is: no markup, no emoji codes, no colours of its own choosing."""
    width = None if stream.isatty() else PIPE_WIDTH
    return _PatientConsole(file=stream, markup=False, emoji=False, highlight=False, width=width)


class Output:
    """Where a command speaks.

    Attributes:
        json: whether the last line on stdout is to be a JSON object. People's text then goes to stderr.
        exit_code: what the command ends with, where no error ends it.
        done_before: what an error's JSON object tells besides: what was done before it.
    """

    def __init__(self, *, json: bool) -> None:
        self.json = json
        self.exit_code = 0
        self.done_before: dict[str, Any] = {}
        self._people = console_for(sys.stderr if json else sys.stdout)
        self._errors = console_for(sys.stderr)

    def say(self, text: str = "", *, style: str = "") -> None:
        """A line, or several, for people."""
        self._people.print(Text(visible(text, lines=True), style=style), soft_wrap=True)

    def aside(self, text: str) -> None:
        """A line, or several, that belong to stderr in any case."""
        self._errors.print(Text(visible(text, lines=True)), soft_wrap=True)

    def heading(self, text: str) -> None:
        """A line that begins a part, with a blank one before it."""
        self.say()
        self.say(text, style="bold")

    def table(
        self, names: Sequence[str], rows: Iterable[Sequence[object]], *, right: Sequence[str] = ()
    ) -> None:
        """A table for people; the columns in `right` are aligned to the right."""
        table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
        for name in names:
            table.add_column(name, justify="right" if name in right else "left", overflow="fold")
        for row in rows:
            table.add_row(*(Text(visible(cell)) for cell in row))
        self._people.print(table)

    def pairs(self, pairs: Iterable[tuple[str, object]]) -> None:
        """Names with their values below each other; pairs without a value are left out."""
        told = [(name, value) for name, value in pairs if value not in (None, "")]
        widest = max((len(name) for name, _ in told), default=0)
        for name, value in told:
            self.say(f"  {name.ljust(widest)}  {visible(value)}")

    def next_steps(self, steps: Sequence[tuple[str, str]]) -> None:
        """Commands that one would type next, each with what it does."""
        self.heading("What next")
        widest = max(len(command) for command, _ in steps)
        for command, what in steps:
            self.say(f"  {command.ljust(widest)}   {what}")

    def finish(self, result: Mapping[str, Any]) -> None:
        """Print the result for programs, where it is wanted."""
        if self.json:
            print(json.dumps(result, default=plain_data), flush=True)  # noqa: T201  # this is the output

    def fail(self, error: MunimentError) -> None:
        """Print an error: where, what, and what to do."""
        located = f"{error.where}: {error.message}" if error.where else error.message
        self.aside(f"error: {located}")
        if error.hint:
            self.aside(f"hint: {error.hint}")
        status = "interrupted" if isinstance(error, Interrupted) else "failed"
        told = {"error": error.message, "hint": error.hint, "where": error.where, "status": status}
        self.exit_code = error.exit_code
        self.finish(told | self.done_before)


@contextmanager
def reporting(*, json: bool, debug: bool) -> Iterator[Output]:
    """The body of every command: whatever goes wrong in it becomes a message and an exit code."""
    output = Output(json=json)
    try:
        try:
            yield output
        except BrokenPipeError:
            raise
        except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001  # the last resort
            if debug:
                traceback.print_exc()
            output.fail(_as_muniment_error(error))
    except BrokenPipeError:
        silence_stdout()
    raise typer.Exit(output.exit_code)


def _as_muniment_error(error: BaseException) -> MunimentError:
    if isinstance(error, MunimentError):
        return error
    if isinstance(error, KeyboardInterrupt):
        return Interrupted("interrupted", hint="Run the same command again; what was committed stays")
    if isinstance(error, MemoryError):
        return MunimentError("this process may not take more memory", hint=SMALLER_CHUNKS)
    if isinstance(error, OSError):
        return MunimentError(error.strerror or type(error).__name__, where=str(error.filename or ""))
    # Its own text stays away: it may quote a row or a password.
    return MunimentError(
        f"a fault in Muniment ({type(error).__name__})",
        hint="Run the command again with --debug to see where, and report it. What was committed stays",
    )


def silence_stdout() -> None:
    """Nobody reads our output any more, as after `| head`: let the rest vanish without a complaint."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
