"""Display dates and bounds, read by `muniment.museum.dates`."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muniment.museum.date_grammar import CIRCA_YEARS
from muniment.museum.date_points import LATEST_YEAR
from muniment.museum.dates import DISPLAY_CHARACTERS, Dates, Day, bounded, parse_bound, parse_dates
from muniment.museum.days import days_in_month, years_later

SEVERAL = ("date-several-events",)
INVERTED = ("date-inverted",)
NOT_UNDERSTOOD = ("date-not-understood",)

UNDERSTOOD = [
    # exact days and months
    ("Apr 1, 1854", "1854-04-01", "1854-04-01"),
    ("Apr 1, 1854 (date of publication)", "1854-04-01", "1854-04-01"),
    ("20 January 1784", "1784-01-20", "1784-01-20"),
    ("January 20,1784", "1784-01-20", "1784-01-20"),
    ("20th of January, 1784", "1784-01-20", "1784-01-20"),
    ("Aug 17 1994", "1994-08-17", "1994-08-17"),
    ("1994-08-17", "1994-08-17", "1994-08-17"),
    ("1994-08", "1994-08-01", "1994-08-31"),
    ("5.VI.1920", "1920-06-05", "1920-06-05"),
    ("5.6.1920", "1920-06-05", "1920-06-05"),
    ("20. Januar 1784", "1784-01-20", "1784-01-20"),
    ("1er janvier 1850", "1850-01-01", "1850-01-01"),
    ("31/12/1883", "1883-12-31", "1883-12-31"),
    ("12/31/1883", "1883-12-31", "1883-12-31"),
    ("1/2/1883", "1883-01-02", "1883-02-01"),
    ("1861/XI", "1861-11-01", "1861-11-30"),
    ("1858/2", "1858-02-01", "1858-02-28"),
    ("06/1923", "1923-06-01", "1923-06-30"),
    ("October, 1876", "1876-10-01", "1876-10-31"),
    ("1932, December", "1932-12-01", "1932-12-31"),
    ("1995 (February)", "1995-02-01", "1995-02-28"),
    ("February 1896", "1896-02-01", "1896-02-29"),
    ("June 9-11, 1953", "1953-06-09", "1953-06-11"),
    ("June 9 - July 3, 1953", "1953-06-09", "1953-07-03"),
    ("May - June 1944", "1944-05-01", "1944-06-30"),
    ("December 1949 - January 1950", "1949-12-01", "1950-01-31"),
    ("April 1860 or 1886", "1860-04-01", "1886-12-31"),
    ("early May 1850", "1850-05-01", "1850-05-31"),
    ("Autumn 1916", "1916-01-01", "1916-12-31"),
    ("late summer 1916", "1916-01-01", "1916-12-31"),
    # years, circa, uncertainty
    ("1883", "1883-01-01", "1883-12-31"),
    ("[1883]", "1883-01-01", "1883-12-31"),
    ("607", "0607-01-01", "0607-12-31"),
    ("c.1785", "1780-01-01", "1790-12-31"),
    ("c .1957", "1952-01-01", "1962-12-31"),
    ("c, 1886-1887", "1881-01-01", "1892-12-31"),
    ("ca. 1975", "1970-01-01", "1980-12-31"),
    ("ci.1950", "1945-01-01", "1955-12-31"),
    ("probably circa 1900", "1895-01-01", "1905-12-31"),
    ("um 1850", "1845-01-01", "1855-12-31"),
    ("vers 1850", "1845-01-01", "1855-12-31"),
    ("c. March 1944", "1944-01-01", "1944-12-31"),
    ("?1814", "1814-01-01", "1814-12-31"),
    ("1814 (?)", "1814-01-01", "1814-12-31"),
    ("published ?1814", "1814-01-01", "1814-12-31"),
    # ranges
    ("1826–7", "1826-01-01", "1827-12-31"),
    ("1976 –7", "1976-01-01", "1977-12-31"),
    ("1915–23", "1915-01-01", "1923-12-31"),
    ("1909-10", "1909-01-01", "1910-12-31"),
    ("1973/74", "1973-01-01", "1974-12-31"),
    ("c. 1973/74", "1968-01-01", "1979-12-31"),
    ("c.1997-9", "1992-01-01", "2004-12-31"),
    ("1656-c.1680", "1656-01-01", "1685-12-31"),
    ("1957–c.66", "1957-01-01", "1971-12-31"),
    ("?c.1800–10", "1795-01-01", "1815-12-31"),
    ("modeled c. 1896---1911", "1891-01-01", "1916-12-31"),
    ("1891 AND 1895", "1891-01-01", "1895-12-31"),
    ("1828 (or 1836", "1828-01-01", "1836-12-31"),
    ("1831 or 2", "1831-01-01", "1832-12-31"),
    ("c.1833 or 1840", "1828-01-01", "1840-12-31"),
    ("1932–3–1936", "1932-01-01", "1936-12-31"),
    ("between 1850 and 1860", "1850-01-01", "1860-12-31"),
    ("from 1850 until 1860", "1850-01-01", "1860-12-31"),
    ("zwischen 1850 und 1860", "1850-01-01", "1860-12-31"),
    # decades
    ("1840s", "1840-01-01", "1849-12-31"),
    ("1920's", "1920-01-01", "1929-12-31"),
    ("1920er Jahre", "1920-01-01", "1929-12-31"),
    ("années 1920", "1920-01-01", "1929-12-31"),
    ("early 1840s", "1840-01-01", "1843-12-31"),
    ("mid-1960s", "1964-01-01", "1966-12-31"),
    ("late 1890s", "1897-01-01", "1899-12-31"),
    ("1860s-1870s", "1860-01-01", "1879-12-31"),
    ("1860s-70s", "1860-01-01", "1879-12-31"),
    ("c. 1870-1880s", "1865-01-01", "1894-12-31"),
    ("?late 1810s to mid–1820s", "1817-01-01", "1826-12-31"),
    # centuries and millennia
    ("19th century", "1800-01-01", "1899-12-31"),
    ("1800s", "1800-01-01", "1899-12-31"),
    ("early to mid-1600s", "1600-01-01", "1666-12-31"),
    ("mid- to late-17th century", "1634-01-01", "1699-12-31"),
    ("late 18th C", "1767-01-01", "1799-12-31"),
    ("later 18th century", "1750-01-01", "1799-12-31"),
    ("18th or 19th century", "1700-01-01", "1899-12-31"),
    ("10th -11th century", "0900-01-01", "1099-12-31"),
    ("18-19th century", "1700-01-01", "1899-12-31"),
    ("late 17th or early 18th century", "1667-01-01", "1733-12-31"),
    ("c. second half of the 19th century-early 20th century", "1845-01-01", "1938-12-31"),
    ("first half of the 19th century", "1800-01-01", "1849-12-31"),
    ("third quarter of the 19th century", "1850-01-01", "1874-12-31"),
    ("last quarter of the 19th century", "1875-01-01", "1899-12-31"),
    ("end of the 19th century", "1867-01-01", "1899-12-31"),
    ("turn of the 19th century", "1790-01-01", "1810-12-31"),
    ("eighteenth century", "1700-01-01", "1799-12-31"),
    ("18. Jahrhundert", "1700-01-01", "1799-12-31"),
    ("2. Hälfte 18. Jh.", "1750-01-01", "1799-12-31"),
    ("XVIIIe siècle", "1700-01-01", "1799-12-31"),
    ("première moitié du XIXe siècle", "1800-01-01", "1849-12-31"),
    ("siglo XVIII", "1700-01-01", "1799-12-31"),
    ("prima metà del XVIII secolo", "1700-01-01", "1749-12-31"),
    ("18e eeuw", "1700-01-01", "1799-12-31"),
    ("2nd century BCE", "-0199-01-01", "-0100-12-31"),
    ("5th-4th century BCE", "-0499-01-01", "-0300-12-31"),
    ("1st century", "0001-01-01", "0099-12-31"),
    ("1st century BC-1st century AD", "-0099-01-01", "0099-12-31"),
    ("IIe siècle av. J.-C.", "-0199-01-01", "-0100-12-31"),
    ("3rd millennium BCE", "-2999-01-01", "-2000-12-31"),
    # eras
    ("c. 1000 BCE", "-1005-01-01", "-0995-12-31"),
    ("299-200 BCE", "-0299-01-01", "-0200-12-31"),
    ("206 BCE-220 CE", "-0206-01-01", "0220-12-31"),
    ("c. 1-200 CE", "-0005-01-01", "0205-12-31"),
    ("100 B.C.-A.D. 100", "-0100-01-01", "0100-12-31"),
    ("100 v. Chr.", "-0100-01-01", "-0100-12-31"),
    ("c. 50-320", "0045-01-01", "0325-12-31"),
    # open ends
    ("before 1850", None, "1850-12-31"),
    ("published by 1832–4", None, "1834-12-31"),
    ("printed no later than 1968", None, "1968-12-31"),
    ("c.1793 or earlier", None, "1798-12-31"),
    ("after c.1830", "1825-01-01", None),
    ("no earlier than 1906", "1906-01-01", None),
    ("1596 or after", "1596-01-01", None),
    ("1840 (or later)", "1840-01-01", None),
    ("1989-present", "1989-01-01", None),
    ("manufactured 1989-", "1989-01-01", None),
    ("after 1945, before 1957", "1945-01-01", "1957-12-31"),
    ("18th century, after 1713", "1713-01-01", "1799-12-31"),
    # periods
    ("Edo period (1603-1867)", "1603-01-01", "1867-12-31"),
    ("Edo period (1603-1867), c. 1750", "1745-01-01", "1755-12-31"),
    ("Edo period (1603-1867), 18th-19th century", "1700-01-01", "1867-12-31"),
    ("Shang Period (c. 1600-1045 BCE), c. 1100 BCE", "-1105-01-01", "-1095-12-31"),
    ("New Kingdom, 18th Dynasty, c. 1570-1320 BCE", "-1575-01-01", "-1315-12-31"),
    ("Western Han Dynasty, 202 BCE-8 CE", "-0202-01-01", "0008-12-31"),
    ("Western Jin Dynasty, AD 265-316", "0265-01-01", "0316-12-31"),
    ("China, Tang dynasty, 618-907", "0618-01-01", "0907-12-31"),
    # one event, named
    ("1867-1868 (patented)", "1867-01-01", "1868-12-31"),
    ("1653 (dated in the third state)", "1653-01-01", "1653-12-31"),
    ("completed c. 1649", "1644-01-01", "1654-12-31"),
    # nothing is known
    ("", None, None),
    (" ? ", None, None),
    ("date not known", None, None),
    ("no date", None, None),
    ("n.d.", None, None),
    ("o. J.", None, None),
    ("O.D.", None, None),
    ("ohne Jahr", None, None),
    ("s. d.", None, None),
    ("s/f", None, None),
    ("z.j.", None, None),
    ("s.a. [um 1600]", "1595-01-01", "1605-12-31"),
    ("Undated", None, None),
    ("unknown", None, None),
]

OF_SEVERAL_EVENTS = [
    ("modeled 2002, cast 2013", "2002-01-01", "2013-12-31"),
    (
        "1915–23, reconstruction by Richard Hamilton 1965–6, lower panel remade 1985",
        "1915-01-01",
        "1985-12-31",
    ),
    ("c. 1865 copy after c. 1847 original", "1842-01-01", "1870-12-31"),
    ("1966 cast after 1958 terra cotta original", "1958-01-01", "1966-12-31"),
    ("January 29, 2007 (printed April 1, 2014)", "2007-01-29", "2014-04-01"),
    ("1953 (designed) c. 1977 (manufactured)", "1953-01-01", "1982-12-31"),
    ("?1824–7, ?c.1800–10", "1795-01-01", "1827-12-31"),
    ("1991 (produced 1987-91)", "1987-01-01", "1991-12-31"),
    ("1880 block, c. 1935 print", "1880-01-01", "1940-12-31"),
    ("1984–5,1992–3", "1984-01-01", "1993-12-31"),
    ("1975, printed1985", "1975-01-01", "1985-12-31"),
    ("1939–40, cast before 1949", "1939-01-01", "1949-12-31"),
    ("before 1929, printed c. 1929", None, "1934-12-31"),
    ("1962, printed after 1971", "1962-01-01", None),
    ("1932, printed later", "1932-01-01", None),
    ("c.1900, posthumous cast", "1895-01-01", None),
    ("copy after 1880 original", "1880-01-01", None),
]

NOT_DATES = [
    "Meiji period",
    "late Qing?",
    "edition 3/50",
    "edition of 1500",
    "no. 12",
    "no. 1850",
    "Room 1850",
    "12",
    "$1850",
    "-1850",
    "1850 1860",
    "1850.5",
    "1850 x 1860 mm",
    "signed and numbered 23/75",
    "c. 1948, Design Patent 150,644, 1948",
    "19th century in the style of 16th century",
    "1850, later",
    "1850 or slightly later",
    "20 Nov 44",
    "05/94",
    "'20s",
    "12 May",
    "May",
    "circa",
    "century",
    "15th-16th",
    "2nd century BC - 1st century",
    "18th Dynasty",
    "5000 BP",
    "10000 BCE",
    "18500",
    "c.18799–1802",
    "189-1880",
    "31 February 1850",
    "29 February 1900",
    "13/13/1850",
    str(LATEST_YEAR + 1),
    "22nd century",
]


def iso(day: Day | None) -> str | None:
    return day.iso if day else None


@pytest.mark.parametrize(("text", "earliest", "latest"), UNDERSTOOD)
def test_a_date_has_the_first_and_the_last_day_that_it_can_mean(
    text: str, earliest: str | None, latest: str | None
) -> None:
    dates = parse_dates(text)
    assert (iso(dates.earliest), iso(dates.latest), dates.problems) == (earliest, latest, ())


@pytest.mark.parametrize(("text", "earliest", "latest"), OF_SEVERAL_EVENTS)
def test_several_dated_events_have_the_bounds_of_all_and_are_noted(
    text: str, earliest: str | None, latest: str | None
) -> None:
    dates = parse_dates(text)
    assert (iso(dates.earliest), iso(dates.latest), dates.problems) == (earliest, latest, SEVERAL)


@pytest.mark.parametrize("text", NOT_DATES)
def test_what_is_no_date_has_no_bounds(text: str) -> None:
    assert parse_dates(text) == Dates(text, problems=NOT_UNDERSTOOD)


@pytest.mark.parametrize(
    "text", ["1798–5", "c. 1842-1458", "New Kingdom, 18th Dynasty, c. 1570-1200", "664-332"]
)
def test_a_range_that_runs_backwards_has_no_bounds(text: str) -> None:
    assert parse_dates(text) == Dates(text, problems=INVERTED)


def test_a_text_too_long_for_a_date_is_not_read() -> None:
    text = "1850".ljust(DISPLAY_CHARACTERS + 1)
    assert parse_dates(text).problems == NOT_UNDERSTOOD
    assert parse_dates(text[:-1]).problems == ()


def test_days_compare_across_the_eras() -> None:
    days = [Day(-206, 1, 1), Day(-206, 12, 31), Day(-1, 12, 31), Day(1, 1, 1), Day(1883, 1, 1)]
    assert all(one < other for one, other in pairwise(days))


@pytest.mark.parametrize(
    ("year", "days"),
    [(1896, 29), (1900, 28), (2000, 29), (1500, 29), (1600, 29), (1700, 28), (-1, 29), (-4, 28), (-5, 29)],
)
def test_leap_years_are_julian_before_the_gregorian_reform(year: int, days: int) -> None:
    assert days_in_month(year, 2) == days


# --- bounds given by an export --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "earliest", "latest"),
    [
        ("-0206-01-05", "-0206-01-05", "-0206-01-05"),
        ("1883-01-01", "1883-01-01", "1883-01-01"),
        ("1883-01-01T00:00:00", "1883-01-01", "1883-01-01"),
        ("1883-01-01 12:30:00.000", "1883-01-01", "1883-01-01"),
        (" 1883 ", "1883-01-01", "1883-12-31"),
        ("1883.0", "1883-01-01", "1883-12-31"),
        ("-206", "-0206-01-01", "-0206-12-31"),
        ("1883-05", "1883-05-01", "1883-05-31"),
        ("1903-05", "1903-05-01", "1903-05-31"),
        ("1883-00-00", "1883-01-01", "1883-12-31"),
        ("18830501", "1883-05-01", "1883-05-01"),
        ("31/12/1883", "1883-12-31", "1883-12-31"),
        ("May 1, 1883", "1883-05-01", "1883-05-01"),
        ("206 BCE", "-0206-01-01", "-0206-12-31"),
        ("12", "0012-01-01", "0012-12-31"),
        ("", None, None),
        ("0", None, None),
        ("0.0", None, None),
        ("0000-00-00", None, None),
        ("01/02/1883", None, None),
        ("1883-02-30", None, None),
        ("1883-13-01", None, None),
        ("0000-05-01", None, None),
        ("9999", None, None),
        ("unknown", None, None),
        ("1" * 1000, None, None),
    ],
)
def test_a_bound_is_iso_like_or_a_year_or_one_date(
    text: str, earliest: str | None, latest: str | None
) -> None:
    assert iso(parse_bound(text, latest=False)) == earliest
    assert iso(parse_bound(text, latest=True)) == latest


def test_given_bounds_are_kept_and_the_display_text_is_not_read() -> None:
    dates = bounded("gibberish", "1850-03-01", "1860")
    assert dates == Dates("gibberish", Day(1850, 3, 1), Day(1860, 12, 31))


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (("", ""), Dates("c. 1850", Day(1845, 1, 1), Day(1855, 12, 31))),
        (("1848", "0"), Dates("c. 1850", Day(1848, 1, 1), Day(1855, 12, 31))),
        (("", "1852-06-30"), Dates("c. 1850", Day(1845, 1, 1), Day(1852, 6, 30))),
    ],
)
def test_the_display_text_is_read_for_bounds_that_are_not_given(
    given: tuple[str, str], expected: Dates
) -> None:
    assert bounded("c. 1850", *given) == expected


@pytest.mark.parametrize(("earliest", "latest"), [("1935", "1912"), ("1900", ""), ("", "1800")])
def test_inverted_bounds_are_none(earliest: str, latest: str) -> None:
    assert bounded("1850", earliest, latest) == Dates("1850", problems=INVERTED)


def test_a_bound_that_is_not_understood_is_noted_and_replaced() -> None:
    dates = bounded("1850", "01/02/1850", "1850-06-01")
    assert dates == Dates("1850", Day(1850, 1, 1), Day(1850, 6, 1), ("date-bound-not-understood",))


def test_all_that_is_not_understood_is_noted() -> None:
    assert bounded("gibberish", "nonsense", "").problems == (
        "date-bound-not-understood",
        "date-not-understood",
    )


# --- properties -----------------------------------------------------------------------------------

WORDS = """
    c. ca. circa ? probably 1850 1860s 1800s 19th 18th century BCE CE AD before after by or and to - – / , ;
    ( ) early mid- late first half quarter of the May 12 31 XI printed cast later period no. original [ ]
    7 66 206 from between until present n.d. turn millennium spring anno Smith 1994-08-17 6/1/1795 é \0 . '
"""
MONTHS = "January February March April May June July August September October November December"
SOME_WORDS = st.lists(st.sampled_from([*WORDS.split(), "\n"]), max_size=14)
MUSEUM_LIKE = SOME_WORDS.map(" ".join) | SOME_WORDS.map("".join)
YEARS = st.integers(1000, LATEST_YEAR - 1)
DAYS = st.builds(
    Day, st.integers(-9000, LATEST_YEAR - 1).filter(bool), st.integers(1, 12), st.integers(1, 28)
)


@given(st.text(max_size=300) | MUSEUM_LIKE)
def test_any_text_is_read_without_an_error_and_kept_verbatim(text: str) -> None:
    dates = parse_dates(text)
    assert dates.display == text
    assert not (dates.earliest and dates.latest) or dates.earliest <= dates.latest
    assert not (dates.earliest or dates.latest) or set(dates.problems) <= set(SEVERAL)


@given(MUSEUM_LIKE, st.text(max_size=12) | MUSEUM_LIKE, st.text(max_size=12) | MUSEUM_LIKE)
def test_bounds_are_never_the_wrong_way_round(display: str, earliest: str, latest: str) -> None:
    dates = bounded(display, earliest, latest)
    assert not (dates.earliest and dates.latest) or dates.earliest <= dates.latest


@given(MUSEUM_LIKE)
def test_case_and_surrounding_space_mean_nothing(text: str) -> None:
    read = parse_dates(text)
    for variant in (text.upper(), f"  {text}\t"):
        dates = parse_dates(variant)
        assert (dates.earliest, dates.latest, dates.problems) == (read.earliest, read.latest, read.problems)


@given(MUSEUM_LIKE)
def test_bounds_survive_being_written_and_read_again(text: str) -> None:
    dates = parse_dates(text)
    written = iso(dates.earliest) or "", iso(dates.latest) or ""
    again = bounded("no date", *written)
    assert (again.earliest, again.latest, again.problems) == (dates.earliest, dates.latest, ())


@given(DAYS, st.booleans())
def test_an_iso_day_is_read_as_itself(day: Day, latest: bool) -> None:
    assert parse_bound(day.iso, latest=latest) == day


@given(
    DAYS.filter(lambda day: day.year >= 1000),
    st.sampled_from(
        ["{d} {month} {y}", "{month} {d}, {y}", "{y}-{m:02}-{d:02}", "{d}. {month} {y}", "{d}.{m}.{y}"]
    ),
)
def test_a_day_is_read_in_whatever_order_it_is_written(day: Day, form: str) -> None:
    text = form.format(d=day.day, m=day.month, month=MONTHS.split()[day.month - 1], y=day.year)
    assert parse_dates(text) == Dates(text, day, day)


@given(YEARS, st.integers(0, 99), st.sampled_from(["-", "–", " - ", "—", " to ", "/", " or ", " and "]))
def test_a_range_reaches_from_its_first_year_to_its_last(year: int, years: int, joiner: str) -> None:
    last = min(year + years, LATEST_YEAR)
    text = f"{year}{joiner}{last}"
    assert parse_dates(text) == Dates(text, Day(year, 1, 1), Day(last, 12, 31))


@given(YEARS.filter(lambda year: year % 10 < 9), st.data())
def test_a_second_year_may_be_cut_short(year: int, data: st.DataObject) -> None:
    last = data.draw(st.integers(year + 1, min(year - year % 10 + 9, LATEST_YEAR)))
    for digits in (1, 2):
        text = f"{year}–{str(last)[-digits:]}"
        assert parse_dates(text) == Dates(text, Day(year, 1, 1), Day(last, 12, 31))


@given(st.integers(1, 2000), st.sampled_from(["BCE", "CE"]))
def test_circa_widens_by_the_margin_and_skips_the_year_0(number: int, era: str) -> None:
    year = -number if era == "BCE" else number
    dates = parse_dates(f"c. {number} {era}")
    assert dates.earliest == Day(years_later(year, -CIRCA_YEARS), 1, 1)
    assert dates.latest == Day(years_later(year, CIRCA_YEARS), 12, 31)
    assert 0 not in (dates.earliest.year, dates.latest.year)


@given(st.integers(1, LATEST_YEAR // 100), st.sampled_from([2, 4]), st.sampled_from(["", " BCE"]))
def test_the_parts_of_a_century_make_it_up(number: int, of: int, era: str) -> None:
    names = {
        2: ["first half", "second half"],
        4: ["first quarter", "second quarter", "third quarter", "last quarter"],
    }
    century = parse_dates(f"{number}th century{era}")
    parts = [parse_dates(f"{name} of the {number}th century{era}") for name in names[of]]
    thirds = [parse_dates(f"{name} {number}th century{era}") for name in ("early", "mid", "late")]
    for pieces in (parts, thirds):
        assert (pieces[0].earliest, pieces[-1].latest) == (century.earliest, century.latest)
        for one, other in pairwise(pieces):
            assert one.latest
            assert other.earliest == Day(years_later(one.latest.year, 1), 1, 1)


# --- real collections -----------------------------------------------------------------------------


def rows(path: Path) -> Iterator[dict[str, str]]:
    csv.field_size_limit(2**24)
    with path.open(newline="", encoding="utf-8-sig") as file:
        yield from csv.DictReader(file)


@pytest.mark.parametrize(
    ("path", "column", "share"),
    [
        ("cmoa/cmoa.csv", "creation_date", 0.99),
        ("tate/artwork_data.csv", "dateText", 0.99),
        ("colby/colby_data.csv", "Year_Made", 0.99),
        ("autry/AutryDated/AutryDated.csv", "Dated", 1.0),
    ],
)
def test_nearly_all_distinct_dates_of_a_collection_are_understood(
    reference: Path, path: str, column: str, share: float
) -> None:
    texts = {row[column] for row in rows(reference / "data" / path)}
    understood = [text for text in texts if not {*NOT_UNDERSTOOD, *INVERTED} & {*parse_dates(text).problems}]
    assert len(understood) >= share * len(texts)


def test_the_year_that_tate_gives_is_within_what_its_text_means(reference: Path) -> None:
    works = rows(reference / "data" / "tate" / "artwork_data.csv")
    pairs = {(row["dateText"], int(row["year"])) for row in works if row["year"].isdigit()}
    apart = [
        (text, year)
        for text, year in pairs
        if (dates := parse_dates(text)).earliest and dates.latest
        if not dates.earliest.year <= year <= dates.latest.year
    ]
    assert len(apart) <= 0.02 * len(pairs), apart


def test_the_bounds_that_carnegie_gives_meet_those_of_its_text(reference: Path) -> None:
    met = same = both = 0
    for row in rows(reference / "data" / "cmoa" / "cmoa.csv"):
        read = parse_dates(row["creation_date"])
        first = parse_bound(row["creation_date_earliest"], latest=False)
        last = parse_bound(row["creation_date_latest"], latest=True)
        if read.earliest and read.latest and first and last:
            both += 1
            same += (read.earliest.year, read.latest.year) == (first.year, last.year)
            met += read.earliest.year <= last.year and first.year <= read.latest.year
    assert same >= 0.85 * both > 20_000
    assert met >= 0.99 * both


@given(st.integers(-20_000, 9_999).filter(bool), st.integers(1, 12), st.integers(1, 28))
def test_a_day_is_read_back_from_what_it_is_written_as(year: int, month: int, day: int) -> None:
    assert Day.parse(Day(year, month, day).iso) == Day(year, month, day)


@pytest.mark.parametrize("text", ["", "1850", "1850-13-01", "1850-02-29", "0000-01-01", "1850-1-1", "x"])
def test_what_is_no_day_in_full_is_not_read_as_one(text: str) -> None:
    assert Day.parse(text) is None
