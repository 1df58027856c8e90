"""The kinds of defect that exports have, and which record of a made-up export has which."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random
from typing import Final, Literal

from benchmarks.collection import COLUMNS, Cells, accession, number_of, object_id

Defects = Literal["none", "sample", "all-bad"]
Outcome = Literal["quarantined", "noted", "loaded", "no record"]
Spoiler = Callable[[Cells], Cells]

BLOCK = 1_000
"""Records among which each kind of defect occurs as often as its `per_thousand` says."""

SLOT = 8
"""Only one record in so many may be defective, so that the neighbours of a defect are always good."""

FIRST_SLOT = 4
"""The first defective record, at the earliest: neither the first record nor the last of a block."""

OVERLONG = 2_000
"""Characters of an accession number that no database should be asked to index."""


@dataclass(frozen=True, slots=True)
class Defect:
    """One kind of defect.

    Attributes:
        kind: its name in the truth file.
        outcome: what should become of the record: `quarantined`, `noted` (stored, with a note),
            `loaded` (odd, but sound), or `no record` (not a record at all, and not counted as one).
        code: the code of the problem that a quarantined or noted record has.
        per_thousand: how often it occurs in a thousand records.
        meaning: what is done to the record.
        spoil: makes the cells of a good record into those of a bad one.
        title: raw bytes that take the place of the title cell, quotes included.
    """

    kind: str
    outcome: Outcome
    code: str
    per_thousand: int
    meaning: str
    spoil: Spoiler
    title: bytes = b""


def _untouched(cells: Cells) -> Cells:
    return cells


def _with(**changes: str) -> Spoiler:
    def spoil(cells: Cells) -> Cells:
        return [changes.get(column, cell) for column, cell in zip(COLUMNS, cells, strict=True)]

    return spoil


def _flat(cells: Cells) -> Cells:
    """No other cell is quoted: the record is one line, and its quote can close nowhere on it."""
    plain = str.maketrans({",": ";", '"': "'", "\n": " "})
    return [cell.translate(plain) for cell in cells]


def original_of(number: int) -> int:
    """The good record whose numbers a duplicate repeats: the one before it, or one far before it."""
    return number - 1 if number // SLOT % 2 else number // 2


def repeat_earlier(cells: Cells) -> Cells:
    """The record with the numbers of an earlier one."""
    original = original_of(number_of(cells))
    return _with(object_id=object_id(original), accession_number=accession(original))(cells)


# fmt: off -- a table: kind, outcome, code, occurrences in a thousand; meaning, and how it is done
DEFECTS: Final = (
    Defect("missing-title", "quarantined", "missing", 4, "no title", _with(title="", alternative_titles="")),
    Defect(
        "missing-accession", "quarantined", "missing", 3, "no accession number", _with(accession_number="")
    ),
    Defect(
        "missing-type",
        "quarantined",
        "missing",
        3,
        "no object type",
        _with(object_type="", classification_uri=""),
    ),
    Defect(
        "blank-title",
        "quarantined",
        "missing",
        2,
        "a title of spaces only",
        _with(title="   ", alternative_titles=""),
    ),
    Defect(
        "duplicate",
        "quarantined",
        "duplicate",
        4,
        "the object id and accession number of an earlier record",
        repeat_earlier,
    ),
    Defect("ragged-short", "quarantined", "ragged", 3, "three cells too few", lambda cells: cells[:-3]),
    Defect(
        "ragged-long",
        "quarantined",
        "ragged",
        2,
        "two cells too many",
        lambda cells: [*cells, "", "see card"],
    ),
    Defect(
        "unclosed-quote", "quarantined", "quote", 3, "a quote that never closes", _flat, b'"Bowl with lotus'
    ),
    Defect(
        "text-after-quote",
        "quarantined",
        "quote",
        2,
        "text after a closing quote",
        _untouched,
        b'"Bowl" chipped',
    ),
    Defect(
        "invalid-utf8",
        "quarantined",
        "undecodable",
        4,
        "a byte of another encoding",
        _untouched,
        b"Caf\xe9 interior",
    ),
    Defect("nul", "quarantined", "nul", 2, "a NUL character", _untouched, b"Bowl\x00 with lotus"),
    Defect(
        "manifest-not-http",
        "quarantined",
        "manifest",
        3,
        "a manifest on a file share",
        _with(iiif_manifest=r"\\fileserver\iiif\0001\manifest.json"),
    ),
    Defect(
        "manifest-other",
        "quarantined",
        "manifest",
        3,
        "a picture's URL in place of a manifest's",
        _with(iiif_manifest="https://images.example.org/1.jpg"),
    ),
    Defect(
        "malformed-uri",
        "quarantined",
        "uri",
        3,
        "a vocabulary URI that is none",
        _with(classification_uri="aat 300033618 (paintings)"),
    ),
    Defect(
        "overlong-accession",
        "quarantined",
        "too-long",
        2,
        "an accession number of 2,000 characters",
        _with(accession_number="9" * OVERLONG),
    ),
    Defect(
        "only-delimiters",
        "quarantined",
        "missing",
        2,
        "a row of empty cells",
        lambda cells: [""] * len(cells),
    ),
    Defect("blank-line", "no record", "", 4, "an empty line before a good record", _untouched),
    Defect(
        "date-not-understood",
        "noted",
        "date-not-understood",
        5,
        "a date that is none",
        _with(date_display="when the mill stood", date_earliest="", date_latest=""),
    ),
    Defect(
        "inverted-dates",
        "noted",
        "date-inverted",
        4,
        "the earliest date after the latest",
        _with(date_display="1890", date_earliest="1899-12-31", date_latest="1880-01-01"),
    ),
    Defect(
        "c1-control", "noted", "control-characters", 4, "a C1 control character", _with(title="Boy\x92s head")
    ),
    Defect(
        "dimensions-not-understood",
        "noted",
        "dimensions-not-understood",
        5,
        "dimensions that are none",
        _with(dimensions="2 hands high, see card 14", height_cm="", width_cm="", depth_cm=""),
    ),
    Defect(
        "unequal-lists",
        "noted",
        "parallel-lists-unequal",
        4,
        "three creators, two roles",
        _with(
            creators="Ilse Achterberg|Søren Køhler|João Fàbregas",
            creator_uris="",
            creator_ids="P-9001|P-9002|P-9003",
            creator_roles="designer|engraver",
        ),
    ),
    Defect("stray-quote", "loaded", "", 5, "a quote within an unquoted cell", _untouched, b'Bowl 12" high'),
    Defect("bare-cr", "loaded", "", 3, "a bare CR within a quoted cell", _untouched, b'"Bowl\rwith lotus"'),
)
# fmt: on


def planned(rows: int, seed: int, defects: Defects) -> Iterator[Defect | None]:
    """For each record, its defect; the last record has none, so that the file does not end in mid-record."""
    bad = [
        defect for defect in DEFECTS if defect.outcome == "quarantined" and defect.spoil is not repeat_earlier
    ]
    block: dict[int, Defect] = {}
    for number in range(1, rows + 1):
        if defects == "all-bad":
            spoilt = bad[number % len(bad)]
            yield spoilt if number < rows or spoilt.spoil is not _flat else bad[0]
            continue
        if defects == "sample" and number % BLOCK == 1:
            block = _block(number - 1, seed)
        yield block.get(number) if number < rows else None


def _block(start: int, seed: int) -> dict[int, Defect]:
    random = Random(f"{seed}/{start}").random
    slots = sorted(range(start + FIRST_SLOT, start + BLOCK, SLOT), key=lambda _: random())
    wanted = [defect for defect in DEFECTS for _ in range(defect.per_thousand)]
    return dict(zip(slots, wanted, strict=False))
