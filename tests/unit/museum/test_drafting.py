"""A first mapping is ready to be checked, whatever the collection."""

from __future__ import annotations

import csv
import io
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from muniment.config import Settings
from muniment.guess import Guess, guess
from muniment.museum.column_names import PATTERNS, plain
from muniment.museum.drafting import draft_mapping, institution_id, toml
from muniment.museum.field_choice import AAT_PATTERN, PUBLISHED_TOO
from muniment.museum.mapping import Mapping
from muniment.museum.profile import MuseumProfile
from muniment.sources import open_source

Fields = dict[str, Any]


def drafted(found: Guess) -> Fields:
    """The draft as data, once it has been parsed as a mapping and bound to the file's own header."""
    text = draft_mapping(found)
    mapping = Mapping.parse(text)
    assert mapping.source == found.format
    source = open_source(found.path, mapping.source, Settings())
    MuseumProfile(mapping).bind(source.header)
    source.close()
    for column in found.columns:
        shown = " ".join(column.name.split())
        assert shown[:90] in text, "each column is mapped or told of"
    return tomllib.loads(text)


def table(folder: Path, columns: dict[str, str], rows: int = 40, name: str = "export.csv") -> Path:
    """A file with these columns; `{n}` in a cell is the number of the row, `{n%5}` one of five values."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(columns)
    for n in range(1, rows + 1):
        writer.writerow(
            [cell.replace("{n}", str(n)).replace("{n%5}", "abcde"[n % 5]) for cell in columns.values()]
        )
    path = folder / name
    path.write_text(text.getvalue(), encoding="utf-8")
    return path


def fields(folder: Path, columns: dict[str, str]) -> Fields:
    told: Fields = drafted(guess(str(table(folder, columns))))["fields"]
    return told


def test_carnegie_is_mapped_by_its_names(reference: Path) -> None:
    draft = drafted(guess(str(reference / "data" / "cmoa" / "cmoa.csv")))
    assert draft["record"] == {"key": "id"}
    told = draft["fields"]
    assert told["accession"] == "accession_number"
    assert told["title"] == "title"
    assert told["object_type"] == "classification"
    assert told["credit_line"] == "credit_line"
    assert told["date"] == {
        "column": "creation_date",
        "earliest": "creation_date_earliest",
        "latest": "creation_date_latest",
    }
    assert told["creator"] == {
        "name": "full_name",
        "id": "artist_id",
        "role": "role",
        "kind": "party_type",
        "nationality": "nationality",
        "birth": "birth_date",
        "death": "death_date",
        "split": "|",
    }
    assert told["dimension"] == [
        {"column": f"item_{kind}", "type": kind} for kind in ("width", "height", "depth", "diameter")
    ]
    assert told["image"] == {"column": "image_url", "split": "|"}
    assert told["acquisition"] == {"date": "date_acquired"}
    assert told["provenance"] == "provenance_text"
    assert (told["department"], told["location"]) == ("department", "physical_location")


def test_a_draft_says_of_locations_alone_that_exports_tell_them(tmp_path: Path) -> None:
    path = tmp_path / "export.csv"
    path.write_text("Number,Title,Kind,Location\n1,Vase,vessel,Store 3\n2,Jug,vessel,Store 4\n")
    text = draft_mapping(guess(str(path)))
    assert f'# NOTE: {PUBLISHED_TOO}\nlocation = "Location"\n' in text
    assert text.count(PUBLISHED_TOO) == 1


def test_tate_is_mapped_by_its_names(reference: Path) -> None:
    draft = drafted(guess(str(reference / "data" / "tate" / "artwork_data.csv")))
    assert draft["record"] == {"key": "id"}
    told = draft["fields"]
    assert (told["accession"], told["title"]) == ("accession_number", "title")
    assert told["object_type"] == {"constant": "object"}
    assert told["date"] == "dateText"
    assert told["creator"] == {"name": "artist", "id": "artistId", "role": "artistRole"}
    assert told["dimension"] == "dimensions"
    assert told["credit_line"] == "creditLine"
    assert told["image"] == {"column": "thumbnailUrl", "rights": "thumbnailCopyright"}
    assert told["web_page"] == "url"
    assert told["acquisition"] == {"date": "acquisitionYear"}


def test_colby_is_mapped_by_its_names_and_its_terms_by_their_numbers(reference: Path) -> None:
    draft = drafted(guess(str(reference / "data" / "colby" / "colby_data.csv")))
    assert draft["record"] == {"key": "embark_ID"}
    told = draft["fields"]
    assert (told["accession"], told["title"], told["date"]) == ("Accession_num", "Title", "Year_Made")
    assert told["creator"] == [
        {"name": "Artist", "default_role": "artist"},
        {"name": "Printer", "default_role": "printer"},
    ]
    assert (told["dimension"], told["credit_line"]) == ("Dimensions", "Credit_Line")
    assert told["acquisition"] == {"date": "Year_Acqd"}
    assert told["material"] == {
        "column": "Media_AAT",
        "pattern": AAT_PATTERN,
        "uri": "http://vocab.getty.edu/aat/{id}",
        "vocabulary": "AAT",
    }


def test_autry_is_mapped_by_its_names(reference: Path) -> None:
    draft = drafted(guess(str(reference / "data" / "autry" / "AutryObjects" / "AutryObjects.csv")))
    assert draft["record"] == {"key": "ObjectID"}
    assert draft["fields"] == {
        "accession": "ObjectNumber",
        "title": "Title",
        "object_type": "ObjectName",
        "material": "Materials",
        "dimension": "Measurements",
        "credit_line": "CreditLine",
        "owner": "Owner",
        "web_page": "AutryObjectURL",
    }


def test_a_draft_for_any_real_export_can_be_bound_to_it(reference: Path) -> None:
    paths = sorted((reference / "data").rglob("*.csv")) + sorted((reference / "nasty").rglob("*.csv"))
    assert len(paths) > 20
    for path in paths:
        assert drafted(guess(str(path)))["fields"].keys() >= {"accession", "title", "object_type"}


def test_the_metropolitan_museum_is_mapped(tmp_path: Path) -> None:
    told = fields(
        tmp_path,
        {
            "Object Number": "19{n}.1",
            "Is Public Domain": "True",
            "Object ID": "{n}",
            "Gallery Number": "76{n%5}",
            "Department": "Drawings {n%5}",
            "AccessionYear": "1979",
            "Object Name": "Coin {n%5}",
            "Title": "Liberty Head {n}",
            "Culture": "American",
            "Artist Role": "Maker|Designer",
            "Artist Display Name": "James Longacre|Christian Gobrecht",
            "Artist Nationality": "American|American",
            "Artist Begin Date": "1794|1785",
            "Artist End Date": "1869|1844",
            "Artist ULAN URL": "http://vocab.getty.edu/page/ulan/500011409|http://vocab.getty.edu/page/ulan/500077295",
            "Object Date": "ca. 1853",
            "Object Begin Date": "1853",
            "Object End Date": "1857",
            "Medium": "Gold {n%5}",
            "Dimensions": "Diam. 0.{n} in. (1.{n} cm)",
            "Credit Line": "Gift of Heinz Schultz, 19{n}",
            "City": "Paris",
            "Country": "France",
            "Classification": "",
            "Link Resource": "http://www.metmuseum.org/art/collection/search/{n}",
            "Tags": "Women|Coins",
            "Tags AAT URL": "http://vocab.getty.edu/page/aat/300025943|http://vocab.getty.edu/page/aat/300037222",
        },
    )
    assert (told["accession"], told["title"], told["object_type"]) == (
        "Object Number",
        "Title",
        "Object Name",
    )
    assert told["creator"] == {
        "name": "Artist Display Name",
        "uri": "Artist ULAN URL",
        "role": "Artist Role",
        "nationality": "Artist Nationality",
        "birth": "Artist Begin Date",
        "death": "Artist End Date",
        "split": "|",
    }
    assert told["date"] == {
        "column": "Object Date",
        "earliest": "Object Begin Date",
        "latest": "Object End Date",
    }
    assert told["place"] == {"columns": ["City", "Country"]}
    assert told["subject"] == {"column": "Tags", "split": "|", "uri_column": "Tags AAT URL"}
    assert told["acquisition"] == {"date": "AccessionYear"}
    assert told["web_page"] == "Link Resource"


def test_the_museum_of_modern_art_is_mapped(tmp_path: Path) -> None:
    told = fields(
        tmp_path,
        {
            "Title": "Project {n}",
            "Artist": "Otto Wagner {n%5}",
            "ConstituentID": "6210",
            "ArtistBio": "(Austrian, 1841–1918)",
            "Nationality": "(Austrian)",
            "BeginDate": "(1841)",
            "EndDate": "(1918)",
            "Date": "1896",
            "Medium": "Ink on paper",
            "CreditLine": "Gift {n}",
            "AccessionNumber": "885.{n}",
            "Classification": "Architecture {n%5}",
            "Department": "Architecture",
            "DateAcquired": "1996-04-09",
            "ObjectID": "{n}",
            "URL": "https://www.moma.org/collection/works/{n}",
            "ThumbnailURL": "https://www.moma.org/media/{n}.jpg",
            "Height (cm)": "48.{n}",
            "Width (in.)": "16{n}",
        },
    )
    assert (told["accession"], told["title"], told["object_type"]) == (
        "AccessionNumber",
        "Title",
        "Classification",
    )
    assert told["date"] == "Date"
    assert told["creator"]["name"] == "Artist"
    assert (told["creator"]["birth"], told["creator"]["death"]) == ("BeginDate", "EndDate")
    assert told["acquisition"] == {"date": "DateAcquired"}
    assert told["dimension"] == [
        {"column": "Height (cm)", "type": "height", "unit": "cm"},
        {"column": "Width (in.)", "type": "width", "unit": "in"},
    ]
    assert (told["web_page"], told["image"]) == ("URL", "ThumbnailURL")


COLLECTIONS = {
    "Cleveland": (
        {
            "id": "{n}",
            "accession_number": "19{n}.2",
            "current_location": "Gallery {n%5}",
            "title": "Bowl {n}",
            "creation_date": "c. 1860",
            "creation_date_earliest": "1855",
            "creation_date_latest": "1865",
            "creators": "Ann Lee (American, 1800-1870)",
            "culture": "America",
            "technique": "silver",
            "type": "Silver {n%5}",
            "measurements": "Overall: 10 x 5 cm",
            "creditline": "Gift {n}",
        },
        ("accession_number", "title", "type", "creators", "measurements"),
    ),
    "Harvard": (
        {
            "objectid": "{n}",
            "objectnumber": "1943.{n}",
            "title": "Vase {n}",
            "classification": "Vessels {n%5}",
            "dated": "19th century",
            "datebegin": "1800",
            "dateend": "1899",
            "people": "Unknown Artist",
            "dimensions": "10 x 5 cm",
            "url": "https://a.example/{n}",
        },
        ("objectnumber", "title", "classification", "people", "dimensions"),
    ),
    "National Gallery of Art": (
        {
            "objectid": "{n}",
            "accessionnum": "1937.1.{n}",
            "title": "Saint {n}",
            "displaydate": "c. 1450",
            "beginyear": "1445",
            "endyear": "1455",
            "medium": "tempera on panel",
            "dimensions": "overall: 10 x 5 cm",
            "attribution": "Jacopo Bellini {n%5}",
            "creditline": "Mellon Collection",
            "classification": "Painting {n%5}",
        },
        ("accessionnum", "title", "classification", "attribution", "dimensions"),
    ),
    "Victoria and Albert": (
        {
            "systemNumber": "O{n}",
            "accessionNumber": "E.{n}-1990",
            "objectType": "Poster {n%5}",
            "_primaryTitle": "Poster No. {n}",
            "_primaryMaker__name": "Toulouse-Lautrec",
            "_primaryDate": "1893",
            "_primaryPlace": "Paris",
        },
        ("accessionNumber", "_primaryTitle", "objectType", "_primaryMaker__name", None),
    ),
    "Rijksmuseum": (
        {
            "objectInventoryNumber": "SK-A-{n}",
            "objectTitle[1]": "Portret {n}",
            "objectType[1]": "schilderij {n%5}",
            "objectCreator[1]": "Rembrandt van Rijn",
            "objectCreationDate[1]": "1642",
            "objectImage": "http://images.example/{n}.jpg",
        },
        ("objectInventoryNumber", "objectTitle[1]", "objectType[1]", "objectCreator[1]", None),
    ),
    "a German museum": (
        {
            "Inventarnummer": "I {n}",
            "Titel": "Bild {n}",
            "Objektbezeichnung": "Gemälde {n%5}",
            "Künstler": "Caspar David Friedrich",
            "Datierung": "um 1820",
            "Maße": "10 x 5 cm",
            "Provenienz": "Sammlung Kuhn",
        },
        ("Inventarnummer", "Titel", "Objektbezeichnung", "Künstler", "Maße"),
    ),
    "a French museum": (
        {
            "Numéro d'inventaire": "RF {n}",
            "Titre": "Vue {n}",
            "Dénomination": "tableau {n%5}",
            "Auteur": "Eugène Boudin",
            "Date": "1850-1860",
            "Mesures": "10 x 5 cm",
        },
        ("Numéro d'inventaire", "Titre", "Dénomination", "Auteur", "Mesures"),
    ),
}


@pytest.mark.parametrize("collection", COLLECTIONS)
def test_the_names_of_many_collections_are_known(tmp_path: Path, collection: str) -> None:
    columns, (accession, title, kind, creator, dimension) = COLLECTIONS[collection]
    told = fields(tmp_path, columns)
    assert (told["accession"], told["title"], told["object_type"]) == (accession, title, kind)
    assert told["creator"] == creator or told["creator"]["name"] == creator
    assert told.get("dimension") == dimension
    assert "date" in told


def test_a_collection_without_titles_is_mapped_by_what_its_objects_are_called(tmp_path: Path) -> None:
    told = fields(
        tmp_path,
        {
            "emuIRN": "{n}",
            "object_name": "Vessel {n%5}",
            "object_number": "29-{n}-1",
            "accession_credit_line": "Museum expedition, 19{n}",
            "material": "Ceramic",
            "date_made_early": "-500",
            "date_made_late": "-400",
            "provenience": "Corinth",
            "measurement_height": "12.{n}",
        },
    )
    assert (told["accession"], told["title"], told["object_type"]) == (
        "object_number",
        "object_name",
        "object_name",
    )
    assert told["credit_line"] == "accession_credit_line"
    assert told["date"] == {"earliest": "date_made_early", "latest": "date_made_late"}
    assert told["place"] == "provenience"


def test_without_any_known_name_there_is_still_a_mapping(tmp_path: Path) -> None:
    path = table(tmp_path, {"foo": "X{n}", "bar": "A picture of {n} trees", "baz": "kind {n%5}"}, rows=60)
    draft = drafted(guess(str(path)))
    assert draft["fields"] == {"accession": "foo", "title": "bar", "object_type": "baz"}


def test_numbers_that_repeat_need_a_key(tmp_path: Path) -> None:
    path = table(tmp_path, {"record_id": "{n}", "accession": "19{n%5}", "title": "T{n}", "type": "vase"})
    draft = drafted(guess(str(path)))
    assert draft["record"] == {"key": "record_id", "accession_repeats": True}
    assert "accession_repeats = true" in draft_mapping(guess(str(path)))


def test_a_column_that_tells_something_else_is_no_key_however_it_differs(tmp_path: Path) -> None:
    path = tmp_path / "export.csv"
    path.write_text("Accession,Title,Date,Dims\n1.1,Vase,1890,2 cm\n1.2,Bowl,1891,3 cm\n1.2,Cup,1892,4 cm\n")
    draft = drafted(guess(str(path)))
    assert "record" not in draft
    assert (draft["fields"]["date"], draft["fields"]["dimension"]) == ("Date", "Dims")


def test_a_draft_names_its_own_file(tmp_path: Path) -> None:
    found = guess(str(table(tmp_path, {"object_number": "N{n}", "title": "T{n}"})))
    assert "--mapping export.toml\n" in draft_mapping(found)
    assert "--mapping museum.toml\n" in draft_mapping(found, "museum.toml")


def test_records_without_a_title_are_told_of(tmp_path: Path) -> None:
    path = table(tmp_path, {"object_number": "N{n}", "title": "T{n}", "object_name": "vase {n%5}"})
    text = path.read_text(encoding="utf-8").replace(",T1,", ",,").replace(",T2,", ",,")
    path.write_text(text, encoding="utf-8")
    draft = draft_mapping(guess(str(path)))
    assert "2 of the 40 records looked at have none and would be quarantined" in draft
    assert "To take 'object_name' where it is missing" in draft


def test_urls_are_told_by_their_form_and_not_only_by_their_column(tmp_path: Path) -> None:
    told = fields(
        tmp_path,
        {
            "accession": "N{n}",
            "title": "T{n}",
            "type": "vase {n%5}",
            "extra1": "https://iiif.example/3/{n}/manifest.json",
            "extra2": "https://files.example/{n}.jpg",
            "image_url": "none yet",
        },
    )
    assert (told["manifest"], told["image"]) == ("extra1", "extra2")


def test_a_file_without_header_gets_numbered_columns(tmp_path: Path) -> None:
    path = tmp_path / "old system.txt"
    path.write_text("".join(f"{n}|Picture {n}|print\n" for n in range(40)), encoding="utf-8")
    draft = drafted(guess(str(path)))
    assert draft["source"]["columns"] == ["column 1", "column 2", "column 3"]
    assert draft["institution"]["id"] == "old-system"


@pytest.mark.parametrize(
    ("path", "expected"),
    [("a/MetObjects.csv.gz", "MetObjects"), ("Übersicht 2024.csv", "bersicht-2024"), (".csv", "institution")],
)
def test_an_institution_gets_an_id_from_the_name_of_the_file(path: str, expected: str) -> None:
    assert institution_id(path) == expected


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_survives_as_toml(text: str) -> None:
    assert tomllib.loads(f"value = {toml(text)}") == {"value": text}
    assert tomllib.loads(f"value = {toml([{'a': text}, text])}") == {"value": [{"a": text}, text]}


CELLS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r\n"), max_size=12)
KNOWN_NAMES = st.sampled_from(
    [
        "Title",
        "accession_number",
        "id",
        "artist",
        "artist_id",
        "date",
        "begin date",
        "URL",
        "image",
        "height",
        "type",
    ]
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), names=st.lists(KNOWN_NAMES | CELLS, min_size=2, max_size=6))
def test_whatever_columns_are_called_and_hold_the_draft_is_a_mapping_for_them(
    tmp_path: Path, data: st.DataObject, names: list[str]
) -> None:
    rows = data.draw(
        st.lists(st.lists(CELLS, min_size=len(names), max_size=len(names)), min_size=1, max_size=8)
    )
    path = tmp_path / "export.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, quoting=csv.QUOTE_ALL).writerows([names, *rows])
    if path.read_bytes().strip():
        text = draft_mapping(guess(str(path)))
        mapping = Mapping.parse(text)
        assert set(mapping.sources()) <= {column.name for column in guess(str(path)).columns}


def test_every_pattern_is_written_as_plain_names_are() -> None:
    known = " ".join(pattern for patterns in PATTERNS.values() for pattern in patterns)
    assert known == known.casefold()
    assert plain("Künstler/in (Name) 2") == "kunstlerinname"
    assert plain("Numéro d'inventaire") == "numerodinventaire"
