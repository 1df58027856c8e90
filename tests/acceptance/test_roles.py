"""Those who migrate, load and read, each with the rights that they need, on servers that know rights."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated

import pytest
import sqlalchemy as sa
from pydantic import BaseModel

from muniment import RejectBudget, Settings, TableMapping, audit
from muniment.api import migrate
from muniment.errors import DatabaseError, UsageError
from muniment.evidence import seal_table
from muniment.ledger import change_table, chunk_result_table, chunk_table, run_table, source_table
from muniment.museum.tables import object_, sighting
from muniment.quarantine import note_table, quarantine_table
from muniment.roles import Role, grants
from muniment.table import PrimaryKey
from tests.acceptance.loading import content_of, counts, load, opened, query, vase, write
from tests.acceptance.modes import MODES, SHOPS

pytestmark = pytest.mark.parametrize("database_url", ["postgresql", "mariadb"], indirect=True)

INSERT_ONLY = (
    *(source_table, chunk_table, chunk_result_table, change_table, note_table, seal_table, sighting),
)

ForRole = Callable[..., str]


@pytest.fixture
def for_role(database_url: str) -> Iterator[ForRole]:
    """Makes a user with the rights of a role; returns the URL by which that user connects."""
    made: list[str] = []

    def make(role: Role, *tables: str) -> str:
        name, password = f"{role}_{secrets.token_hex(4)}", secrets.token_hex(8)
        creation = {
            "postgresql": f"CREATE ROLE {name} LOGIN PASSWORD '{password}'",
            "mysql": f"CREATE USER {name}@'%' IDENTIFIED BY '{password}'",
        }
        with opened(database_url) as database, database.engine.connect() as connection:
            made.append(name)
            for statement in (creation[connection.dialect.name], *grants(database, role, name, tables)):
                connection.execute(sa.text(statement))
            connection.commit()
        return sa.make_url(database_url).set(username=name, password=password).render_as_string(False)

    yield make
    with opened(database_url) as database, database.engine.connect() as connection:
        for name in made:
            if connection.dialect.name == "postgresql":
                connection.exec_driver_sql(f"DROP OWNED BY {name} CASCADE")
                connection.exec_driver_sql(f"DROP ROLE {name}")
            else:
                connection.execute(sa.text(f"DROP USER {name}@'%'"))
        connection.commit()


def exports(folder: Path) -> tuple[Path, Path]:
    """An export, and a newer one that updates, has notes and rejections."""
    first = write(folder / "first.csv", [vase(n) for n in range(1, 21)])
    rows = [vase(n, title=f"Bowl {n}", made="sometime") for n in range(1, 11)]
    rows += [vase(n) for n in range(11, 21)] + [vase(n, title="") for n in range(21, 23)]
    return first, write(folder / "second.csv", rows)


def test_a_migrator_makes_the_tables_and_a_loader_loads_without_making_any(
    tmp_path: Path, for_role: ForRole
) -> None:
    migrate(for_role(Role.MIGRATOR))
    loader = for_role(Role.LOADER)
    first, second = exports(tmp_path)
    load(first, loader, chunk_rows=5)
    run = load(second, loader, chunk_rows=5, full=True)
    assert (run.status, run.account.updated, run.account.quarantined) == ("done", 10, 2)
    mended = write(tmp_path / "third.csv", [vase(n) for n in range(1, 23)])
    assert load(mended, loader, again=True).status == "done"
    with opened(loader) as database:
        assert audit.verify(database, run.seal).status == "intact"
    everything = f"sqlite:///{tmp_path / 'by_one.db'}"
    for export, full in ((first, False), (second, True), (mended, False)):
        load(export, everything, chunk_rows=5, full=full)
    assert content_of(loader) == content_of(everything)


def refused(url: str, statement: sa.Executable) -> bool:
    """Whether the database refuses it for want of rights."""
    with opened(url) as database:
        try:
            with database.transaction() as transaction:
                transaction.execute(statement)
        except DatabaseError as error:
            return "denied" in error.message
    return False


def test_a_loader_can_change_nothing_of_what_is_only_inserted(
    tmp_path: Path, database_url: str, for_role: ForRole
) -> None:
    migrate(database_url)
    loader = for_role(Role.LOADER)
    for export in exports(tmp_path):
        load(export, loader, chunk_rows=5)
    for table in INSERT_ONLY:
        for column in table.columns:
            assert refused(loader, table.update().values({column: column})), column
        assert refused(loader, table.delete()), table.name
    for table in (run_table, quarantine_table):
        fixed = [column for column in table.columns if not column.info]
        for column in fixed:
            assert refused(loader, table.update().values({column: column})), column
        assert refused(loader, table.delete()), table.name
    assert not refused(loader, run_table.update().values(status="done"))
    for statement in (
        "CREATE TABLE more (id INTEGER)",
        "ALTER TABLE object ADD more INTEGER",
        "DROP TABLE note",
    ):
        with (
            opened(loader) as database,
            pytest.raises(DatabaseError, match=r"denied|must be owner"),
            database.transaction() as transaction,
        ):
            transaction.execute(sa.text(statement))


def test_a_reader_can_read_everything_and_write_nothing(
    tmp_path: Path, database_url: str, for_role: ForRole
) -> None:
    head = [load(export, database_url) for export in exports(tmp_path)][-1].seal
    reader = for_role(Role.READER)
    assert content_of(reader) == content_of(database_url)
    assert len(query(reader, "SELECT * FROM object_summary")) == 20
    with opened(reader) as database:
        assert audit.verify(database).head == head
        assert audit.trace(database, "1999.1")[0].key == "O1"
        assert [run.run for run in audit.runs(database)] == [2, 1]
    for table in (*INSERT_ONLY, run_table, quarantine_table, object_):
        column = next(iter(table.columns))
        assert refused(reader, table.insert().from_select([column], sa.select(column)))
        assert refused(reader, table.update().values({column: column}))
        assert refused(reader, table.delete())


class Loan(BaseModel):
    number: Annotated[str, PrimaryKey]
    lender: str


def test_a_loader_loads_rows_of_a_model_whose_table_a_migrator_made(
    tmp_path: Path, for_role: ForRole
) -> None:
    migrate(for_role(Role.MIGRATOR), model=Loan, table="loan")
    loader = for_role(Role.LOADER, "loan")
    for lender, became in (("x", "inserted"), ("y", "updated")):
        rows = [{"number": str(n), "lender": lender} for n in range(9)]
        export = write(tmp_path / f"{lender}.csv", rows, ("number", "lender"))
        assert counts(load(export, loader, model=Loan, table="loan")) == {"read": 9, became: 9}


def test_a_load_that_would_have_to_make_tables_says_who_can(
    tmp_path: Path, database_url: str, for_role: ForRole
) -> None:
    migrate(database_url)
    loader = for_role(Role.LOADER)
    with opened(database_url) as database, database.engine.connect() as connection:
        connection.exec_driver_sql("DELETE FROM muniment_version WHERE version_num LIKE 'museum%%'")
        connection.commit()
    with pytest.raises(DatabaseError, match="muniment migrate"):
        load(exports(tmp_path)[0], loader)


def test_rights_are_given_once_the_tables_are_there(database_url: str) -> None:
    with opened(database_url) as database, pytest.raises(UsageError, match="muniment migrate"):
        grants(database, Role.READER, "somebody")


def test_a_name_that_looks_like_sql_stays_a_name(database_url: str) -> None:
    with opened(database_url) as database:
        (statement,) = grants(database, Role.MIGRATOR, 'x\'; DROP TABLE "run"; --')
    quoted = (' TO "x\'; DROP TABLE ""run""; --"', " TO 'x''; DROP TABLE \"run\"; --'@'%'")
    assert statement.endswith(quoted)


REPLACED = next(mode for mode in MODES if mode.name == "replace, wait")


def test_a_loader_replaces_a_table_that_waits_for_another_without_making_any(
    tmp_path: Path, database_url: str, for_role: ForRole
) -> None:
    for mapping in (SHOPS, REPLACED.mapping):
        migrate(database_url, mapping=TableMapping.parse(mapping))
    loader = for_role(Role.LOADER, "price", "shop")
    settings = Settings(chunk_rows=14, max_rejects=RejectBudget(percent=100))
    for name, mapping, columns, rows in REPLACED.story():
        source = write(tmp_path / f"{name}.csv", rows, columns)
        assert load(source, loader, mapping=TableMapping.parse(mapping), settings=settings).status == "done"
    assert sorted(query(database_url, REPLACED.select), key=repr) == REPLACED.outcome()
    reader = for_role(Role.READER, "price")
    assert refused(reader, sa.text("SELECT * FROM price__staged"))
