"""The worked example of a user's own loop, while its server crashes and starts again in the middle."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest
import sqlalchemy as sa

import muniment
from examples import catalogue
from tests import servers

PRODUCTS = 200

CRASHES_AT = ("SKU-0060", "SKU-0140")
"""The products while whose price is asked for the server crashes; each in the middle of a batch."""


@pytest.fixture(params=["postgresql", "mariadb"])
def own_server(request: pytest.FixtureRequest) -> Callable[..., AbstractContextManager[servers.Server]]:
    return {"postgresql": servers.own_postgresql, "mariadb": servers.own_mariadb}[request.param]


def kept(url: str) -> list[tuple[str, int]]:
    engine = muniment.engine(url)
    query = sa.select(catalogue.Product.sku, catalogue.Product.cents).order_by(catalogue.Product.sku)
    with engine.connect() as connection:
        found = [(row.sku, row.cents) for row in connection.execute(query)]
    engine.dispose()
    return found


EXPECTED = [(f"SKU-{n:04}", 100 * n) for n in range(1, PRODUCTS + 1)]


def test_a_catalogue_survives_a_restart_of_its_server(
    own_server: Callable[..., AbstractContextManager[servers.Server]],
) -> None:
    asked: list[str] = []
    starting: list[threading.Thread] = []

    with own_server(durable=True) as server:

        def price(product: catalogue.Row) -> int:
            if product["sku"] in CRASHES_AT:
                for thread in starting:
                    thread.join()  # which may not have seen yet that the server is there
                server.crash()
                starting.append(threading.Thread(target=server.start_again))
                starting[-1].start()  # the loop goes on meanwhile, and meets a server that is not there yet
            asked.append(product["sku"])
            return catalogue.price_of(product)

        told = catalogue.fill(server.url, catalogue.catalogue(PRODUCTS), price)
        for thread in starting:
            thread.join()
        assert len(starting) == len(CRASHES_AT)
        assert told == f"stored {PRODUCTS}, from before 0, in the catalogue {PRODUCTS}"
        assert kept(server.url) == EXPECTED
        assert len(asked) == PRODUCTS  # no price was asked for twice


class Stopped(Exception):
    """The program dies."""


def test_a_catalogue_that_was_stopped_goes_on_where_it_was(database_url: str) -> None:
    asked: list[str] = []

    def stopping(product: catalogue.Row) -> int:
        if product["sku"] == "SKU-0060":
            raise Stopped
        asked.append(product["sku"])
        return catalogue.price_of(product)

    with pytest.raises(Stopped) as stopped:
        catalogue.fill(database_url, catalogue.catalogue(PRODUCTS), stopping)
    assert "SKU-0051" in stopped.value.__notes__[0]
    assert kept(database_url) == EXPECTED[:50]

    told = catalogue.fill(database_url, catalogue.catalogue(PRODUCTS))
    assert told == f"stored {PRODUCTS - 50}, from before 50, in the catalogue {PRODUCTS}"
    assert kept(database_url) == EXPECTED
