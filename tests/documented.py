"""The documents' examples, as a reader would try them, and the parts of documents that the program knows.

A document's ```console blocks are run in order, in a folder of their own that holds nothing but `examples/`.
A line that begins with `$ ` is a command; the lines up to the next one are what it prints on a terminal of
`COLUMNS` columns, progress and log lines aside. A line `...` stands for any number of lines. What changes
from run to run (times, rates, memory) is not compared. ```python blocks are run likewise; ```sh and others
are not run. What stands between `<!-- name -->` and `<!-- end of name -->` is written by `GENERATED[name]`.

`python -m tests.documented` writes the real outputs and the generated parts into the documents.
"""

from __future__ import annotations

import os
import pty
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

import muniment.museum.tables as museum
from muniment import errors, evidence, ledger, quarantine
from muniment.batch_items import batch_item_table
from muniment.databases import types
from muniment.migrations import version_table
from tests.faults import catalogue
from tests.publishing.travel import TRAVELS

ROOT = Path(__file__).parent.parent
DOCUMENTS = sorted([ROOT / "README.md", ROOT / "examples" / "README.md", *(ROOT / "docs").rglob("*.md")])

COLUMNS = "120"
"""Width of the reader's terminal: as wide as a code block on a page."""

PATIENCE_SECONDS = 60

FOLDER_AS_SHOWN = "/home/registrar/collection"
"""What the documents call the folder in which the examples are run."""

ELLIPSIS = "..."

_BLOCK = re.compile(r"^```(\w+)[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)

_VARYING = (
    (r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?(\.\d+)?( ?UTC|Z|\+00:00)?", "TIME"),
    (r"\b[\d.,]+ (s|min|h)\b( [\d.]+ (s|min)\b)?", "DURATION"),
    (r"[\d,]+ rows/s", "RATE"),
    (r"\b[\d.,]+ [KMG]iB\b", "MEMORY"),
    (r'"(seconds|rows_per_second|peak_rss_bytes)": [\d.]+', "MEASURED"),
    (r"\b(Seal|Head): [0-9a-f]{64}", "SEAL"),
    (r'"(seal|head)": "[0-9a-f]{64}"', "SEAL"),
    (r" +", " "),
    (r"─+", "─"),
)


@dataclass
class Block:
    """An example: the document's own text of it, and where it stands."""

    language: str
    text: str
    start: int


def blocks(text: str, *languages: str) -> list[Block]:
    """The fenced blocks of a document in one of these languages."""
    found = _BLOCK.finditer(text)
    return [Block(m[1], m[2], m.start(2)) for m in found if m[1] in languages]


def steps(block: Block) -> Iterator[tuple[str, str]]:
    """The commands of a console block, each with the output that the document promises."""
    for part in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
        command, _, output = part.partition("\n")
        while command.endswith("\\"):
            more, _, output = output.partition("\n")
            command = f"{command}\n{more}"
        yield command, output


@dataclass(frozen=True)
class Reader:
    """Somebody who types a document's examples in a folder of their own."""

    folder: Path

    @classmethod
    def in_folder(cls, folder: Path) -> Reader:
        """A reader in an empty folder, who has the examples and the program."""
        shutil.copytree(ROOT / "examples", folder / "examples")
        programs = folder / ".bin"
        programs.mkdir()
        _write_program(programs / "muniment", 'exec "{python}" -m muniment "$@"')
        _write_program(programs / "python", 'exec "{python}" "$@"')
        (programs / "sqlite_shell.py").write_text(SQLITE3, encoding="utf-8")
        _write_program(programs / "sqlite3", f'exec "{{python}}" "{programs}/sqlite_shell.py" "$@"')
        return cls(folder)

    def run(self, command: str) -> str:
        """What a command prints, as the documents show it."""
        terminal, ours = pty.openpty()
        with subprocess.Popen(
            ["sh", "-c", command],
            cwd=self.folder,
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            stdout=ours,
            stderr=subprocess.PIPE,
        ) as process:
            os.close(ours)
            printed = _read_all(terminal)
            assert process.stderr is not None
            said = process.stderr.read().decode()
            process.wait(PATIENCE_SECONDS)
        if process.returncode:
            printed += "".join(line for line in said.splitlines(True) if line.startswith(("error:", "hint:")))
        lines = (line.rstrip() for line in printed.replace(str(self.folder), FOLDER_AS_SHOWN).splitlines())
        return "\n".join(lines).strip("\n") + "\n" if printed.strip() else ""

    def run_python(self, code: str) -> str:
        """What a program prints."""
        (self.folder / ".example.py").write_text(code, encoding="utf-8")
        return self.run("PYTHONPATH=.:$PYTHONPATH python .example.py 2>&1 || echo FAILED")

    def _environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("MUNIMENT_")}
        paths = [str(ROOT / "src"), kept.get("PYTHONPATH", "")]
        return kept | {
            "PATH": f"{self.folder / '.bin'}{os.pathsep}{kept.get('PATH', '')}",
            "PYTHONPATH": os.pathsep.join(filter(None, paths)),
            "MUNIMENT_OPERATOR": "registrar",
            "TERM": "dumb",
            "COLUMNS": COLUMNS,
            "LINES": "50",
            "TZ": "UTC",
        }


SQLITE3 = """
import sqlite3, sys
for row in sqlite3.connect(sys.argv[1]).execute(sys.argv[2]):
    print("|".join("" if cell is None else str(cell) for cell in row))
"""
"""As SQLite's own command line prints rows, for machines that have none."""


def _write_program(path: Path, command: str) -> None:
    path.write_text(f"#!/bin/sh\n{command.replace('{python}', sys.executable)}\n", encoding="utf-8")
    path.chmod(0o755)


def _read_all(terminal: int) -> str:
    pieces: list[bytes] = []
    while True:
        try:
            piece = os.read(terminal, 65536)
        except OSError:  # on Linux, the end of a terminal that nobody writes to any more
            piece = b""
        if not piece:
            os.close(terminal)
            return b"".join(pieces).decode().replace("\r\n", "\n")
        pieces.append(piece)


def same(promised: str, printed: str) -> bool:
    """Whether a document promises what was printed, apart from what varies."""
    pattern = "".join(
        "(?:.*\n)*" if line.strip() == ELLIPSIS else re.escape(line) + "\n" for line in _steady(promised)
    )
    return re.fullmatch(pattern, "".join(f"{line}\n" for line in _steady(printed))) is not None


def _steady(text: str) -> list[str]:
    for pattern, name in _VARYING:
        text = re.sub(pattern, name, text)
    return [line.rstrip() for line in text.strip("\n").splitlines()]


# --- parts of documents that the program knows ----------------------------------------------------

DIALECTS: tuple[sa.Dialect, ...] = tuple(
    sa.make_url(name).get_dialect()() for name in ("postgresql+psycopg://", "mysql+pymysql://", "sqlite://")
)

ENGINE_TABLES = (
    ledger.source_table,
    ledger.run_table,
    ledger.chunk_table,
    ledger.chunk_result_table,
    quarantine.quarantine_table,
    quarantine.note_table,
    ledger.change_table,
    evidence.seal_table,
    evidence.source_copy_table,
    batch_item_table,
    version_table,
)
MUSEUM_TABLES = (
    museum.object_,
    *museum.PARTS_OF_OBJECT,
    museum.sighting,
    museum.vocabulary,
    museum.term,
    museum.actor,
    museum.place,
)


def described(tables: tuple[sa.Table, ...]) -> str:
    """Tables with their columns and constraints, as Markdown."""
    return "\n".join(map(_described, tables))


def _described(table: sa.Table) -> str:
    lines = [
        f"### {table.name}\n",
        f"{table.comment}.\n",
        "| column | type | | meaning |",
        "|---|---|---|---|",
    ]
    lines += [f"| `{c.name}` | {_type_name(c)} | {_marks(c)} | {c.comment or ''} |" for c in table.columns]
    constraints = sorted(filter(None, map(_constraint, table.constraints)))
    return "\n".join([*lines, "", *(f"- {constraint}" for constraint in constraints), ""])


def _type_name(column: sa.Column[object]) -> str:
    return type(column.type).__name__


def _marks(column: sa.Column[object]) -> str:
    marks = ["key"] if column.primary_key else [] if column.nullable else ["not null"]
    marks += [f"→ `{key.target_fullname}`" for key in sorted(column.foreign_keys, key=str)]
    return ", ".join(marks)


def _constraint(constraint: sa.Constraint) -> str:
    if isinstance(constraint, sa.UniqueConstraint):
        return f"`{constraint.name}`: unique ({', '.join(c.name for c in constraint.columns)})"
    if isinstance(constraint, sa.CheckConstraint):
        told = constraint.sqltext.compile(dialect=DIALECTS[-1], compile_kwargs={"literal_binds": True})
        return f"`{constraint.name}`: {' '.join(str(told).split())}"
    return ""


def types_by_database() -> str:
    """The type of a column on each database, as Markdown."""
    kinds = (
        "Id",
        "Integer",
        "SmallInteger",
        "Real",
        "Flag",
        "Key",
        "Text",
        "Document",
        "Hash",
        "Blob",
        "Moment",
    )
    lines = ["| here | PostgreSQL | MySQL, MariaDB | SQLite |", "|---|---|---|---|"]
    for kind in kinds:
        made = getattr(types, kind)()
        names = [_native(made, dialect) for dialect in DIALECTS]
        lines.append(f"| {kind} | {' | '.join(names)} |")
    return "\n".join(lines) + "\n"


def _native(kind: types.Portable[object], dialect: sa.Dialect) -> str:
    native: str = dialect.type_compiler_instance.process(kind)
    check = kind.column_check("x", dialect.name)
    return f"`{native}`" + (f", checked: `{check}`" if check else "")


def field_travel() -> str:
    """Where each field of a mapping goes, as Markdown."""
    lines = ["| field | record | column | LIDO | Linked Art |", "|---|---|---|---|---|"]
    for travel in TRAVELS:
        places = (travel.field, travel.record, travel.column, travel.lido, travel.linked_art)
        lines.append(f"| {' | '.join(f'`{place}`' if place else '' for place in places)} |")
    return "\n".join(lines) + "\n"


def graph_travel() -> str:
    """The path of each field in the graph of the CRM, as Markdown."""
    lines = ["| field | from the object (E22) on |", "|---|---|"]
    lines += [f"| `{travel.field}` | {travel.crm.replace('_', ' ')} |" for travel in TRAVELS if travel.crm]
    return "\n".join(lines) + "\n"


def error_tree() -> str:
    """The tree of errors, as it is drawn in its module."""
    lines = (errors.__doc__ or "").splitlines()
    tree = [line.removeprefix("    ") for line in lines if line.startswith("    ")]
    return "\n".join(["```text", *tree, "```", ""])


GENERATED: Mapping[str, Callable[[], str]] = {
    "engine tables": lambda: described(ENGINE_TABLES),
    "museum tables": lambda: described(MUSEUM_TABLES),
    "types": types_by_database,
    "errors": error_tree,
    "field travel": field_travel,
    "graph travel": graph_travel,
    "faults by database": catalogue.matrix,
    "tests of the faults": catalogue.proofs,
}


def generated_parts(text: str) -> dict[str, str]:
    """The parts of a document that are generated, by name, as they stand there."""
    found = re.finditer(r"<!-- (.+) -->\n(.*?)<!-- end of \1 -->", text, re.DOTALL)
    return {m[1]: m[2] for m in found if m[1] in GENERATED}


def renewed(document: Path) -> str:
    """The document's text with real outputs and generated parts."""
    text = document.read_text(encoding="utf-8")
    for name, part in generated_parts(text).items():
        text = text.replace(f"<!-- {name} -->\n{part}<!--", f"<!-- {name} -->\n{GENERATED[name]()}<!--")
    with tempfile.TemporaryDirectory() as folder:
        reader = Reader.in_folder(Path(folder).resolve())
        pieces, done = [], 0
        for block in blocks(text, "console", "python"):
            if block.language == "python":
                sys.stdout.write(reader.run_python(block.text))
                continue
            pieces += [text[done : block.start], *(_rerun(reader, *step) for step in steps(block))]
            done = block.start + len(block.text)
        return "".join([*pieces, text[done:]])


def _rerun(reader: Reader, command: str, promised: str) -> str:
    printed = reader.run(command)
    failed = "error:" in printed and "error:" not in promised
    if failed:
        sys.stdout.write(f"$ {command}\n{printed}")
    return f"$ {command}\n{promised if failed or same(promised, printed) else printed}"


if __name__ == "__main__":
    wanted = [Path(name).resolve() for name in sys.argv[1:]] or DOCUMENTS
    for document in wanted:
        new = renewed(document)
        if new != document.read_text(encoding="utf-8"):
            sys.stdout.write(f"renewed {document.relative_to(ROOT)}\n")
            document.write_text(new, encoding="utf-8")
