"""How each field travels: mapping, record, table, CRM, LIDO, Linked Art.

Nothing here is believed: a test loads an export with every field, writes it in every format, and finds the
value of each field in every place that stands here. `docs/explanation/field-travel.md` is made of it.

Paths: of the record and of Linked Art, names joined by dots, lists passed through; of the CRM, properties
from the object on, joined by ` / `; of LIDO, elements from anywhere below the record on, an attribute after
`@`.
A document of Linked Art is named by its type, before a colon. "" is a place that a format does not have.
"""

from __future__ import annotations

from typing import NamedTuple


class Travel(NamedTuple):
    """The places of one value."""

    field: str
    record: str
    column: str
    crm: str
    lido: str
    linked_art: str


_WORDS = "P190_has_symbolic_content"
_LABEL = "P2_has_type / label"
_MADE = "P108i_was_produced_by"
_MAKER = f"{_MADE} / P9_consists_of / P14_carried_out_by"
_TIME = "P4_has_time-span"
_NAMED = f"P1_is_identified_by / {_WORDS}"
_TEXT = f"P129i_is_subject_of / {_WORDS}"
_GOT = "P24i_changed_ownership_through"
_ACTOR = "eventActor/actorInRole/actor"
_NOTE = "objectDescriptionSet/descriptiveNoteValue"
_MEASURED = "objectMeasurements/measurementsSet"
_PRODUCED = "HumanMadeObject: produced_by"
_STATEMENT = "HumanMadeObject: referred_to_by.content"
_SHOWN = "HumanMadeObject: representation.digitally_shown_by"

TRAVELS: tuple[Travel, ...] = (
    Travel(
        "record.key",
        "key",
        "object.record_key",
        f"P48_has_preferred_identifier / {_WORDS}",
        "recordWrap/recordID",
        "HumanMadeObject: identified_by.content",
    ),
    Travel(
        "record.source",
        "record_source",
        "object.record_source",
        f"P70i_is_documented_in / {_NAMED}",
        "recordWrap/recordSource/legalBodyName/appellationValue",
        _STATEMENT,
    ),
    Travel(
        "record.type",
        "record_type",
        "object.record_type",
        f"P70i_is_documented_in / {_LABEL}",
        "recordWrap/recordType/term",
        "",
    ),
    Travel(
        "institution.name",
        "",
        "actor.name",
        f"{_GOT} / P22_transferred_title_to / label",
        "repositorySet/repositoryName/legalBodyName/appellationValue",
        "Group: identified_by.content",
    ),
    Travel(
        "accession",
        "accession",
        "object.accession",
        _NAMED,
        "repositorySet/workID",
        "HumanMadeObject: identified_by.content",
    ),
    Travel(
        "title",
        "titles.title",
        "object_title.title",
        f"P102_has_title / {_WORDS}",
        "titleSet/appellationValue",
        "HumanMadeObject: identified_by.content",
    ),
    Travel(
        "title.type",
        "titles.type",
        "object_title.type",
        f"P102_has_title / {_LABEL}",
        "titleSet@type",
        "HumanMadeObject: identified_by.classified_as._label",
    ),
    Travel(
        "object_type",
        "object_types.label",
        "term.label",
        _LABEL,
        "objectWorkTypeWrap/objectWorkType/term",
        "HumanMadeObject: classified_as._label",
    ),
    Travel(
        "identifier",
        "identifiers.identifier",
        "object_identifier.identifier",
        _NAMED,
        "repositorySet/workID",
        "HumanMadeObject: identified_by.content",
    ),
    Travel(
        "identifier.type",
        "identifiers.type",
        "object_identifier.type",
        f"P1_is_identified_by / {_LABEL}",
        "repositorySet/workID@type",
        "HumanMadeObject: identified_by.classified_as._label",
    ),
    Travel(
        "category",
        "category",
        "object.category",
        _LABEL,
        "classificationWrap/classification/term",
        "HumanMadeObject: classified_as._label",
    ),
    Travel(
        "department",
        "department",
        "object.department",
        "P46i_forms_part_of / label",
        "collection/object/objectName/appellationValue",
        "HumanMadeObject: member_of._label",
    ),
    Travel(
        "location",
        "location",
        "place.name",
        f"P55_has_current_location / {_NAMED}",
        "repositoryLocation/namePlaceSet/appellationValue",
        "HumanMadeObject: current_location._label",
    ),
    Travel(
        "material",
        "materials.label",
        "term.label",
        f"P45_consists_of / {_NAMED}",
        "materialsTech/termMaterialsTech/term",
        "HumanMadeObject: made_of._label",
    ),
    Travel(
        "subject",
        "subjects.label",
        "term.label",
        f"P62_depicts / {_NAMED}",
        "subjectSet/subject/subjectConcept/term",
        "VisualItem: about._label",
    ),
    Travel(
        "creator.name",
        "production.actors.actor.name",
        "actor.name",
        f"{_MAKER} / {_NAMED}",
        f"{_ACTOR}/nameActorSet/appellationValue",
        f"{_PRODUCED}.carried_out_by._label",
    ),
    Travel(
        "creator.id",
        "production.actors.actor.id",
        "actor.actor_key",
        "",
        f"{_ACTOR}/actorID",
        "Person: identified_by.content",
    ),
    Travel(
        "creator.uri",
        "production.actors.actor.uri",
        "actor.uri",
        f"{_MAKER} / {_NAMED}",
        f"{_ACTOR}/actorID",
        "Person: equivalent.id",
    ),
    Travel(
        "creator.role",
        "production.actors.role",
        "production_actor.role",
        f"{_MADE} / P9_consists_of / {_LABEL}",
        "actorInRole/roleActor/term",
        f"{_PRODUCED}.classified_as._label",
    ),
    Travel(
        "creator.kind",
        "production.actors.actor.kind",
        "actor.kind",
        f"{_MAKER} / {_LABEL}",
        "",
        "Person: classified_as._label",
    ),
    Travel(
        "creator.nationality",
        "production.actors.actor.nationality",
        "actor.nationality",
        f"{_MAKER} / {_LABEL}",
        f"{_ACTOR}/nationalityActor/term",
        "Person: classified_as._label",
    ),
    Travel(
        "creator.birth",
        "production.actors.actor.birth",
        "actor.birth",
        f"{_MAKER} / P98i_was_born / {_TIME} / {_NAMED}",
        f"{_ACTOR}/vitalDatesActor/earliestDate",
        "Person: born.timespan.identified_by.content",
    ),
    Travel(
        "creator.death",
        "production.actors.actor.death",
        "actor.death",
        f"{_MAKER} / P100i_died_in / {_TIME} / {_NAMED}",
        f"{_ACTOR}/vitalDatesActor/latestDate",
        "Person: died.timespan.identified_by.content",
    ),
    Travel(
        "creator.qualifier",
        "production.actors.qualifier",
        "production_actor.qualifier",
        f"{_MADE} / P140i_was_attributed_by / {_LABEL}",
        "actorInRole/attributionQualifierActor/term",
        "HumanMadeObject: attributed_by.classified_as._label",
    ),
    Travel(
        "date",
        "production.date.display",
        "production.display_date",
        f"{_MADE} / {_TIME} / {_NAMED}",
        "eventDate/displayDate",
        f"{_PRODUCED}.timespan.identified_by.content",
    ),
    Travel(
        "date.earliest",
        "production.date.earliest",
        "production.earliest",
        f"{_MADE} / {_TIME} / P82a_begin_of_the_begin",
        "eventDate/date/earliestDate",
        f"{_PRODUCED}.timespan.begin_of_the_begin",
    ),
    Travel(
        "date.latest",
        "production.date.latest",
        "production.latest",
        f"{_MADE} / {_TIME} / P82b_end_of_the_end",
        "eventDate/date/latestDate",
        f"{_PRODUCED}.timespan.end_of_the_end",
    ),
    Travel(
        "place",
        "production.place",
        "place.name",
        f"{_MADE} / P7_took_place_at / {_NAMED}",
        "eventPlace/place/namePlaceSet/appellationValue",
        f"{_PRODUCED}.took_place_at._label",
    ),
    Travel(
        "dimension.column",
        "dimensions.value",
        "dimension.value",
        "P43_has_dimension / P90_has_value",
        f"{_MEASURED}/measurementValue",
        "HumanMadeObject: dimension.value",
    ),
    Travel(
        "dimension.type",
        "dimensions.type",
        "dimension.type",
        f"P43_has_dimension / {_LABEL}",
        f"{_MEASURED}/measurementType/term",
        "HumanMadeObject: dimension.classified_as._label",
    ),
    Travel(
        "dimension.unit",
        "dimensions.unit",
        "dimension.unit",
        "P43_has_dimension / P91_has_unit / label",
        f"{_MEASURED}/measurementUnit/term",
        "HumanMadeObject: dimension.unit._label",
    ),
    Travel(
        "dimension.extent",
        "dimensions.extent",
        "dimension.extent",
        f"P43_has_dimension / {_LABEL}",
        "objectMeasurements/extentMeasurements/term",
        "HumanMadeObject: dimension.classified_as._label",
    ),
    Travel(
        "dimension.text",
        "dimensions.display",
        "dimension.display",
        "P43_has_dimension / P3_has_note",
        "objectMeasurementsSet/displayObjectMeasurements",
        "HumanMadeObject: dimension.identified_by.content",
    ),
    Travel(
        "acquisition.method",
        "acquisition.method",
        "provenance_event.method",
        f"{_GOT} / {_LABEL}",
        "event/eventMethod/term",
        "Activity: part.classified_as._label",
    ),
    Travel(
        "acquisition.source",
        "acquisition.source",
        "actor.name",
        f"{_GOT} / P23_transferred_title_from / {_NAMED}",
        f"{_ACTOR}/nameActorSet/appellationValue",
        "Activity: part.transferred_title_from._label",
    ),
    Travel(
        "acquisition.date",
        "acquisition.date.display",
        "provenance_event.display_date",
        f"{_GOT} / {_TIME} / {_NAMED}",
        "eventDate/displayDate",
        "Activity: timespan.identified_by.content",
    ),
    Travel(
        "acquisition.text",
        "acquisition.text",
        "provenance_event.text",
        f"{_GOT} / P3_has_note",
        "eventSet/displayEvent",
        "Activity: referred_to_by.content",
    ),
    Travel("provenance", "texts.text", "object_text.text", _TEXT, _NOTE, _STATEMENT),
    Travel("description", "texts.text", "object_text.text", _TEXT, _NOTE, _STATEMENT),
    Travel("credit_line", "texts.text", "object_text.text", _TEXT, "rightsWorkSet/creditLine", _STATEMENT),
    Travel("text", "texts.text", "object_text.text", _TEXT, _NOTE, _STATEMENT),
    Travel(
        "text.type",
        "texts.type",
        "object_text.type",
        f"P129i_is_subject_of / {_LABEL}",
        "objectDescriptionSet@type",
        "HumanMadeObject: referred_to_by.classified_as._label",
    ),
    Travel("ocr", "texts.text", "object_text.text", f"P128_carries / {_WORDS}", _NOTE, _STATEMENT),
    Travel(
        "ocr.engine",
        "texts.engine",
        "object_text.engine",
        "P128_carries / P3_has_note",
        "objectDescriptionSet/sourceDescriptiveNote",
        "HumanMadeObject: referred_to_by.referred_to_by.content",
    ),
    Travel(
        "owner",
        "owners.name",
        "actor.name",
        f"P52_has_current_owner / {_NAMED}",
        "rightsWorkSet/rightsHolder/legalBodyName/appellationValue",
        "HumanMadeObject: current_owner._label",
    ),
    Travel(
        "keeper",
        "keepers.name",
        "actor.name",
        f"P50_has_current_keeper / {_NAMED}",
        "repositorySet/repositoryName/legalBodyName/appellationValue",
        "HumanMadeObject: current_custodian._label",
    ),
    Travel(
        "manifest",
        "resources.url",
        "representation.url",
        "P138i_has_representation",
        "resourceRepresentation/linkResource",
        "HumanMadeObject: subject_of.digitally_carried_by.access_point.id",
    ),
    Travel(
        "image",
        "resources.url",
        "representation.url",
        "P138i_has_representation",
        "resourceRepresentation/linkResource",
        f"{_SHOWN}.access_point.id",
    ),
    Travel(
        "image.rights",
        "resources.rights",
        "representation.rights",
        "P138i_has_representation / P104_is_subject_to / P3_has_note",
        "resourceSet/rightsResource/rightsType/term",
        f"{_SHOWN}.referred_to_by.content",
    ),
    Travel(
        "web_page",
        "web_page",
        "object.web_page",
        "P129i_is_subject_of",
        "recordInfoSet/recordInfoLink",
        "HumanMadeObject: subject_of.digitally_carried_by.access_point.id",
    ),
    Travel(
        "rights",
        "rights",
        "object.rights",
        "P104_is_subject_to / P3_has_note",
        "rightsWorkSet/rightsType/term",
        _STATEMENT,
    ),
)
