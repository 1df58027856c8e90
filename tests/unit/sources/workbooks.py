"""Workbooks made part by part, so that each oddity of the format can be had by itself."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from xml.sax.saxutils import escape, quoteattr

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
STRICT = "http://purl.oclc.org/ooxml/spreadsheetml/main"
STRICT_RELATIONS = "http://purl.oclc.org/ooxml/officeDocument/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"

HEADER = '<row r="1"><c r="A1" t="inlineStr"><is><t>a</t></is></c></row>'


@dataclass
class Made:
    """A workbook to be made.

    Attributes:
        sheets: by name, what stands in `sheetData`.
        formats: the codes of number formats; the style of a cell is its place in them, from 1.
        strings: the shared strings, as XML within `si`.
        states: by name of a sheet, `hidden` or `veryHidden`.
        after: what follows `sheetData` in each sheet.
        prefix: of the main namespace.
    """

    sheets: Mapping[str, str]
    formats: Sequence[str] = ()
    strings: Sequence[str] = ()
    states: Mapping[str, str] = field(default_factory=dict)
    after: str = ""
    since_1904: bool = False
    strict: bool = False
    prefix: str = ""
    folder: str = "worksheets/sheet"
    changed: Mapping[str, bytes] = field(default_factory=dict)

    def members(self) -> dict[str, str]:
        """The files in it."""
        main, relations = (STRICT, STRICT_RELATIONS) if self.strict else (MAIN, RELATIONS)
        names = enumerate(self.sheets, 1)
        p = f"{self.prefix}:" if self.prefix else ""
        xmlns = f"xmlns:{self.prefix}" if self.prefix else "xmlns"
        sheets = "".join(
            f'<{p}sheet name={quoteattr(name)} sheetId="{n}" r:id="r{n}"'
            f' state="{self.states.get(name, "visible")}"/>'
            for n, name in names
        )
        related = "".join(
            f'<Relationship Id="r{n}" Type="{relations}/worksheet" Target="{self.folder}{n}.xml"/>'
            for n, _ in enumerate(self.sheets, 1)
        )
        for kind in ("styles", "sharedStrings"):
            related += f'<Relationship Id="{kind}" Type="{relations}/{kind}" Target="{kind}.xml"/>'
        codes = "".join(
            f'<{p}numFmt numFmtId="{163 + n}" formatCode={quoteattr(code)}/>'
            for n, code in enumerate(self.formats, 1)
        )
        styles = "".join(f'<{p}xf numFmtId="{163 + n}"/>' for n, _ in enumerate(self.formats, 1))
        epoch = f'<{p}workbookPr date1904="1"/>' if self.since_1904 else ""
        root = f'{xmlns}="{main}" xmlns:r="{relations}"'
        strings = "".join(f"<{p}si>{string}</{p}si>" for string in self.strings)
        return {
            "[Content_Types].xml": "<Types/>",
            "_rels/.rels": f'<Relationships xmlns="{PACKAGE}">'
            f'<Relationship Id="a" Type="{relations}/officeDocument" Target="xl/workbook.xml"/>'
            "</Relationships>",
            "xl/workbook.xml": f"<{p}workbook {root}>{epoch}<{p}sheets>{sheets}</{p}sheets></{p}workbook>",
            "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{PACKAGE}">{related}</Relationships>',
            "xl/styles.xml": f"<{p}styleSheet {root}><{p}numFmts>{codes}</{p}numFmts>"
            f'<{p}cellXfs><{p}xf numFmtId="0"/>{styles}</{p}cellXfs></{p}styleSheet>',
            "xl/sharedStrings.xml": f"<{p}sst {root}>{strings}</{p}sst>",
        } | {
            f"xl/{self.folder}{n}.xml": f"<{p}worksheet {root}><{p}sheetData>{rows}</{p}sheetData>"
            f"{self.after}</{p}worksheet>"
            for n, rows in enumerate(self.sheets.values(), 1)
        }

    def __bytes__(self) -> bytes:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, text in self.members().items():
                archive.writestr(name, self.changed.get(name, text.encode()))
        return buffer.getvalue()


def cell(reference: str, value: str = "", kind: str = "", style: int = 0, formula: str = "") -> str:
    """A cell; of kind `text` it holds its text itself."""
    made = f"<f>{escape(formula)}</f>" if formula else ""
    if kind == "text":
        return f'<c r="{reference}" t="inlineStr"><is><t xml:space="preserve">{escape(value)}</t></is></c>'
    made += f"<v>{escape(value)}</v>" if value else ""
    return f'<c r="{reference}" s="{style}"{f" t={quoteattr(kind)}" if kind else ""}>{made}</c>'


def texts(number: int, *cells: str, first: int = 0, **attributes: str) -> str:
    """A row of texts, none where one is empty."""
    told = "".join(f" {name}={quoteattr(value)}" for name, value in attributes.items())
    made = "".join(
        cell(f"{chr(ord('A') + first + place)}{number}", text, "text")
        for place, text in enumerate(cells)
        if text
    )
    return f'<row r="{number}"{told}>{made}</row>'


def one_sheet(*rows: str, **given: object) -> bytes:
    """A workbook with one sheet of these rows."""
    return bytes(Made({"Objects": "".join(rows)}, **given))  # type: ignore[arg-type]  # as `Made` takes them
