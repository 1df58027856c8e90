"""Kill loaders, connections and servers at random moments of a load until it is done; then see what is there.

    python -m benchmarks.torture --kills 20 --to sqlite
    python -m benchmarks.torture --kills 300 --server --to postgresql --out torture.json
    python -m benchmarks.torture --kills 40 --workers 2 --to postgresql
    python -m benchmarks.torture --kills 20 --without-ledger --to sqlite

`--to` is the URL of a server whose user may create databases, or `sqlite`, `postgresql` or `mariadb`: then
a server is started, which waits for its disk where it is to crash.

Each round loads another generated export into a new database, in chunks of a few records, while strikes
fall: SIGKILL of the loader's process, on servers also the end of its connections, with `--workers` SIGKILL
of one of its workers, and with `--server` SIGKILL of all processes of a server of our own. A loader that was
killed, or gave up, is started again. At last every table, and the ledger, is compared by content with an
undisturbed load of the file into SQLite.

The seed decides on the exports, and on when strikes fall, counted in phases of the loader; which
statement is met at that moment is up to the machine.

`--without-ledger` notes progress in a file after each commit instead. It must be seen to store rows twice:
else this program could not tell.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from itertools import cycle, islice
from pathlib import Path
from random import Random
from typing import Any

import sqlalchemy as sa

from benchmarks.circumstances import circumstances
from benchmarks.databases import new_database
from benchmarks.loaders import UNAVAILABLE, Artwork, Loader, Work
from benchmarks.make_export import write_export
from benchmarks.strikes import Moment, strike_connections, strike_process, strike_worker, striking_server
from muniment.databases import connect
from muniment.table import table_of
from tests import servers
from tests.content import Content, content, ledger_content

PROFILES = ("museum", "table")

SITTINGS_WITHOUT_STRIKES = 50
"""How often a load may give up after the last strike: a server that was struck recovers in far less."""

Strike = Callable[[Loader, str], bool]


@dataclass(frozen=True)
class Torture:
    """What is to be done, and where: a server's URL, or nothing for SQLite."""

    folder: Path
    server: str | None
    profiles: Sequence[str]
    rows: int
    seed: int
    strikes: dict[str, Strike]
    kills: int
    without_ledger: bool = False
    workers: int = 1


@dataclass
class Outcome:
    """What was counted."""

    strikes: Counter[str] = field(default_factory=Counter)
    phases: Counter[str] = field(default_factory=Counter)
    sittings: int = 0
    gave_up: int = 0
    rows: int = 0
    rounds: int = 0
    lost: Counter[str] = field(default_factory=Counter)
    duplicated: Counter[str] = field(default_factory=Counter)


def torture(what: Torture) -> Outcome:
    """Round after round until all strikes have fallen."""
    outcome = Outcome()
    chance = Random(what.seed)
    kinds = list(islice(cycle(what.strikes), what.kills))
    chance.shuffle(kinds)
    while kinds:
        profile = what.profiles[outcome.rounds % len(what.profiles)]
        outcome.rounds += 1
        source = what.folder / f"{outcome.rounds}.csv"
        with source.open("wb") as file:
            write_export(file, rows=what.rows, seed=what.seed + outcome.rounds)
        with _database(what, outcome.rounds) as url:
            checkpoint = what.folder / f"{outcome.rounds}.checkpoint" if what.without_ledger else None
            work = Work(source, url, profile, checkpoint, what.workers)
            _disturb(work, what.strikes, kinds, chance, outcome)
            _compare(source, url, profile, what, outcome)
        told = f"{outcome.strikes.total()} kills, lost {outcome.lost.total()}"
        print(f"round {outcome.rounds}: {told}, duplicated {outcome.duplicated.total()}", file=sys.stderr)
    return outcome


@contextmanager
def _database(what: Torture, number: int) -> Iterator[str]:
    if what.server is None:
        yield f"sqlite:///{what.folder / f'{number}.db'}"
        return
    with new_database(what.server) as url:
        yield url


def _disturb(
    work: Work, strikes: dict[str, Strike], kinds: list[str], chance: Random, outcome: Outcome
) -> None:
    """Have it loaded, in as many sittings as it takes; what has struck is taken off `kinds`."""
    undisturbed = 0
    while True:
        undisturbed = 0 if kinds else undisturbed + 1
        loader = Loader(work)
        outcome.sittings += 1
        while kinds and _strikes(loader, work, strikes[kinds[-1]], Moment.chosen(chance)):
            outcome.strikes[kinds.pop()] += 1
            outcome.phases[loader.phase] += 1
        code = loader.ended()
        if code == 0:
            return
        outcome.gave_up += code == UNAVAILABLE
        if code not in (UNAVAILABLE, -9) or undisturbed > SITTINGS_WITHOUT_STRIKES:
            raise RuntimeError(f"a loader ended with {code}, {loader.phase}")


def _strikes(loader: Loader, work: Work, strike: Strike, moment: Moment) -> bool:
    """Wait for the moment, and strike; False where the loader has ended before."""
    if not loader.goes_on(moment.marks, until="c" if moment.at_commit else ""):
        return False
    time.sleep(moment.delay)
    return strike(loader, work.url)


def _compare(source: Path, url: str, profile: str, what: Torture, outcome: Outcome) -> None:
    """Count what is missing and what is too much, beside an undisturbed load."""
    undisturbed = Work(source, f"sqlite:///{source.with_suffix('.undisturbed.db')}", profile)
    if Loader(undisturbed).ended():
        raise RuntimeError("the undisturbed load failed")
    wanted, found = (_stored(work, profile, what.without_ledger) for work in (undisturbed.url, url))
    outcome.rows += what.rows
    outcome.lost.update(missing(wanted, found))
    outcome.duplicated.update(missing(found, wanted))


def missing(wanted: Content, found: Content) -> dict[str, int]:
    """By table, how many rows of the one content the other lacks; a row that is there twice counts twice."""
    return {table: (Counter(rows) - Counter(found.get(table, ()))).total() for table, rows in wanted.items()}


def _stored(url: str, profile: str, without_ledger: bool) -> Content:
    """All that is in a database; without the ledger only the rows, for there is nothing else."""
    with closing(connect(url)) as database:
        if profile == "museum":
            return content(database) | ledger_content(database)
        table = table_of(Artwork)
        with database.engine.connect() as connection:
            rows = sorted(tuple(map(repr, row)) for row in connection.execute(sa.select(table)))
        return {table.name: rows} | ({} if without_ledger else ledger_content(database))


def report(outcome: Outcome, what: Torture, to: str, seconds: float) -> dict[str, Any]:
    """Plain data."""
    return {
        "to": to,
        "kills": outcome.strikes.total(),
        "of": dict(outcome.strikes),
        "in_phases": dict(outcome.phases),
        "profiles": list(what.profiles),
        "ledger": not what.without_ledger,
        "workers": what.workers,
        "seed": what.seed,
        "rounds": outcome.rounds,
        "rows": outcome.rows,
        "sittings": outcome.sittings,
        "gave_up": outcome.gave_up,
        "lost": outcome.lost.total(),
        "duplicated": outcome.duplicated.total(),
        "in_tables": {
            table: {"lost": outcome.lost[table], "duplicated": outcome.duplicated[table]}
            for table in sorted(outcome.lost | outcome.duplicated)
            if outcome.lost[table] or outcome.duplicated[table]
        },
        "seconds": round(seconds, 1),
    }


def show(result: dict[str, Any]) -> None:
    """For people."""
    for name, counts in (("kills", result["of"]), ("phases", result["in_phases"])):
        print(f"{name:12}" + ", ".join(f"{count:,} {what}" for what, count in sorted(counts.items())))
    print(f"rows        {result['rows']:,} in {result['rounds']} rounds, {result['sittings']:,} sittings")
    print(f"seconds     {result['seconds']}")
    print(f"lost {result['lost']}")
    print(f"duplicated {result['duplicated']}")
    for table, counts in result["in_tables"].items():
        print(f"  {table}: lost {counts['lost']}, duplicated {counts['duplicated']}")


def main(arguments: Sequence[str] | None = None) -> None:
    """Torture from the command line; ends with 1 where a row is lost or there twice."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--kills", type=int, default=20, help="strikes of all kinds together")
    parser.add_argument("--to", required=True, help="sqlite, postgresql, mariadb, or the URL of a server")
    parser.add_argument("--server", action="store_true", help="let servers of our own crash as well")
    parser.add_argument("--profile", choices=(*PROFILES, "both"), default="both", help="both: in turn")
    parser.add_argument("--rows", type=int, default=2_000, help="of each round")
    parser.add_argument("--seed", type=int, default=1, help="another seed strikes at other moments")
    parser.add_argument("--workers", type=int, default=1, help="of each loader; they are killed as well")
    parser.add_argument("--without-ledger", action="store_true", help="must be seen to store rows twice")
    parser.add_argument("--json", action="store_true", help="the result as JSON on stdout")
    parser.add_argument("--out", type=Path, help="a JSON file for the result")
    given = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())  # it alone would leave the server running
    with ExitStack() as ending:
        what = _what(parser, given, ending)
        before, began = circumstances(), time.perf_counter()
        outcome = torture(what)
        seconds = time.perf_counter() - began
        told = (
            given.to if given.to in ("sqlite", "postgresql", "mariadb") else sa.make_url(given.to).drivername
        )
        result = before | report(outcome, what, told, seconds)
    if given.json:
        print(json.dumps(result))
    else:
        show(result)
    if given.out:
        given.out.parent.mkdir(parents=True, exist_ok=True)
        given.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    sys.exit(1 if result["lost"] or result["duplicated"] else 0)


def _what(parser: argparse.ArgumentParser, given: argparse.Namespace, ending: ExitStack) -> Torture:
    """What the arguments ask for, with the server that it takes."""
    strikes: dict[str, Strike] = {"process": strike_process}
    profiles = PROFILES if given.profile == "both" else (given.profile,)
    if given.without_ledger:
        profiles = ("table",)  # whose rows have no key that would refuse them the second time
    if given.workers > 1:
        strikes["worker"] = strike_worker
    own = {"postgresql": servers.own_postgresql, "mariadb": servers.own_mariadb}
    server: str | None = None
    if given.to in own:
        started = ending.enter_context(own[given.to](durable=given.server))
        server = started.url
        if given.server:
            strikes["server"] = striking_server(started)
    elif given.server:
        parser.error("--server makes only servers of our own crash: --to postgresql or --to mariadb")
    elif given.to != "sqlite":
        server = given.to
    if server is not None:
        strikes["connection"] = strike_connections
    folder = Path(ending.enter_context(tempfile.TemporaryDirectory(prefix="muniment-torture-")))
    return Torture(
        folder,
        server,
        profiles,
        given.rows,
        given.seed,
        strikes,
        given.kills,
        given.without_ledger,
        given.workers,
    )


if __name__ == "__main__":
    main()
