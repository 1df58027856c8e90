"""A flat export: 14 columns of text, of the length and kind that collections have, and its Pydantic model."""

from __future__ import annotations

import csv
import json
import random
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated

import pyarrow
import pyarrow.parquet
from pydantic import BaseModel, Field

from muniment.table import PrimaryKey

SEED = 20
"""The same rows each time."""

VARIETY = 4_000
"""Distinct rows of words that are used again and again; accession, title and addresses are each row's own."""

HUGE_BYTES = 15 * 1024 * 1024
"""Of a huge cell: OCR text of a whole book, just below the longest record that is loaded unasked."""

_PHRASES = (
    "harbour at dusk",
    "portrait of a seated figure",
    "lidded bowl",
    "étude",
    "Straße im Schnee",
    "富嶽",
    "after the storm",
    "study for a fountain, two cranes",
    "vase with chrysanthemums",
    "interior with a window",
)
_NAMES = (
    "Agnès Achterberg",
    "Ludwig Günderode",
    "Ειρήνη Παππά",
    "Mary Cassatt",
    "葛飾北斎",
    "Béla Szőke",
    "",
)
_MEDIA = ("oil on canvas", "etching, 2nd state", "gelatin silver print", 'glass, "cameo" cut', "bronze", "")
_DEPARTMENTS = ("Prints and Drawings", "Decorative Arts", "Asian Art", "Photography", "Antiquities")
_CREDITS = ("Gift of Mr. and Mrs. R. Okonkwo", "Purchase, Acquisition Fund", "Bequest of E. Marchbanks, 1953")


class Artwork(BaseModel):
    """A work as one row of text."""

    accession: Annotated[str, PrimaryKey(), Field(max_length=40)]
    title: Annotated[str, Field(min_length=1)]
    artist: str | None = None
    artist_role: str
    display_date: str
    medium: str | None = None
    dimensions: str
    department: str
    classification: str
    credit_line: str
    location: str | None = None
    inscription: str | None = None
    web_url: Annotated[str, Field(pattern="^https://")]
    image_url: str


COLUMNS = tuple(Artwork.model_fields)


def write_as(form: str, path: Path, count: int) -> None:
    """Write so many rows as JSON lines, of which every other one is none, or as Parquet in one row group."""
    if form == "jsonl":
        with path.open("w", encoding="utf-8") as file:
            for number, row in enumerate(rows(count)):
                line = json.dumps(dict(zip(COLUMNS, row, strict=True)), ensure_ascii=False)
                file.write((line if number % 2 else line[:-9]) + "\n")
        return
    columns = zip(COLUMNS, zip(*rows(count), strict=True), strict=True)
    pyarrow.parquet.write_table(pyarrow.table(dict(columns)), path, row_group_size=count)


def rows(count: int, *, bad: bool = False) -> Iterator[list[str]]:
    """`count` rows; where they are `bad`, each without its title."""
    chosen = random.Random(SEED)
    words = [_words(chosen) for _ in range(min(count, VARIETY))]
    for number in range(1, count + 1):
        artist, role, date, medium, size, department, kind, credit, place, inscription = words[
            number % len(words)
        ]
        title = "" if bad else f"{inscription or kind} no. {number}"
        address = f"https://collection.example.org/works/{number}"
        yield [
            f"{1900 + number % 120}.{number}",
            title,
            artist,
            role,
            date,
            medium,
            size,
            department,
            kind,
            credit,
            place,
            inscription,
            address,
            f"{address}/image/full/!800,800/0/default.jpg",
        ]


def _words(chosen: random.Random) -> tuple[str, ...]:
    high, wide = chosen.randint(5, 250), chosen.randint(5, 250)
    return (
        chosen.choice(_NAMES),
        chosen.choice(("artist", "printmaker", "attributed to")),
        f"c. {chosen.randint(1500, 2020)}",
        chosen.choice(_MEDIA),
        f"{high} x {wide} cm ({high / 2.54:.1f} x {wide / 2.54:.1f} in.)",
        chosen.choice(_DEPARTMENTS),
        chosen.choice(("paintings", "prints", "photographs", "vessels")),
        chosen.choice(_CREDITS),
        chosen.choice(("Gallery 4, case 2", "Store B, rack 07", "")),
        "; ".join(chosen.choices(_PHRASES, k=chosen.randint(0, 4))),
    )


def write(path: Path, count: int, *, bad: bool = False) -> Path:
    """Write the rows as CSV."""
    return _written(path, rows(count, bad=bad))


def write_huge(path: Path, count: int) -> Path:
    """Write the rows as CSV, each with an inscription of `HUGE_BYTES`; in every other one are quotes."""
    place = COLUMNS.index("inscription")
    lines = (
        "a line of a text that somebody has read from a page\n",
        'and then she said: "so be it", as in a book ',
    )
    texts = [(line * (HUGE_BYTES // len(line)))[:HUGE_BYTES] for line in lines]
    huge = ([*row[:place], texts[number % 2], *row[place + 1 :]] for number, row in enumerate(rows(count)))
    return _written(path, huge)


def _written(path: Path, given: Iterable[list[str]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(given)
    return path
