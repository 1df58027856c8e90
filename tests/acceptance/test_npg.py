"""The National Portrait Gallery's relational export: objects, and their parts in files of their own.

What is expected is computed from the files with the standard library, and with another reader of workbooks.
"""

from __future__ import annotations

import csv
import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import python_calamine

import muniment
from muniment import RejectBudget, Settings
from muniment.databases.types import metadata
from tests.acceptance.loading import Rejections, query

MAPPING = Path(__file__).parent.parent.parent / "examples" / "npg" / "mapping.toml"

Rows = list[dict[str, str]]

OBJECTS = "NPGObjects/NPGObjects3"
TITLES = "NPGObjTitles/NPGObjTitles3"
LINKS = "NPGObjConXrefs/NPGObjConXrefs3"
PEOPLE = "NPGConstituents/NPGConstituents3"
PROVENANCE = "NPGObjProvenance/NPGObjProvenance3"
IMAGES = "NPGWebImageURLs/NPGWebImageURLs"
TERMS = "NPGObjThesTerms/NPGObjThesTerms3.xlsx"
DIMENSIONS = "NPGDimsParsed/NPGObjDimsParsed3.xlsx"

SUBJECTS = ("Place depicted", "Portrait Objects", "Related place")


def read(path: Path) -> Rows:
    """The rows of a file, as another program reads them."""
    if path.suffix == ".csv":
        with path.open(encoding="utf-8-sig", newline="") as file:
            return list(csv.DictReader(file))
    names, *rows = python_calamine.CalamineWorkbook.from_path(path).get_sheet_by_index(0).to_python()
    return [dict(zip(map(str, names), map(_text, row), strict=True)) for row in rows]


def _text(value: object) -> str:
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _by_object(rows: Rows, column: str, *, wanted: Callable[[dict[str, str]], bool]) -> dict[str, list[str]]:
    found: defaultdict[str, list[str]] = defaultdict(list)
    for row in rows:
        value = row[column].strip()
        if wanted(row) and value not in ("", "NULL", "0"):
            found[row["ObjectID"]].append(value)
    return dict(found)


def _in_order(rows: Rows) -> Rows:
    return sorted(rows, key=lambda row: float(row["DisplayOrder"]))


def expected(folder: Path, suffix: str) -> dict[str, dict[str, list[str]]]:
    """By part of the record and object, the values."""
    people = {row["ConstituentID"]: row["DisplayName"].strip() for row in read(folder / f"{PEOPLE}{suffix}")}
    links = _in_order(read(folder / f"{LINKS}{suffix}"))
    named = [row | {"Name": people[row["ConstituentID"]]} for row in links]
    terms = read(folder / TERMS)

    def term(*kinds: str) -> dict[str, list[str]]:
        return _by_object(terms, "Term", wanted=lambda row: row["ThesXrefType"] in kinds)

    def everything(_row: dict[str, str]) -> bool:
        return True

    return {
        "titles": _by_object(_in_order(read(folder / f"{TITLES}{suffix}")), "Title", wanted=everything),
        "makers": _by_object(named, "Name", wanted=lambda row: row["RoleID"] in ("1", "102")),
        "sitters": _by_object(named, "Name", wanted=lambda row: row["RoleID"] == "19"),
        "materials": term("Medium", "Support"),
        "subjects": term(*SUBJECTS),
        "classes": term("Other Classification"),
        "provenance": _by_object(read(folder / f"{PROVENANCE}{suffix}"), "Provenance", wanted=everything),
        "images": _by_object(read(folder / f"{IMAGES}{suffix}"), "Web Image Address", wanted=everything),
    }


def _term_query(table: str, vocabulary: str) -> str:
    return f"""SELECT o.record_key, t.label FROM {table} p JOIN object o ON o.object_id = p.object_id
               JOIN term t ON t.term_id = p.term_id JOIN vocabulary v ON v.vocabulary_id = t.vocabulary_id
               WHERE v.vocabulary_key = '{vocabulary}' ORDER BY p.object_id, p.position"""


QUERIES = {
    "titles": """SELECT o.record_key, t.title FROM object_title t JOIN object o ON o.object_id = t.object_id
                 ORDER BY t.object_id, t.position""",
    "makers": """SELECT o.record_key, a.name FROM production_actor p
                 JOIN object o ON o.object_id = p.object_id
                 JOIN actor a ON a.actor_id = p.actor_id ORDER BY p.object_id, p.position""",
    "sitters": _term_query("object_subject", "NPG sitters"),
    "materials": _term_query("object_material", "NPG materials"),
    "subjects": _term_query("object_subject", "NPG subjects"),
    "classes": _term_query("object_type", "NPG other classification"),
    "provenance": """SELECT o.record_key, t.text FROM object_text t JOIN object o ON o.object_id = t.object_id
                     WHERE t.type = 'provenance'""",
    "images": """SELECT o.record_key, r.url FROM representation r JOIN object o ON o.object_id = r.object_id
                 ORDER BY r.object_id, r.position""",
}


def stored(url: str, part: str) -> dict[str, list[str]]:
    """By object, the values that the database has."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for key, value in query(url, QUERIES[part]):
        found[key].append(value)
    return dict(found)


TERMS_ONCE = ("sitters", "materials", "subjects", "classes")
"""A term that a record names twice is stored once."""


def _alike(part: str, values: dict[str, list[str]]) -> dict[str, Sequence[str]]:
    if part in TERMS_ONCE:
        return {key: sorted(set(found)) for key, found in values.items()}
    return dict(values)


@pytest.fixture(scope="module")
def folder(reference: Path) -> Path:
    return reference / "data" / "npg"


@pytest.fixture(scope="module")
def urls(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """By the suffix of its files, the collection loaded from them."""
    known = {}
    for suffix in (".csv", ".xlsx"):
        url = f"sqlite:///{tmp_path_factory.mktemp('npg') / 'npg.db'}"
        run = muniment.load(folder / f"{OBJECTS}{suffix}", mapping=MAPPING, to=url)
        assert (run.status, run.account.read, run.account.inserted) == ("done", 16_846, 16_846)
        known[suffix] = url
    return known


@pytest.mark.parametrize("suffix", [".csv", ".xlsx"])
def test_each_object_has_what_its_files_say(folder: Path, urls: dict[str, str], suffix: str) -> None:
    wanted = expected(folder, suffix)
    for part in QUERIES:
        found = _alike(part, stored(urls[suffix], part))
        assert found == _alike(part, wanted[part]), part


def test_csv_and_workbooks_come_to_the_same_where_the_files_agree(folder: Path, urls: dict[str, str]) -> None:
    cells = {suffix: _cells(folder, suffix) for suffix in urls}
    agree = {key for key, values in cells[".csv"].items() if cells[".xlsx"].get(key) == values}
    assert len(agree) > 10_000
    hashes = "SELECT record_key, content_hash FROM object"
    found = {suffix: dict(query(url, hashes)) for suffix, url in urls.items()}
    assert found[".csv"].keys() == found[".xlsx"].keys()
    differing = {key for key in agree if bytes(found[".csv"][key]) != bytes(found[".xlsx"][key])}
    assert differing == set()


def _cells(folder: Path, suffix: str) -> dict[str, object]:
    """By object, all that its files say of it, apart from the workbooks that both ways share."""
    people = {row["ConstituentID"]: row for row in read(folder / f"{PEOPLE}{suffix}")}
    found: dict[str, object] = {}
    parts: dict[str, defaultdict[str, list[dict[str, str]]]] = {}
    for name in (TITLES, LINKS, PROVENANCE, IMAGES, "NPGObjURLs/NPGWebObjectURLs"):
        by_object = parts.setdefault(name, defaultdict(list))
        for row in read(folder / f"{name}{suffix}"):
            by_object[row["ObjectID"]].append(row | people.get(row.get("ConstituentID", ""), {}))
    for row in read(folder / f"{OBJECTS}{suffix}"):
        key = row["ObjectID"]
        found[key] = [row, *(by_object[key] for by_object in parts.values())]
    return found


def test_the_older_titles_are_those_of_some_objects_and_of_62_that_are_not_there(
    folder: Path, tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path / 'older.db'}"
    older = folder / "NPGObjAltTitles" / "NPGObjTitles2.csv"
    titled = {row["ObjectID"] for row in read(older)}
    objects = {row["ObjectID"] for row in read(folder / f"{OBJECTS}.csv")}
    rejected = Rejections()
    run = muniment.load(
        folder / f"{OBJECTS}.csv",
        mapping=MAPPING,
        to=url,
        parts={"titles": older},
        settings=Settings(max_rejects=RejectBudget(percent=10)),
        observer=rejected,
    )
    assert run.account.inserted == len(objects & titled)
    codes = [event.problems[0].code for event in rejected]
    assert codes.count("parent-unknown") == 62
    assert codes.count("missing") == len(objects - titled)
    strays = {event.key for event in rejected if event.problems[0].code == "parent-unknown"}
    assert strays == titled - objects


MORE_EXACT = {"P67": "P129"}
"""By a property, a subproperty of it that the tables use: P129 (is about) is a P67 (refers to)."""


@pytest.mark.parametrize(
    ("file", "path"),
    [
        ("NPGObjTitles/NPGObjTitles2-model.md", "P102_has_title"),
        ("NPGObjects/NPGObjects2-model.md", "P108i_was_produced_by"),
        ("NPGObjects/NPGObjects2-model.md", "P1_is_identified_by"),
        ("NPGObjects/NPGObjects2-model.md", "P52_has_current_owner"),
        ("NPGObjects/NPGObjects2-model.md", "P2_has_type"),
        ("NPGObjects/NPGObjects2-model.md", "P67i_is_referred_to_by"),
        ("NPGObjThesTerms/NPGObjThesTerms-model.md", "P45_consists_of"),
        ("NPGObjThesTerms/NPGObjThesTerms-model.md", "P62_depicts"),
        ("NPGObjConXrefs/NPGObjConXrefs2-model.md", "P14_carried_out_by"),
        ("NPGObjConXrefs/NPGObjConXrefs2-model.md", "P62_depicts"),
        ("NPGDimsParsed/NPGDims-model.md", "P43_has_dimension"),
        ("NPGWebImageURLs/NPGWebImageURLs_2-model.md", "P138i_has_representation"),
    ],
)
def test_the_tables_follow_the_paths_that_others_have_modelled(folder: Path, file: str, path: str) -> None:
    model = (folder / file).read_text(encoding="utf-8")
    assert path in model
    code = re.match(r"P\d+", path)
    assert code is not None
    comments = " ".join(str(table.comment or "") for table in metadata.tables.values())
    comments += " ".join(str(c.comment or "") for table in metadata.tables.values() for c in table.columns)
    wanted = MORE_EXACT.get(code.group(), code.group())
    assert re.search(rf"\b{wanted}i?\b", comments), f"no table is on the path {path}"
