"""How much a text looks like writing, as against bytes read in an encoding that is not theirs.

The wrong encoding betrays itself beside the right letters: `CafŽ` has a capital within a word, `Caf‚` a
quote where a letter should be, `Cafй` two alphabets in one word.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache

COMMON_LETTERS = frozenset("éèêëàâäáãåçñöóôòõøüúûùíîïìæœßšžÉÈÀÁÂÄÅÇÑÖÓØÜÚÍÎÆŒŠŽčřěůňąćęłńśźżőűČŘĚŁŚŻŐ")
"""Accented letters of the languages in which most collections are described."""

COMMON_SIGNS = frozenset("’‘“”–—…•·«»„©®°×½¼¾±£€§¿¡\u00a0")
"""Signs that texts about objects hold."""

WITHIN_WORDS = frozenset("’·‐‑–")
"""Signs that stand between two letters."""

RARE_CYRILLIC = frozenset("ЂЃѓЉЊЌЋЏђљњќћџЎўЈјҐґЄєЅѕ")
"""Letters of single Slavic languages; in a Russian text they are a sign of the wrong encoding."""

LEVEL_ONE = {
    "cp932": (0x88, 0x98, 0x40),
    "euc_jp": (0xB0, 0xCF, 0xA1),
    "gb18030": (0xB0, 0xD7, 0xA1),
    "cp950": (0xA4, 0xC6, 0x40),
    "cp949": (0xB0, 0xC8, 0xA1),
}
"""Where each of these encodings keeps the characters in everyday use: the first and last of their first
bytes, and the least of their second bytes."""

JAPANESE = ("cp932", "euc_jp")
"""Encodings of a language that also has letters of its own, which the others can write but do not use."""

_SCRIPTS = {"LATIN", "CYRILLIC", "GREEK", "HEBREW", "ARABIC"}
_KANA = {"HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA", "IDEOGRAPHIC"}


def plausibility(text: str, codec: str) -> float:
    """The mean over the characters that are not ASCII, from about -3 to 1.

    Args:
        text: what the codec made of the bytes, with U+FFFD where they mean nothing in it.
        codec: its name in Python.
    """
    padded = f"  {text} "
    scores = [_score(padded[i - 2 : i + 2], codec) for i in range(2, len(padded) - 1) if padded[i] > "\x7f"]
    return sum(scores) / len(scores) if scores else 0.0


@lru_cache(maxsize=65_536)
def _score(around: str, codec: str) -> float:
    """The score of the third of four characters."""
    character, before, after = around[2], around[1], around[3]
    if character == "\ufffd" or unicodedata.category(character) in ("Cc", "Cn", "Co"):
        return -3.0
    if _script(character) in _SCRIPTS:
        return _alphabetic(around)
    if codec in LEVEL_ONE:
        return _east_asian(character, codec)
    if before.isalpha() and after.isalpha():
        return 0.2 if character in WITHIN_WORDS else -1.0
    if "─" <= character <= "▟":
        return -1.0
    return 0.5 if character in COMMON_SIGNS else 0.0


def _alphabetic(around: str) -> float:
    earlier, before, letter, after = tuple(around)
    script = _script(letter)
    beside = [_script(c) for c in (before, after) if c.isalpha()]
    if any(other != script for other in beside):
        return -1.0
    capital_within = letter.isupper() and before.islower()
    small_within = letter.islower() and before.isupper() and (after.isupper() or earlier.isupper())
    if capital_within or small_within:
        return -1.0
    if script == "LATIN":
        return _latin(around)
    if not beside:
        return -0.3
    if letter == "ς" and after.isalpha():
        return -1.0
    return 0.3 if letter in RARE_CYRILLIC else 1.0


def _latin(around: str) -> float:
    """As `_alphabetic`: few words have three accented letters, or three vowels or consonants, in a row."""
    earlier, before, letter, after = tuple(around)
    if all(c.isalpha() and c > "\x7f" for c in (earlier, before)):
        return -0.5
    if before.isalpha() and after.isalpha() and len({_is_vowel(c) for c in (before, letter, after)}) == 1:
        return 0.2
    return 1.0 if letter in COMMON_LETTERS else 0.6


def _east_asian(character: str, codec: str) -> float:
    kind = _script(character)
    if kind in _KANA:
        return 1.2 if codec in JAPANESE else -0.3
    if kind not in ("CJK", "HANGUL"):
        return {"FULLWIDTH": 0.5, "HALFWIDTH": -0.5}.get(kind, 0.0)
    if (kind == "HANGUL") != (codec == "cp949"):
        return -0.5
    first, last, second = LEVEL_ONE[codec]
    encoded = character.encode(codec, "ignore")
    if len(encoded) == 2 and first <= encoded[0] <= last and encoded[1] >= second:
        return 0.7 if codec in JAPANESE else 0.9
    return -0.5


def _is_vowel(letter: str) -> bool:
    return unicodedata.normalize("NFD", letter.casefold())[0] in "aeiouyæœø"


def _script(character: str) -> str:
    return unicodedata.name(character, "").partition(" ")[0]
