"""Connections that end, or fall silent, amid a chunk: above all amid its COMMIT."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.acceptance.loading import MAPPING, load, query
from tests.acceptance.program import PATIENCE_SECONDS, program_in
from tests.faults.catalogue import fault
from tests.faults.conftest import CHUNK_ROWS
from tests.faults.loading import SETTINGS, Watcher, administer, load_amid, must_be_whole, of_a_later_chunk
from tests.faults.proxy import Line, Proxy

on_servers = pytest.mark.parametrize("database_url", ["postgresql", "mariadb"], indirect=True)

LATE_SECONDS = 1.0
"""How much later than its client's connection ends a COMMIT arrives: long beyond the first pauses."""

COMMIT = {"postgresql": b"COMMIT\0", "mariadb": b"\x03COMMIT"}
"""How a COMMIT is recognised among what a client sends, and told from READ COMMITTED."""

BULK = {"postgresql": b"COPY object ", "mariadb": b"INTO TABLE object "}
"""How the statement that writes a chunk's objects is recognised."""

END_CONNECTIONS = {
    "postgresql": "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid()",
    "mariadb": "SELECT concat('KILL ', id) FROM information_schema.processlist"
    " WHERE db = DATABASE() AND id <> connection_id()",
}


def kind_of(url: str) -> str:
    return url.partition(":")[0]


@fault(6, "postgresql", "mariadb")
@on_servers
def test_a_commit_that_never_reaches_the_server_is_made_up_for(
    export: Path, database_url: str, proxy: Proxy
) -> None:
    watcher = load_amid(export, proxy.url, lambda: proxy.at(COMMIT[kind_of(database_url)], proxy.lose))
    assert proxy.done == 1
    assert [of_a_later_chunk(failed) for failed in watcher.failed] == [True]
    must_be_whole(export, database_url)


@fault(7, "postgresql", "mariadb")
@on_servers
def test_a_chunk_is_not_loaded_twice_though_the_reply_to_its_commit_is_lost(
    export: Path, database_url: str, proxy: Proxy
) -> None:
    watcher = load_amid(export, proxy.url, lambda: proxy.at(COMMIT[kind_of(database_url)], proxy.lose_reply))
    assert proxy.done == 1
    assert [of_a_later_chunk(failed) for failed in watcher.failed] == [True]
    must_be_whole(export, database_url)


@fault(8, "postgresql", "mariadb")
@on_servers
def test_a_commit_that_lands_late_is_waited_for_and_found_done(
    export: Path, database_url: str, proxy: Proxy
) -> None:
    watcher = load_amid(
        export, proxy.url, lambda: proxy.at(COMMIT[kind_of(database_url)], proxy.deliver_late(LATE_SECONDS))
    )
    assert proxy.done == 1
    assert [of_a_later_chunk(failed) for failed in watcher.failed] == [True]
    must_be_whole(export, database_url)


@fault(9, "postgresql", "mariadb")
@on_servers
def test_a_session_that_is_ended_amid_its_bulk_writing_does_the_chunk_again(
    export: Path, database_url: str, proxy: Proxy
) -> None:
    kind = kind_of(database_url)

    def end_session(_line: Line, _data: bytes) -> bool:
        for (told,) in query(database_url, END_CONNECTIONS[kind]):
            if kind == "mariadb":
                administer(database_url, told)
        return True

    watcher = load_amid(export, proxy.url, lambda: proxy.at(BULK[kind], end_session))
    assert proxy.done == 1
    assert any(of_a_later_chunk(failed) for failed in watcher.failed)
    must_be_whole(export, database_url)


@fault(15, "postgresql", "mariadb")
@on_servers
def test_a_proxy_that_acknowledges_and_never_answers_is_given_up(
    export: Path, database_url: str, proxy: Proxy
) -> None:
    watcher = Watcher(lambda: proxy.at(COMMIT[kind_of(database_url)], proxy.fall_silent))

    def observe(event: object) -> None:
        before = len(watcher.failed)
        watcher(event)
        if len(watcher.failed) > before:
            proxy.speak_again()

    run = load(export, f"{proxy.url}?reply_seconds=2", settings=SETTINGS, observer=observe)
    assert (run.status, proxy.done) == ("done", 1)
    assert of_a_later_chunk(watcher.failed[0])
    must_be_whole(export, database_url)


@on_servers
def test_a_failed_attempt_is_logged_with_its_chunk_its_records_and_where_it_arose(
    export: Path, database_url: str, proxy: Proxy
) -> None:
    (export.parent / "m.toml").write_text(MAPPING)
    load(export, database_url, settings=SETTINGS, only=["id=O1"])  # the tables are there
    proxy.at(BULK[kind_of(database_url)], proxy.lose)
    arguments = ("load", export, "-m", "m.toml", "--to", proxy.url, "--chunk-rows", str(CHUNK_ROWS))
    ended = program_in(export.parent)(*arguments, "--log-format", "json")
    assert ended.exit_code == 0, ended.err
    lines = [json.loads(line) for line in ended.err.splitlines() if line.startswith("{")]
    (failed,) = [line for line in lines if line["event"] == "attempt failed"]
    assert (failed["level"], failed["attempt"]) == ("warning", 1)
    first, last = map(int, failed["records"].split("-"))
    assert (first % CHUNK_ROWS, last) == (1, first + CHUNK_ROWS - 1)
    assert failed["chunk"] == len(b"".join(export.read_bytes().splitlines(keepends=True)[:first]))
    assert "load_chunk" in failed["trace"]
    assert str(sa.make_url(database_url).password) not in ended.said


@fault(4, "postgresql", "mariadb")
@on_servers
def test_a_second_signal_ends_at_once_though_the_server_says_nothing(
    export: Path, database_url: str, proxy: Proxy
) -> None:
    (export.parent / "m.toml").write_text(MAPPING)
    load(export, database_url, settings=SETTINGS, only=["id=O1"])
    proxy.at(BULK[kind_of(database_url)], proxy.fall_silent)
    program = program_in(export.parent)
    command = program.command(
        "load", export, "-m", "m.toml", "--to", proxy.url, "--chunk-rows", str(CHUNK_ROWS)
    )
    with subprocess.Popen(
        command, cwd=program.folder, env=program.environment, stderr=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not proxy.done and time.monotonic() < deadline and process.poll() is None:
            time.sleep(0.02)
        assert proxy.done
        for _ in range(2):
            process.send_signal(signal.SIGINT)
            time.sleep(0.3)  # two signals at the same moment are one
        _, said = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 130, said.decode()
    proxy.speak_again()
    assert load(export, database_url, settings=SETTINGS).status == "done"
