"""From the tokens of a text about dimensions to series of numbers (see `muniment.museum.dimensions`)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from muniment.museum.dimension_words import UNITS, Token, number_of, tokens_of

EXTENT_CHARACTERS = 100
"""Of an extent, which is cut there: names of parts are short, and `display` has the whole."""

_APPROXIMATELY = frozenset(
    ("c", "ca", "circa", "approx", "approximately", "about", "env", "environ", "etwa", "~")
)
_UNITS_BEFORE = frozenset(("mm", "cm", "m", "kg"))
_COMPOUNDS = {
    ("ft", "in"): 12,
    ("m", "cm"): 100,
    ("lb", "oz"): 16,
    ("kg", "g"): 1000,
    ("h", "min"): 60,
    ("min", "s"): 60,
}
_TIMES = frozenset(("h", "min"))
_CORRUPTING = frozenset(("±", "+", "<", ">", "^", "%", "×", "x", "by"))
"""Signs that, directly before or after a series, make it something other than a plain measurement."""
_SIGNS = " ,.:;-–—/&=#*\"'"
_LITTLE_WORD = re.compile(r"^(?:of|and|und|et|x)\b|\b(?:and|und|et|in|x)$")
_BREAKING = frozenset(("/", ".", ","))
_BEFORE_ROLES = frozenset(("in", "de"))


class Term(NamedTuple):
    """One value, or the two ends of its range; None for a number that cannot be read."""

    values: tuple[Decimal | None, ...]
    unit: str
    role: str


@dataclass(slots=True)
class Series:
    """Values that are told in one go: `10 x 18 1/8 in.` is a series of two.

    Attributes:
        terms: its values.
        start, end: where in the text it stands, with the words that introduce it.
        depth: how many parentheses it stands in.
        extent: the part measured.
        introduced: words of its own precede it, so that it does not repeat the series before it.
        alone: no words touch it, so that it may be a number without a unit.
        spoilt: something about it is not understood.
    """

    terms: list[Term]
    start: int
    end: int
    depth: int
    extent: str
    introduced: bool
    alone: bool
    spoilt: bool = False

    @property
    def roles(self) -> list[str]:
        """Of each term, "" where it has none."""
        return [term.role for term in self.terms]

    def assign(self, roles: Sequence[str]) -> None:
        """Give the terms these roles, as many as there are terms."""
        self.terms = [
            Term(term.values, term.unit, role) for term, role in zip(self.terms, roles, strict=True)
        ]


def series_of(text: str) -> list[Series]:
    """The series of numbers in `text`, in its order; every number is in one, save those in labels."""
    return _Reader(text).read()


class _Reader:
    """Walks over the tokens once; `words` are those that no series has claimed yet."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = tokens_of(text)
        self.at = 0
        self.series: list[Series] = []
        self.last: Series | None = None
        self.words: list[Token] = []
        self.separated = False
        self.label = ""
        self.label_roles: list[str] = []
        self.label_start: int | None = None
        self.outer: list[tuple[str, Series | None]] = []
        self.remarks = _remarks(self.tokens)

    def read(self) -> list[Series]:
        """Every series of the text."""
        steps = {
            "number": self._measure,
            "break": self._break,
            "gap": self._gap,
            "colon": self._colon,
            "comma": self._comma,
            "open": self._open,
            "close": self._close,
        }
        while self.token.kind != "end":
            steps.get(self.token.kind, self._word)()
        self._close_words()
        return self.series

    @property
    def token(self) -> Token:
        """The one at hand."""
        return self.tokens[self.at]

    def _word(self) -> None:
        if not _approximate(self.token):
            self.words.append(self.token)
        self.at += 1

    def _break(self) -> None:
        self.at += 1
        self._close_words()
        self.last, self.label, self.label_roles, self.label_start = None, "", [], None

    def _gap(self) -> None:
        self.at += 1
        if self.words:
            self._close_words()
            self.last = None

    def _colon(self) -> None:
        self.at += 1
        if self.words:
            extent, self.label_roles = _interpreted(self.words, self.text)
            self.label = extent or self.label
            self.label_start = self.words[0].start
            self.words, self.last = [], None

    def _comma(self) -> None:
        if self.words and self.last and not self.separated:
            self._close_words()
        elif self.words:
            self.words.append(self.token)
        self.separated = True
        self.at += 1

    def _open(self) -> None:
        if (end := self.remarks.get(self.at)) is not None:
            self.words += self.tokens[self.at : end + 1]
            self.at = end + 1
            return
        self.at += 1
        if self.last:
            self._close_words()
        self.outer.append((self.label, self.last))
        self.last = None

    def _close(self) -> None:
        self.at += 1
        self._close_words()
        if self.outer:
            self.label, self.last = self.outer.pop()

    def _close_words(self) -> None:
        """The words up to here follow the last series: they say its role, or what it measures, or nothing."""
        words, self.words, self.separated = self.words, [], False
        if not words or not self.last:
            return
        extent, roles = _interpreted(words, self.text)
        if len(roles) == len(self.last.terms) and not any(self.last.roles):
            self.last.assign(roles)
        if extent and (not self.last.extent or (self.last.depth and not self.last.introduced)):
            self.last.extent = _joined(self.last.extent, extent)
        self.last.alone = False
        self.last.spoilt |= _corrupts(words[0])

    def _measure(self) -> None:
        """Read the series that begins here, and what the words before it say of it."""
        if self.last and self.words and not self.separated and self._belong_to(self.last):
            self._close_words()
        if (continued := self._continued()) is not None:
            continued.terms += self._terms("")
            continued.end = self.tokens[self.at - 1].end
            self.last, self.words = continued, []
            return
        before, self.words, self.separated = self.words, [], False
        series = self._introduced(before)
        series.spoilt = bool(before) and _corrupts(before[-1])
        unit = before.pop().word if before and before[-1].word in _UNITS_BEFORE else ""
        named, roles = _interpreted(before, self.text)
        series.extent = _joined(self.label, named)
        series.alone = not named
        roles = roles or self.label_roles
        series.terms = self._terms(roles[0] if len(roles) == 1 else "")
        if unit and not any(term.unit for term in series.terms):
            series.terms = [term._replace(unit=unit) for term in series.terms]
        if len(roles) > 1 and len(roles) == len(series.terms):
            series.assign(roles)
        series.spoilt |= len(roles) > 1 and len(roles) != len(series.terms)
        series.spoilt |= self.token.kind == "times"
        series.end = self.tokens[self.at - 1].end
        self.series.append(series)
        self.last, self.label_roles, self.label_start = series, [], None

    def _introduced(self, words: Sequence[Token]) -> Series:
        """A series without terms, that begins with its label, or these words before it, or its number."""
        starts = [self.token.start, *(word.start for word in words[:1])]
        if self.label_start is not None:
            starts.append(self.label_start)
        return Series([], min(starts), self.token.end, len(self.outer), "", len(starts) > 1, alone=True)

    def _continued(self) -> Series | None:
        """The series that goes on here, as in `10 in. (25 cm) x 8 in. (20 cm)`; None where one begins."""
        if self.last and len(self.words) == 1 and self.words[0].kind == "times":
            return self.last
        if self.last or self.words or len(self.series) < 2:
            return None
        outer, inner = self.series[-2:]
        goes_on = self.outer and self.outer[-1][1] is outer and inner.depth == len(self.outer)
        return inner if goes_on and len(outer.terms) == len(inner.terms) + 1 else None

    def _belong_to(self, last: Series) -> bool:
        """Whether words between two series, with nothing to part them, give the first its role."""
        named = self.words[0] if self.words[0].word != "in" or len(self.words) < 2 else self.words[1]
        return bool(named.role) and len(last.terms) == 1 and not last.terms[0].role

    def _terms(self, role: str) -> list[Term]:
        terms = [self._term(role, [])]
        while (role_or_none := self._joint(all(term.role for term in terms))) is not None:
            terms.append(self._term(role_or_none, terms))
        return terms

    def _joint(self, all_named: bool) -> str | None:
        """Step over `x`, or the comma between `H. 12, W. 10`, to the next number: its role, or None."""
        joint = self.token.kind
        if joint != "times" and not (joint == "comma" and all_named):
            return None
        look = self.at + 1
        role = ""
        while (token := self.tokens[look]).kind in ("gap", "colon") or token.role or _approximate(token):
            role = token.role or role
            look += 1
        if token.kind != "number" or (joint == "comma" and not role):
            return None
        self.at = look
        return role

    def _term(self, role: str, earlier: Sequence[Term]) -> Term:
        """A number or a range with its unit, and its role where that follows."""
        value, unit = self._quantity()
        values = [value]
        if self.token.kind == "to" and self.tokens[self.at + 1].kind == "number":
            self.at += 1
            other, other_unit = self._quantity()
            values = [value, other] if unit in ("", other_unit) else [None, None]
            unit = other_unit
        behind = None if role else self._role_behind(earlier)
        if behind is not None:
            self.at += 1 + 2 * (self.token.kind == "open") + (self.token.word in _BEFORE_ROLES)
            if not unit and self.token.word in UNITS:
                unit = UNITS[self.token.word]
                self.at += 1
            # A letter alone may say `24 p.` (pages) as well as depth.
            unsure = len(behind.word) == 1 and not (unit or earlier) and self.token.kind != "times"
        else:
            unsure = not unit and self.token.kind in ("word", "mark")
        return Term((None,) if unsure else tuple(values), unit, behind.role if behind else role)

    def _role_behind(self, earlier: Sequence[Term]) -> Token | None:
        """The role of the number just read: `12 cm high`, `12 cm in diameter`, `12 cm (height)`."""
        look = self.at + (self.token.word in _BEFORE_ROLES or self.remarks.get(self.at) == self.at + 2)
        token = self.tokens[look]
        if not token.role:
            return None
        # In `300 x 300 mm, weight 2 kg` and `20 x 30 cm diameter 5 cm` the role is that of what follows.
        leads = self.tokens[look + 1].kind in ("number", "colon")
        several = bool(earlier) and not any(term.role for term in earlier)
        return None if leads and (several or token.role in ("weight", "duration")) else token

    def _quantity(self) -> tuple[Decimal | None, str]:
        """A number and its unit; `6 ft. 2 in.` is one quantity, in the smaller unit."""
        value = number_of(self.token.word)
        self.at += 1
        while (broken := self._broken_number()) is not None:
            value, self.at = None, broken
        if self.token.kind != "unit":
            return value, ""
        unit = self.token.word
        self.at += 1
        look = self.at + (self.token.kind == "comma" and unit in _TIMES)
        if self.tokens[look].kind == "number" and (unit, self.tokens[look + 1].word) in _COMPOUNDS:
            self.at = look
            factor = _COMPOUNDS[unit, self.tokens[look + 1].word]
            rest, smaller = self._quantity()
            # `1 h 5 min 10 s` comes back in seconds already.
            factor *= _COMPOUNDS.get((self.tokens[look + 1].word, smaller), 1)
            return (None if value is None or rest is None else value * factor + rest), smaller
        return value, unit

    def _broken_number(self) -> int | None:
        """Where `1 200`, `55. 9` or `21, 5` goes on behind its second part; None for a number in one part."""
        look = self.at + (self.token.word in _BREAKING)
        return look + 1 if self.tokens[look].kind == "number" else None


def _corrupts(token: Token) -> bool:
    return token.kind in ("mark", "times") and token.word in _CORRUPTING


def _joined(label: str, words: str) -> str:
    return ", ".join(filter(None, (label, words)))[:EXTENT_CHARACTERS]


def _approximate(token: Token) -> bool:
    return token.kind == "word" and token.word in _APPROXIMATELY


def _remarks(tokens: list[Token]) -> dict[int, int]:
    """Parentheses without numbers: where each opens, and where it closes."""
    remarks: dict[int, int] = {}
    opened: list[tuple[int, int]] = []
    numbers = 0
    for index, token in enumerate(tokens):
        numbers += token.kind == "number"
        if token.kind == "open":
            opened.append((index, numbers))
        elif token.kind == "close" and opened:
            start, before = opened.pop()
            if numbers == before:
                remarks[start] = index
    return remarks


def _interpreted(words: Sequence[Token], text: str) -> tuple[str, list[str]]:
    """What words say: the part measured, and the role, or the roles of `H x W x D`."""
    named = [index for index, word in enumerate(words) if word.role]
    header = any(word.kind == "times" for word in words) and len(named) > 1
    plain = [word for word in words if word.kind not in ("open", "close", "comma")]
    if not header:
        named = [i for i in named if len(words[i].word) > 1 or len(plain) == 1 or _dotted(words[i])][:1]
    if not named:
        return _cleaned(words, text), []
    first, last = named[0], named[-1]
    extent = f"{_cleaned(words[:first], text)} {_cleaned(words[last + 1 :], text)}".strip()
    return extent, [words[index].role for index in named]


def _dotted(token: Token) -> bool:
    return token.end - token.start > len(token.word)


def _cleaned(words: Sequence[Token], text: str) -> str:
    """The text of these words in lower case, without the signs and little words at its ends."""
    if not words:
        return ""
    given = " ".join(text[words[0].start : words[-1].end].lower().split())
    for opening, closing in ("()", "[]"):
        if given.count(opening) != given.count(closing) or given.startswith(opening):
            given = given.replace(opening, "").replace(closing, "")
    stripped = given.strip(_SIGNS)
    while (shorter := _LITTLE_WORD.sub("", stripped).strip(_SIGNS)) != stripped:
        stripped = shorter
    return stripped
