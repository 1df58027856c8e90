"""The words of museum dates: from text to lexemes, the input of `muniment.museum.date_grammar`.

Text is folded first (case, accents, kinds of dash), so that the vocabulary below is plain ASCII.
English comes first; of German, French, Italian, Spanish and Dutch there is what costs nothing.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from enum import Enum, auto


class Kind(Enum):
    """What a lexeme is to the grammar; see `_VOCABULARY` for the words of each."""

    NUMBER = auto()
    PLURAL = auto()
    ORDINAL = auto()
    ROMAN = auto()
    MONTH = auto()
    SEASON = auto()
    CIRCA = auto()
    UNCERTAIN = auto()
    PART = auto()
    FRACTION = auto()
    UNIT = auto()
    DECADE = auto()
    ERA = auto()
    BEFORE = auto()
    AFTER = auto()
    EARLIER = auto()
    LATER = auto()
    ONWARD = auto()
    NOW = auto()
    FROM = auto()
    TO = auto()
    OR = auto()
    AND = auto()
    LINK = auto()
    NOTHING = auto()
    EVENT = auto()
    MODEL = auto()
    PERIOD = auto()
    COUNTER = auto()
    WORD = auto()
    DASH = auto()
    SLASH = auto()
    DOT = auto()
    COMMA = auto()
    STOP = auto()
    OPEN = auto()
    CLOSE = auto()


@dataclass(frozen=True, slots=True)
class Lexeme:
    """A word, number or sign.

    Attributes:
        text: as folded.
        value: of a number, ordinal or month itself; of a unit its years; of a fraction its
            denominator; of an era its sign.
        part: of a `PART` which of how many parts, from 0.
    """

    kind: Kind
    text: str
    value: int = 0
    part: tuple[int, int] | None = None


TURN = (0, 0)
"""The part of a century that is its turn."""

_PARTS: dict[tuple[int, int], str] = {
    (0, 3): "early, beginning, start, anfang, anf, fruhes, debut, inizio, inizi, principios, begin",
    (1, 3): "mid, middle, mitte, milieu, mediados, midden",
    (2, 3): "late, end, ende, spates, fin, fine, finales, eind, einde",
    TURN: "turn",
}

_ORDINALS: dict[int, str] = {
    -1: "last, final, letzte, letztes, dernier, derniere, ultimo, ultima, laatste",
    1: "first, erste, erstes, premier, premiere, primo, prima, primera, eerste",
    2: "second, zweite, zweites, deuxieme, seconde, secondo, seconda, segunda, tweede",
    3: "third, dritte, drittes, troisieme, terzo, tercer, derde",
    4: "fourth, vierte, viertes, quatrieme, quarto, vierde",
    5: "fifth",
    6: "sixth",
    7: "seventh",
    8: "eighth",
    9: "ninth",
    10: "tenth",
    11: "eleventh",
    12: "twelfth",
    13: "thirteenth",
    14: "fourteenth",
    15: "fifteenth",
    16: "sixteenth",
    17: "seventeenth",
    18: "eighteenth",
    19: "nineteenth",
    20: "twentieth",
    21: "twenty first, twenty - first",
}

_MONTHS = (
    "january, jan, januar, janner, janvier, gennaio, enero, januari",
    "february, feb, febr, februar, fevrier, febbraio, febrero, februari",
    "march, mar, marz, mars, marzo, maart, mrt",
    "april, apr, avril, avr, aprile, abril",
    "may, mai, maggio, mayo, mei",
    "june, jun, juni, juin, giugno, junio",
    "july, jul, juli, juillet, luglio, julio",
    "august, aug, aout, agosto, augustus",
    "september, sep, sept, septembre, settembre, septiembre",
    "october, oct, oktober, okt, octobre, ottobre, octubre",
    "november, nov, novembre, noviembre",
    "december, dec, dezember, dez, decembre, dicembre, diciembre",
)

_VOCABULARY: dict[Kind, dict[int, str]] = {
    Kind.CIRCA: {
        0: "c, ca, ci, cca, circa, about, around, approx, approximately, roughly, ~, um, etwa,"
        " gegen, vers, env, environ, hacia, verso, omstreeks, ongeveer, rond",
    },
    Kind.UNCERTAIN: {
        0: "?, possibly, probably, perhaps, likely, presumably, maybe, may be, wohl, vermutlich,"
        " vermutl, wahrscheinlich, probablement, peut - etre, probabilmente, probablemente,"
        " waarschijnlijk",
    },
    Kind.FRACTION: {
        2: "half, halfte, h, moitie, meta, mitad, helft",
        3: "drittel, tiers, tercio",
        4: "quarter, viertel, vtl, quart, cuarto, kwart",
        10: "decade, jahrzehnt, decennie, decennio, decada, decennium",
    },
    Kind.UNIT: {
        100: "century, centuries, cent, jahrhundert, jahrhunderts, jahrhunderte, jh, jhs, jhd, jhdt,"
        " siecle, siecles, secolo, sec, siglo, siglos, eeuw",
        1000: "millennium, millennia, millenium, jahrtausend, jahrtausends, millenaire, millennio, milenio",
    },
    Kind.DECADE: {
        0: "annees, anni, anos, jaren",
    },
    Kind.ERA: {
        -1: "bce, bc, ac, b c, b c e, v chr, vor chr, vor christus, v u z, av j - c, avant j - c,"
        " av jc, v chr g, before christ, before common era",
        1: "ce, ad, dc, a d, n chr, nach chr, nach christus, ap j - c, apres j - c, ap jc",
    },
    Kind.BEFORE: {
        0: "before, by, prior to, up to, pre, ante, not after, no later than, not later than,"
        " vor, spatestens, nicht nach, avant, prima del, antes de, voor",
        1: "until, till, bis, tot, jusque, jusqu a, fino al, hasta",
    },
    Kind.AFTER: {
        0: "after, since, post, not before, no earlier than, not earlier than, nach, seit, ab,"
        " fruhestens, nicht vor, apres, depuis, dopo, dopo il, despues de, na, vanaf",
    },
    Kind.EARLIER: {
        0: "earlier, fruher, vroeger",
    },
    Kind.LATER: {
        0: "later, posthumous, posthumously, spater",
    },
    Kind.ONWARD: {
        0: "onward, onwards, ff",
    },
    Kind.NOW: {
        0: "present, now, today, ongoing, heute",
    },
    Kind.FROM: {
        0: "from, between, von, zwischen, zw, entre, tussen, tra, fra, desde, dal",
    },
    Kind.TO: {
        0: "to, through, thru, au, al",
    },
    Kind.OR: {
        0: "or, oder, ou, o",
    },
    Kind.AND: {
        0: "and, &, und, u, et, y, e, en",
    },
    Kind.LINK: {
        0: "the, of, in, on, at, a, an, this, with, but, is, im, des, der, die, das, den, du, de, la, le,"
        " les, l, el, del, della, dell, di, il, lo, van, het, year, anno, jahr, jahre",
    },
    Kind.SEASON: {
        0: "spring, summer, autumn, fall, winter, fruhjahr, fruhling, sommer, herbst, printemps, ete,"
        " automne, hiver, primavera, estate, autunno, inverno",
    },
    Kind.NOTHING: {
        0: "n / a, date not known, date unknown, unknown date, no date, not dated, not known, undated,"
        " unknown, date not recorded, nd, nda, n d, sd, s d, s / d, sans date, ohne datum, ohne jahr,"
        " undatiert, unbekannt, oj, o j, o d, o dat, n dat, undat, nicht datiert, sine anno, s a, senza data,"
        " sin fecha, s f, s / f,"
        " onbekend, zonder datum, zonder jaar, z j",
    },
    Kind.EVENT: {
        0: "©, additions, annotated, assembled, background, begun, block, carved, cast, casting,"
        " casted, commissioned, completed, composed, conceived, constructed, copy, copied,"
        " copyright, copyrighted, created, date, dated, design, designed, drawing, drawn,"
        " edited, edition, editioned, enlarged, engraved, etched, executed, exhibited,"
        " exhibition, fabricated, finished, fired, founded, gilded, impression, inscribed,"
        " introduced, invoice, issued, made, manufactured, medal, minted, modeled, modelled,"
        " mount, mounts, mounted, painted, patented, performed, photographed, photographs,"
        " plate, print, printed, printing, produced, project, publication, published,"
        " reassembled, recast, reconstructed, reconstruction, reissued, released, remade,"
        " reprint, reprinted, replica, reproduced, repainted, repaired, restored, restrike,"
        " restruck, retouched, revised, reworked, refabricated, recorded, re, shot, signed,"
        " state, struck, taken, version, woven, wove, written, compiled, built, begonnen,"
        " gedruckt, datiert, entworfen, hergestellt, gegossen, ausgefuhrt, imprime, execute,"
        " datee, dat, bez, bezeichnet, fondu, publie, eseguito, datato, impreso, gedrukt, gemaakt, ontworpen",
    },
    Kind.MODEL: {
        0: "original, orginal, daguerreotype, photograph, negative, painting, bronze, image, prototype",
    },
    Kind.PERIOD: {
        0: "period, periods, dynasty, dynasties, kingdom, reign, era, epoch, empire, culture, phase",
    },
    Kind.COUNTER: {
        0: "no, nos, nr, num, number, numbers, nummer, lot, page, pages, p, pp, vol, volume, fig,"
        " inv, inventory, cat, catalogue, patent, copies, pieces, impressions, sheets, edition"
        " of, editions of, style",
    },
}
"""The words of each kind, by their value where they have one."""

_SIGNS = {
    "-": Kind.DASH,
    "/": Kind.SLASH,
    ".": Kind.DOT,
    ",": Kind.COMMA,
    ";": Kind.STOP,
    ":": Kind.STOP,
    "|": Kind.STOP,
    "(": Kind.OPEN,
    "[": Kind.OPEN,
    ")": Kind.CLOSE,
    "]": Kind.CLOSE,
}


def _listed(words: str) -> list[str]:
    return [" ".join(word.split()) for word in words.split(",")]


def _lexicon() -> dict[str, Lexeme]:
    entries = [Lexeme(kind, sign) for sign, kind in _SIGNS.items()]
    for part, words in _PARTS.items():
        entries += [Lexeme(Kind.PART, word, part=part) for word in _listed(words)]
    # Ordinals come after fractions: "third" and its like are fractions only after another ordinal.
    valued = {**_VOCABULARY, Kind.MONTH: dict(enumerate(_MONTHS, 1)), Kind.ORDINAL: _ORDINALS}
    for kind, by_value in valued.items():
        entries += [Lexeme(kind, word, value) for value, words in by_value.items() for word in _listed(words)]
    return {entry.text: entry for entry in entries}


_LEXICON = _lexicon()

_LONGEST = max(len(entry.split()) for entry in _LEXICON)

_TOKEN = re.compile(
    r"""
      (?P<thousands> \d{1,3} (?:,\d{3})+ (?!\d) )
    | (?P<number> \d+ )
      (?: (?P<plural> '?s | er ) | (?P<ordinal> st | nd | rd | th | e | eme | de | ste ) )? (?![^\W\d_])
    | (?P<digits> \d+ )
    | (?P<initials> [a-z] (?:\.[a-z])+ (?![^\W\d_]) )
    | (?P<word> [^\W\d_]+ )
    | [(\[]\?[)\]]
    | -+ | (?<=\d)\.(?=\s?(?:\d|[ivx]+(?![^\W\d_])))
    | [^\w\s.'"\\]
    """,
    re.VERBOSE,
)
"""Full stops are dropped but after the numbers of a date; so are quotation marks."""

_ROMAN = re.compile(r"(?=[ivx])(x{0,2}(?:ix|iv|v?i{0,3}))(eme|e)?")

_SIGNS_FOLDED = str.maketrans({"’": "'", "‘": "'", "ʼ": "'", "−": "-", "⁄": "/"})


def _folded(text: str) -> str:
    """`text` without case, accents and the difference between dashes."""
    plain = unicodedata.normalize("NFKD", text.casefold()).translate(_SIGNS_FOLDED)
    kept = (character for character in plain if not unicodedata.combining(character))
    return "".join("-" if unicodedata.category(character) == "Pd" else character for character in kept)


def lexemes(text: str) -> tuple[Lexeme, ...]:
    """The words, numbers and signs of `text`; the longest entry of the vocabulary wins."""
    tokens = list(_TOKEN.finditer(_folded(text)))
    words = [_spelling(token) for token in tokens]
    found: list[Lexeme] = []
    at = 0
    while at < len(tokens):
        for length in range(min(_LONGEST, len(tokens) - at), 0, -1):
            entry = _LEXICON.get(" ".join(words[at : at + length]))
            if entry:
                break
        found.append(entry or _other(tokens[at], words[at]))
        at += length
    return tuple(found)


def _spelling(token: re.Match[str]) -> str:
    text = token.group()
    if text[0] == "-":
        return "-"
    if token["initials"]:
        # As one word where it is one (`BC`), else as what stands there with spaces (`o. D.`): `od` is Polish.
        return joined if (joined := text.replace(".", "")) in _LEXICON else text.replace(".", " ")
    return "?" if text[1:2] == "?" else text


def _other(token: re.Match[str], text: str) -> Lexeme:
    digits = token["number"] or token["digits"]
    if digits:
        # "1er" is the French "first", "1920er" the German "1920s".
        plural = token["plural"] and not (token["plural"] == "er" and len(digits) < 3)
        ordinal = token["ordinal"] or (token["plural"] and not plural)
        kind = Kind.PLURAL if plural else Kind.ORDINAL if ordinal else Kind.NUMBER
        return Lexeme(kind, digits, int(digits) if len(digits) <= 4 else 0)
    if token["thousands"]:
        return Lexeme(Kind.COUNTER, text)
    if token["word"]:
        return _roman(text) or Lexeme(Kind.WORD, text)
    return Lexeme(Kind.COUNTER, text)


def _roman(text: str) -> Lexeme | None:
    match = _ROMAN.fullmatch(text)
    if not match:
        return None
    values = [{"i": 1, "v": 5, "x": 10}[letter] for letter in match[1]]
    following = [*values[1:], 0]
    value = sum(-one if one < other else one for one, other in zip(values, following, strict=True))
    return Lexeme(Kind.ORDINAL if match[2] else Kind.ROMAN, text, value)
