"""A connection that is cut at any moment of a load: before its first chunk, amid it, and after its last."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Annotated

import pytest
import sqlalchemy as sa
from pydantic import BaseModel

from muniment import PrimaryKey, RejectBudget, Settings, correction
from muniment.errors import DatabaseError, DatabaseUnreachable
from muniment.events import AttemptFailed
from tests.acceptance.loading import load, opened, query, vase, write
from tests.conftest import ROOT
from tests.faults.conftest import ROWS
from tests.faults.loading import SETTINGS, must_be_whole
from tests.faults.proxy import Proxy

on_servers = pytest.mark.parametrize("database_url", ["postgresql", "mariadb"], indirect=True)
both_cuts = pytest.mark.parametrize("cut", ["lose", "lose_reply"])


class Failures(list[AttemptFailed]):
    """An observer that keeps the attempts that failed."""

    def __call__(self, event: object) -> None:
        if isinstance(event, AttemptFailed):
            self.append(event)


@both_cuts
@on_servers
@pytest.mark.parametrize(
    "phase",
    {
        "connecting": b"muniment\0",
        "looking for the schema": b"muniment_version",
        "looking at the server": b"max_connections",
        "upgrading": b"CREATE TABLE run ",
        "noting the version": b"INSERT INTO muniment_version",
        "opening a source": b"INSERT INTO source ",
        "opening a run": b"INSERT INTO run ",
        "withdrawing": b"withdrawn_run_id=",
        "sealing": b"INSERT INTO seal ",
        "ending": b"UPDATE run SET status",
        "archiving": b"INSERT INTO source_copy ",
    }.items(),
    ids=lambda phase: phase[0],
)
def test_a_load_whose_connection_is_cut_in_any_phase_comes_to_its_end(
    export: Path, database_url: str, proxy: Proxy, phase: tuple[str, bytes], cut: str
) -> None:
    archive = export.parent / "archive"
    archive.mkdir()
    failures = Failures()
    proxy.at(phase[1], getattr(proxy, cut))
    run = load(export, proxy.url, settings=SETTINGS, observer=failures, full=True, archive=archive)
    assert (proxy.done, run.status, run.account.read) == (1, "done", ROWS)
    assert failures
    assert all(failed.trace and not failed.waiting for failed in failures)
    assert query(database_url, "SELECT count(*) FROM source_copy") == [(1,)]
    must_be_whole(export, database_url)


class Thing(BaseModel):
    number: int
    text: str


@on_servers
@pytest.mark.parametrize("sent", [b"CREATE TABLE thing", b"CREATE TABLE row_seen", b"FROM chunk_result"])
def test_nor_does_a_cut_while_a_models_table_is_made_or_the_account_told_end_a_load(
    tmp_path: Path, proxy: Proxy, sent: bytes
) -> None:
    class Keyed(Thing):
        number: Annotated[int, PrimaryKey()]

    rows = [{"number": str(n), "text": "x"} for n in range(9)]
    things = write(tmp_path / "t.csv", rows, ("number", "text"))
    proxy.at(sent, proxy.lose_reply)
    assert load(things, proxy.url, model=Keyed, table="thing").account.inserted == 9
    assert proxy.done == 1
    proxy.at(b"FROM chunk_result", proxy.lose)
    assert load(things, proxy.url, model=Keyed, table="thing").status == "already loaded"
    assert proxy.done == 2


@on_servers
def test_a_server_that_was_never_reached_is_not_waited_for(export: Path, database_url: str) -> None:
    failures = Failures()
    nowhere = sa.make_url(database_url).set(port=9).render_as_string(hide_password=False)
    with pytest.raises(DatabaseUnreachable, match="server runs"):
        load(export, nowhere, observer=failures)
    wrong = sa.make_url(database_url).set(password="wrong").render_as_string(hide_password=False)
    with pytest.raises(DatabaseError, match="Check the user name, the password"):
        load(export, wrong, observer=failures)
    assert failures == []


@on_servers
def test_a_worksheet_is_handed_in_though_connections_are_cut(
    tmp_path: Path, database_url: str, proxy: Proxy
) -> None:
    bad = write(tmp_path / "bad.csv", [vase(n, title="") for n in range(3)])
    load(bad, database_url, settings=Settings(max_rejects=RejectBudget(percent=100)))
    with opened(database_url) as database:
        correction.export(database, tmp_path / "mend.csv")
    mended = (tmp_path / "mend.csv").read_text("utf-8-sig").replace("1999", "2001")
    (tmp_path / "mend.csv").write_text(mended, "utf-8-sig")
    failures = Failures()
    with opened(proxy.url) as database:
        for _ in range(2):
            proxy.at(b"corrects_id", proxy.lose)
        run = correction.resubmit(database, tmp_path / "mend.csv", observer=failures)
    assert (proxy.done, run.status, run.account.read, len(failures)) == (2, "done", 3, 2)


LOADING = """
import sys
import muniment
from tests.acceptance.loading import mapping
run = muniment.load(sys.argv[1], mapping=mapping(), to=sys.argv[2], full=True)
assert (run.status, run.account.read) == ("done", 60), run
"""


@both_cuts
@on_servers
@pytest.mark.parametrize(
    "sent",
    [
        b"muniment_version",
        b"CREATE TABLE run ",
        b"INSERT INTO run ",
        b"INSERT INTO chunk ",
        b"INSERT INTO seal ",
    ],
)
def test_a_program_in_which_all_goes_well_in_the_end_prints_nothing(
    export: Path, proxy: Proxy, sent: bytes, cut: str
) -> None:
    proxy.at(sent, getattr(proxy, cut))
    command = (sys.executable, "-X", "dev", "-c", LOADING, str(export), proxy.url)
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr, proxy.done) == (0, "", "", 1)
