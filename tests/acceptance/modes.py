"""Every mode of the `table` profile: its mapping, the loads of a story, and what has come of them in the end.

What is expected is told by dicts and lists alone, line by line, as the reference of the modes words it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

COLUMNS = ("sku", "price", "shop", "city")

SHOPS_THERE, SHOPS_LATER = ("north", "east", "south"), ("west", "Süd")


@dataclass(frozen=True)
class Line:
    """A line of a price list; a price that is no number is a fault."""

    sku: str
    price: str
    shop: str
    city: str

    def as_row(self) -> dict[str, str]:
        return {name: getattr(self, name) for name in COLUMNS}


def _line(n: int, edition: int) -> Line:
    shops = (*SHOPS_THERE, *SHOPS_LATER)
    return Line(
        sku=f"s{n - 6 if n % 7 == 0 else n}",  # stands already, in this chunk or in the one before
        price="much" if n % 13 == edition else str(n + 100 * edition * (n % 3 == 0)),
        shop=shops[(n + edition * (n % 11 == 0)) % len(shops)],
        city="Elsewhere" if n % 17 == 4 else f"Town {shops[n % len(shops)]}",
    )


EDITIONS = ([_line(n, 0) for n in range(1, 43)], [_line(n, 1) for n in range(6, 48)])
"""A price list and the next: prices and shops change, lines go and come, some are bad, some stand twice."""

Expected = Callable[[Sequence[Sequence[Line]]], Iterable[tuple[Any, ...]]]


def _good(lines: Iterable[Line]) -> Iterator[Line]:
    return (line for line in lines if line.price.isdigit())


def _first_of_each(lines: Iterable[Line]) -> dict[str, Line]:
    found: dict[str, Line] = {}
    for line in _good(lines):
        found.setdefault(line.sku, line)
    return found


def _prices(lines: Iterable[Line]) -> list[tuple[Any, ...]]:
    return [(line.sku, int(line.price)) for line in lines]


def _appended(editions: Sequence[Sequence[Line]]) -> Iterable[tuple[Any, ...]]:
    return [row for lines in editions for row in _prices(_good(lines))]


def _appended_by_key(editions: Sequence[Sequence[Line]]) -> Iterable[tuple[Any, ...]]:
    return _prices(_first_of_each(line for lines in editions for line in lines).values())


def _upserted(editions: Sequence[Sequence[Line]]) -> Iterable[tuple[Any, ...]]:
    held: dict[str, Line] = {}
    for lines in editions:
        held |= _first_of_each(lines)
    return _prices(held.values())


def _replaced(editions: Sequence[Sequence[Line]]) -> Iterable[tuple[Any, ...]]:
    return _prices(_first_of_each(editions[-1]).values())


def _history(editions: Sequence[Sequence[Line]]) -> Iterable[tuple[Any, ...]]:
    """Each version with whether it holds, and how many versions of its key begin where it ends."""
    ended, current = [], dict[str, int]()
    for lines in editions:
        for sku, line in _first_of_each(lines).items():
            price = int(line.price)
            if current.get(sku, price) != price:
                ended.append((sku, current[sku], 0, 1))
            current[sku] = price
    return [*ended, *((sku, price, 1, 0) for sku, price in current.items())]


def _looked_up(stored: Callable[[str], str | None], refused: Sequence[str] = ()) -> Expected:
    def expected(editions: Sequence[Sequence[Line]]) -> Iterable[tuple[Any, ...]]:
        held: dict[str, Line] = {}
        for lines in editions:
            held |= _first_of_each(line for line in lines if line.shop not in refused)
        return [(line.sku, int(line.price), stored(line.shop)) for line in held.values()]

    return expected


def _waited(editions: Sequence[Sequence[Line]]) -> Iterable[tuple[Any, ...]]:
    """What waits is stored once its key is there, where no row with its own key is stored meanwhile."""
    held: dict[str, Line] = {}
    waiting: dict[str, Line] = {}
    for lines in editions:
        held |= _first_of_each(line for line in lines if line.shop in SHOPS_THERE)
        waiting |= _first_of_each(line for line in lines if line.shop in SHOPS_LATER)
    return [(line.sku, int(line.price), line.shop) for line in (waiting | held).values()]


def _waited_and_replaced(editions: Sequence[Sequence[Line]]) -> Iterable[tuple[Any, ...]]:
    return _waited(editions[-1:])


def _headers_and_lines(editions: Sequence[Sequence[Line]]) -> Iterable[tuple[Any, ...]]:
    cities: dict[str, str] = {}
    held: dict[tuple[str, str], int] = {}
    for lines in editions:
        seen = set()
        for line in _good(lines):
            key = (line.shop, line.sku)
            if cities.setdefault(line.shop, line.city) == line.city and key not in seen:
                seen.add(key)
                held[key] = int(line.price)
    return [(shop, cities[shop], sku, price) for (shop, sku), price in held.items()]


@dataclass(frozen=True)
class Mode:
    """A mode, told by a story of loads.

    Attributes:
        mapping: the mapping of the table `price`.
        expected: what has come of the editions in the end.
        select: the statement that selects it.
        shops: whether the table of shops is loaded before, and grows after.
        adds: whether a repetition would add rows, for which reason it is refused.
    """

    name: str
    mapping: str
    expected: Expected
    select: str = "SELECT sku, price FROM price"
    shops: bool = False
    adds: bool = False

    def story(self) -> Iterator[tuple[str, str, Sequence[str], Sequence[dict[str, str]]]]:
        """The loads, one after the other: the name of a file, its mapping, columns and rows."""
        if self.shops:
            yield "shops", SHOPS, ("shop",), [{"shop": shop} for shop in SHOPS_THERE]
        for n, lines in enumerate(EDITIONS):
            yield f"edition{n}", self.mapping, COLUMNS, [line.as_row() for line in lines]
        if self.shops:
            yield "more_shops", SHOPS, ("shop",), [{"shop": shop} for shop in SHOPS_LATER]

    def outcome(self) -> list[tuple[Any, ...]]:
        return sorted(self.expected(EDITIONS), key=repr)


SHOPS = """
profile = "table"
[table]
name = "shop"
key = "shop"
surrogate = "shop_id"
[columns]
shop = {}
"""


def _table(options: str, columns: str = "") -> str:
    price = 'price = { type = "integer", required = true }'
    return f'profile = "table"\n[table]\nname = "price"\n{options}\n[columns]\nsku = {{}}\n{price}\n{columns}'


def _shop(missing: str, more: str = "") -> str:
    return f'shop_id = {{ lookup = "shop", by = "shop", missing = "{missing}"{more} }}'


KEYED, NUMBERED = 'key = "sku"', 'key = "sku"\nsurrogate = "price_id"'

LOOKED_UP = "SELECT sku, price, shop FROM price LEFT JOIN shop ON shop.shop_id = price.shop_id"

VERSIONS = """
SELECT sku, price, CASE WHEN is_current THEN 1 ELSE 0 END,
       (SELECT COUNT(*) FROM price later WHERE later.sku = price.sku AND later.valid_from = price.valid_to)
FROM price
"""

HEADERS = "SELECT shop, city, sku, price FROM shop JOIN price ON price.shop_id = shop.shop_id"

MODES = (
    Mode("append", _table(""), _appended, adds=True),
    Mode("append by key", _table(f'{KEYED}\nmode = "append"'), _appended_by_key, adds=True),
    Mode("upsert", _table(f"{KEYED}\nrow_lineage = true"), _upserted),
    Mode("replace", _table(f'{KEYED}\nmode = "replace"'), _replaced),
    Mode("type 1", _table(NUMBERED), _upserted),
    Mode("type 2", _table(f'{NUMBERED}\nmode = "history"'), _history, VERSIONS),
    Mode(
        "header and lines",
        _table('key = ["shop_id", "sku"]', _shop("insert", ', required = true, columns = { city = "city" }')),
        _headers_and_lines,
        HEADERS,
    ),
    Mode(
        "lookup, reject", _table(KEYED, _shop("reject")), _looked_up(str, SHOPS_LATER), LOOKED_UP, shops=True
    ),
    Mode(
        "lookup, null",
        _table(KEYED, _shop("null")),
        _looked_up(lambda shop: shop if shop in SHOPS_THERE else None),
        LOOKED_UP,
        shops=True,
    ),
    Mode("lookup, insert", _table(KEYED, _shop("insert")), _looked_up(str), LOOKED_UP, shops=True),
    Mode("lookup, wait", _table(KEYED, _shop("wait")), _waited, LOOKED_UP, shops=True),
    Mode(
        "replace, wait",
        _table(f'{KEYED}\nmode = "replace"', _shop("wait")),
        _waited_and_replaced,
        LOOKED_UP,
        shops=True,
    ),
)
