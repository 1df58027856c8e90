"""A network that goes away without a word, between network namespaces; only root may make those."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.acceptance.loading import MAPPING
from tests.acceptance.program import PATIENCE_SECONDS, program_in
from tests.faults.catalogue import fault
from tests.faults.loading import must_be_whole
from tests.faults.proxy import Line, Proxy

LOADER = """
import sys, muniment
from muniment.events import AttemptFailed, ChunkCommitted

def observe(event):
    if isinstance(event, (AttemptFailed, ChunkCommitted)):
        print(type(event).__name__, flush=True)
        sys.stdin.readline()

settings = muniment.Settings(chunk_rows=20)
run = muniment.load(sys.argv[1], mapping=sys.argv[2], to=sys.argv[3], settings=settings, observer=observe)
print(run.status, flush=True)
"""

SOON = "keepalives_idle=1&keepalives_interval=1&keepalives_count=3&tcp_user_timeout=3000&connect_timeout=3"
"""Signs of life so often that a cut is found in about four seconds."""

BULK = {"postgresql": b"COPY object ", "mariadb": b"INTO TABLE object "}

needs_root = pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("ip") is None, reason="only root may make networks, with iproute2"
)


@dataclass(frozen=True)
class Network:
    """Two ends of a cable: `host` here, the other in the namespace `name`."""

    name: str
    host: str

    def ip(self, *arguments: str) -> None:
        subprocess.run(["ip", *arguments], check=True, capture_output=True)

    def cut(self) -> None:
        """Pull the cable: whatever is sent is lost, and neither end is told."""
        self.ip("link", "set", f"{self.name}a", "down")

    def mend(self) -> None:
        self.ip("link", "set", f"{self.name}a", "up")


@pytest.fixture
def network() -> Iterator[Network]:
    number = os.getpid() % 16_000
    name = f"mu{number}"
    first, last = f"10.231.{number // 64}", number % 64 * 4  # of the four addresses of this cable
    made = Network(name, f"{first}.{last + 1}")
    with ExitStack() as ending:
        made.ip("netns", "add", name)
        ending.callback(made.ip, "netns", "del", name)
        made.ip("link", "add", f"{name}a", "type", "veth", "peer", "name", f"{name}b", "netns", name)
        made.ip("addr", "add", f"{made.host}/30", "dev", f"{name}a")
        made.ip("-n", name, "addr", "add", f"{first}.{last + 2}/30", "dev", f"{name}b")
        made.ip("link", "set", f"{name}a", "up")
        made.ip("-n", name, "link", "set", f"{name}b", "up")
        yield made


@needs_root
@fault(13, "postgresql", "mariadb")
@pytest.mark.parametrize("database_url", ["postgresql", "mariadb"], indirect=True)
def test_a_network_that_is_cut_without_a_word_is_noticed(
    export: Path, database_url: str, network: Network
) -> None:
    (export.parent / "m.toml").write_text(MAPPING)

    def cut(_line: Line, _data: bytes) -> bool:
        network.cut()
        return True

    with Proxy(database_url, network.host) as proxy:
        command = ["ip", "netns", "exec", network.name, sys.executable, "-c", LOADER, str(export)]
        with subprocess.Popen(
            [*command, str(export.parent / "m.toml"), f"{proxy.url}?{SOON}"],
            env=program_in(export.parent).environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as loader:
            assert loader.stdout is not None
            assert loader.stdin is not None
            told = []
            for line in map(str.strip, loader.stdout):
                told.append(line)
                if line == "ChunkCommitted" and len(told) == 1:
                    proxy.at(BULK[database_url.partition(":")[0]], cut)
                if line == "AttemptFailed" and told.count(line) == 1:
                    proxy.speak_again()  # the server's own signs of life find the cut as well
                    network.mend()
                if line != "done":
                    loader.stdin.write("go on\n")
                    loader.stdin.flush()
            assert loader.wait(PATIENCE_SECONDS) == 0
    assert told[-1] == "done"
    assert "AttemptFailed" in told
    must_be_whole(export, database_url)
