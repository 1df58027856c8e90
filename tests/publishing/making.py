"""Any museum objects at all, for Hypothesis."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from hypothesis import strategies as st

from muniment.museum.days import Day, days_in_month
from muniment.museum.publishing.identifiers import Identifiers, Publisher
from muniment.museum.publishing.objects import (
    Actor,
    Dimension,
    Identifier,
    Involvement,
    MuseumObject,
    ObjectText,
    Place,
    Production,
    ProvenanceEvent,
    Representation,
    Term,
    TimeSpan,
    Title,
)

T = TypeVar("T")

TOWN = Identifiers({"town": Publisher("https://town.example/id/", "en")})
LOCAL = Identifiers({"town": Publisher("", "de")})

TEXTS = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=12
).filter(lambda text: text == text.strip()) | st.sampled_from(
    [
        "</script>",
        "a < b & c > \"d\" 'e'",
        "]]>",
        "line\r\nline\ttab",
        "\x01\x1f",
        "\x85￾￿",
        "𝄞 日本",
        "\\u003c",
    ]
)
KEYS = TEXTS
URIS = st.sampled_from(
    [
        "http://vocab.getty.edu/aat/300033618",
        "https://x.example/é/[1]?a=b&c=d#e",
        "urn:x:%zz",
        "http://a.example/%20",
    ]
)
LANGUAGES = st.none() | st.sampled_from(["en", "de-AT", "zh-Hant", "not a tag"])


def maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """The value, or nothing."""
    return st.none() | strategy


def several(strategy: st.SearchStrategy[Any], least: int = 0) -> st.SearchStrategy[tuple[Any, ...]]:
    """A few different values."""
    return st.lists(strategy, min_size=least, max_size=3, unique=True).map(tuple)


def tupled(kind: Callable[..., T], *parts: st.SearchStrategy[Any]) -> st.SearchStrategy[T]:
    """A named tuple of these parts; its other parts are as they are by default."""
    return st.tuples(*parts).map(lambda values: kind(*values))


@st.composite
def days(draw: st.DrawFn) -> Day:
    """A day of the historical calendar."""
    year = draw(st.integers(-3000, 2100).filter(bool) | st.sampled_from([-1, 1, -5, 4, 1500, 1582, 1900]))
    month = draw(st.integers(1, 12))
    return Day(year, month, draw(st.integers(1, days_in_month(year, month))))


@st.composite
def spans(draw: st.DrawFn) -> TimeSpan:
    """A date, with bounds in order."""
    first, last = sorted((draw(days()), draw(days())))
    earliest, latest = draw(maybe(st.just(first.iso))), draw(maybe(st.just(last.iso)))
    display = draw(TEXTS if earliest is latest is None else maybe(TEXTS))
    return TimeSpan(display, earliest, latest)


KINDS = st.sampled_from(["Person", "Organization", "Collaboration", "unheard of"])
LIVES = st.sampled_from(["1834", "c. 1900", "-0043-01-01", "who knows", "1720-01-01"])
ACTORS = tupled(
    Actor,
    st.builds("town/{}/{}".format, st.sampled_from(["id", "name"]), KEYS),
    TEXTS,
    maybe(KINDS | KEYS),
    maybe(KEYS),
    maybe(LIVES),
    maybe(LIVES),
    maybe(URIS),
)
INSTITUTION = Actor("town", "Town Museum", "institution", uri="https://town.example/")
PLACES = tupled(Place, st.builds("town/{}".format, KEYS), TEXTS, maybe(URIS))
TERMS = tupled(Term, KEYS, KEYS, TEXTS, maybe(URIS), LANGUAGES)
URLS = st.sampled_from(["https://i.example/a b.jpg?x=1&y=<2>", "http://i.example/é.tif"]) | TEXTS
VALUES = st.floats(0, 1e6) | st.integers(1, 500).map(float) | st.floats(allow_nan=False, allow_infinity=False)
TEXTS_OF_OBJECTS = tupled(
    ObjectText,
    st.sampled_from(["provenance", "inscription", "credit line", "label"]) | KEYS,
    TEXTS,
    LANGUAGES,
) | tupled(ObjectText, st.just("ocr"), TEXTS, LANGUAGES, maybe(KEYS), maybe(st.floats(0, 1)))


def ranked(titles: tuple[Title, ...]) -> tuple[Title, ...]:
    """Titles of which the first is preferred."""
    return (titles[0]._replace(preferred=1), *titles[1:])


OBJECTS = st.builds(
    MuseumObject,
    object_id=st.just(1),
    institution=st.just(INSTITUTION),
    record_key=KEYS,
    accession=KEYS,
    record_source=KEYS,
    record_type=KEYS,
    record_type_uri=maybe(URIS),
    category=maybe(KEYS),
    department=maybe(KEYS),
    location=maybe(PLACES),
    web_page=maybe(URIS),
    rights=maybe(TEXTS | URIS),
    withdrawn_run=maybe(st.integers(1, 9)),
    titles=several(tupled(Title, TEXTS, maybe(KEYS), LANGUAGES), 1).map(ranked),
    identifiers=several(tupled(Identifier, KEYS, maybe(KEYS))),
    object_types=several(TERMS, 1),
    materials=several(TERMS),
    subjects=several(TERMS),
    production=tupled(
        Production,
        maybe(spans()),
        maybe(PLACES),
        several(tupled(Involvement, ACTORS, maybe(KEYS), maybe(KEYS))),
    ),
    dimensions=several(tupled(Dimension, KEYS, VALUES, maybe(KEYS), maybe(KEYS), maybe(TEXTS))),
    provenance=several(
        tupled(
            ProvenanceEvent,
            st.sampled_from(["acquisition", "custody"]),
            maybe(KEYS),
            maybe(ACTORS),
            maybe(ACTORS | st.just(INSTITUTION)),
            maybe(spans()),
            maybe(TEXTS),
        )
    ),
    owners=several(ACTORS),
    keepers=several(ACTORS),
    representations=several(
        tupled(Representation, st.sampled_from(["manifest", "image"]), URLS, maybe(TEXTS))
    ),
    texts=several(TEXTS_OF_OBJECTS),
)
