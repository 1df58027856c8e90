"""Real database servers for tests and benchmarks: found, or started for the occasion.

    with servers.postgresql() as url: ...
    with servers.mariadb() as url: ...

The URL is that of a user who may create databases. In this order: the one in MUNIMENT_TEST_POSTGRESQL or
MUNIMENT_TEST_MARIADB; else a server of our own, from the binaries on this machine, on a free port of the
loopback interface, with its data in a temporary folder; else, on Debian as root, those binaries are
installed first; else `ServerMissing` says what to do. Our own server ends with the block.

`own_postgresql` and `own_mariadb` give a server of our own in any case, which can be made to crash.

`python -m tests.servers` starts both, prints their URLs, and keeps them until Ctrl-C.
"""

from __future__ import annotations

import atexit
import fcntl
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
import psycopg
import pymysql

START_SECONDS = 60
"""How long a server may take to start on a busy machine."""

STOP_SECONDS = 20
"""How long a server may take to stop before it is killed; its data is thrown away anyhow."""

ATTEMPTS = 3
"""Somebody else may take the free port before the server does."""


class ServerMissing(Exception):
    """There is no such server here, and none can be had."""


@dataclass(frozen=True)
class Place:
    """Where a server of ours lives, and as whom it runs."""

    folder: Path
    port: int
    user: str | None
    password: str
    language: str = ""

    def run(self, *command: str | Path) -> None:
        """Run a preparing command to its end; its output is shown where it fails."""
        done = subprocess.run(
            command,
            user=self.user,
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
            env=self._environment(),
        )
        if done.returncode:
            raise RuntimeError(f"{command[0]} failed:\n{done.stdout}\n{done.stderr}")

    def start(self, *command: str | Path) -> subprocess.Popen[bytes]:
        """Start a server, its output in a file of the folder."""
        with (self.folder / "log").open("ab") as log:
            return subprocess.Popen(
                command,
                user=self.user,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self._environment(),
                start_new_session=True,  # Ctrl-C in a terminal is for us; we stop the server
            )

    def _environment(self) -> dict[str, str]:
        # Of its own: a MariaDB that starts removes the temporary tables of all others in the same folder.
        own = {"LC_ALL": "C", "TZ": "UTC", "TMPDIR": str(self.folder), "LANGUAGE": self.language}
        return os.environ | own


@dataclass
class Server:
    """A server of ours, which may crash and start again on the same data.

    Attributes:
        url: that of a user who may create databases.
    """

    url: str
    place: Place
    process: subprocess.Popen[bytes]
    begin: Callable[[Place], subprocess.Popen[bytes]]
    connect: Callable[[Place], None]

    def crash(self) -> None:
        """Kill all its processes at once; returns when none is left."""
        server = psutil.Process(self.process.pid)
        processes = [server, *server.children(recursive=True)]
        for process in processes:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        self.process.wait()
        psutil.wait_procs(processes, timeout=STOP_SECONDS)

    def start_again(self) -> None:
        """Start it on the data that it had, on the same port; returns when it accepts connections.

        Raises:
            RuntimeError: it does not come up.
        """
        self.process = self.begin(self.place)
        if not _accepts(self.process, self.connect, self.place):
            raise RuntimeError(f"the server did not start again:\n{self.log()}")

    def stop(self, stop_signal: signal.Signals) -> None:
        """Stop it, by force if it takes too long."""
        if self.process.poll() is None:
            self.process.send_signal(stop_signal)
            try:
                self.process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def log(self) -> str:
        """What it has said."""
        return (self.place.folder / "log").read_text(errors="replace")


@contextmanager
def postgresql(*, durable: bool = False) -> Iterator[str]:
    """The URL of a PostgreSQL server; `durable` for benchmarks, where it must wait for the disk."""
    given = os.environ.get("MUNIMENT_TEST_POSTGRESQL")
    if given:
        yield given
        return
    with own_postgresql(durable=durable) as server:
        yield server.url


@contextmanager
def own_postgresql(
    *, durable: bool = False, options: tuple[str, ...] = (), language: str = ""
) -> Iterator[Server]:
    """A PostgreSQL server of our own, whatever the environment names.

    Args:
        durable: whether it waits for the disk.
        options: settings, as `name=value`.
        language: of its messages, as `de`, where that is installed.
    """
    binaries = _binary(
        "postgres", "/usr/lib/postgresql/*/bin", "postgresql", "MUNIMENT_TEST_POSTGRESQL"
    ).parent
    with _own_server(
        lambda place: _start_postgresql(place, binaries, durable, options),
        _connect_postgresql,
        "postgresql://muniment:{password}@127.0.0.1:{port}/postgres",
        "postgres",
        signal.SIGINT,
        language,
    ) as server:
        yield server


@contextmanager
def mariadb(*, durable: bool = False) -> Iterator[str]:
    """The URL of a MariaDB server, as `postgresql`."""
    given = os.environ.get("MUNIMENT_TEST_MARIADB")
    if given:
        yield given
        return
    with own_mariadb(durable=durable) as server:
        yield server.url


@contextmanager
def own_mariadb(*, durable: bool = False, options: tuple[str, ...] = ()) -> Iterator[Server]:
    """A MariaDB server of our own, as `own_postgresql`, with options of its command line."""
    daemon = _binary("mariadbd", "/usr/sbin", "mariadb-server", "MUNIMENT_TEST_MARIADB")
    with _own_server(
        lambda place: _start_mariadb(place, daemon, durable, options),
        _connect_mariadb,
        "mariadb://muniment:{password}@127.0.0.1:{port}/mysql",
        "mysql",
        signal.SIGTERM,
    ) as server:
        yield server


def _start_postgresql(
    place: Place, binaries: Path, durable: bool, given: tuple[str, ...]
) -> subprocess.Popen[bytes]:
    data, secret = place.folder / "data", place.folder / "password"
    if not data.exists():
        secret.write_text(place.password)
        secret.chmod(0o644)  # the folder around it is closed
        place.run(
            *(binaries / "initdb", "-D", data, "-U", "muniment", "--auth=scram-sha-256", "--pwfile", secret),
            *("--encoding=UTF8", "--locale=C", "--no-sync"),
        )
    settings = {"listen_addresses": "127.0.0.1", "port": place.port, "unix_socket_directories": ""}
    if not durable:
        settings |= {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}
    told = [*(f"{name}={value}" for name, value in settings.items()), *given]
    options = [part for setting in told for part in ("-c", setting)]
    return place.start(binaries / "postgres", "-D", data, *options)


def _start_mariadb(
    place: Place, daemon: Path, durable: bool, options: tuple[str, ...]
) -> subprocess.Popen[bytes]:
    data, first = place.folder / "data", place.folder / "first.sql"
    if not data.exists():
        install = (
            shutil.which("mariadb-install-db") or shutil.which("mysql_install_db") or "mariadb-install-db"
        )
        normal = "--auth-root-authentication-method=normal"
        place.run(install, "--no-defaults", f"--datadir={data}", "--skip-test-db", normal)
        user = f"muniment@'127.0.0.1' IDENTIFIED BY '{place.password}'"
        first.write_text(
            f"CREATE USER IF NOT EXISTS {user};\nGRANT ALL ON *.* TO {user} WITH GRANT OPTION;\n"
        )
        first.chmod(0o644)
    return place.start(
        *(daemon, "--no-defaults", f"--datadir={data}", f"--port={place.port}", "--bind-address=127.0.0.1"),
        *(
            f"--socket={place.folder / 'socket'}",
            f"--pid-file={place.folder / 'pid'}",
            f"--init-file={first}",
        ),
        *("--skip-name-resolve", "--local-infile=1", "--skip-log-bin", "--character-set-server=utf8mb4"),
        f"--innodb-flush-log-at-trx-commit={1 if durable else 0}",
        *options,
    )


@contextmanager
def _own_server(
    begin: Callable[[Place], subprocess.Popen[bytes]],
    connect: Callable[[Place], None],
    url: str,
    user: str,
    stop_signal: signal.Signals,
    language: str = "",
) -> Iterator[Server]:
    with ExitStack() as ending:
        folder = Path(tempfile.mkdtemp(prefix="muniment-server-"))
        ending.callback(shutil.rmtree, folder, ignore_errors=True)
        unprivileged = unprivileged_user(user)
        if unprivileged:
            shutil.chown(folder, unprivileged)
        password = secrets.token_hex(8)
        for _ in range(ATTEMPTS):
            place = Place(folder, _free_port(), unprivileged, password, language)
            told = url.format(password=password, port=place.port)
            server = Server(told, place, begin(place), begin, connect)
            ending.callback(_stopper(server, stop_signal))
            if _accepts(server.process, connect, place):
                yield server
                return
        raise RuntimeError(f"the server did not start:\n{server.log()}")


def _stopper(server: Server, stop_signal: signal.Signals) -> Callable[[], None]:
    """What stops this server, once, at the latest when Python ends."""

    def stop() -> None:
        atexit.unregister(stop)
        server.stop(stop_signal)

    atexit.register(stop)
    return stop


def _accepts(server: subprocess.Popen[bytes], connect: Callable[[Place], None], place: Place) -> bool:
    """Whether the server comes to accept our user; False where it ends instead."""
    deadline = time.monotonic() + START_SECONDS
    while server.poll() is None and time.monotonic() < deadline:
        try:
            connect(place)
            return True
        except (psycopg.Error, pymysql.err.Error):
            time.sleep(0.1)
    return False


def _connect_postgresql(place: Place) -> None:
    psycopg.connect(
        host="127.0.0.1", port=place.port, user="muniment", password=place.password, dbname="postgres"
    ).close()


def _connect_mariadb(place: Place) -> None:
    pymysql.connect(host="127.0.0.1", port=place.port, user="muniment", password=place.password).close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def unprivileged_user(preferred: str) -> str | None:
    """Whom a server runs as; None for whoever runs the tests.

    PostgreSQL refuses to run as root, and MariaDB should not.
    """
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    for name in (preferred, "nobody"):
        if name in known:
            return name
    raise ServerMissing(
        f"servers cannot run as root, and this machine has neither a user {preferred} nor nobody"
    )


def _binary(name: str, folders: str, package: str, variable: str) -> Path:
    found = _found(name, folders)
    if found is None and os.geteuid() == 0 and shutil.which("apt-get"):
        _install(package)
        found = _found(name, folders)
    if found is None:
        raise ServerMissing(
            f"there is no {name} on this machine: install it (on Debian and Ubuntu: apt-get install"
            f" {package}), or set {variable} to the URL of a server whose user may create databases"
        )
    return found


def _found(name: str, folders: str) -> Path | None:
    on_path = shutil.which(name)
    if on_path:
        return Path(on_path).resolve()
    newest_last = sorted(Path("/").glob(f"{folders.lstrip('/')}/{name}"))
    return newest_last[-1] if newest_last else None


def _install(package: str) -> None:
    print(f"installing {package}, which the tests need", file=sys.stderr)  # noqa: T201 - it takes a while
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    # Several processes of one test run may need it at once, and apt-get refuses to run twice.
    with (Path(tempfile.gettempdir()) / "muniment-apt-get.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for command in (["apt-get", "update", "-qq"], ["apt-get", "install", "-qq", "-y", package]):
            subprocess.run(command, env=environment, stdout=sys.stderr, check=True)


def main() -> None:
    """Start both servers and keep them until Ctrl-C."""
    for ending in (signal.SIGINT, signal.SIGTERM):
        signal.signal(ending, lambda *_: sys.exit())  # SIGTERM alone would leave the servers running
    with postgresql() as first, mariadb() as second:
        print(f"export MUNIMENT_TEST_POSTGRESQL={first}\nexport MUNIMENT_TEST_MARIADB={second}", flush=True)  # noqa: T201
        signal.pause()


if __name__ == "__main__":
    main()
