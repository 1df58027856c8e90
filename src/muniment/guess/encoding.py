"""Which encoding a file is probably in, how sure that is, and the words that decide it."""

from __future__ import annotations

import codecs
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from muniment.errors import UsageError
from muniment.guess.plausibility import plausibility
from muniment.guess.sample import Sample

CANDIDATES = (
    "cp1252",
    "mac_roman",
    "cp850",
    "cp437",
    "cp1250",
    "cp1251",
    "koi8_r",
    "cp866",
    "cp1253",
    "cp1255",
    "cp1256",
    "cp932",
    "gb18030",
    "cp950",
    "euc_jp",
    "cp949",
)
"""Encodings of which text is not UTF-8; of two that fit equally well, the earlier is the likelier.
ISO 8859-1 is left out, for `cp1252` reads all that it can and its quotation marks too."""

TELLING_BYTES = 64 * 1024
"""Bytes of lines with other than ASCII that are scored: a thousand words decide, more only take time."""

DAMAGED_SHARE = 0.1
"""So many lines that are not UTF-8 are taken for damage where the others are: no other encoding is UTF-8
by accident nine times out of ten."""

CLEAR_MARGIN = 0.08
"""By how much the best must lead to be called likely: `Café` in two encodings differs by more."""

PLAUSIBLE = 0.4
"""What the best must reach to be called likely: text in its own encoding is seldom below."""

NUL_SHARE = 0.05
"""So many NULs at every second byte are UTF-16, though few words be Latin: delimiters and line ends are."""

WORDS = 3
"""Words quoted: enough to see whether they are right."""

WORD_CHARACTERS = 40
"""The longest word that is quoted."""

_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_CONTROLS = bytes({*range(0x20), 0x7F} - {*b"\t\n\v\f\r\x14\x1a\x1b\x1c\x1d\x1e\x1f"})
_WORD = re.compile(r"[^\W_]{0,40}[^\x00-\x7f\ufffd][^\W_]{0,40}")
_MISREAD = re.compile(r"\w{0,20}(?:[ÃÂÐÅ][\x80-\xbf]|â€[\x80-\xbf™œ“”˜¦])\w{0,20}")
_C1_CONTROL = re.compile(r"\w{0,20}[\x80-\x9f]\w{0,20}")


@dataclass(frozen=True)
class EncodingGuess:
    """An encoding, with what speaks for it.

    Attributes:
        name: as Python calls it.
        certainty: `certain`, `likely`, `unsure`, or `given` by the user.
        reason: what decided, in a sentence without a full stop.
        words: a few words that are not ASCII, read in this encoding: if they are right, so is the guess.
        others: other encodings that fit nearly as well, each with the same words as it reads them.
        byte_order_mark: the file begins with one.
    """

    name: str
    certainty: str
    reason: str
    words: tuple[str, ...] = ()
    others: tuple[tuple[str, tuple[str, ...]], ...] = ()
    byte_order_mark: bool = False

    def decode(self, data: bytes) -> str:
        """The text of the beginning of a file, without its byte order mark; what means nothing is U+FFFD."""
        return data.decode(self.name, "replace").removeprefix("\ufeff")


def given_encoding(name: str, sample: Sample) -> EncodingGuess:
    """The encoding that the user names; raises `UsageError` where there is none of that name."""
    try:
        known = codecs.lookup(name).name
        text = b"\n".join(sample.lines()[:1]).decode(known, "replace")
    except LookupError as error:
        hint = "Name one such as utf-8, cp1252, mac_roman or utf-16"
        raise UsageError(f"there is no text encoding called {name!r}", hint=hint) from error
    return EncodingGuess(known, "given", "as you say", _words(text))


def guess_encoding(sample: Sample) -> EncodingGuess:
    """The encoding of a sample."""
    for mark, name in _BYTE_ORDER_MARKS:
        if sample.head.startswith(mark):
            words = _words(sample.head[: 2 * TELLING_BYTES].decode(name, "replace").removeprefix("\ufeff"))
            reason = f"the file begins with the byte order mark of {name}"
            return EncodingGuess(name, "certain", reason, words, byte_order_mark=True)
    wide = _without_mark(sample.head)
    if wide:
        words = _words(sample.head[: 2 * TELLING_BYTES].decode(wide, "replace"))
        return EncodingGuess(wide, "likely", "NUL bytes stand where this encoding has them", words)
    telling = [line for line in sample.lines() if not line.isascii()]
    if not telling:
        return EncodingGuess("utf-8", "likely", "all that was looked at is ASCII, which is also UTF-8")
    damaged = sum(not _is_utf8(line) for line in telling)
    if damaged <= DAMAGED_SHARE * len(telling) and damaged < len(telling):
        return _utf8(telling, damaged)
    return _most_plausible(_bounded(telling))


def controls(head: bytes) -> float:
    """The share of bytes that are control characters, which text of whatever encoding has few of."""
    return 1 - len(head.translate(None, _CONTROLS)) / max(1, len(head))


def remarks_on_text(text: str) -> list[str]:
    """What in a decoded text tells that it was damaged before: each a sentence."""
    remarks = []
    for pattern, meaning in (
        (_MISREAD, "Some text was read in a wrong encoding before it was exported"),
        (_C1_CONTROL, "Some cells hold control characters, as if two encodings had been mixed"),
    ):
        found = list(dict.fromkeys(match.group() for match in pattern.finditer(text)))[:WORDS]
        if found:
            remarks.append(f"{meaning}, such as {', '.join(ascii_safe(word) for word in found)}")
    return remarks


def ascii_safe(word: str) -> str:
    """The word in backquotes, its control characters escaped so that it can be printed."""
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in word)
    return f"`{shown[:WORD_CHARACTERS]}`"


def _utf8(telling: Sequence[bytes], damaged: int) -> EncodingGuess:
    words = _words(_bounded(telling).decode("utf-8", "replace"))
    if not damaged:
        reason = f"whatever is not ASCII is valid UTF-8 (lines: {len(telling):,})"
        return EncodingGuess("utf-8", "certain", reason, words)
    reason = f"of {len(telling):,} lines that are not ASCII all but {damaged:,} are valid UTF-8"
    return EncodingGuess("utf-8", "likely", reason, words)


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _without_mark(head: bytes) -> str:
    """The wide encoding that NULs at every second or fourth byte tell of; "" where there is none."""
    data = head[:TELLING_BYTES]
    nuls = [data[place::4].count(0) * 4 / max(1, len(data)) for place in range(4)]
    if min(nuls[2:]) > 0.9 or min(nuls[:2]) > 0.9:
        return "utf-32-le" if nuls[3] > nuls[0] else "utf-32-be"
    even, odd = (nuls[0] + nuls[2]) / 2, (nuls[1] + nuls[3]) / 2
    if max(even, odd) < NUL_SHARE or max(even, odd) < 5 * min(even, odd):
        return ""
    return "utf-16-be" if even > odd else "utf-16-le"


def _bounded(lines: Sequence[bytes]) -> bytes:
    """Lines from all over the sample, up to `TELLING_BYTES`."""
    joined = b"\n".join(lines[:: max(1, sum(map(len, lines)) // TELLING_BYTES)])
    return joined[: 2 * TELLING_BYTES]


def _most_plausible(data: bytes) -> EncodingGuess:
    texts = {codec: data.decode(codec, "replace") for codec in CANDIDATES}
    scores = {codec: plausibility(text, codec) for codec, text in texts.items()}
    best, *rest = sorted(CANDIDATES, key=lambda codec: -scores[codec])
    close = [
        codec for codec in rest if scores[best] - scores[codec] < CLEAR_MARGIN and texts[codec] != texts[best]
    ]
    sure = scores[best] >= PLAUSIBLE and not close
    words = _words(texts[best])
    others = tuple((codec, _same_words(words, best, codec)) for codec in close[:WORDS])
    reason = (
        "it is not UTF-8, and read so its words look right" if sure else "it is not UTF-8, and this fits best"
    )
    return EncodingGuess(best, "likely" if sure else "unsure", reason, words, others)


def _same_words(words: Sequence[str], one: str, other: str) -> tuple[str, ...]:
    return tuple(word.encode(one, "replace").decode(other, "replace") for word in words)


def _words(text: str) -> tuple[str, ...]:
    """The most frequent words with other than ASCII letters, else signs."""
    found = Counter(
        word for word in _WORD.findall(text) if len(word) <= WORD_CHARACTERS and word.isprintable()
    )
    ranked = sorted(found, key=lambda word: (not word.isalpha() or len(word) < 3, -found[word]))
    return tuple(ranked[:WORDS])
