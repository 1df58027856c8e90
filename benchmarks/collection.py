"""A museum that never was, and the records of its collection, as many as wanted."""

from __future__ import annotations

import base64
import struct
import tomllib
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any, Final

# fmt: off -- a line for each part of a record
COLUMNS: Final = (
    "object_id",
    "accession_number",
    "former_number",
    "title",
    "alternative_titles",
    "object_type",
    "classification_uri",
    "category",
    "materials",
    "material_uris",
    "department",
    "location",
    "creators",
    "creator_ids",
    "creator_roles",
    "creator_uris",
    "date_display",
    "date_earliest",
    "date_latest",
    "place",
    "dimensions",
    "height_cm",
    "width_cm",
    "depth_cm",
    "subjects",
    "subject_uris",
    "credit_line",
    "acquisition_method",
    "acquired_from",
    "acquisition_date",
    "provenance",
    "description",
    "ocr_text",
    "ocr_engine",
    "ocr_confidence",
    "iiif_manifest",
    "image_url",
    "rights",
    "owner",
    "keeper",
    "thumbnail",
)
# fmt: on

Cells = list[str]

SEPARATOR = "|"
"""Stands between the values of a cell that has several."""

CREATOR_BUNDLES = 4_000
"""How many combinations of creators there are: as few as in a real collection, whatever its size."""

OFTEN = 8
"""How much more often the named creators occur than the invented ones."""

FOUNDED = 1901
"""The year of the first acquisitions; all that is collected is older."""

YEARS_OF_COLLECTING = 120
"""Records follow each other in the order of no year, as in an export sorted by internal id."""

THUMBNAIL_SIDE = 192
"""Pixels: base64 of such an image is over 131,072 characters, the limit of Python's csv module."""


def object_id(number: int) -> str:
    """The export's own id of the record with this number."""
    return f"SM-{number:08d}"


def number_of(cells: Cells) -> int:
    """The number of a good record."""
    return int(cells[0].removeprefix("SM-"))


def acquisition_year(number: int) -> int:
    """The year in which the object of the record with this number was acquired."""
    return FOUNDED + number % YEARS_OF_COLLECTING


def accession(number: int) -> str:
    """The accession number of the record with this number: unique, and not in the file's order."""
    part = ".a-b" if number % 17 == 0 else ""
    return f"{acquisition_year(number)}.{number // YEARS_OF_COLLECTING + 1}{part}"


def aat(number: str) -> str:
    """The URI of a term of the Art & Architecture Thesaurus."""
    return f"http://vocab.getty.edu/aat/{number}"


def several(values: Sequence[str]) -> str:
    """One cell for several values; empty where all of them are."""
    return SEPARATOR.join(values) if any(values) else ""


def dates() -> list[tuple[str, str, str]]:
    """Dates as displayed, with their bounds; every second one leaves the bounds to be read from the text."""
    known = [("", ""), ("n.d.", ""), ("18th century", "1701-01-01 1800-12-31"), ("2nd century BCE", "")]
    known += [("206 BCE-220 CE", "-0206-01-01 0220-12-31"), ("Edo period (1603-1867), c. 1750", "")]
    known += [(f"c. {y} BCE", f"-{y + 5:04d}-01-01 -{y - 5:04d}-12-31") for y in range(100, 1500, 25)]
    known += [(f"{y}s", f"{y}-01-01 {y + 9}-12-31") for y in range(1510, 1900, 10) if y % 100]
    for year in range(1480, FOUNDED):
        day = f"{year}-05-{year % 28 + 1:02d}"
        known += [
            (str(year), f"{year}-01-01 {year}-12-31"),
            (f"c. {year}", f"{year - 5}-01-01 {year + 5}-12-31"),
            (f"{year}-{year + 4}", f"{year}-01-01 {year + 4}-12-31"),
            (f"May {year % 28 + 1}, {year}", f"{day} {day}"),
            (f"before {year}", f" {year}-12-31"),
        ]
    bounds = [both.partition(" ") if index % 2 else ("", "", "") for index, (_, both) in enumerate(known)]
    return [(text, earliest, latest) for (text, _), (earliest, _, latest) in zip(known, bounds, strict=True)]


def lengths() -> list[tuple[str, str]]:
    """Lengths as a registrar writes them: inches with eighths, and the same in centimetres."""
    fractions = ("", " 1/8", " 1/4", " 3/8", " 1/2", " 5/8", " 3/4", " 7/8")
    return [(f"{n // 8}{fractions[n % 8]}", f"{n * 0.3175:.2f}") for n in range(8, 8 * 90)]


def thumbnail(shade: int) -> str:
    """A bitmap of one colour running into another, as a data URI."""
    side = THUMBNAIL_SIDE
    pixels = bytes(b for y in range(side) for x in range(side) for b in (shade, y, x))
    header = b"BM" + struct.pack("<IIIIiiHHIIiiII", 54 + len(pixels), 0, 54, 40, side, side, 1, 24, *[0] * 6)
    return "data:image/bmp;base64," + base64.b64encode(header + pixels).decode("ascii")


class Collection:
    """A collection that never was: gives one record after the other."""

    def __init__(self, seed: int) -> None:
        words = tomllib.loads(Path(__file__).with_name("collection.toml").read_text(encoding="utf-8"))
        self.words: dict[str, list[Any]] = words
        # Only `random()` promises the same numbers in every version of Python.
        self.random = Random(seed).random
        self.dates = dates()
        self.lengths = lengths()
        self.people = self._people()
        self.creators = [self._creator_bundle() for _ in range(CREATOR_BUNDLES)]
        self.subjects = self._term_bundles(words["subjects"])
        self.kinds = [
            (kind["noun"], kind["type"], aat(kind["aat"]), kind["category"], *materials)
            for kind in words["kinds"]
            for materials in self._term_bundles(kind["materials"])
        ]

    def pick(self, pool: Sequence[Any]) -> Any:
        """One of `pool`."""
        return pool[int(self.random() * len(pool))]

    def record(self, number: int) -> Cells:
        """The cells of the record with this number, all of them good."""
        noun, *classified = self.pick(self.kinds)
        return [
            object_id(number),
            accession(number),
            f"Old {number % 977}/{number % 89}" if number % 3 else "",
            *self._titles(noun),
            *classified,
            self.pick(self.words["departments"]),
            self.pick(self.words["locations"]),
            *self.pick(self.creators),
            *self.pick(self.dates),
            self.pick(self.words["cities"]),
            *self._dimensions(),
            *self.pick(self.subjects),
            *self._acquisition(number),
            self.pick(self.words["descriptions"]) if self.random() < 0.6 else "",
            *self._ocr(),
            *self._images(number),
            self.pick(self.words["owners"]),
            self.pick(self.words["keepers"]),
            "",  # the thumbnail
        ]

    def _people(self) -> list[tuple[str, str, str]]:
        words = self.words
        names = [
            (f"{given} {family}", "") for given in words["given_names"] for family in words["family_names"]
        ]
        names += [(name, number) for name, number in words["named_creators"] * OFTEN]
        ids = {name: f"P-{index:04d}" for index, name in enumerate(dict(names), 1)}
        ulan = "http://vocab.getty.edu/ulan/"
        return [(name, ids[name], ulan + number if number else "") for name, number in names]

    def _creator_bundle(self) -> tuple[str, str, str, str]:
        count = 1 if self.random() < 0.8 else 2 + int(self.random() * 2)
        people = list(dict.fromkeys(self.pick(self.people) for _ in range(count)))
        names, ids, uris = zip(*people, strict=True)
        roles = [self.pick(self.words["roles"]) for _ in people]
        return several(names), several(ids), several(roles), several(uris)

    def _term_bundles(self, terms: Sequence[Sequence[str]]) -> list[tuple[str, str]]:
        single = [(label, aat(number)) for label, number in terms]
        return single + [(several((a, b)), several((c, d))) for (a, c), (b, d) in pairwise(single)]

    def _titles(self, noun: str) -> tuple[str, str]:
        words = self.words
        if self.random() < 0.12:
            return self.pick(words["titles"]), ""
        title = f"{self.pick(words['adjectives'])} {noun.lower()} {self.pick(words['motifs'])}"
        other = self.random()
        if other > 0.15:
            return title, ""
        return title, self.pick(words["titles"]) + (SEPARATOR + noun if other < 0.05 else "")

    def _dimensions(self) -> tuple[str, str, str, str]:
        (high, height), (wide, width) = self.pick(self.lengths), self.pick(self.lengths)
        if self.random() < 0.75:
            return f"{high} x {wide} in. ({height} x {width} cm)", height, width, ""
        deep, depth = self.pick(self.lengths)
        return f"{high} x {wide} x {deep} in. ({height} x {width} x {depth} cm)", height, width, depth

    def _acquisition(self, number: int) -> tuple[str, str, str, str, str]:
        pick, words = self.pick, self.words
        method, owner = pick(words["acquisition_methods"]), pick(words["former_owners"])
        year = acquisition_year(number)
        date = f"{year}-{int(self.random() * 12) + 1:02d}-{int(self.random() * 28) + 1:02d}"
        credit = f"{method.capitalize()} of {owner}, {year}"
        if self.random() < 0.3:
            return credit, method, owner, date, ""
        first, lot = year - int(self.random() * 90), int(self.random() * 400) + 1
        sold = first + (year - first) // 2
        provenance = (
            f"{pick(words['former_owners'])}, {pick(words['cities'])}, by {first} [1];\n"
            f'sold, "{pick(words["sales"])}", {pick(words["cities"])}, {sold}, lot {lot};\n'
            f"{owner}, until {year}; {method}, {date}.\n\n[1] According to a label on the back."
        )
        return credit, method, owner, date, provenance

    def _ocr(self) -> tuple[str, str, str]:
        if self.random() > 0.12:
            return "", "", ""
        lines = [self.pick(self.words["ocr_lines"]) for _ in range(3 + int(self.random() * 9))]
        return "\n".join(lines), self.pick(self.words["ocr_engines"]), f"{0.35 + self.random() * 0.64:.2f}"

    def _images(self, number: int) -> tuple[str, str, str]:
        if self.random() > 0.7:
            return "", "", ""
        name = object_id(number).lower()
        manifest = f"https://iiif.example.org/iiif/3/{name}/manifest.json"
        return manifest, f"https://images.example.org/{name}.jpg", self.pick(self.words["rights"])
