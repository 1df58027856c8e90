"""Plain SQL against the constraints: what the CRM quantifies, no database lets anybody break."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import sqlalchemy as sa

from muniment.databases import Database, connect
from muniment.databases.errors import wrapping
from muniment.errors import DatabaseError, RowRefused
from muniment.museum import tables
from tests.acceptance.loading import MAPPING, load, mapping, vase, write

MORE = """
place = "room"
dimension = { column = "number", type = "height" }
provenance = "title"
owner = "maker"
keeper = "maker"
material = "kind"
subject = "kind"
identifier = "number"
image = { constant = "https://example.org/1.jpg" }
acquisition = { source = "maker", method = "kind" }
"""

ONE_OBJECT = "(SELECT min(object_id) FROM object)"
NOBODY = "987654321"

PARTS = [table.name for table in tables.PARTS_OF_OBJECT]

REFUSED = {
    # foreign keys
    **{
        f"a row of {name} without an object": f"UPDATE {name} SET object_id = {NOBODY}"
        f" WHERE object_id = {ONE_OBJECT}"
        for name in PARTS
    },
    "an object of nobody": f"UPDATE object SET institution_id = {NOBODY}",
    "an object that is nowhere": f"UPDATE object SET location_id = {NOBODY}",
    "an object that no run wrote": f"UPDATE object SET run_id = {NOBODY}",
    "an object that no run withdrew": f"UPDATE object SET withdrawn_run_id = {NOBODY}",
    "a type that is no term": f"UPDATE object_type SET term_id = {NOBODY}",
    "a term of no vocabulary": f"UPDATE term SET vocabulary_id = {NOBODY}",
    "a term below none": f"UPDATE term SET broader_id = {NOBODY}",
    "a maker that is nobody": f"UPDATE production_actor SET actor_id = {NOBODY}",
    "an owner that is nobody": f"UPDATE object_owner SET actor_id = {NOBODY}",
    "a production at no place": f"UPDATE production SET place_id = {NOBODY}",
    "an acquisition from nobody": f"UPDATE provenance_event SET from_id = {NOBODY}",
    "a run of no source": f"UPDATE run SET source_id = {NOBODY}",
    "a result without a claim": "DELETE FROM chunk",
    "an entry of no run": f"UPDATE quarantine SET run_id = {NOBODY}",
    "an object that is gone while its parts are there": f"DELETE FROM object WHERE object_id = {ONE_OBJECT}",
    "a maker who is gone while the works are there": "DELETE FROM actor",
    "a term that is gone while it is used": "DELETE FROM term",
    "a run that is gone while its objects are there": "DELETE FROM run",
    # quantifications and uniqueness
    "two productions of one object": f"INSERT INTO production (object_id) VALUES ({ONE_OBJECT})",
    "two preferred titles": "INSERT INTO object_title (object_id, position, title, preferred)"
    f" VALUES ({ONE_OBJECT}, 2, 'Another', 1)",
    "two titles in one place": "INSERT INTO object_title (object_id, position, title)"
    f" VALUES ({ONE_OBJECT}, 1, 'Another')",
    "two objects with one accession number": "UPDATE object SET accession = 'A', unique_accession = 'A'",
    "two objects with one key": "UPDATE object SET record_key = 'K'",
    "a term twice": "INSERT INTO term (vocabulary_id, term_key, label, run_id)"
    " SELECT vocabulary_id, term_key, label, run_id FROM term",
    "an actor twice": "UPDATE actor SET actor_key = 'A'",
    "a place twice": "UPDATE place SET place_key = 'P'",
    "a vocabulary twice": "UPDATE vocabulary SET vocabulary_key = 'V'",
    "a type of an object twice": "INSERT INTO object_type (object_id, term_id, position)"
    " SELECT object_id, term_id, 9 FROM object_type",
    "an owner twice": "INSERT INTO object_owner SELECT * FROM object_owner",
    "a source twice": "INSERT INTO source (sha256, size, name, first_seen)"
    " SELECT sha256, size, name, first_seen FROM source",
    "a claim twice": "INSERT INTO chunk SELECT * FROM chunk",
    # checks
    "dates in the wrong order": "UPDATE production SET earliest = '1900-01-01', earliest_year = 1900,"
    " latest = '1899-12-31', latest_year = 1899",
    "days in the wrong order": "UPDATE production SET earliest = '1900-02-01', earliest_year = 1900,"
    " latest = '1900-01-31', latest_year = 1900",
    "dates before Christ in the wrong order": "UPDATE production SET earliest = '-0100-01-01',"
    " earliest_year = -100, latest = '-0206-01-01', latest_year = -206",
    "an acquisition that ends before it begins": "UPDATE provenance_event"
    " SET earliest_year = 2, latest_year = 1",
    "a second kind of preference": "UPDATE object_title SET preferred = 2",
    "an unknown kind of event": "UPDATE provenance_event SET type = 'theft'",
    "an unknown kind of representation": "UPDATE representation SET kind = 'film'",
    "a confidence above one": "UPDATE object_text SET confidence = 1.5",
    "a confidence below nothing": "UPDATE object_text SET confidence = -0.1",
    "an accession number that is another's": "UPDATE object SET unique_accession = 'else'",
    "an unknown state of an entry": "UPDATE quarantine SET state = 'lost'",
    "an unknown status of a run": "UPDATE run SET status = 'perhaps'",
    "an account that does not balance": "UPDATE chunk_result SET inserted = inserted + 1",
    # what must be known
    "a title that is not known": "UPDATE object_title SET title = NULL",
    "an accession number that is not known": "UPDATE object SET accession = NULL",
    "a key that is not known": "UPDATE object SET record_key = NULL",
    "a record source that is not known": "UPDATE object SET record_source = NULL",
    "a record type that is not known": "UPDATE object SET record_type = NULL",
    "a dimension without its value": "UPDATE dimension SET value = NULL",
    "a dimension without its type": "UPDATE dimension SET type = NULL",
    "a dimension without an object": "UPDATE dimension SET object_id = NULL",
    "a label that is not known": "UPDATE term SET label = NULL",
    "a name that is not known": "UPDATE actor SET name = NULL",
    "an object without its lineage": "UPDATE object SET byte_offset = NULL",
    # bounds and types
    "a key of 256 characters": f"UPDATE object SET record_key = '{'é' * 256}' WHERE object_id = {ONE_OBJECT}",
    "a kind of 256 characters": f"UPDATE actor SET kind = '{'x' * 256}'",
    "a hash that is none": "UPDATE object SET content_hash = ''",
    "a text as a number": "UPDATE object SET record_number = 'seven'",
    "a text as a measure": "UPDATE dimension SET value = 'wide'",
    "a year beyond all years": "UPDATE production SET latest_year = 3000000000",
}
"""Statements that must fail, by what they would bring about."""

ALLOWED = (
    "UPDATE production SET display_date = NULL, place_id = NULL",
    "UPDATE production SET earliest = NULL, latest = NULL, earliest_year = NULL, latest_year = NULL",
    "UPDATE production SET earliest_year = -206, earliest = '-0206-03-01'",
    "UPDATE production SET latest_year = -206, latest = '-0206-03-02'",
    "UPDATE production SET latest_year = -205, latest = '-0205-01-01'",
    "UPDATE object SET location_id = NULL, department = NULL, category = NULL",
    "DELETE FROM production_actor",
    "DELETE FROM dimension",
    "UPDATE object SET unique_accession = NULL, accession = 'the same'",
)
"""Statements that must succeed, in this order."""


@pytest.fixture
def database(tmp_path: Path, database_url: str) -> Iterator[Database]:
    """Two whole objects, each with a row in every table."""
    rows = [vase(1, number="1"), vase(2, number="2"), vase(3, title="")]
    export = write(tmp_path / "a.csv", rows)
    whole = mapping(MAPPING.replace("creator", 'credit_line = "title"\ncreator') + MORE)
    load(export, database_url, mapping=whole)
    opened = connect(database_url)
    with opened.engine.connect() as connection:
        for name in PARTS:
            assert connection.scalar(sa.text(f"SELECT count(DISTINCT object_id) FROM {name}")) == 2, name
    yield opened
    opened.close()


def test_no_statement_breaks_a_constraint(database: Database) -> None:
    accepted = []
    for what, statement in REFUSED.items():
        with suppress(RowRefused), database.transaction() as transaction:
            transaction.execute(sa.text(statement))
            accepted.append(what)
    assert accepted == []


def test_what_the_crm_calls_necessary_but_a_museum_may_not_know_is_no_constraint(database: Database) -> None:
    with database.transaction() as transaction:
        for statement in ALLOWED:
            transaction.execute(sa.text(statement))


def test_keys_are_compared_to_the_letter(database: Database) -> None:
    keys = ("a", "A", "á", "a\u0301", "a ", " a", "a  ", "ß", "ss", "ı", "i", "I", "İ", "🏺", "🗿")
    with database.transaction() as transaction:
        rows = [(key, "x", 1) for key in keys]
        transaction.insert(tables.actor, ("actor_key", "name", "run_id"), rows)
    with database.engine.connect() as connection:
        for key in keys:
            query = sa.select(tables.actor.c.actor_key).where(tables.actor.c.actor_key == key)
            assert connection.execute(query).all() == [(key,)]


def test_tables_are_made_as_each_database_needs_it(database: Database) -> None:
    with database.engine.connect() as connection:
        if database.engine.dialect.name == "sqlite":
            made = connection.execute(
                sa.text("SELECT name, strict FROM pragma_table_list WHERE type = 'table'")
            )
            loose = {name for name, strict in map(tuple, made) if not strict}
            assert loose <= {"sqlite_schema", "sqlite_temp_schema", "sqlite_sequence", "sqlite_stat1"}
        elif database.engine.dialect.name == "mysql":
            made = connection.execute(
                sa.text(
                    "SELECT DISTINCT engine, table_collation FROM information_schema.tables"
                    " WHERE table_schema = DATABASE() AND table_type = 'BASE TABLE'"
                )
            )
            assert [tuple(row) for row in made] == [("InnoDB", "utf8mb4_nopad_bin")]
        else:
            made = connection.execute(
                sa.text(
                    "SELECT DISTINCT collation_name FROM information_schema.columns WHERE table_schema ="
                    " current_schema() AND column_name IN ('actor_key', 'record_key', 'earliest')"
                )
            )
            assert [tuple(row) for row in made] == [("C",)]


def test_a_postgresql_database_that_cannot_hold_every_character_is_refused(postgresql_server: str) -> None:
    engine = sa.create_engine(
        sa.make_url(postgresql_server).set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT"
    )
    name = "test_latin1"
    with engine.connect() as connection, wrapping(name):
        connection.exec_driver_sql(f"DROP DATABASE IF EXISTS {name}")
        connection.exec_driver_sql(
            f"CREATE DATABASE {name} ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0"
        )
    url = sa.make_url(postgresql_server).set(database=name).render_as_string(hide_password=False)
    try:
        with pytest.raises(DatabaseError, match="UTF"):
            connect(url)
    finally:
        with engine.connect() as connection:
            connection.exec_driver_sql(f"DROP DATABASE {name}")
        engine.dispose()
