"""The program as its users have it: a process with arguments, an environment, output and an exit code."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SOURCE_FOLDER = Path(__file__).parent.parent.parent / "src"

PATIENCE_SECONDS = 120
"""How long a command on a small file may take on a busy machine."""

MAPPING = """
[institution]
name = "Town Museum"
id = "town"

[fields]
accession = "number"
title = "title"
object_type = "kind"
creator = "maker"
date = "made"
"""

COLUMNS = ("number", "title", "kind", "maker", "made")


@dataclass(frozen=True)
class Ended:
    """What a command did."""

    exit_code: int
    out: str
    err: str

    @property
    def said(self) -> str:
        """Everything that it printed."""
        return self.out + self.err

    @property
    def result(self) -> dict[str, Any]:
        """The JSON object on the last line of stdout."""
        result: dict[str, Any] = json.loads(self.out.splitlines()[-1])
        return result


@dataclass(frozen=True)
class Program:
    """`muniment`, started in a folder."""

    folder: Path
    environment: dict[str, str]

    def command(self, *arguments: str | Path) -> list[str]:
        return [sys.executable, "-m", "muniment", *map(str, arguments)]

    def __call__(self, *arguments: str | Path, stdin: bytes = b"") -> Ended:
        done = subprocess.run(
            self.command(*arguments),
            check=False,
            cwd=self.folder,
            env=self.environment,
            input=stdin,
            capture_output=True,
            timeout=PATIENCE_SECONDS,
        )
        return Ended(done.returncode, done.stdout.decode(), done.stderr.decode())

    def interrupted(self, *arguments: str | Path, after: str) -> Ended:
        """Start a command, and send it Ctrl-C as soon as it has printed `after` on stderr."""
        with subprocess.Popen(
            self.command(*arguments),
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stderr is not None
            assert process.stdout is not None
            before = []
            for line in process.stderr:
                before.append(line)
                if after in line:
                    process.send_signal(signal.SIGINT)
                    break
            errors = "".join(before) + process.stderr.read()
            output = process.stdout.read()
            return Ended(process.wait(PATIENCE_SECONDS), output, errors)


def program_in(folder: Path, **environment: str) -> Program:
    """The program in a folder, told nothing by the tester's own environment."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("MUNIMENT_")}
    paths = [str(SOURCE_FOLDER), inherited.get("PYTHONPATH", "")]
    return Program(folder, inherited | {"PYTHONPATH": os.pathsep.join(filter(None, paths))} | environment)


def write_csv(path: Path, rows: Sequence[Sequence[str]], columns: Sequence[str] = COLUMNS) -> Path:
    """Write a comma-separated file with a header."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(rows)
    return path


def good_row(number: int) -> tuple[str, ...]:
    return (f"2001.{number}", f"Vase {number}", "vessel", f"Maker {number % 7}", str(1800 + number % 200))


def write_export(folder: Path, *, good: int = 20, untitled: int = 2, name: str = "export.csv") -> Path:
    """An export of good rows and, after them, rows without a title; and its mapping `museum.toml`."""
    (folder / "museum.toml").write_text(MAPPING, encoding="utf-8")
    bad = [(f"2002.{number}", "", "vessel", "", "") for number in range(1, untitled + 1)]
    return write_csv(folder / name, [*map(good_row, range(1, good + 1)), *bad])
