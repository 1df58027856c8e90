"""TLS as the options of a URL ask for it, on real servers, with certificates made for the occasion."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import sqlalchemy as sa
import trustme

from muniment.databases import connect
from muniment.errors import DatabaseError, DatabaseUnavailable
from muniment.read import arrow, batches, stream_async
from tests import servers
from tests.acceptance.loading import load, vase, write
from tests.databases.test_engines import with_options
from tests.faults.loading import administer

ENCRYPTED = {
    "postgresql": "SELECT CAST(ssl AS integer) AS told FROM pg_stat_ssl WHERE pid = pg_backend_pid()",
    "mariadb": "SELECT variable_value <> '' AS told FROM information_schema.session_status"
    " WHERE variable_name = 'Ssl_cipher'",
}
"""Whether the connection that asks is encrypted: 1 or 0."""

HOST = "localhost"
"""What the certificates of the servers are for; 127.0.0.1 is another host to them."""


@dataclass(frozen=True)
class Certified:
    """A server with a certificate, and files in PEM format.

    Attributes:
        url: of a database on it.
        ca: the authority that signed the certificates of the server and of `client`.
        other: an authority that signed nothing here.
        client: certificate and key of a client.
    """

    url: str
    ca: Path
    other: Path
    client: Path

    def by(self, mode: str, ca: Path | None = None, host: str = HOST, **options: object) -> str:
        """The URL with a mode, an authority to believe, and other options."""
        told = {"sslmode": mode} | ({"sslrootcert": ca} if ca else {}) | options
        named = sa.make_url(self.url).set(host=host).render_as_string(hide_password=False)
        return with_options(named, "&".join(f"{name}={value}" for name, value in told.items()))


@pytest.fixture(scope="module")
def certificates() -> Iterator[Path]:
    """A folder that servers may read, with their certificate and key, and those of a client."""
    folder = Path(tempfile.mkdtemp(prefix="muniment-certificates-"))
    folder.chmod(0o755)
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    trustme.CA().cert_pem.write_to_path(str(folder / "other.pem"))
    server = authority.issue_cert(HOST)
    server.cert_chain_pems[0].write_to_path(str(folder / "server.pem"))
    for user in ("postgres", "mysql"):
        key = folder / f"{user}.key"
        server.private_key_pem.write_to_path(str(key))
        key.chmod(0o600)
        shutil.chown(key, servers.unprivileged_user(user) or key.owner())
    client = authority.issue_cert("loader@example.org")
    client.private_key_and_cert_chain_pem.write_to_path(str(folder / "client.pem"))
    (folder / "client.pem").chmod(0o600)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module", params=["postgresql", "mariadb"])
def certified(request: pytest.FixtureRequest, certificates: Path) -> Iterator[Certified]:
    files = {"cert": certificates / "server.pem", "ca": certificates / "ca.pem"}
    if request.param == "postgresql":
        files["key"] = certificates / "postgres.key"
        rules = certificates / "pg_hba.conf"
        rules.write_text(
            "hostssl all careful all scram-sha-256 clientcert=verify-ca\n"
            "host all muniment all scram-sha-256\n"
        )
        options = (
            "ssl=on",
            f"hba_file={rules}",
            *(f"ssl_{name}_file={path}" for name, path in files.items()),
        )
        starting = servers.own_postgresql(options=options)
        user = ["CREATE ROLE careful LOGIN SUPERUSER PASSWORD 'p'"]
    else:
        files["key"] = certificates / "mysql.key"
        starting = servers.own_mariadb(options=tuple(f"--ssl-{name}={path}" for name, path in files.items()))
        user = [
            "CREATE USER careful@'127.0.0.1' IDENTIFIED BY 'p' REQUIRE X509",
            "GRANT ALL ON *.* TO careful@'127.0.0.1'",
        ]
    with starting as server:
        administer(server.url, "CREATE DATABASE certified", *user)
        url = sa.make_url(server.url).set(database="certified").render_as_string(hide_password=False)
        yield Certified(url, files["ca"], certificates / "other.pem", certificates / "client.pem")


def statement(url: str) -> sa.TextualSelect:
    return sa.text(ENCRYPTED[url.partition(":")[0].partition("+")[0]]).columns(told=sa.Integer)


def by_engine(url: str) -> int:
    """Asked by psycopg or PyMySQL, as the loader does."""
    database = connect(url)
    try:
        with database.transaction() as transaction:
            return int(transaction.execute(statement(url)).scalar_one())
    finally:
        database.close()


def by_async_driver(url: str) -> int:
    """Asked by asyncpg or asyncmy."""

    async def ask() -> int:
        async with stream_async(url, statement(url)) as rows:
            return int((await anext(rows))[0])

    return asyncio.run(ask())


def by_async_psycopg(url: str) -> int:
    return by_async_driver(url.replace("postgresql:", "postgresql+psycopg:"))


def by_arrow(url: str) -> int:
    """Asked by ADBC, where the database is PostgreSQL."""
    told = sa.table(
        "pg_stat_ssl", sa.column("ssl", sa.Boolean), sa.column("pid", sa.Integer), schema="pg_catalog"
    )
    asked = sa.select(told.c.ssl).where(told.c.pid == sa.func.pg_backend_pid())
    with batches(url, asked if url.startswith("postgresql") else statement(url), rows=arrow()) as found:
        return int(next(found).column(0)[0].as_py())


every_driver = pytest.mark.parametrize("ask", [by_engine, by_async_driver, by_async_psycopg, by_arrow])
Ask = Callable[[str], int]


@every_driver
def test_a_server_is_believed_that_its_authority_vouches_for(certified: Certified, ask: Ask) -> None:
    assert ask(certified.by("verify-full", certified.ca)) == 1
    assert ask(certified.by("verify-ca", certified.ca, host="127.0.0.1")) == 1
    assert ask(certified.by("require", host="127.0.0.1")) == 1
    assert ask(certified.by("disable")) == 0


@every_driver
@pytest.mark.parametrize("mode", ["verify-ca", "verify-full"])
def test_a_server_that_another_authority_vouches_for_is_refused(
    certified: Certified, ask: Ask, mode: str
) -> None:
    with pytest.raises(DatabaseError, match=r"(?i)certificate.*sslrootcert") as refused:
        ask(certified.by(mode, certified.other))
    assert not isinstance(refused.value, DatabaseUnavailable)


@every_driver
def test_a_server_of_another_name_is_refused(certified: Certified, ask: Ask) -> None:
    with pytest.raises(DatabaseError, match=r"(?i)certificate.*sslrootcert") as refused:
        ask(certified.by("verify-full", certified.ca, host="127.0.0.1"))
    assert not isinstance(refused.value, DatabaseUnavailable)


@every_driver
def test_a_server_that_asks_for_a_certificate_is_shown_one(certified: Certified, ask: Ask) -> None:
    careful = sa.make_url(certified.url).set(username="careful", password="p")
    shown = Certified(
        careful.render_as_string(hide_password=False), certified.ca, certified.other, certified.client
    )
    url = shown.by("verify-full", certified.ca, sslcert=certified.client, sslkey=certified.client)
    assert ask(url) == 1
    with pytest.raises(DatabaseError):
        ask(shown.by("verify-full", certified.ca))


def test_a_load_goes_over_a_verified_connection(certified: Certified, tmp_path: Path) -> None:
    export = write(tmp_path / "export.csv", [vase(n) for n in range(3)])
    assert load(export, certified.by("verify-full", certified.ca)).account.inserted == 3
    with pytest.raises(DatabaseError, match=r"(?i)certificate"):
        load(export, certified.by("verify-full", certified.other))


@every_driver
def test_a_server_without_tls_is_refused_where_it_is_asked_for(database_url: str, ask: Ask) -> None:
    if database_url.startswith("sqlite"):
        return
    with pytest.raises(DatabaseError, match=r"(?i)ssl|tls") as refused:
        ask(with_options(database_url, "sslmode=verify-full"))
    assert not isinstance(refused.value, DatabaseUnavailable)
