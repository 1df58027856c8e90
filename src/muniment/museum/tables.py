"""The tables of the museum profile, each with its path in the CIDOC CRM (7.1.3) as its comment.

What the CRM calls necessary describes the world, not what a museum knows: it does not become NOT NULL.
What does become a constraint: one production per object, a dimension belongs to one object, one
preferred title, unique accession numbers per institution, foreign keys, order of dates.

Tables with a key of several columns are `WITHOUT ROWID` on SQLite: one tree to write instead of two.
"""

from __future__ import annotations

import sqlalchemy as sa

from muniment.databases.types import INSERT_ONLY, Hash, Id, Integer, Key, Real, Text, metadata


def _id(name: str, *target: str | sa.ForeignKey) -> sa.Column[int]:
    """A column of a primary key that is given, not counted up."""
    keys = [sa.ForeignKey(t) if isinstance(t, str) else t for t in target]
    return sa.Column(name, Id, *keys, primary_key=True, autoincrement=False)


def _part_of_object(table: str) -> tuple[sa.Column[int], sa.Column[int]]:
    """The key of a row that belongs to one object: the object, and the row's place among its like."""
    owner = sa.ForeignKey("object.object_id", name=f"{table}_object")
    return _id("object_id", owner), sa.Column("position", Integer, primary_key=True, autoincrement=False)


def _reference(
    table: str, column: str, target: str, *, nullable: bool = True, comment: str = ""
) -> sa.Column[int]:
    key = sa.ForeignKey(target, name=f"{table}_{column.removesuffix('_id')}")
    return sa.Column(column, Id, key, nullable=nullable, comment=comment or None)


def _written_by(table: str) -> sa.Column[int]:
    comment = "the run that last gave its attributes"
    return _reference(table, "run_id", "run.run_id", nullable=False, comment=comment)


def _date_columns(path: str) -> list[sa.Column[object]]:
    return [
        sa.Column("display_date", Text, comment=f"{path} P1: as the export has it"),
        sa.Column("earliest", Key, comment=f"{path} P82a: ISO text, signed historical year"),
        sa.Column("latest", Key, comment=f"{path} P82b: ISO text, signed historical year"),
        sa.Column("earliest_year", Integer, comment="the year of earliest; -206 is 206 BCE, there is no 0"),
        sa.Column("latest_year", Integer, comment="the year of latest"),
    ]


def _dates_in_order(table: str) -> sa.CheckConstraint:
    earliest, latest = sa.column("earliest_year", sa.Integer), sa.column("latest_year", sa.Integer)
    same_year = sa.and_(
        earliest == latest, sa.column("earliest", sa.String) <= sa.column("latest", sa.String)
    )
    unknown = sa.or_(earliest.is_(None), latest.is_(None))
    return sa.CheckConstraint(sa.or_(unknown, earliest < latest, same_year), name=f"{table}_dates_in_order")


vocabulary = sa.Table(
    "vocabulary",
    metadata,
    sa.Column("vocabulary_id", Id, primary_key=True, autoincrement=True),
    sa.Column("vocabulary_key", Key, nullable=False, unique=True, comment="its name"),
    comment="E32 Authority Document",
)

term = sa.Table(
    "term",
    metadata,
    sa.Column("term_id", Id, primary_key=True, autoincrement=True),
    _reference(
        "term", "vocabulary_id", "vocabulary.vocabulary_id", nullable=False, comment="P71i is listed in E32"
    ),
    sa.Column("term_key", Key, nullable=False, comment="its URI, else its label; a long one with its hash"),
    sa.Column("label", Text, nullable=False, comment="P190: in the words of the export"),
    sa.Column("uri", Text, comment="P1 E42"),
    sa.Column("language", Key, comment="P72 E56"),
    _reference("term", "broader_id", "term.term_id", comment="P127 has broader term"),
    _written_by("term"),
    sa.UniqueConstraint("vocabulary_id", "term_key", name="term_identity"),
    comment="E55 Type (E57 Material, E58 Measurement Unit)",
)

actor = sa.Table(
    "actor",
    metadata,
    sa.Column("actor_id", Id, primary_key=True, autoincrement=True),
    sa.Column("actor_key", Key, nullable=False, unique=True, comment="institution and id, else name"),
    sa.Column("name", Text, nullable=False, comment="P1 E41"),
    sa.Column("kind", Key, comment="P2: E21 Person, E74 Group or in the export's words"),
    sa.Column("nationality", Key, comment="P2"),
    sa.Column("birth", Key, comment="P98i or P95i: as the export has it"),
    sa.Column("death", Key, comment="P100i or P99i: as the export has it"),
    sa.Column("uri", Text, comment="P1 E42"),
    _written_by("actor"),
    comment="E39 Actor",
)

place = sa.Table(
    "place",
    metadata,
    sa.Column("place_id", Id, primary_key=True, autoincrement=True),
    sa.Column("place_key", Key, nullable=False, unique=True, comment="institution and name"),
    sa.Column("name", Text, nullable=False, comment="P87 E44"),
    sa.Column("uri", Text, comment="P1 E42"),
    _written_by("place"),
    comment="E53 Place",
)

object_ = sa.Table(
    "object",
    metadata,
    _id("object_id"),
    _reference("object", "institution_id", "actor.actor_id", nullable=False, comment="whose record it is"),
    sa.Column(
        "record_key",
        Key,
        nullable=False,
        comment="P48 E42: what identifies it between exports; LIDO lidoRecID",
    ),
    sa.Column("accession", Key, nullable=False, comment="P1 E42: accession number as given"),
    sa.Column("unique_accession", Key, comment="the accession number, where these do not repeat"),
    sa.Column("category", Key, comment="P2 E55"),
    sa.Column("department", Key, comment="P46i E78"),
    _reference("object", "location_id", "place.place_id", comment="P55 has current location"),
    sa.Column("record_source", Key, nullable=False, comment="LIDO recordSource"),
    sa.Column("record_type", Key, nullable=False, comment="LIDO recordType"),
    sa.Column("record_type_uri", Text, comment="LIDO recordType conceptID"),
    sa.Column("web_page", Text, comment="P129i: LIDO recordInfoLink"),
    sa.Column("rights", Text, comment="P104 E30: LIDO rightsType"),
    sa.Column("content_hash", Hash, nullable=False, comment="of the whole record: equal content, equal hash"),
    _reference("object", "withdrawn_run_id", "run.run_id", comment="the full run whose export lacked it"),
    sa.Column(
        "run_id",
        Id,
        sa.ForeignKey("run.run_id", name="object_run"),
        nullable=False,
        comment="E13: the run that wrote it",
    ),
    sa.Column("record_number", Id, nullable=False, comment="E13: its record in the run's source"),
    sa.Column("line", Id, nullable=False, comment="E13: the physical line"),
    sa.Column("byte_offset", Id, nullable=False, comment="E13: bytes before it in the source"),
    sa.Column("byte_length", Id, nullable=False, comment="E13: its bytes"),
    sa.Column("row_hash", Hash, nullable=False, comment="E13: SHA-256 of its bytes"),
    sa.UniqueConstraint("institution_id", "record_key", name="object_identity"),
    sa.UniqueConstraint("institution_id", "unique_accession", name="object_accession"),
    sa.CheckConstraint(
        sa.or_(
            sa.column("unique_accession").is_(None), sa.column("unique_accession") == sa.column("accession")
        ),
        name="object_accession_same",
    ),
    comment="E22 Human-Made Object, with the lineage (E13) of its record",
)

sighting = sa.Table(
    "sighting",
    metadata,
    _id("run_id", sa.ForeignKey("run.run_id", name="sighting_run")),
    _id("object_id", sa.ForeignKey("object.object_id", name="sighting_object")),
    sa.Column("record_number", Id, nullable=False),
    sa.Column("line", Id, nullable=False),
    comment="Objects that a run saw and found unchanged",
    info=INSERT_ONLY,
    sqlite_with_rowid=False,
)

object_title = sa.Table(
    "object_title",
    metadata,
    *_part_of_object("object_title"),
    sa.Column("title", Text, nullable=False, comment="P190"),
    sa.Column("type", Key, comment="P2"),
    sa.Column("language", Key, comment="P72 E56"),
    sa.Column("preferred", Integer, comment="1 for the one preferred title, else nothing"),
    sa.UniqueConstraint("object_id", "preferred", name="object_title_one_preferred"),
    sa.CheckConstraint(sa.column("preferred", sa.Integer) == 1, name="object_title_preferred"),
    comment="P102 has title: E35 Title",
    sqlite_with_rowid=False,
)

object_identifier = sa.Table(
    "object_identifier",
    metadata,
    *_part_of_object("object_identifier"),
    sa.Column("identifier", Key, nullable=False, comment="P190"),
    sa.Column("type", Key, comment="P2"),
    comment="P1 is identified by: E42 Identifier, former and other numbers",
    sqlite_with_rowid=False,
)


def _terms_of_object(name: str, comment: str) -> sa.Table:
    return sa.Table(
        name,
        metadata,
        _id("object_id", sa.ForeignKey("object.object_id", name=f"{name}_object")),
        _id("term_id", sa.ForeignKey("term.term_id", name=f"{name}_term")),
        sa.Column("position", Integer, nullable=False),
        comment=comment,
        sqlite_with_rowid=False,
    )


object_type = _terms_of_object("object_type", "P2 has type: E55 Type; LIDO objectWorkType")
object_material = _terms_of_object("object_material", "P45 consists of: E57 Material")
object_subject = _terms_of_object("object_subject", "P62 depicts, P129 is about: as E55 Type")

production = sa.Table(
    "production",
    metadata,
    _id("object_id", sa.ForeignKey("object.object_id", name="production_object")),
    *_date_columns("P4 E52"),
    _reference("production", "place_id", "place.place_id", comment="P7 took place at"),
    _dates_in_order("production"),
    comment="P108i was produced by: E12 Production, one of each object",
)

production_actor = sa.Table(
    "production_actor",
    metadata,
    *_part_of_object("production_actor"),
    _reference(
        "production_actor", "actor_id", "actor.actor_id", nullable=False, comment="P14 carried out by"
    ),
    sa.Column("role", Key, comment="P14.1 in the role of"),
    sa.Column("qualifier", Key, comment="LIDO attributionQualifierActor"),
    comment="P14 carried out by: the actors of the production",
    sqlite_with_rowid=False,
)

dimension = sa.Table(
    "dimension",
    metadata,
    *_part_of_object("dimension"),
    sa.Column("type", Key, nullable=False, comment="P2"),
    sa.Column("value", Real, nullable=False, comment="P90 has value"),
    sa.Column("unit", Key, comment="P91 has unit: E58"),
    sa.Column("extent", Key, comment="LIDO extentMeasurements: the part measured"),
    sa.Column("display", Text, comment="LIDO displayObjectMeasurements"),
    comment="P43 has dimension: E54 Dimension, of one object",
    sqlite_with_rowid=False,
)

provenance_event = sa.Table(
    "provenance_event",
    metadata,
    *_part_of_object("provenance_event"),
    sa.Column("type", Key, nullable=False, comment="acquisition (E8) or custody (E10)"),
    sa.Column("method", Key, comment="P2"),
    _reference("provenance_event", "from_id", "actor.actor_id", comment="P23 or P28: from whom"),
    _reference("provenance_event", "to_id", "actor.actor_id", comment="P22 or P29: to whom"),
    *_date_columns("P4 E52"),
    sa.Column("text", Text, comment="P3: in the export's own words"),
    sa.CheckConstraint(sa.column("type").in_(["acquisition", "custody"]), name="provenance_event_type"),
    _dates_in_order("provenance_event"),
    comment="P24i changed ownership through E8 Acquisition, P30i custody through E10",
    sqlite_with_rowid=False,
)


def _actors_of_object(name: str, comment: str) -> sa.Table:
    return sa.Table(
        name,
        metadata,
        _id("object_id", sa.ForeignKey("object.object_id", name=f"{name}_object")),
        _id("actor_id", sa.ForeignKey("actor.actor_id", name=f"{name}_actor")),
        comment=comment,
        sqlite_with_rowid=False,
    )


object_owner = _actors_of_object(
    "object_owner", "P51 has former or current owner, P52 has current owner: E39"
)
object_keeper = _actors_of_object(
    "object_keeper", "P49 has former or current keeper, P50 has current keeper: E39"
)

representation = sa.Table(
    "representation",
    metadata,
    *_part_of_object("representation"),
    sa.Column("kind", Key, nullable=False, comment="P2: manifest or image"),
    sa.Column("url", Text, nullable=False, comment="P1 E42"),
    sa.Column("rights", Text, comment="P104 E30"),
    sa.Column("finding", Key, comment="what its check found; nothing where all is well"),
    sa.CheckConstraint(sa.column("kind").in_(["manifest", "image"]), name="representation_kind"),
    comment="P138i has representation: E36 Visual Item",
    sqlite_with_rowid=False,
)

object_text = sa.Table(
    "object_text",
    metadata,
    *_part_of_object("object_text"),
    sa.Column("type", Key, nullable=False, comment="P2: provenance, description, credit line, ocr ..."),
    sa.Column("text", Text, nullable=False, comment="P190: word for word"),
    sa.Column("language", Key, comment="P72 E56"),
    sa.Column("engine", Key, comment="P16 of the reading: the program"),
    sa.Column("confidence", Real, comment="of the reading, 0 to 1"),
    sa.CheckConstraint(sa.column("confidence", sa.Float).between(0, 1), name="object_text_confidence"),
    comment="P129i is subject of, P128 carries: E33 Linguistic Object",
    sqlite_with_rowid=False,
)

PARTS_OF_OBJECT: tuple[sa.Table, ...] = (
    object_title,
    object_identifier,
    object_type,
    object_material,
    object_subject,
    production,
    production_actor,
    dimension,
    provenance_event,
    object_owner,
    object_keeper,
    representation,
    object_text,
)
"""The tables whose rows belong to one object and are replaced with it, in an order safe to insert."""

ALL: tuple[sa.Table, ...] = (vocabulary, term, actor, place, object_, sighting, *PARTS_OF_OBJECT)
"""All tables of the profile, in an order safe to insert."""
