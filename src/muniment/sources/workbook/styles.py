"""The number formats of a workbook's styles."""

from __future__ import annotations

from muniment.sources.workbook.formats import BUILT_IN, GENERAL, NumberFormat, read_format
from muniment.sources.workbook.package import Package
from muniment.sources.workbook.xml import Attributes, Handlers

MAX_STYLES = 70_000
"""Styles that are read: Excel writes 65,490 at most."""


def read_styles(package: Package, path: str) -> list[NumberFormat]:
    """By the number of a style of cells, its number format."""
    codes = dict(BUILT_IN)
    styles: list[NumberFormat] = []
    known: dict[int, NumberFormat] = {}
    within = False

    def begin(name: str, attributes: Attributes) -> None:
        nonlocal within
        if name == "numFmt":
            codes[_number(attributes.get("numFmtId"))] = attributes.get("formatCode", "")
        elif name == "cellXfs":
            within = True
        elif name == "xf" and within and len(styles) < MAX_STYLES:
            number = _number(attributes.get("numFmtId"))
            if number not in known:
                known[number] = read_format(codes[number]) if number in codes else GENERAL
            styles.append(known[number])

    def end(name: str) -> None:
        nonlocal within
        within = within and name != "cellXfs"

    package.parse(path, Handlers(begin, end, lambda _: None))
    return styles


def _number(text: str | None) -> int:
    return int(text) if text and text.isdecimal() else 0
