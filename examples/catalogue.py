"""A product catalogue: priced by a slow service, kept in a database, 25 products a commit.

    python examples/catalogue.py sqlite:///shop.db

Stop it, cut its connection or restart the server at any moment, and run it again: it goes on where it was.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from operator import itemgetter

import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

import muniment

Row = dict[str, str]


class Base(DeclarativeBase):
    """The shop's own tables."""


class Product(Base):
    """A product on sale."""

    __tablename__ = "product"
    product_id: Mapped[int] = mapped_column(primary_key=True)
    sku: Mapped[str] = mapped_column(sa.String(40), unique=True)
    title: Mapped[str] = mapped_column(sa.String(200))
    cents: Mapped[int]


def catalogue(count: int = 200) -> Iterator[Row]:
    """The supplier's list."""
    return ({"sku": f"SKU-{n:04}", "title": f"Vase no. {n}"} for n in range(1, count + 1))


def price_of(product: Row) -> int:
    """What the pricing service says; a real one may take seconds, and a model minutes."""
    return 100 * int(product["sku"].removeprefix("SKU-"))


def prepare(url: str) -> dict[str, int]:
    """Create the table, and read the numbers of the products that are there: the cache of SKUs."""
    engine = muniment.engine(url)
    Base.metadata.create_all(engine)
    with muniment.sessions(engine)() as session:
        known = {
            row.sku: row.product_id for row in session.execute(sa.select(Product.sku, Product.product_id))
        }
    engine.dispose()
    return known


def fill(url: str, products: Iterable[Row], price: Callable[[Row], int] = price_of) -> str:
    """Price the products and store them; returns what was done."""
    known = prepare(url)

    def store(session: Session, priced: list[tuple[Row, int]]) -> dict[str, int]:
        new = [Product(cents=cents, **product) for product, cents in priced if product["sku"] not in known]
        session.add_all(new)
        for product, cents in priced:
            if product["sku"] in known:
                session.get_one(Product, known[product["sku"]]).cents = cents
        session.flush()
        return {product.sku: product.product_id for product in new}

    with muniment.batches(products, name="catalogue", key=itemgetter("sku"), every=25, to=url) as batches:
        for batch in batches:
            priced = [(product, price(product)) for product in batch.items]  # slow, and nothing is open
            known |= batch.store(store, priced)  # one transaction; what it returns is committed
    return f"stored {batches.stored}, from before {batches.skipped}, in the catalogue {len(known)}"


if __name__ == "__main__":
    sys.stdout.write(fill(sys.argv[1], catalogue()) + "\n")
