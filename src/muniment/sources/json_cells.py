"""From one line of JSON to named cells of text, or to what is wrong with it; pure.

Numbers keep the text they are written in, and `null` is nothing. What is nested becomes columns: an object's
values have dotted names, such as `maker.name`; a list of plain values is joined into one cell; a list of
objects becomes parallel lists. Whatever else is nested fits no column.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from muniment.records import Problem, shortened
from muniment.sources.format import Format

NAME_CHARACTERS = 1_024
"""The longest name of a column: names in names could otherwise make far more text than the line has."""

PARALLEL_CELLS = 100_000
"""Objects in a list times the keys that they have: a thousand makers of whom a hundred things are known."""

JSON_PROBLEMS = {
    "json": (
        "the line is not JSON: {told}",
        "Each line holds one object; look for a line break within it, or for what was cut off",
    ),
    "json-object": ("the line is {told}, and no object", 'Write it as {{"name of the column": value}}'),
    "json-repeated": ("the key {told!r} stands twice in one object", "Remove one of the two"),
    "json-number": ("{told} is no number in JSON", "Write null where nothing is known"),
    "json-nested": (
        "what is nested in {told!r} fits no column",
        'Have lists hold plain values, or take it as it stands: nested = "text" under [source]',
    ),
    "json-separator": (
        "a value in the list {told!r} holds what stands between its values",
        "Choose what no value holds: list_separator under [source]",
    ),
    "json-column": (
        "the key {told!r} is none of the columns that [source] names",
        "Add it to `columns`, or leave that out: then all keys are columns",
    ),
}
"""By code: the message, and what to do."""

_KINDS = {list: "a list", bool: "true or false", type(None): "null", str: "a text"}


class BrokenLine(Exception):
    """A line that gives no record.

    Attributes:
        code: one of `JSON_PROBLEMS`.
        told: what its message tells.
    """

    def __init__(self, code: str, told: str) -> None:
        super().__init__(code, told)
        self.code = code
        self.told = told


class Number(str):
    """A number as it is written."""

    __slots__ = ()


def cells_of(line: str, given: Format) -> dict[str, str]:
    """The cells of an object by the names of their columns; raises `BrokenLine` where it gives none."""
    try:
        found = _decoded(line)
        if not isinstance(found, dict):
            raise BrokenLine("json-object", _KINDS.get(type(found), "a number"))
        if len(line) > NAME_CHARACTERS:
            longest = max(found, key=len, default="")
            if len(longest) > NAME_CHARACTERS:
                raise BrokenLine("json-nested", longest)
        if all(type(value) is str for value in found.values()):
            return found
        return _nesting(given).all_cells(found.items())
    except json.JSONDecodeError as error:
        raise BrokenLine("json", f"{error.msg} (character {error.pos + 1:,})") from None
    except RecursionError:
        raise BrokenLine("json-nested", line[:NAME_CHARACTERS]) from None


def cells_as_told(line: str, given: Format) -> dict[str, str]:
    """The cells of an object that gives no record, for whoever mends it; what fits no column is JSON."""
    nesting, told = _nesting(given), dict[str, str]()
    try:
        found = _LENIENT.decode(line)
        for name, value in found.items() if isinstance(found, dict) else ():
            try:
                told |= nesting.all_cells([(name, value)])
            except BrokenLine:
                told[name] = _as_json(value)
    except (ValueError, RecursionError):
        return {}
    return told


def _nesting(given: Format) -> Nesting:
    return Nesting(given.list_separator, _text, _as_json if given.nested == "text" else None)


@dataclass(frozen=True, slots=True)
class Nesting:
    """Spreads values over columns.

    Attributes:
        separator: what stands between the values of a list.
        text: makes text of a value in which nothing is nested.
        whole: makes text of lists and objects, where they have no columns of their own.
    """

    separator: str
    text: Callable[[Any], str]
    whole: Callable[[Any], str] | None = None

    def all_cells(self, values: Iterable[tuple[str, Any]]) -> dict[str, str]:
        """The cells of named values; raises `BrokenLine` where one fits no column, or two the same."""
        return _distinct([cell for name, value in values for cell in self._cells(name, value)])

    def _cells(self, name: str, value: Any, *, listed: bool = False) -> Iterator[tuple[str, str]]:
        """The cells of a value; within a list that is joined there are no others."""
        if not isinstance(value, dict | list):
            yield name, self.text(value)
        elif self.whole:
            yield name, self.whole(value)
        elif listed and isinstance(value, list):
            raise BrokenLine("json-nested", name)
        elif isinstance(value, dict):
            for key, inner in value.items():
                below = f"{name}.{key}"
                if len(below) > NAME_CHARACTERS:
                    raise BrokenLine("json-nested", below[:NAME_CHARACTERS])
                yield from self._cells(below, inner, listed=listed)
        elif any(value) and all(isinstance(item, dict | None) for item in value):
            yield from self._parallel(name, [item or {} for item in value])
        elif any(isinstance(item, dict | list) for item in value):
            raise BrokenLine("json-nested", name)
        else:
            yield name, self._joined(name, [self.text(item) for item in value])

    def _parallel(self, name: str, items: Sequence[dict[str, Any]]) -> Iterator[tuple[str, str]]:
        """The cells of a list of objects: for each key the values of all of them, in their order."""
        rows = [_distinct(list(self._cells(name, item, listed=True))) for item in items]
        names = dict.fromkeys(below for row in rows for below in row)
        if len(names) * len(rows) > PARALLEL_CELLS:
            raise BrokenLine("json-nested", name)
        for below in names:
            yield below, self._joined(below, [row.get(below, "") for row in rows])

    def _joined(self, name: str, texts: Sequence[str]) -> str:
        if any(self.separator in text for text in texts):
            raise BrokenLine("json-separator", name)
        return self.separator.join(texts)


def problem_of(broken: BrokenLine) -> Problem:
    """What is wrong with a line, in words."""
    message, hint = JSON_PROBLEMS[broken.code]
    readable = shortened(broken.told).encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")
    return Problem(broken.code, message.format(told=readable), hint.format())


def _distinct(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise BrokenLine("json-repeated", Counter(name for name, _ in pairs).most_common(1)[0][0])
    return found


def _no_number(text: str) -> Any:
    raise BrokenLine("json-number", text)


_DECODER = json.JSONDecoder(
    object_pairs_hook=_distinct, parse_float=Number, parse_int=Number, parse_constant=_no_number
)

_LENIENT = json.JSONDecoder(parse_float=Number, parse_int=Number, parse_constant=Number)
"""For what is mended: of a key that stands twice the last value counts, and NaN is what is written."""


def _decoded(line: str) -> Any:
    """What a line says; usual ones have no white space around them, for which to look takes time."""
    if line.startswith("{"):
        found, end = _DECODER.raw_decode(line)
        if end == len(line):
            return found
    return _DECODER.decode(line)


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _as_json(value: Any) -> str:
    """A value as JSON, its numbers as they were written."""
    if isinstance(value, dict):
        inner = (f"{json.dumps(key, ensure_ascii=False)}: {_as_json(each)}" for key, each in value.items())
        return f"{{{', '.join(inner)}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(_as_json, value))}]"
    return str(value) if isinstance(value, Number) else json.dumps(value, ensure_ascii=False)
