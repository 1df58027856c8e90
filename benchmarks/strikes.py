"""What befalls a loader: its process is killed, its connections are cut, its server crashes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

import psutil
import sqlalchemy as sa

from benchmarks.loaders import Loader
from muniment.databases.url import parsed
from tests.servers import Server

MARKS = 45
"""A loader tells some 15 marks until its first chunk and three for each chunk: half of the strikes fall
before the first chunk is committed, the others after up to ten."""

LONGEST_DELAY_SECONDS = 0.012
"""From a mark to the strike: about as long as a chunk takes."""

AIMED_AT_COMMIT = 0.25
"""Share of strikes that follow the beginning of a COMMIT at once: by chance alone few would meet one."""

CONNECTIONS = {
    "postgresql": "SELECT pid FROM pg_stat_activity WHERE datname = :name AND pid <> pg_backend_pid()",
    "mysql": "SELECT id FROM information_schema.processlist WHERE db = :name AND id <> connection_id()",
}
CUT = {"postgresql": "SELECT pg_terminate_backend({})", "mysql": "KILL {}"}

UNKNOWN_THREAD = 1094
"""MariaDB's error where a connection has ended by itself before it is cut."""


@dataclass(frozen=True)
class Moment:
    """When a strike falls: so many marks on, where wanted at the next COMMIT, and so many seconds later."""

    marks: int
    at_commit: bool
    delay: float

    @classmethod
    def chosen(cls, chance: Random) -> Moment:
        """Any moment of a loader's life."""
        at_commit = chance.random() < AIMED_AT_COMMIT
        delay = 0.0 if at_commit else chance.random() * LONGEST_DELAY_SECONDS
        return cls(chance.randrange(MARKS), at_commit, delay)


def strike_process(loader: Loader, _url: str) -> bool:
    """SIGKILL."""
    return loader.kill()


def strike_worker(loader: Loader, _url: str) -> bool:
    """SIGKILL of one of the loader's workers; False where it has none just now."""
    try:
        workers = [
            worker
            for child in psutil.Process(loader.process_id).children()
            if "multiprocessing.forkserver" in " ".join(child.cmdline())
            for worker in child.children()
        ]
        for worker in workers[-1:]:
            worker.kill()
    except psutil.Error:
        return False
    return bool(workers)


def strike_connections(_loader: Loader, url: str) -> bool:
    """Cut all connections to the database from its server's side; False where there is none."""
    address = sa.make_url(url)
    engine = sa.create_engine(parsed(url), poolclass=sa.NullPool, isolation_level="AUTOCOMMIT")
    cut = CUT[engine.dialect.name]
    with engine.connect() as connection:
        query = sa.text(CONNECTIONS[engine.dialect.name])
        numbers = connection.scalars(query, {"name": address.database}).all()
        for number in numbers:
            try:
                connection.exec_driver_sql(cut.format(int(number)))
            except sa.exc.DBAPIError as error:
                if error.orig is None or error.orig.args[0] != UNKNOWN_THREAD:
                    raise
    return bool(numbers)


def striking_server(server: Server) -> Callable[[Loader, str], bool]:
    """A strike that kills this server with all its processes and starts it again."""

    def strike(_loader: Loader, _url: str) -> bool:
        server.crash()
        server.start_again()
        return True

    return strike
