"""The documentation keeps up with the program."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from muniment import Settings
from muniment.cli import app
from muniment.databases.options import ConnectionOptions
from muniment.museum import dates as date_reading
from muniment.museum.mapping import Mapping
from muniment.museum.part_readers import _DIMENSION_PROBLEMS
from muniment.quarantine import LEFT_OUT, NOT_APPLIED
from muniment.sources.findings import CELL_PROBLEMS
from muniment.sources.json_cells import JSON_PROBLEMS
from muniment.sources.parsing import _BROKEN
from muniment.table import TableMapping
from muniment.validation.messages import _WORDING
from tests.documented import DOCUMENTS, GENERATED, ROOT, Reader, blocks, generated_parts, same, steps
from tests.test_architecture import LAYERS, PACKAGE

COMMAND_LINE = Path(__file__).parent.parent / "docs" / "reference" / "cli.md"


def commands(command: Any, name: str = "muniment") -> Iterator[tuple[str, Any]]:
    """Every command that does something, with its full name."""
    below = getattr(command, "commands", None)
    if below is None:
        yield name, command
        return
    for key, child in below.items():
        yield from commands(child, f"{name} {key}")


COMMANDS = dict(commands(typer.main.get_command(app)))
TEXT = COMMAND_LINE.read_text(encoding="utf-8")
SECTIONS = {
    heading.strip(): body
    for heading, body in re.findall(r"^## (.+)\n((?:(?!## ).*\n?)*)", TEXT, flags=re.MULTILINE)
}


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_its_section(name: str) -> None:
    assert name in SECTIONS


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_is_in_the_section_of_its_command(name: str) -> None:
    spellings = [s for p in COMMANDS[name].params for s in (*p.opts, *p.secondary_opts) if s.startswith("--")]
    told = set(re.findall(r"--[a-z][a-z-]*", SECTIONS[name]))
    assert set(spellings) - {"--help"} <= told


@pytest.mark.parametrize("name", COMMANDS)
def test_no_section_tells_of_an_option_that_is_not_there(name: str) -> None:
    there = {s for p in COMMANDS[name].params for s in p.opts}
    told = set(re.findall(r"(?m)^\| `(--[a-z][a-z-]*)", SECTIONS[name]))
    assert told <= there


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_every_command_has_an_example(name: str) -> None:
    command = COMMANDS[name]
    assert re.search(r"Examples?:\n +" + name, command.help)
    undescribed = [p.name for p in command.params if not p.help]
    assert not undescribed


def test_no_section_tells_of_a_command_that_is_not_there() -> None:
    assert {name for name in SECTIONS if name.startswith("muniment ")} == COMMANDS.keys()


# --- examples -------------------------------------------------------------------------------------


def read(document: str) -> str:
    return (ROOT / document).read_text(encoding="utf-8")


WITH_EXAMPLES = [
    document.relative_to(ROOT).as_posix()
    for document in DOCUMENTS
    if blocks(document.read_text(encoding="utf-8"), "console", "python")
]


@pytest.mark.parametrize("document", WITH_EXAMPLES)
def test_every_example_does_what_the_document_shows(document: str, tmp_path: Path) -> None:
    reader = Reader.in_folder(tmp_path)
    for block in blocks(read(document), "console", "python"):
        if block.language == "python":
            printed = reader.run_python(block.text)
            assert "FAILED" not in printed, printed
            continue
        for command, promised in steps(block):
            printed = reader.run(command)
            assert same(promised, printed), f"$ {command}\n{printed}"


def test_a_promise_is_compared_line_by_line_and_an_ellipsis_stands_for_any_lines() -> None:
    assert same("a\n...\nd\n", "a\nb\nc\nd\n")
    assert same("took 0.7 s, 1,524 rows/s\n", "took 12 s, 99 rows/s\n")
    assert not same("a\n", "a\nb\n")
    assert not same("inserted 955\n", "inserted 956\n")


# --- references -----------------------------------------------------------------------------------


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.stem)
def test_what_the_program_knows_stands_in_the_documents_as_the_program_has_it(document: Path) -> None:
    for name, part in generated_parts(document.read_text(encoding="utf-8")).items():
        assert part == GENERATED[name](), "run: python -m tests.documented"


def rows_after(text: str, mark: str) -> dict[str, list[str]]:
    """The rows of the first table after a mark, by their first cell."""
    table = re.search(r"^\|.*(?:\n\|.*)*", text[text.index(mark) :], re.MULTILINE)
    assert table, mark
    lines = [re.split(r"(?<!\\)\|", line)[1:-1] for line in table[0].splitlines()[2:]]
    return {cells[0].strip().strip("`"): [cell.strip() for cell in cells[1:]] for cells in lines}


def table_form(part: dict[str, Any]) -> dict[str, Any]:
    """A part of a mapping where it is written as a table, not as the name of its column alone."""
    forms: list[dict[str, Any]] = part.get("anyOf", [part])
    return next(form for form in forms if "properties" in form)


SCHEMA = Mapping.model_json_schema()
FORMS = {name: table_form(part) for name, part in SCHEMA["$defs"].items()}
PARTS = {name: form["properties"] for name, form in FORMS.items()}
INHERITED = {"TextField", "TermField", "DateField", "OcrField", "ResourceField"}
"""Parts of a mapping that have the keys of `Cells` as well, which are described once."""


@pytest.mark.parametrize("part", PARTS)
def test_the_mapping_reference_has_every_key_with_its_meaning_and_default(part: str) -> None:
    rows = rows_after(read("docs/reference/mapping.md"), f"<!-- keys of {part} -->")
    left_out = PARTS["Cells"].keys() if part in INHERITED else set()
    left_out = PARTS["Format"].keys() if part == "Part" else left_out
    assert rows.keys() == PARTS[part].keys() - left_out
    needed = FORMS[part].get("required", [])
    for key, (_type, default, meaning, example) in rows.items():
        told = PARTS[part][key]
        assert meaning.replace("\\|", "|") == told.get("description", meaning)
        assert (default == "**needed**") == (key in needed)
        value = told.get("default")
        assert bool(default) == (key in needed or value not in (None, "", [])), key
        assert meaning
        assert example


TABLE_FORMS = {
    name: table_form(part)
    for name, part in TableMapping.model_json_schema()["$defs"].items()
    if name in ("TableOptions", "Plain", "LookUp")
}


@pytest.mark.parametrize("part", TABLE_FORMS)
def test_the_reference_of_table_mappings_has_every_key_with_its_meaning(part: str) -> None:
    rows = rows_after(read("docs/reference/table-mapping.md"), f"<!-- keys of {part} -->")
    form = TABLE_FORMS[part]
    assert rows.keys() == form["properties"].keys()
    for key, (_type, default, meaning, example) in rows.items():
        assert meaning == form["properties"][key]["description"]
        assert (default == "**needed**") == (key in form.get("required", []))
        assert example


def test_the_mapping_reference_has_every_part_of_a_mapping() -> None:
    headings = re.findall(r"^## \[+(\w+)\]+$", read("docs/reference/mapping.md"), re.MULTILINE)
    assert sorted(headings) == sorted(SCHEMA["properties"])


def constants(tree: ast.Module) -> dict[str, str]:
    """The texts that a module gives a name."""
    return {
        target.id: node.value.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        for target in node.targets
        if isinstance(target, ast.Name) and isinstance(node.value.value, str)
    }


IMPORTED = {"NOT_APPLIED": NOT_APPLIED, "LEFT_OUT": LEFT_OUT}
"""Codes that one module names and others use."""


def codes_made(path: Path) -> set[str]:
    """The codes of the problems that a module makes, where they stand as text or as a constant's name."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    named = IMPORTED | constants(tree)
    found = set()
    for node in ast.walk(tree):
        called = (
            getattr(node.func, "id", "") or getattr(node.func, "attr", "")
            if isinstance(node, ast.Call)
            else ""
        )
        if isinstance(node, ast.Call) and node.args and called in ("Problem", "_problem", "_report"):
            first = node.args[0]
            if isinstance(first, ast.Constant):
                found.add(str(first.value))
            elif isinstance(first, ast.Name) and first.id in named:
                found.add(named[first.id])
    return found


DATE_CODES = {
    date_reading.NOT_UNDERSTOOD,
    date_reading.SEVERAL_EVENTS,
    date_reading.INVERTED,
    date_reading.BOUND_NOT_UNDERSTOOD,
}

LISTED = {"manifest-url", "image-url", *_BROKEN, *DATE_CODES, *_DIMENSION_PROBLEMS}
LISTED |= {code for code, *_ in _WORDING.values()} | {"invalid", *CELL_PROBLEMS, *JSON_PROBLEMS}
"""Codes that problems take from tables, or from the kind of what they concern."""

MADE = LISTED.union(*(codes_made(path) for path in PACKAGE.rglob("*.py")))


def documented_codes() -> set[str]:
    text = read("docs/reference/quarantine-and-notes.md")
    problems = text[: text.index("## States of an entry")]
    return set(re.findall(r"^\| `([a-z-]+)` \|", problems, re.MULTILINE))


def test_every_code_of_a_problem_is_documented() -> None:
    assert len(MADE) > len(LISTED)
    assert documented_codes() >= MADE


def test_no_code_is_documented_that_there_is_not() -> None:
    assert documented_codes() <= MADE


DATES = rows_after(read("docs/explanation/dates.md"), "<!-- dates:")


@pytest.mark.parametrize("text", DATES)
def test_a_date_is_read_as_documented(text: str) -> None:
    earliest, latest, remark = DATES[text]
    dates = date_reading.parse_dates(text)
    assert (dates.earliest.iso if dates.earliest else "") == earliest
    assert (dates.latest.iso if dates.latest else "") == latest
    assert set(dates.problems) == set(re.findall(r"`(date-[a-z-]+)`", remark))


def test_the_table_of_layers_is_that_which_the_tests_enforce() -> None:
    rows = rows_after(read("docs/architecture.md"), "## Layers")
    told = [set(re.findall(r"\w+", layer)) for layer in rows]
    assert told == [set(layer) for layer in reversed(LAYERS)]


def test_the_documented_bounds_are_the_defaults() -> None:
    rows = rows_after(read("docs/how-to/large-files.md"), "## Bounds")
    units = {"MiB": 1024**2, "TiB": 1024**4}
    told = {}
    for default, how in rows.values():
        setting = re.search(r"Settings\((\w+)=", how)
        number, unit = re.fullmatch(r"([\d,]+) ?(.*)", default).groups()  # type: ignore[union-attr]  # else it fails
        assert setting
        told[setting[1]] = int(number.replace(",", "")) * units.get(unit, 1)
    defaults = Settings().model_dump()
    assert told == defaults | {"max_rejects": defaults["max_rejects"]["percent"]}


def test_every_option_of_a_url_is_documented_with_its_default() -> None:
    rows = rows_after(read("docs/reference/python.md"), "<!-- options of a URL -->")
    told = {name: default for names, (default, _) in rows.items() for name in re.findall(r"\w+", names)}
    options = ConnectionOptions.model_fields
    assert told == {
        name: str(field.default or "0" if field.annotation is int else "") for name, field in options.items()
    }


# --- the documents as a whole ---------------------------------------------------------------------


def anchors(document: Path) -> set[str]:
    """The places in a document that a link can name."""
    headings = re.findall(r"^#+ (.+)$", document.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.stem)
def test_every_link_leads_somewhere(document: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", document.read_text(encoding="utf-8")):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = (document.parent / path).resolve() if path else document
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def test_the_indexes_name_every_document() -> None:
    for folder in (ROOT / "docs", ROOT / "docs" / "decisions"):
        index = (folder / "README.md").read_text(encoding="utf-8")
        below = folder.rglob("*.md") if folder.name == "docs" else folder.glob("*.md")
        for document in below:
            name = document.relative_to(folder).as_posix()
            if document.name != "README.md" and not (folder.name == "docs" and name.startswith("decisions/")):
                assert f"]({name})" in index, f"{folder.name}/README.md does not name {name}"
