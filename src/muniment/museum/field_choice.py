"""Which column a first mapping takes for each field, with what a reader should know about the choice."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from muniment.guess import ColumnProfile
from muniment.museum.column_names import measured, places, plain, recognised

ALMOST_AS_FULL = 0.02
"""How much emptier a column may be than the fullest one and still be preferred for its better name."""

PUBLISHED_TOO = "published exports tell it, too: leave it out if nobody outside should know it"
"""What is said of a column of locations: a store is not for everybody to know."""

FULL = 0.995
"""The share of filled cells below which the missing ones are worth a word."""

CATEGORY_TERMS = 200
"""Different values up to which a column may be a list of categories."""

CATEGORY_SHARE = 0.1
"""Different values for each record, beyond which they are not categories."""

CATEGORY_CHARACTERS = 40
"""Mean characters of the name of a category."""

TELLING_SHARE = 0.4
"""Different values for each record from which on a column of an unknown name may hold titles."""

LISTED_SHARE = 0.2
"""The share of values with a semicolon from which on it separates terms: in a phrase it is punctuation."""

UNKNOWN_TYPE = "object"
"""The object type of every record where no column tells one."""

AAT_PATTERN = r"(?P<label>[^|;]+?)\s*AAT:?\s*\(?(?P<id>[0-9]{9})\)?[,;|]?\s*"
"""Terms with the number of their concept in the Art & Architecture Thesaurus, one after another."""

AAT_URI = "http://vocab.getty.edu/aat/{id}"

_AAT = re.compile(r"\bAAT:?\s*\(?[0-9]{9}")
_SEMICOLON = re.compile(";")
_CREATOR_PARTS = ("id", "uri", "role", "kind", "nationality", "birth", "death", "qualifier")
_OWN_ROLES = ("artist", "maker", "author")


@dataclass
class FieldChoice:
    """A field of the mapping, as plain data, with the columns it takes and notes on it."""

    value: Any
    columns: list[ColumnProfile] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass
class Choices:
    """All that was chosen.

    Attributes:
        key: what identifies the object, where a column does so better than the accession.
        accession_repeats: several records looked at bear one accession number.
        fields: by name, in the order of a mapping.
        unused: columns that nothing takes, each with the part that it might be, or "".
    """

    key: ColumnProfile | None
    accession_repeats: bool
    fields: dict[str, FieldChoice]
    unused: list[tuple[ColumnProfile, str]]


def choose(columns: Sequence[ColumnProfile]) -> Choices:
    """Choose a column for each field; accession, title and object type are always there."""
    chooser = _Chooser(columns)
    accession = chooser.fields["accession"] = chooser.accession()
    title = chooser.fields["title"] = chooser.title()
    key = chooser.key(accession)
    chooser.fields["object_type"] = chooser.object_type(title)
    chooser.the_making()
    chooser.the_rest()
    unused = [(c, chooser.likely(c)) for c in columns if c.name not in chooser.used]
    repeats = key is not None and not accession.columns[0].nearly_identifies
    return Choices(key, repeats, chooser.fields, unused)


class _Chooser:
    def __init__(self, columns: Sequence[ColumnProfile]) -> None:
        self.columns = columns
        self.found = recognised(columns)
        self.used: set[str] = set()
        self.fields: dict[str, FieldChoice] = {}

    def likely(self, column: ColumnProfile) -> str:
        """The part that a column might be; "" where nothing tells."""
        return next((part for part, named in self.found.items() if column in named), "")

    def accession(self) -> FieldChoice:
        named = _fullest(self.found["accession"])
        identifying = [c for c in self.columns if c.identifies and c.kind not in ("URL", "long text")]
        rest = sorted(self.columns, key=lambda c: -c.distinct)
        column = (*([named] if named else ()), *self.found["key"], *identifying, *rest)[0]
        notes = [] if named else ["No column is called an accession or inventory number; is this one?"]
        if not column.identifies:
            notes.append(
                f"Of {column.rows:,} records {column.filled:,} have one, {column.distinct:,} differ;"
                " where numbers may repeat, a key and accession_repeats = true are needed"
            )
        return self._one(column, notes)

    def title(self) -> FieldChoice:
        named = [c for c in self.found["title"] if c.name not in self.used]
        choice = named[0] if named else self._most_telling()
        if choice is None:
            choice = self.fields["accession"].columns[0]
            return FieldChoice(
                choice.name, [choice], ["No column is a title: the accession number stands in"]
            )
        notes = [] if named else ["No column is called a title; this one tells the most"]
        if choice.fill < FULL:
            notes.append(_missing(choice))
            others = [c.name for c in named[1:] if c.fill > choice.fill]
            if others:
                notes.append(
                    f"To take {others[0]!r} where it is missing, write both in a list, this one first"
                )
        return self._one(choice, notes)

    def _most_telling(self) -> ColumnProfile | None:
        """A column of an unknown name whose texts nearly all differ, as titles do."""
        texts = [
            c for c in self.columns if c.kind == "text" and not self.likely(c) and c.name not in self.used
        ]
        telling = [c for c in texts if c.distinct >= TELLING_SHARE * c.rows]
        return max(telling, key=lambda c: c.distinct, default=None)

    def key(self, accession: FieldChoice) -> ColumnProfile | None:
        """The column that identifies the object better than its accession number."""
        candidates = [c for c in self.found["key"] if c.name not in self.used]
        if not candidates and not accession.columns[0].identifies:
            kinds = ("whole number", "URI", "text")
            free = [c for c in self.columns if c.name not in self.used and not self.likely(c)]
            candidates = [c for c in free if c.identifies and c.kind in kinds]
        self.used.update(c.name for c in candidates[:1])
        return candidates[0] if candidates else None

    def object_type(self, title: FieldChoice) -> FieldChoice:
        column = _fullest([c for c in self.found["object_type"] if c.name not in self.used])
        notes = []
        if column is None and title.columns[0] in self.found["object_type"]:
            column = title.columns[0]
            notes.append("No other column tells the kind of thing")
        if column is None:
            column = self._most_like_a_category()
            notes.append("No column is called a type; this one is most like a list of categories")
        if column is None:
            return FieldChoice(
                {"constant": UNKNOWN_TYPE}, [], ["No column tells the kind of thing: all get the same type"]
            )
        if column.fill < FULL:
            notes.append(_missing(column))
        return self._terms("object_type", [column], notes)

    def _most_like_a_category(self) -> ColumnProfile | None:
        likely = [
            c
            for c in self.columns
            if c.kind == "text"
            and c.name not in self.used
            and c.fill >= FULL
            and 1 < c.distinct <= min(CATEGORY_TERMS, CATEGORY_SHARE * c.rows)
            and c.mean_length <= CATEGORY_CHARACTERS
            and self.likely(c).partition(".")[0] in ("", "material", "category", "department")
        ]
        return min(likely, key=lambda c: (not self.likely(c), c.distinct), default=None)

    def the_making(self) -> None:
        """Who, when, where, of what, and how large."""
        self._materials()
        creators = self._creators()
        if creators.columns:
            self.fields["creator"] = creators
        self._date()
        self._place()
        self._dimensions()

    def the_rest(self) -> None:
        """The fields that take whatever column bears their name."""
        for name in ("category", "department", "location"):
            self._single(name)
        if location := self.fields.get("location"):
            location.notes.append(PUBLISHED_TOO)
        self._subjects()
        self._acquisition()
        for name in ("identifier", "provenance", "description", "credit_line", "text"):
            self._texts(name)
        if other := self._take("other_title"):
            title = self.fields["title"]
            title.value = [title.value, {"column": other.name, "type": _words(other.name)}]
            title.columns.append(other)
        if ocr := self._take("ocr"):
            parts = self._parts("ocr", ("engine", "confidence"))
            self.fields["ocr"] = FieldChoice(
                {"column": ocr.name} | {p: c.name for p, c in parts.items()}, [ocr, *parts.values()]
            )
        for name in ("owner", "keeper", "web_page", "rights"):
            self._single(name)
        for name in ("manifest", "image"):
            self._resources(name)

    def _materials(self) -> None:
        named = self._free("material")
        numbered = [c for c in named if c.share(_AAT) > 0.5]
        self.used.update(map(_name, numbered or named))
        if named:
            self.fields["material"] = self._terms("material", numbered or named, [])

    def _subjects(self) -> None:
        named = self._free("subject")
        self.used.update(map(_name, named))
        if named:
            self.fields["subject"] = self._terms("subject", named, [])

    def _terms(self, part: str, columns: list[ColumnProfile], notes: list[str]) -> FieldChoice:
        self.used.update(map(_name, columns))
        values: list[Any] = [_term(column) for column in columns]
        taken = list(columns)
        if len(columns) == 1 and (uri := self._take(f"{part}.uri")):
            values[0]["uri_column"] = uri.name
            taken.append(uri)
        return FieldChoice(_shortest(values), taken, notes)

    def _creators(self) -> FieldChoice:
        choice = FieldChoice(None)
        values = []
        if name := self._take("creator"):
            parts = self._parts("creator", _CREATOR_PARTS)
            value = {"name": name.name} | {part: c.name for part, c in parts.items()}
            own = next((role for role in _OWN_ROLES if role in plain(name.name)), "")
            if own and "role" not in parts:
                value["default_role"] = own
            values.append(_split(name, value))
            choice.columns += [name, *parts.values()]
        for other in self._free("other_creator"):
            self.used.add(other.name)
            values.append({"name": other.name, "default_role": plain(other.name)})
            choice.columns.append(other)
        choice.value = _shortest(values, "name")
        return choice

    def _date(self) -> None:
        display = self._take("date")
        bounds = self._parts("date", ("earliest", "latest"))
        value = ({"column": display.name} if display else {}) | {part: c.name for part, c in bounds.items()}
        if value:
            taken = [*([display] if display else ()), *bounds.values()]
            self.fields["date"] = FieldChoice(_shortest([value]), taken)

    def _place(self) -> None:
        """One column of places, or else the columns that are a place only together."""
        together = [c for c in places(self.columns) if c.name not in self.used]
        whole = [c for c in self._free("place") if c not in together]
        if len(together) > 1 and not whole:
            self.used.update(map(_name, together))
            self.fields["place"] = FieldChoice({"columns": [c.name for c in together]}, together)
        self._single("place")

    def _dimensions(self) -> None:
        numbers = [(c, *told) for c in self.columns if c.name not in self.used and (told := measured(c))]
        if text := self._take("dimension"):
            left_out = ", ".join(column.name for column, _, _ in numbers)
            notes = [f"As numbers, the same stands in {left_out}; those are left out"] if numbers else []
            self.fields["dimension"] = FieldChoice(text.name, [text], notes)
            return
        unit = self._take("dimension.unit") if numbers else None
        values = [
            {"column": c.name, "type": kind}
            | ({"unit_column": unit.name} if unit else {"unit": given} if given else {})
            for c, kind, given in numbers
        ]
        if values:
            notes = (
                []
                if unit or all("unit" in v for v in values)
                else ['The unit is not told: add unit = "cm" or another']
            )
            self.used.update(c.name for c, _, _ in numbers)
            taken = [c for c, _, _ in numbers] + ([unit] if unit else [])
            self.fields["dimension"] = FieldChoice(values, taken, notes)

    def _acquisition(self) -> None:
        if parts := self._parts("acquisition", ("method", "source", "date", "text")):
            self.fields["acquisition"] = FieldChoice(
                {p: c.name for p, c in parts.items()}, list(parts.values())
            )

    def _texts(self, name: str) -> None:
        """All columns of this name; where the name alone does not tell, with their own as type."""
        columns = self._free(name)
        if name == "text":
            columns += [c for c in self._free("material") if c.name not in map(_name, columns)]
        self.used.update(map(_name, columns))
        typed = name in ("text", "identifier") or len(columns) > 1
        values = [{"column": c.name} | ({"type": _words(c.name)} if typed else {}) for c in columns]
        if values:
            self.fields[name] = FieldChoice(_shortest(values), columns)

    def _resources(self, name: str) -> None:
        columns = self._free(name)
        self.used.update(map(_name, columns))
        values = [_split(c, {"column": c.name}) for c in columns]
        if values and (rights := self._take(f"{name}.rights") if f"{name}.rights" in self.found else None):
            values[0]["rights"] = rights.name
            columns.append(rights)
        if values:
            self.fields[name] = FieldChoice(_shortest(values), columns)

    def _single(self, name: str) -> None:
        if name not in self.fields and (column := self._take(name)):
            self.fields[name] = FieldChoice(column.name, [column])

    def _parts(self, part: str, names: Sequence[str]) -> dict[str, ColumnProfile]:
        taken = {name: self._take(f"{part}.{name}") for name in names}
        return {name: column for name, column in taken.items() if column}

    def _free(self, part: str) -> list[ColumnProfile]:
        return [c for c in dict.fromkeys(self.found[part]) if c.name not in self.used]

    def _take(self, part: str) -> ColumnProfile | None:
        column = next(iter(self._free(part)), None)
        if column:
            self.used.add(column.name)
        return column

    def _one(self, column: ColumnProfile, notes: list[str]) -> FieldChoice:
        self.used.add(column.name)
        return FieldChoice(column.name, [column], notes)


def _fullest(columns: Sequence[ColumnProfile]) -> ColumnProfile | None:
    """The first, unless a later one is filled much more often."""
    most = max((c.fill for c in columns), default=0.0)
    return next((c for c in columns if c.fill >= most - ALMOST_AS_FULL), None)


def _term(column: ColumnProfile) -> dict[str, str]:
    if column.share(_AAT) > 0.5:
        return {"column": column.name, "pattern": AAT_PATTERN, "uri": AAT_URI, "vocabulary": "AAT"}
    phrases = column.separator == ";" and column.share(_SEMICOLON) < LISTED_SHARE
    return {"column": column.name} if phrases else _split(column, {"column": column.name})


def _split(column: ColumnProfile, value: dict[str, str]) -> dict[str, str]:
    return value | ({"split": column.separator} if column.separator else {})


def _shortest(values: list[Any], name: str = "column") -> Any:
    """One value without a list, and one that is only a column as its bare name."""
    bare = [value[name] if set(value) == {name} else value for value in values]
    return bare[0] if len(bare) == 1 else bare


def _missing(column: ColumnProfile) -> str:
    empty = column.rows - column.filled
    return f"{empty:,} of the {column.rows:,} records looked at have none and would be quarantined"


def _name(column: ColumnProfile) -> str:
    return column.name


def _words(name: str) -> str:
    """A column's name as words: `labelText` and `label_text` are `label text`."""
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])|[\W_]+", " ", name)
    return apart.strip().casefold()
