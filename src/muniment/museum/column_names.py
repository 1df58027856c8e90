"""Which part of the record a column probably is, by its name and by what stands in it.

Names are compared without case, accents, punctuation and spaces: `Object No.` is `objectno`. Each part has
patterns for the whole of such a name, the likeliest first; a few of them match in most exports.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence

from muniment.guess import ColumnProfile
from muniment.museum.dimension_words import ROLES, UNITS
from muniment.museum.mapping import MANIFEST_PATTERN

SHORT_TEXT = 120
"""Mean characters of what can be a number, a name or a term."""

URL_SHARE = 0.9
"""The share of values that must be URLs where the record wants URLs: others lead to notes or rejections."""

_ACTOR = (
    "(?:main|primary|first|principal|object|production)?(?:"
    "artists?|creators?|makers?|authors?|kunstler(?:in)?|kunstenaars?|auteurs?|autore?s?|artistas?|artistes?"
    "|vervaardigers?|hersteller|urheber|fabricants?|producers?|creadore?s?|criadore?s?|kunstner|konstnar"
    "|people|persons?|constituents?|agents?)"
)
_MADE = "(?:object|artwork|work|item|primary)?(?:creation|created|production|produced|made|making)?"
_DATE = "(?:date|dates|dated|dating|year|datierung|datering|datation|fecha|data|jahr|annee|anno|jaar)"
_BEGIN = "(?:begins?|beginning|start|earliest|early|from|von|vanaf|min|first|debut)"
_END = "(?:ends?|ending|finish|latest|late|to|bis|tot|max|last|fin)"
_NUMBER = "(?:number|numb|num|no|nr|nbr|code|nummer)"
_LINK = "(?:uri|url|link)s?"

PATTERNS: dict[str, tuple[str, ...]] = {
    "accession": (
        f"(?:object|museum|item|current|full)?accession(?:{_NUMBER}|id)?",
        f"(?:object|objekt|item|artwork|work|museum){_NUMBER}",
        f"(?:object|full)?(?:inventory|inventar|inventaris|inv){_NUMBER}?",
        "(?:numero|num|n|no)?d?e?l?(?:inventaire|inventario|objet|registro)",
        "(?:registration|regn?|catalogu?e?|identification|id|shelf|call)(?:number|num|no|nr|mark|id)",
        "signatur|cote|number|nummer|numero",
    ),
    "key": (
        (
            "(?:object|objekt|record|item|artwork|work|embark|emu|tms|system|collection|museum|unique|global|thing)"
            "?(?:id|identifier|irn|guid|uuid|uid)"
        ),
        "priref|(?:system|record)number|(?:object)?persistentidentifier|nid|pid|recordkey|key",
    ),
    "title": (
        (
            "(?:object|primary|main|preferred|display|work|artwork|item)?"
            "(?:title|titel|titre|titulo|titolo|tittel|otsikko)s?(?:text|display|en|english)?"
        ),
        "object(?:name|naam)s?|objektname|bezeichnung|name",
    ),
    "other_title": (
        "(?:alternat(?:iv)?e|other|original|native|translated|uniform|former)(?:title|name)s?",
        "titles?(?:alternat(?:iv)?e|original|translated|inoriginallanguage|raw|de|fr|nl|es|it)",
    ),
    "object_type": (
        "(?:object|artwork|work)(?:type|kind)s?|objekttyp|objektart|objektbezeichnung|typeofobject|typeofwork",
        "(?:object|objekt)?(?:classification|klassifikation|classificatie|clasificacion|classificazione)s?",
        "object(?:name|naam)s?|objektname|denominacion|denomination|designation",
        "type|kind|objectcategory|category|categories|categorie|kategorie|sachgruppe|genre|gattung",
    ),
    "object_type.uri": (f"(?:object)?(?:type|name|classification|category)(?:aat|wikidata)?{_LINK}",),
    "category": (
        "(?:object)?(?:category|categories|categorie|kategorie|sachgruppe|classification|subclassification)s?",
    ),
    "department": (
        "(?:curatorial|museum)?(?:department|departement|abteilung|afdeling|departamento|section|division)s?(?:name)?",
        "collection|sammlung|collectionname|departmentabbr",
    ),
    "location": (
        (
            "(?:current|physical|present|display|gallery|object)?(?:location|standort|standplaats|ubicacion"
            "|localisation|emplacement|room)(?:text|name|display)?"
        ),
        f"gallery(?:{_NUMBER}|name|text)?",
    ),
    "material": (
        (
            "(?:primary|object)?(?:mediums?|media|materials?|materialien|materiaal|materiaux?|materiales|materiali"
            "|matiere)(?:display|text|description|aat)?"
        ),
        "(?:medium|materials?|material)(?:and|und|et)?(?:technique|technik)s?",
        "supportmaterials?|technique|techniques|technik|techniek|tecnica|tecniche",
    ),
    "material.uri": (f"(?:mediums?|materials?)(?:aat|wikidata)?{_LINK}",),
    "subject": (
        (
            "(?:object)?(?:tags?|subjects?|keywords?|schlagworte?r?|schlagwort|themes?|depicts|depicted|trefwoorden"
            "|motifs?|sujets?|iconclass|iconography)(?:terms?|names?)?"
        ),
    ),
    "subject.uri": (
        f"(?:tags?|subjects?|keywords?)(?:aat)?{_LINK}",
        f"(?:tags?|subjects?|keywords?)wikidata{_LINK}",
    ),
    "creator": (
        f"{_ACTOR}(?:display)?(?:names?)?(?:display)?",
        f"{_ACTOR}?(?:full|display|cited|preferred)names?|attribution|attributedto",
    ),
    "creator.id": (f"(?:{_ACTOR}|party)(?:id|identifier|key|irn)s?",),
    "creator.uri": (f"{_ACTOR}?ulan{_LINK}", f"{_ACTOR}(?:viaf|gnd|wikidata)?{_LINK}"),
    "creator.role": (f"{_ACTOR}?roles?(?:name)?",),
    "creator.kind": (f"(?:{_ACTOR}|party)(?:type|kind)s?",),
    "creator.nationality": (f"{_ACTOR}?(?:nationalit(?:y|ies|at|e|eit)|nacionalidad|nazionalita)",),
    "creator.birth": (
        f"{_ACTOR}?(?:birth|born|geburts|geboorte)(?:date|year|jahr|datum|jaar)?|yearofbirth|dateofbirth",
        f"{_ACTOR}(?:begin|start)(?:date|year)",
    ),
    "creator.death": (
        f"{_ACTOR}?(?:death|died|todes|sterf)(?:date|year|jahr|datum|jaar)?|yearofdeath|dateofdeath",
        f"{_ACTOR}(?:end)(?:date|year)",
    ),
    "creator.qualifier": (f"{_ACTOR}?(?:attribution)?qualifiers?",),
    "other_creator": (
        "printer|publisher|engraver|photographer|designer|manufacturer|architect|editor|fabricator",
    ),
    "date.earliest": (f"{_MADE}{_DATE}(?:made)?{_BEGIN}(?:year|date)?|{_MADE}{_BEGIN}{_DATE}",),
    "date.latest": (f"{_MADE}{_DATE}(?:made)?{_END}(?:year|date)?|{_MADE}{_END}{_DATE}",),
    "date": (
        (
            f"display{_DATE}|{_MADE}{_DATE}(?:text|display|string|made|created|ofcreation|creation|ofproduction"
            "|production|original)"
        ),
        f"{_MADE}{_DATE}|entstehungszeit|date?ofmanufacture",
    ),
    "place": (
        f"{_MADE}(?:place|places|geography|herstellungsort|entstehungsort|lieu|plaats|lugar|luogo)(?:name|text)?",
        "(?:geographic)?(?:origin|provenience|herkunft|findspot|region|country|land)(?:name)?|place(?:oforigin|made)",
    ),
    "dimension": (
        (
            "(?:object|overall)?(?:dimensions?|dims?|size|measurements?|masse|abmessungen|afmetingen|formaat|dimensiones"
            "|medidas|dimensioni|misure|mesures)(?:display|text|raw|description|summary)?"
        ),
    ),
    "dimension.unit": ("(?:dimension|measurement|object)?units?(?:ofmeasure(?:ment)?)?",),
    "acquisition.date": (
        "(?:date|year)(?:of)?(?:acquired|acquisition|accessioned|purchased|acqd|acq)",
        "(?:acquisition|accession|acquired|purchase)(?:date|year)|erwerbsdatum|erwerbungsdatum|zugangsjahr",
    ),
    "acquisition.method": (
        "(?:acquisition|accession|acquired)(?:method|type|mode)|methodofacquisition|erwerbungsart",
    ),
    "acquisition.source": (
        "(?:acquired|purchased)from|donors?|acquisitionsource|vendor|sourceofacquisition",
    ),
    "acquisition.text": ("acquisition(?:text|details?|notes?)?|erwerbung",),
    "credit_line": ("(?:accession|object|image)?credit(?:line)?(?:text)?|courtesyline",),
    "provenance": (
        "(?:object)?provenance(?:text|narrative|history)?|provenienz|herkomst|provenienza|procedencia",
    ),
    "description": (
        (
            "(?:object|public|web|visual|digital|wall|short|long|physical|full|brief)?"
            "(?:description|beschreibung|beschrijving|descripcion|descrizione|summary|abstract)s?(?:text)?"
        ),
    ),
    "identifier": (
        "(?:former|other|old|previous|alternat(?:iv)?e|alt|secondary)(?:accession|object|inventory)?(?:numbers?|nos?|ids?)",
        f"objectwikidata{_LINK}|wikidata(?:id)?|objectwikidata(?:id)?|isbn|barcode",
    ),
    "text": (
        (
            "inscriptions?|inscribed|signed|signature|marks?|markings?|watermarks|label(?:text)?|gallerytext|walltext"
            "|notes?|remarks?|comments?|commentary|edition|portfolio|series|culture|period|dynasty|reign|style|state"
            "|exhibitions?|exhibitionhistory|bibliography|references?|publications?|citations?|tombstone"
        ),
    ),
    "ocr": ("ocr(?:text)?|transcription|fulltext",),
    "ocr.engine": ("ocr(?:engine|software)",),
    "ocr.confidence": ("ocr(?:confidence|score)",),
    "owner": ("(?:object|legal|current)?owner(?:name)?s?|eigentumer|proprietaire",),
    "keeper": ("keepers?|repository|holdinginstitution|custodian",),
    "manifest": (f"(?:iiif)?manifests?(?:id|{_LINK})?|iiif{_LINK}|iiif",),
    "image": (
        (
            "(?:primary|main|object|web)?(?:image|photo|picture|bild|foto|media)(?:web|address|path|file)?"
            f"(?:{_LINK})?|webimageaddress"
        ),
        f"(?:primary|main|object|small|large)?(?:image)?(?:thumbnail|thumb)(?:{_LINK})?",
    ),
    "image.rights": ("(?:image|thumbnail|photo|media)(?:copyright|rights|rightsstatement|licen[cs]e)",),
    "web_page": (
        f"(?:object|web|page|collection|item|record|permanent|museum)?(?:{_LINK}|webpage|page|href|permalink)",
        f"linkresource|[a-z]*object{_LINK}|website|homepage",
    ),
    "rights": (
        "(?:object)?(?:rights?|copyright|licen[cs]e|rechte|rechten|droits|derechos)(?:type|statement|status|line|s)?",
        "rightsandreproductions?",
    ),
}
"""For each part, what its columns are called, the likeliest first."""

PLACES = ("locale", "city", "county", "state", "province", "region", "country", "continent")
"""Columns that are the place only together, from the smallest on."""

_TOKEN = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[^\W\d_]+")
_MANIFEST = re.compile(MANIFEST_PATTERN)
_MANIFEST_WORD = re.compile(r"(?i)^https?://\S*manifest")
_WEB_URL = re.compile(r"(?i)^[|;, ]*https?://")
_IMAGE = re.compile(r"(?i)^https?://\S+\.(?:jpe?g|png|tiff?|gif|webp)(?:\?\S*)?$")
_LIFE_YEAR = re.compile(r"^\([0-9]{0,4}\)")


def plain(name: str) -> str:
    """The name without case, accents, punctuation, spaces and a number at its end."""
    folded = unicodedata.normalize("NFKD", name.replace("ø", "o").casefold())
    return re.sub(r"[\W_]|(?<=\D)[\W\d_]+\Z", "", folded)


def recognised(columns: Sequence[ColumnProfile]) -> dict[str, list[ColumnProfile]]:
    """For each part the columns that may be it, the likeliest first; a column may be several parts'."""
    found = {
        part: [column for column in _named(patterns, columns) if _fits(part, column)]
        for part, patterns in PATTERNS.items()
    }
    by_value = [
        column for column in columns if column.kind == "URL" and column.share(_MANIFEST_WORD) >= URL_SHARE
    ]
    found["manifest"] = list({c.name: c for c in (*found["manifest"], *by_value)}.values())
    images = [column for column in columns if column.kind == "URL" and column.share(_IMAGE) >= URL_SHARE]
    found["image"] = list({c.name: c for c in (*found["image"], *images)}.values())
    for part, word in (("creator.birth", "begindate"), ("creator.death", "enddate")):
        found[part] += [c for c in columns if plain(c.name) == word and c.share(_LIFE_YEAR) >= URL_SHARE]
    return found


def places(columns: Sequence[ColumnProfile]) -> list[ColumnProfile]:
    """The columns that make up a place together."""
    return [column for name in PLACES for column in columns if plain(column.name) == name and column.filled]


def measured(column: ColumnProfile) -> tuple[str, str] | None:
    """What a column of numbers measures, and in which unit, as far as its name tells."""
    if column.kind not in ("number", "whole number"):
        return None
    tokens = [token.casefold() for token in _TOKEN.findall(column.name)]
    kinds = [ROLES[token] for token in tokens if len(token) > 3 and token in ROLES]
    units = [UNITS[token] for token in tokens if token in UNITS]
    return (kinds[0], units[-1] if units else "") if len(kinds) == 1 else None


def _named(patterns: Sequence[str], columns: Sequence[ColumnProfile]) -> Iterator[ColumnProfile]:
    for pattern in patterns:
        compiled = re.compile(pattern)
        yield from (column for column in columns if compiled.fullmatch(plain(column.name)))


def _is_web(column: ColumnProfile) -> bool:
    return column.share(_WEB_URL) >= URL_SHARE


def _is_short(column: ColumnProfile) -> bool:
    return column.mean_length <= SHORT_TEXT and column.kind != "URL"


def _is_bound(column: ColumnProfile) -> bool:
    return column.kind in ("whole number", "ISO date", "date text", "number") and not column.share(_LIFE_YEAR)


_FITS: dict[str, Callable[[ColumnProfile], bool]] = {
    "accession": _is_short,
    "creator": _is_short,
    "object_type": _is_short,
    "date": lambda column: _is_short(column) and not column.share(_LIFE_YEAR),
    "date.earliest": _is_bound,
    "date.latest": _is_bound,
    "key": lambda column: column.nearly_identifies,
    "object_type.uri": _is_web,
    "material.uri": _is_web,
    "subject.uri": _is_web,
    "creator.uri": _is_web,
    "manifest": lambda column: column.share(_MANIFEST) >= URL_SHARE,
    "image": _is_web,
    "web_page": _is_web,
    "location": _is_short,
    "department": _is_short,
    "category": _is_short,
    "place": _is_short,
    "dimension": lambda column: column.kind not in ("number", "whole number"),
    "credit_line": lambda column: column.kind != "URL",
}


def _fits(part: str, column: ColumnProfile) -> bool:
    """Whether what stands in a column can be this part; an empty column fits none."""
    fits = _FITS.get(part)
    return column.filled > 0 and (fits is None or fits(column))
