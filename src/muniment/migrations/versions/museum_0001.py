"""The tables of the museum profile."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from muniment.databases.types import Hash, Id, Integer, Key, Real, Text

revision = "museum_0001"
down_revision = None
branch_labels = ("museum",)
depends_on = "engine_0001"


DATES_IN_ORDER = (
    "earliest_year IS NULL OR latest_year IS NULL OR earliest_year < latest_year"
    " OR earliest_year = latest_year AND earliest <= latest"
)


def upgrade() -> None:
    op.create_table(
        "vocabulary",
        sa.Column("vocabulary_id", Id(), autoincrement=True, nullable=False),
        sa.Column("vocabulary_key", Key(), nullable=False, comment="its name"),
        sa.PrimaryKeyConstraint("vocabulary_id", name=op.f("vocabulary_key")),
        sa.UniqueConstraint("vocabulary_key", name=op.f("vocabulary_vocabulary_key_unique")),
        comment="E32 Authority Document",
    )
    op.create_table(
        "actor",
        sa.Column("actor_id", Id(), autoincrement=True, nullable=False),
        sa.Column("actor_key", Key(), nullable=False, comment="institution and id, else name"),
        sa.Column("name", Text(), nullable=False, comment="P1 E41"),
        sa.Column("kind", Key(), nullable=True, comment="P2: E21 Person, E74 Group or in the export's words"),
        sa.Column("nationality", Key(), nullable=True, comment="P2"),
        sa.Column("birth", Key(), nullable=True, comment="P98i or P95i: as the export has it"),
        sa.Column("death", Key(), nullable=True, comment="P100i or P99i: as the export has it"),
        sa.Column("uri", Text(), nullable=True, comment="P1 E42"),
        sa.Column("run_id", Id(), nullable=False, comment="the run that last gave its attributes"),
        sa.ForeignKeyConstraint(["run_id"], ["run.run_id"], name="actor_run"),
        sa.PrimaryKeyConstraint("actor_id", name=op.f("actor_key")),
        sa.UniqueConstraint("actor_key", name=op.f("actor_actor_key_unique")),
        comment="E39 Actor",
    )
    op.create_table(
        "place",
        sa.Column("place_id", Id(), autoincrement=True, nullable=False),
        sa.Column("place_key", Key(), nullable=False, comment="institution and name"),
        sa.Column("name", Text(), nullable=False, comment="P87 E44"),
        sa.Column("uri", Text(), nullable=True, comment="P1 E42"),
        sa.Column("run_id", Id(), nullable=False, comment="the run that last gave its attributes"),
        sa.ForeignKeyConstraint(["run_id"], ["run.run_id"], name="place_run"),
        sa.PrimaryKeyConstraint("place_id", name=op.f("place_key")),
        sa.UniqueConstraint("place_key", name=op.f("place_place_key_unique")),
        comment="E53 Place",
    )
    op.create_table(
        "term",
        sa.Column("term_id", Id(), autoincrement=True, nullable=False),
        sa.Column("vocabulary_id", Id(), nullable=False, comment="P71i is listed in E32"),
        sa.Column(
            "term_key", Key(), nullable=False, comment="its URI, else its label; a long one with its hash"
        ),
        sa.Column("label", Text(), nullable=False, comment="P190: in the words of the export"),
        sa.Column("uri", Text(), nullable=True, comment="P1 E42"),
        sa.Column("language", Key(), nullable=True, comment="P72 E56"),
        sa.Column("broader_id", Id(), nullable=True, comment="P127 has broader term"),
        sa.Column("run_id", Id(), nullable=False, comment="the run that last gave its attributes"),
        sa.ForeignKeyConstraint(["broader_id"], ["term.term_id"], name="term_broader"),
        sa.ForeignKeyConstraint(["run_id"], ["run.run_id"], name="term_run"),
        sa.ForeignKeyConstraint(["vocabulary_id"], ["vocabulary.vocabulary_id"], name="term_vocabulary"),
        sa.PrimaryKeyConstraint("term_id", name=op.f("term_key")),
        sa.UniqueConstraint("vocabulary_id", "term_key", name="term_identity"),
        comment="E55 Type (E57 Material, E58 Measurement Unit)",
    )
    op.create_table(
        "object",
        sa.Column("object_id", Id(), autoincrement=False, nullable=False),
        sa.Column("institution_id", Id(), nullable=False, comment="whose record it is"),
        sa.Column(
            "record_key",
            Key(),
            nullable=False,
            comment="P48 E42: what identifies it between exports; LIDO lidoRecID",
        ),
        sa.Column("accession", Key(), nullable=False, comment="P1 E42: accession number as given"),
        sa.Column(
            "unique_accession",
            Key(),
            nullable=True,
            comment="the accession number, where these do not repeat",
        ),
        sa.Column("category", Key(), nullable=True, comment="P2 E55"),
        sa.Column("department", Key(), nullable=True, comment="P46i E78"),
        sa.Column("location_id", Id(), nullable=True, comment="P55 has current location"),
        sa.Column("record_source", Key(), nullable=False, comment="LIDO recordSource"),
        sa.Column("record_type", Key(), nullable=False, comment="LIDO recordType"),
        sa.Column("record_type_uri", Text(), nullable=True, comment="LIDO recordType conceptID"),
        sa.Column("web_page", Text(), nullable=True, comment="P129i: LIDO recordInfoLink"),
        sa.Column("rights", Text(), nullable=True, comment="P104 E30: LIDO rightsType"),
        sa.Column(
            "content_hash", Hash(), nullable=False, comment="of the whole record: equal content, equal hash"
        ),
        sa.Column("withdrawn_run_id", Id(), nullable=True, comment="the full run whose export lacked it"),
        sa.Column("run_id", Id(), nullable=False, comment="E13: the run that wrote it"),
        sa.Column("record_number", Id(), nullable=False, comment="E13: its record in the run's source"),
        sa.Column("line", Id(), nullable=False, comment="E13: the physical line"),
        sa.Column("byte_offset", Id(), nullable=False, comment="E13: bytes before it in the source"),
        sa.Column("byte_length", Id(), nullable=False, comment="E13: its bytes"),
        sa.Column("row_hash", Hash(), nullable=False, comment="E13: SHA-256 of its bytes"),
        sa.CheckConstraint(
            "unique_accession IS NULL OR unique_accession = accession", name="object_accession_same"
        ),
        sa.ForeignKeyConstraint(["institution_id"], ["actor.actor_id"], name="object_institution"),
        sa.ForeignKeyConstraint(["location_id"], ["place.place_id"], name="object_location"),
        sa.ForeignKeyConstraint(["run_id"], ["run.run_id"], name="object_run"),
        sa.ForeignKeyConstraint(["withdrawn_run_id"], ["run.run_id"], name="object_withdrawn_run"),
        sa.PrimaryKeyConstraint("object_id", name=op.f("object_key")),
        sa.UniqueConstraint("institution_id", "record_key", name="object_identity"),
        sa.UniqueConstraint("institution_id", "unique_accession", name="object_accession"),
        comment="E22 Human-Made Object, with the lineage (E13) of its record",
    )
    op.create_table(
        "dimension",
        sa.Column("object_id", Id(), autoincrement=False, nullable=False),
        sa.Column("position", Integer(), autoincrement=False, nullable=False),
        sa.Column("type", Key(), nullable=False, comment="P2"),
        sa.Column("value", Real(), nullable=False, comment="P90 has value"),
        sa.Column("unit", Key(), nullable=True, comment="P91 has unit: E58"),
        sa.Column("extent", Key(), nullable=True, comment="LIDO extentMeasurements: the part measured"),
        sa.Column("display", Text(), nullable=True, comment="LIDO displayObjectMeasurements"),
        sa.ForeignKeyConstraint(["object_id"], ["object.object_id"], name="dimension_object"),
        sa.PrimaryKeyConstraint("object_id", "position", name=op.f("dimension_key")),
        comment="P43 has dimension: E54 Dimension, of one object",
        sqlite_with_rowid=False,
    )
    op.create_table(
        "object_identifier",
        sa.Column("object_id", Id(), autoincrement=False, nullable=False),
        sa.Column("position", Integer(), autoincrement=False, nullable=False),
        sa.Column("identifier", Key(), nullable=False, comment="P190"),
        sa.Column("type", Key(), nullable=True, comment="P2"),
        sa.ForeignKeyConstraint(["object_id"], ["object.object_id"], name="object_identifier_object"),
        sa.PrimaryKeyConstraint("object_id", "position", name=op.f("object_identifier_key")),
        comment="P1 is identified by: E42 Identifier, former and other numbers",
        sqlite_with_rowid=False,
    )
    op.create_table(
        "object_keeper",
        sa.Column("object_id", Id(), autoincrement=False, nullable=False),
        sa.Column("actor_id", Id(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(["actor_id"], ["actor.actor_id"], name="object_keeper_actor"),
        sa.ForeignKeyConstraint(["object_id"], ["object.object_id"], name="object_keeper_object"),
        sa.PrimaryKeyConstraint("object_id", "actor_id", name=op.f("object_keeper_key")),
        comment="P49 has former or current keeper, P50 has current keeper: E39",
        sqlite_with_rowid=False,
    )
    op.create_table(
        "object_material",
        sa.Column("object_id", Id(), autoincrement=False, nullable=False),
        sa.Column("term_id", Id(), autoincrement=False, nullable=False),
        sa.Column("position", Integer(), nullable=False),
        sa.ForeignKeyConstraint(["object_id"], ["object.object_id"], name="object_material_object"),
        sa.ForeignKeyConstraint(["term_id"], ["term.term_id"], name="object_material_term"),
        sa.PrimaryKeyConstraint("object_id", "term_id", name=op.f("object_material_key")),
        comment="P45 consists of: E57 Material",
        sqlite_with_rowid=False,
    )
    op.create_table(
        "object_owner",
        sa.Column("object_id", Id(), autoincrement=False, nullable=False),
        sa.Column("actor_id", Id(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(["actor_id"], ["actor.actor_id"], name="object_owner_actor"),
        sa.ForeignKeyConstraint(["object_id"], ["object.object_id"], name="object_owner_object"),
        sa.PrimaryKeyConstraint("object_id", "actor_id", name=op.f("object_owner_key")),
        comment="P51 has former or current owner, P52 has current owner: E39",
        sqlite_with_rowid=False,
    )
    op.create_table(
        "object_subject",
        sa.Column("object_id", Id(), autoincrement=False, nullable=False),
        sa.Column("term_id", Id(), autoincrement=False, nullable=False),
        sa.Column("position", Integer(), nullable=False),
        sa.ForeignKeyConstraint(["object_id"], ["object.object_id"], name="object_subject_object"),
        sa.ForeignKeyConstraint(["term_id"], ["term.term_id"], name="object_subject_term"),
        sa.PrimaryKeyConstraint("object_id", "term_id", name=op.f("object_subject_key")),
        comment="P62 depicts, P129 is about: as E55 Type",
        sqlite_with_rowid=False,
    )
    op.create_table(
        "object_text",
        sa.Column("object_id", Id(), autoincrement=False, nullable=False),
        sa.Column("position", Integer(), autoincrement=False, nullable=False),
        sa.Column("type", Key(), nullable=False, comment="P2: provenance, description, credit line, ocr ..."),
        sa.Column("text", Text(), nullable=False, comment="P190: word for word"),
        sa.Column("language", Key(), nullable=True, comment="P72 E56"),
        sa.Column("engine", Key(), nullable=True, comment="P16 of the reading: the program"),
        sa.Column("confidence", Real(), nullable=True, comment="of the reading, 0 to 1"),
        sa.CheckConstraint("confidence BETWEEN 0 AND 1", name="object_text_confidence"),
        sa.ForeignKeyConstraint(["object_id"], ["object.object_id"], name="object_text_object"),
        sa.PrimaryKeyConstraint("object_id", "position", name=op.f("object_text_key")),
        comment="P129i is subject of, P128 carries: E33 Linguistic Object",
        sqlite_with_rowid=False,
    )
    op.create_table(
        "object_title",
        sa.Column("object_id", Id(), autoincrement=False, nullable=False),
        sa.Column("position", Integer(), autoincrement=False, nullable=False),
        sa.Column("title", Text(), nullable=False, comment="P190"),
        sa.Column("type", Key(), nullable=True, comment="P2"),
        sa.Column("language", Key(), nullable=True, comment="P72 E56"),
        sa.Column(
            "preferred", Integer(), nullable=True, comment="1 for the one preferred title, else nothing"
        ),
        sa.CheckConstraint("preferred = 1", name="object_title_preferred"),
        sa.ForeignKeyConstraint(["object_id"], ["object.object_id"], name="object_title_object"),
        sa.PrimaryKeyConstraint("object_id", "position", name=op.f("object_title_key")),
        sa.UniqueConstraint("object_id", "preferred", name="object_title_one_preferred"),
        comment="P102 has title: E35 Title",
        sqlite_with_rowid=False,
    )
    op.create_table(
        "object_type",
        sa.Column("object_id", Id(), autoincrement=False, nullable=False),
        sa.Column("term_id", Id(), autoincrement=False, nullable=False),
        sa.Column("position", Integer(), nullable=False),
        sa.ForeignKeyConstraint(["object_id"], ["object.object_id"], name="object_type_object"),
        sa.ForeignKeyConstraint(["term_id"], ["term.term_id"], name="object_type_term"),
        sa.PrimaryKeyConstraint("object_id", "term_id", name=op.f("object_type_key")),
        comment="P2 has type: E55 Type; LIDO objectWorkType",
        sqlite_with_rowid=False,
    )
    op.create_table(
        "production",
        sa.Column("object_id", Id(), autoincrement=False, nullable=False),
        sa.Column("display_date", Text(), nullable=True, comment="P4 E52 P1: as the export has it"),
        sa.Column("earliest", Key(), nullable=True, comment="P4 E52 P82a: ISO text, signed historical year"),
        sa.Column("latest", Key(), nullable=True, comment="P4 E52 P82b: ISO text, signed historical year"),
        sa.Column(
            "earliest_year",
            Integer(),
            nullable=True,
            comment="the year of earliest; -206 is 206 BCE, there is no 0",
        ),
        sa.Column("latest_year", Integer(), nullable=True, comment="the year of latest"),
        sa.Column("place_id", Id(), nullable=True, comment="P7 took place at"),
        sa.CheckConstraint(
            DATES_IN_ORDER,
            name="production_dates_in_order",
        ),
        sa.ForeignKeyConstraint(["object_id"], ["object.object_id"], name="production_object"),
        sa.ForeignKeyConstraint(["place_id"], ["place.place_id"], name="production_place"),
        sa.PrimaryKeyConstraint("object_id", name=op.f("production_key")),
        comment="P108i was produced by: E12 Production, one of each object",
    )
    op.create_table(
        "production_actor",
        sa.Column("object_id", Id(), autoincrement=False, nullable=False),
        sa.Column("position", Integer(), autoincrement=False, nullable=False),
        sa.Column("actor_id", Id(), nullable=False, comment="P14 carried out by"),
        sa.Column("role", Key(), nullable=True, comment="P14.1 in the role of"),
        sa.Column("qualifier", Key(), nullable=True, comment="LIDO attributionQualifierActor"),
        sa.ForeignKeyConstraint(["actor_id"], ["actor.actor_id"], name="production_actor_actor"),
        sa.ForeignKeyConstraint(["object_id"], ["object.object_id"], name="production_actor_object"),
        sa.PrimaryKeyConstraint("object_id", "position", name=op.f("production_actor_key")),
        comment="P14 carried out by: the actors of the production",
        sqlite_with_rowid=False,
    )
    op.create_table(
        "provenance_event",
        sa.Column("object_id", Id(), autoincrement=False, nullable=False),
        sa.Column("position", Integer(), autoincrement=False, nullable=False),
        sa.Column("type", Key(), nullable=False, comment="acquisition (E8) or custody (E10)"),
        sa.Column("method", Key(), nullable=True, comment="P2"),
        sa.Column("from_id", Id(), nullable=True, comment="P23 or P28: from whom"),
        sa.Column("to_id", Id(), nullable=True, comment="P22 or P29: to whom"),
        sa.Column("display_date", Text(), nullable=True, comment="P4 E52 P1: as the export has it"),
        sa.Column("earliest", Key(), nullable=True, comment="P4 E52 P82a: ISO text, signed historical year"),
        sa.Column("latest", Key(), nullable=True, comment="P4 E52 P82b: ISO text, signed historical year"),
        sa.Column(
            "earliest_year",
            Integer(),
            nullable=True,
            comment="the year of earliest; -206 is 206 BCE, there is no 0",
        ),
        sa.Column("latest_year", Integer(), nullable=True, comment="the year of latest"),
        sa.Column("text", Text(), nullable=True, comment="P3: in the export's own words"),
        sa.CheckConstraint("type IN ('acquisition', 'custody')", name="provenance_event_type"),
        sa.CheckConstraint(
            DATES_IN_ORDER,
            name="provenance_event_dates_in_order",
        ),
        sa.ForeignKeyConstraint(["from_id"], ["actor.actor_id"], name="provenance_event_from"),
        sa.ForeignKeyConstraint(["object_id"], ["object.object_id"], name="provenance_event_object"),
        sa.ForeignKeyConstraint(["to_id"], ["actor.actor_id"], name="provenance_event_to"),
        sa.PrimaryKeyConstraint("object_id", "position", name=op.f("provenance_event_key")),
        comment="P24i changed ownership through E8 Acquisition, P30i custody through E10",
        sqlite_with_rowid=False,
    )
    op.create_table(
        "representation",
        sa.Column("object_id", Id(), autoincrement=False, nullable=False),
        sa.Column("position", Integer(), autoincrement=False, nullable=False),
        sa.Column("kind", Key(), nullable=False, comment="P2: manifest or image"),
        sa.Column("url", Text(), nullable=False, comment="P1 E42"),
        sa.Column("rights", Text(), nullable=True, comment="P104 E30"),
        sa.Column("finding", Key(), nullable=True, comment="what its check found; nothing where all is well"),
        sa.CheckConstraint("kind IN ('manifest', 'image')", name="representation_kind"),
        sa.ForeignKeyConstraint(["object_id"], ["object.object_id"], name="representation_object"),
        sa.PrimaryKeyConstraint("object_id", "position", name=op.f("representation_key")),
        comment="P138i has representation: E36 Visual Item",
        sqlite_with_rowid=False,
    )
    op.create_table(
        "sighting",
        sa.Column("run_id", Id(), autoincrement=False, nullable=False),
        sa.Column("object_id", Id(), autoincrement=False, nullable=False),
        sa.Column("record_number", Id(), nullable=False),
        sa.Column("line", Id(), nullable=False),
        sa.ForeignKeyConstraint(["object_id"], ["object.object_id"], name="sighting_object"),
        sa.ForeignKeyConstraint(["run_id"], ["run.run_id"], name="sighting_run"),
        sa.PrimaryKeyConstraint("run_id", "object_id", name=op.f("sighting_key")),
        comment="Objects that a run saw and found unchanged",
        sqlite_with_rowid=False,
    )
    op.execute(sa.text(_object_summary(op.get_bind().dialect)))


def _object_summary(dialect: sa.Dialect) -> str:
    """A readable view: one row an object, lists joined by semicolons."""
    o = sa.table(
        "object",
        *(sa.column(name) for name in ("object_id", "institution_id", "record_key", "accession", "category")),
        *(sa.column(name) for name in ("department", "location_id", "web_page", "withdrawn_run_id")),
        *(sa.column(name) for name in ("run_id", "line")),
    )
    actor = sa.table("actor", sa.column("actor_id"), sa.column("name"))
    place = sa.table("place", sa.column("place_id"), sa.column("name"))
    production = sa.table(
        "production", *(sa.column(n) for n in ("object_id", "display_date", "earliest_year", "latest_year"))
    )
    title = sa.table("object_title", sa.column("object_id"), sa.column("title"), sa.column("preferred"))
    text = sa.table("object_text", sa.column("object_id"), sa.column("type"), sa.column("text"))
    separator: Any = sa.literal_column("'; '")

    def joined(column: sa.ColumnElement[str], *conditions: sa.ColumnElement[bool]) -> sa.ScalarSelect[str]:
        return sa.select(sa.func.aggregate_strings(column, separator)).where(*conditions).scalar_subquery()

    def terms(table: str) -> sa.ScalarSelect[str]:
        link = sa.table(table, sa.column("object_id"), sa.column("term_id"))
        term = sa.table("term", sa.column("term_id"), sa.column("label"))
        return joined(term.c.label, link.c.object_id == o.c.object_id, term.c.term_id == link.c.term_id)

    made_by = sa.table("production_actor", sa.column("object_id"), sa.column("actor_id"))
    creators = joined(
        actor.c.name, made_by.c.object_id == o.c.object_id, actor.c.actor_id == made_by.c.actor_id
    )
    of_object = text.c.object_id == o.c.object_id
    keeper = actor.alias("keeper")
    query = (
        sa.select(
            keeper.c.name.label("institution"),
            o.c.accession,
            o.c.record_key,
            title.c.title,
            terms("object_type").label("object_type"),
            creators.label("creator"),
            production.c.display_date.label("date"),
            production.c.earliest_year,
            production.c.latest_year,
            terms("object_material").label("material"),
            terms("object_subject").label("subject"),
            o.c.category,
            o.c.department,
            place.c.name.label("location"),
            joined(text.c.text, of_object, text.c.type == sa.literal_column("'credit line'")).label(
                "credit_line"
            ),
            o.c.web_page,
            sa.case(
                (o.c.withdrawn_run_id.is_(None), sa.literal_column("0")), else_=sa.literal_column("1")
            ).label("withdrawn"),
            o.c.run_id,
            o.c.line,
            o.c.object_id,
        )
        .select_from(o)
        .join(keeper, keeper.c.actor_id == o.c.institution_id)
        .outerjoin(
            title, sa.and_(title.c.object_id == o.c.object_id, title.c.preferred == sa.literal_column("1"))
        )
        .outerjoin(production, production.c.object_id == o.c.object_id)
        .outerjoin(place, place.c.place_id == o.c.location_id)
    )
    create = {"sqlite": "CREATE VIEW IF NOT EXISTS", "mysql": "CREATE OR REPLACE VIEW"}
    return f"{create.get(dialect.name, 'CREATE VIEW')} object_summary AS {query.compile(dialect=dialect)}"
