"""A first mapping, drafted from what a sample tells: ready to be checked, and to be corrected by hand."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from muniment.guess import TEXT, ColumnProfile, Guess
from muniment.museum.field_choice import FieldChoice, choose
from muniment.museum.mapping import ID_CHARACTERS

LINE_CHARACTERS = 110
"""Characters of a comment's line."""


def draft_mapping(guess: Guess, path: str | None = None) -> str:
    """The text of a mapping for the file that was looked at: TOML that `muniment check` takes at once.

    Args:
        guess: what was found.
        path: of the mapping, for the command that it tells of; else made from the file's name.
    """
    name = Path(guess.path).name
    mapping = path or f"{institution_id(guess.path)}.toml"
    lines = [
        f"# A first mapping for {_comment(name)}, drafted from {guess.records:,} records of it.",
        "# Go through every line; then run",
        f"#   muniment check {_comment(name)} --mapping {_comment(mapping)}",
        "",
        *_institution(guess.path),
        "",
        *_source(guess),
        *_workbook(guess),
        "",
        *_record_and_fields(guess),
    ]
    return "\n".join(lines) + "\n"


def institution_id(path: str) -> str:
    """An id made from the name of a file, for want of a better one."""
    stem = Path(path).name.partition(".")[0]
    return re.sub(r"[^A-Za-z0-9_-]+", "-", stem).strip("-_")[:ID_CHARACTERS] or "institution"


def _institution(path: str) -> Iterator[str]:
    identifier = institution_id(path)
    yield "[institution]"
    yield f"name = {toml(re.sub('[-_]+', ' ', identifier))}  # TODO: the institution's name"
    yield f"id = {toml(identifier)}  # TODO: a short id, such as its ISIL"
    yield "# Both stay the same for good: records are known again by them."
    yield '# language = "en"  # TODO: the language of the records, such as de or ja, where it is another'


def _source(guess: Guess) -> Iterator[str]:
    yield "[source]"
    if guess.kind == TEXT:
        yield from _text_format(guess)
    if guess.null:
        yield f"null = {toml(list(guess.null))}  # cells that mean that nothing is known"
    perhaps = [text for text in guess.nulls if text not in guess.null]
    if perhaps:
        yield f"# Do these mean nothing, too? {', '.join(map(toml, perhaps))}"


def _workbook(guess: Guess) -> Iterator[str]:
    given = guess.workbook.model_dump(exclude_defaults=True)
    if given:
        yield from ("", "[source.workbook]")
    for name, value in given.items():
        yield f"{name} = {toml(list(value) if isinstance(value, tuple) else value)}"


def _text_format(guess: Guess) -> Iterator[str]:
    dialect, encoding = guess.dialect, guess.encoding
    yield f"# {_comment(f'{encoding.certainty}: {encoding.reason}')}"
    if encoding.words:
        yield f"# Are these words right? {_comment(', '.join(encoding.words))}"
    for name, words in encoding.others:
        yield f"# In {name} they would be {_comment(', '.join(words))}"
    yield f"encoding = {toml(encoding.name)}"
    yield f"delimiter = {toml(dialect.delimiter)}"
    yield f"quote = {toml(dialect.quote)}"
    if dialect.escape:
        yield f"escape = {toml(dialect.escape)}"
    if dialect.skip_lines:
        yield f"skip_lines = {dialect.skip_lines}  # lines before the header"
    if not dialect.header:
        yield "header = false"
        yield f"columns = {toml([column.name for column in guess.columns])}  # TODO: name them"


def _record_and_fields(guess: Guess) -> Iterator[str]:
    choices = choose(guess.columns)
    if choices.key:
        yield "[record]"
        yield "# What identifies the object from one export to the next, whatever its accession number:"
        yield from _told(choices.key)
        yield f"key = {toml(choices.key.name)}"
        if choices.accession_repeats:
            yield "accession_repeats = true"
        yield ""
    yield "[fields]"
    for name, choice in choices.fields.items():
        yield from _field(name, choice)
    if choices.unused:
        yield "# Columns that nothing above takes. What is not mapped is not stored:"
    for column, part in choices.unused:
        yield from _told(column, f" (perhaps {part.replace('.', ', ').replace('_', ' ')})" if part else "")


def _field(name: str, choice: FieldChoice) -> Iterator[str]:
    for column in choice.columns:
        yield from _told(column)
    for note in choice.notes:
        yield f"# NOTE: {_comment(note)}"
    yield f"{name} = {toml(choice.value)}"
    yield ""


def _told(column: ColumnProfile, remark: str = "") -> Iterator[str]:
    """What is known of a column, as a comment."""
    examples = ", ".join(f"“{example}”" for example in column.examples)
    told = f"{column.name}{remark}: {column.fill:.1%} filled, {column.distinct:,} different, {column.kind}"
    line = _comment(f"#   {told}: {examples}" if examples else f"#   {told}")
    yield line if len(line) <= LINE_CHARACTERS else line[: LINE_CHARACTERS - 1] + "…"


def toml(value: Any) -> str:
    """Plain data as TOML: strings, numbers, lists (of tables, a line each) and inline tables."""
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{key} = {toml(item)}" for key, item in value.items()) + " }"
    if isinstance(value, str):
        if "\\" in value and value.isprintable() and "'" not in value:
            return f"'{value}'"
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, Sequence):
        items = [toml(item) for item in value]
        if any(isinstance(item, Mapping) for item in value):
            return "[\n" + "".join(f"    {item},\n" for item in items) + "]"
        return f"[{', '.join(items)}]"
    return json.dumps(value)


def _comment(text: str) -> str:
    """The text on one line, without the control characters that TOML forbids in comments."""
    return "".join(c if c.isprintable() else " " for c in text)
