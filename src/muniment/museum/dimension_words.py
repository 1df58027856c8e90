"""The words, numbers and signs that texts about dimensions are made of (see `muniment.museum.dimensions`)."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from decimal import Context, Decimal
from typing import NamedTuple

NUMBER_CHARACTERS = 12
"""Of a number: ten kilometres in micrometres have eleven; more is an identifier or an accident."""

ROUNDED_PLACES = Decimal("0.000001")
"""To what a third of an inch is rounded: a fraction that no decimal number equals."""


def _by_spelling(spellings: dict[str, str]) -> dict[str, str]:
    return {spelling: name for name, line in spellings.items() for spelling in line.split()}


UNITS = _by_spelling(
    {
        "mm": "mm mms millimeter millimeters millimetre millimetres millimètre millimètres",
        "cm": "cm cms centimeter centimeters centimetre centimetres centimètre centimètres zentimeter",
        "m": "m meter meters metre metres mètre mètres",
        "in": "in ins inch inches zoll pouce pouces \" ” “ ″ ''",
        "ft": "ft foot feet fuss fuß pied pieds ' ’ ′",
        "yd": "yd yds yard yards",
        "g": "g gr gram grams gramm gramme grammes",
        "kg": "kg kgs kilo kilos kilogram kilograms kilogramm kilogramme kilogrammes",
        "oz": "oz ounce ounces",
        "lb": "lb lbs pound pounds",
        "s": "s sec secs second seconds sek sekunde sekunden seconde secondes",
        "min": "min mins minute minutes minuten",
        "h": "hr hrs hour hours std stunde stunden heure heures",
    }
)
ROLES = _by_spelling(
    {
        "height": "height high h ht hgt höhe hoehe hoch hauteur haut",
        "width": "width wide w wd b br breite breit largeur larg",
        "depth": "depth deep d dp t tiefe tief p pr prof profondeur",
        "length": "length long l lg länge laenge lang longueur",
        "diameter": "diameter diam dia dm ø ⌀ durchmesser diamètre",
        "circumference": "circumference circ umfang circonférence",
        "thickness": "thickness thick dicke dick stärke staerke épaisseur ép",
        "weight": "weight wt gewicht gew poids",
        "duration": "duration dauer durée",
    }
)
_FRENCH = frozenset(("p", "pr", "prof", "profondeur", "haut", "hauteur", "larg", "largeur"))
_GERMAN = frozenset(("b", "br", "t", "höhe", "hoehe", "breite", "tiefe"))
_IN_COMPANY = (("l", _FRENCH, "width"), ("lg", _FRENCH, "width"), ("d", _GERMAN, "diameter"))

_DENOMINATORS = frozenset((2, 3, 4, 5, 6, 8, 10, 16, 32, 64))

VULGAR = "¼½¾⅓⅔⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞"
_LETTER = rf"[^\W\d_{VULGAR}]"
_TOKEN = re.compile(
    rf"""
    (?P<ordinal> [0-9]++(?:st|nd|rd|th)(?![^\W_]) )
    | (?P<number> [0-9]++(?:[ \u00a0-][0-9]++[/⁄][0-9]++ | [ \u00a0-]?[{VULGAR}]) | [0-9]++[/⁄][0-9]++
        | [{VULGAR}] | [0-9]++(?:[.,][0-9]++|(?!))*+(?:\.(?=[ ]?(?:mm|cm|kg)))? | \.[0-9]++ | \d )
    | (?P<break> [\n\r;|] )
    | (?P<gap> [ \t]{{2,}}+(?={_LETTER}{{2}})(?!by\b) )
    | (?P<times> [×✕*] | (?:x|by|par)(?!{_LETTER}) | x(?=[hwdlbtp](?:x|\b)) )
    | (?P<hour> (?<=[0-9 ])h(?=\.?[ ]?[0-9]{{1,2}}[ ]?m) )
    | (?P<to> [-–—] | (?:to|bis)(?!{_LETTER}) )
    | (?P<word> (?:mm|cm|m|in)(?=x[ ]?[0-9]) | [hwdlbtp](?=x[hwdlbtp](?:x|\b)) | {_LETTER}++\.? | [⌀~]
        | (?:''|["”“″'’′])(?![^\W\d_x]) )
    | (?P<colon> : ) | (?P<comma> , | (?<=[ ])/(?=[ ]) ) | (?P<open> [(\[] ) | (?P<close> [)\]] )
    | (?P<mark> \S )
    """,
    re.VERBOSE | re.IGNORECASE,
)
_DECIMAL = re.compile(r"[0-9]*[.,]?[0-9]+|[0-9]+\.")
_COMMA_GROUPS = re.compile(r"[1-9][0-9]{0,2}(?:,[0-9]{3})+(?:\.[0-9]+)?")
_POINT_GROUPS = re.compile(r"[1-9][0-9]{0,2}(?:(?:\.[0-9]{3})+,[0-9]+|(?:\.[0-9]{3}){2,})")
_DIVISION = Context(prec=28)


class Token(NamedTuple):
    """A piece of text; `kind` is a group of `_TOKEN`, or `unit`, `end`, or `label` for a number in one."""

    kind: str
    word: str
    start: int
    end: int
    role: str = ""


def number_of(text: str) -> Decimal | None:
    """The number that `text` spells; None for one that is too long or not to be told."""
    if len(text) > NUMBER_CHARACTERS:
        return None
    spelled = "".join(f" {unicodedata.normalize('NFKC', c)}" if c in VULGAR else c for c in text)
    *whole, last = spelled.replace("⁄", "/").replace("-", " ").split()
    if "/" in last:
        numerator, denominator = (int(digits) for digits in last.split("/"))
        if denominator not in _DENOMINATORS or not 0 < numerator < denominator:
            return None
        share = _DIVISION.divide(Decimal(numerator), Decimal(denominator))
        exact = share * denominator == numerator
        return Decimal(whole[0] if whole else 0) + (share if exact else share.quantize(ROUNDED_PLACES))
    if _COMMA_GROUPS.fullmatch(last):
        return Decimal(last.replace(",", ""))
    if _POINT_GROUPS.fullmatch(last):
        return Decimal(last.replace(".", "").replace(",", "."))
    return Decimal(last.replace(",", ".")) if _DECIMAL.fullmatch(last) or not last.isascii() else None


def _raw_tokens(text: str) -> Iterator[Token]:
    """The tokens of a text; a word is a unit only where it directly follows a number."""
    after_number = False
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup or "mark"
        word = match.group().lower().rstrip(".")
        if after_number and kind == "gap":
            continue
        if after_number and (kind == "hour" or word in UNITS):
            yield Token("unit", UNITS.get(word, word), *match.span())
        else:
            role = ROLES.get(word, "") if kind == "word" else ""
            yield Token("word" if kind == "hour" else kind, word or match.group(), *match.span(), role)
        after_number = kind == "number"


def tokens_of(text: str) -> list[Token]:
    """The tokens of a text: roles in the language it is in, numbers in labels as words, and an end."""
    tokens = list(_raw_tokens(text))
    words = {token.word for token in tokens if token.role}
    roles = {word: role for word, company, role in _IN_COMPANY if words & company}
    tokens = [t._replace(role=roles[t.word]) if t.role and t.word in roles else t for t in tokens]
    for index, token in enumerate(tokens):
        if token.kind == "colon":
            _absorb_numbers(tokens, index)
    return [*tokens, Token("end", "", len(text), len(text))]


def _absorb_numbers(tokens: list[Token], colon: int) -> None:
    """Make words of the numbers in a label such as `Left panel of 4:`, `object 1 vessel:`, `support x 3:`."""
    start = colon
    while start and tokens[start - 1].kind not in ("break", "gap", "unit", "colon"):
        start -= 1
    if start and tokens[start - 1].kind == "colon":
        return
    for index in range(start, colon):
        if tokens[index].kind == "number" and _is_count(
            tokens[max(start, index - 2) : index], tokens[index + 1]
        ):
            tokens[index] = tokens[index]._replace(kind="label")


def _is_count(before: list[Token], after: Token) -> bool:
    """Whether a number in a label, between these words of it, counts or names things: `4 panels`, `no. 4`."""
    if after.kind in ("comma", "times", "number") or after.role or (before and before[-1].role):
        return False
    if before and before[-1].kind == "times":
        return len(before) > 1 and before[0].kind in ("word", "open", "close")
    return after.kind == "word" or (
        bool(before) and before[-1].kind in ("word", "label", "open", "mark", "to")
    )
