"""Loads on a real Dask cluster: a scheduler and workers, processes all, some of which are killed."""

from __future__ import annotations

import csv
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import sqlalchemy as sa

from muniment.errors import UsageError
from tests.acceptance.loading import MAPPING, load, query
from tests.acceptance.program import PATIENCE_SECONDS, program_in
from tests.acceptance.sources import KINDS
from tests.faults.catalogue import fault
from tests.faults.loading import must_be_whole
from tests.faults.proxy import Proxy
from tests.faults.test_networks import Network, needs_root, network

__all__ = ["network"]

LOADER = """
import os, signal, sys, muniment
from muniment.events import ChunkCommitted

def observe(event):
    if isinstance(event, ChunkCommitted) and event.start_record == 1 and len(sys.argv) > 5:
        os.kill(int(sys.argv[5]), signal.SIGKILL)

settings = muniment.Settings(chunk_rows=20)
how = dict(mapping=sys.argv[2], to=sys.argv[3], dask=sys.argv[4], settings=settings, observer=observe)
print(muniment.load(sys.argv[1], **how).status)
"""

SCHEDULER_AT = re.compile(r"Scheduler at:\s+(tcp://\S+)")


@dataclass
class Cluster:
    """A scheduler, and workers that know it."""

    folder: Path
    ending: ExitStack
    address: str = ""
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def log(self) -> str:
        """All that its processes have printed."""
        return "".join(path.read_text(errors="replace") for path in self.folder.glob("*.log"))

    def start(self, name: str, *arguments: str, within: Sequence[str] = ()) -> subprocess.Popen[bytes]:
        """Start one of Dask's programs, be it within a network namespace."""
        log = self.ending.enter_context((self.folder / f"{name}.log").open("wb"))
        process = subprocess.Popen(
            [*within, sys.executable, "-m", *arguments],
            cwd=self.folder,
            env=program_in(self.folder).environment,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        self.ending.callback(process.wait)
        self.ending.callback(process.kill)
        return process

    def schedule(self, host: str) -> None:
        """Start the scheduler."""
        self.start(
            "scheduler", "distributed.cli.dask_scheduler", "--host", host, "--port", "0", "--no-dashboard"
        )
        self.address = self._told(SCHEDULER_AT)

    def work(self, count: int, within: Sequence[str] = ()) -> None:
        """Start so many workers."""
        for _ in range(count):
            name = f"worker{len(self.workers)}"
            options = [
                "--nthreads",
                "1",
                "--no-dashboard",
                "--no-nanny",
                "--local-directory",
                str(self.folder),
            ]
            program = ["distributed.cli.dask_worker", self.address, *options]
            self.workers.append(self.start(name, *program, within=within))
        self._told(re.compile("(?s)" + "Registered to:.*" * len(self.workers)))

    def _told(self, wanted: re.Pattern[str]) -> str:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while (found := wanted.search(self.log())) is None:
            assert time.monotonic() < deadline, self.log()
            time.sleep(0.05)
        return found[found.lastindex or 0]


@contextmanager
def cluster_in(folder: Path) -> Iterator[Cluster]:
    folder.mkdir()
    with ExitStack() as ending:
        yield Cluster(folder, ending)


def load_on(cluster: Cluster, export: Path, url: str, *more: str) -> str:
    """Load on a cluster; what the loader printed."""
    mapping = export.with_name("mapping.toml")
    mapping.write_text(MAPPING)
    done = subprocess.run(
        [sys.executable, "-c", LOADER, str(export), str(mapping), url, cluster.address, *more],
        env=program_in(export.parent).environment,
        capture_output=True,
        check=False,
        text=True,
        timeout=PATIENCE_SECONDS,
    )
    assert done.returncode == 0, done.stderr + cluster.log()
    return done.stdout + done.stderr


FILES = {kind.name: kind for kind in KINDS if kind.name in ("csv", "jsonl", "parquet", "xlsx")}


@fault(2, "postgresql", "mariadb")
@pytest.mark.parametrize(
    ("database_url", "kind"),
    [*(("postgresql", kind) for kind in FILES), ("mariadb", "csv")],
    indirect=["database_url"],
)
def test_a_load_on_a_cluster_survives_the_death_of_a_worker_and_shows_no_password(
    export: Path, database_url: str, kind: str
) -> None:
    password = str(sa.make_url(database_url).password)
    assert len(password) > 8
    with export.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    export = FILES[kind].made(export.parent, rows)
    with cluster_in(export.with_name("cluster")) as cluster:
        cluster.schedule("127.0.0.1")
        cluster.work(2)
        told = load_on(cluster, export, database_url, str(cluster.workers[0].pid))
        assert told.startswith("done")
        assert cluster.workers[0].wait(PATIENCE_SECONDS) == -signal.SIGKILL
        must_be_whole(export, database_url)
        assert password not in told + cluster.log()
        assert load_on(cluster, export, database_url).startswith("already loaded")


@needs_root
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_hosts_of_their_own_load_together(export: Path, database_url: str, network: Network) -> None:
    with (
        Proxy(database_url, network.host) as proxy,
        cluster_in(export.with_name("cluster")) as cluster,
    ):
        cluster.schedule(network.host)
        cluster.work(1)
        cluster.work(1, within=["ip", "netns", "exec", network.name])
        assert load_on(cluster, export, proxy.url).startswith("done")
    must_be_whole(export, database_url)
    assert query(database_url, "SELECT count(*) FROM chunk") == [(3,)]


def test_sqlite_is_refused_with_the_reason(export: Path) -> None:
    with pytest.raises(UsageError, match="one writer"):
        load(export, f"sqlite:///{export.with_suffix('.db')}", dask="tcp://127.0.0.1:1")
