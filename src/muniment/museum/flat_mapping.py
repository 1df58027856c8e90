"""The mapping by which a table with one row an object is loaded again; pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from muniment.museum.flat_table import PARTS, FlatTable, Group
from muniment.museum.publishing.objects import Actor
from muniment.sources.guard import guarded

HEAD = """\
# Loads the exported table again: `muniment load FILE -m THIS`, into a database that may be empty.
# Every value is taken as it stands: nothing is read out of texts a second time.

"""

_CREATOR = ("id", "uri", "role", "qualifier", "kind", "nationality", "birth", "death")


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose records a mapping loads.

    Attributes:
        institution: as the tables have it.
        record_source, record_type, record_type_uri: what its records have in common.
        accession_repeats: whether accession numbers may repeat.
        language, base_uri, manifest_pattern: as the mapping has them that loaded the records.
    """

    institution: Actor
    record_source: str
    record_type: str
    record_type_uri: str | None
    accession_repeats: bool = False
    language: str = "en"
    base_uri: str = ""
    manifest_pattern: str = ""


def mapping_text(table: FlatTable, scope: Scope, *, alone: bool, source: Mapping[str, Any]) -> str:
    """The mapping for the records of one scope, as TOML.

    Args:
        table: settled.
        scope: whose records.
        alone: whether the table has no others.
        source: how it is written.
    """
    institution = {
        "name": scope.institution.name,
        "id": scope.institution.key,
        "uri": scope.institution.uri or "",
        "language": scope.language,
        "base_uri": scope.base_uri,
    }
    record = {
        "key": "record_key",
        "accession_repeats": scope.accession_repeats,
        "source": scope.record_source,
        "type": scope.record_type,
        "type_uri": scope.record_type_uri or "",
    }
    noted = ("manifest", "image", "uri", "date", "dimension", "term", "pattern", "parallel", "number")
    rules = dict.fromkeys(noted, "note") | {"manifest_pattern": scope.manifest_pattern}
    parts = [
        HEAD,
        _section("source", source),
        _section("institution", institution),
        _section("record", record),
        _section("fields", dict(_fields(table))),
        _section("rules", rules),
    ]
    if not alone:
        chosen = {
            "institution": scope.institution.key,
            "record_source": scope.record_source,
            "record_type": scope.record_type,
            "record_type_uri": scope.record_type_uri or "",
        }
        parts += [
            _section(
                "[only]", {"column": column, "equals": [guarded(value) if source["formula_guard"] else value]}
            )
            for column, value in chosen.items()
        ]
    return "\n".join(parts)


def _fields(table: FlatTable) -> Iterator[tuple[str, Any]]:
    for name in ("accession", "category", "department", "location", "place", "web_page", "rights"):
        yield name, name
    yield "date", _date("date", "date")
    yield (
        "acquisition",
        {
            "method": "acquisition_method",
            "source": "acquired_from",
            "date": _date("acquisition_date", "acquisition"),
            "text": "acquisition_text",
        },
    )
    for part, groups in table.groups.items():
        if part == "ocr":
            yield from (("ocr", source) for source in _sources(groups[:1]))
        elif part == "representation":
            for kind in ("manifest", "image"):
                yield kind, _sources([group for group in groups if group.shape[0] == kind])
        else:
            yield part, _sources(groups)


def _date(column: str, stem: str) -> dict[str, Any]:
    return {"column": column, "earliest": f"{stem}_earliest", "latest": f"{stem}_latest", "verbatim": True}


def _sources(groups: Sequence[Group]) -> list[dict[str, Any]]:
    return [_source(group) | ({"split": group.separator} if group.several else {}) for group in groups]


def _source(group: Group) -> dict[str, Any]:
    """What the mapping says of a group of columns."""
    columns = dict(zip(PARTS[group.part], group.names, strict=True))
    shape = group.shape
    match group.part:
        case "title" | "text":
            return {"column": columns[""], "type": shape[0], "language": shape[1]}
        case "identifier":
            return {"column": columns[""], "type": shape[0]}
        case "object_type" | "material" | "subject":
            about = {"vocabulary": shape[0], "language": shape[1]}
            return {"column": columns[""], "uri_column": columns["uri"], **about}
        case "dimension":
            parallel = {f"{name}_column": columns[name] for name in ("type", "unit", "extent", "display")}
            return {"column": columns[""], **parallel, "zero_is_unknown": False}
        case "ocr":
            about = {name: columns[name] for name in ("engine", "confidence")}
            return {"column": columns[""], **about, "language": shape[0]}
        case "representation":
            return {"column": columns[""], "rights": columns["rights"]}
        case _:
            known = {name: columns[name] for name in _CREATOR if name in columns}
            return {"name": columns[""], **known, "verbatim": True}


def _section(name: str, values: Mapping[str, Any]) -> str:
    lines = [f"{key} = {_toml(value)}" for key, value in values.items() if value not in ("", None, [], ())]
    return "\n".join([f"[{name}]", *lines, ""])


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        inner = (f"{key} = {_toml(each)}" for key, each in value.items() if each not in ("", None))
        return f"{{ {', '.join(inner)} }}"
    if isinstance(value, list | tuple):
        if len(value) == 1:
            return f"[{_toml(value[0])}]"
        return "[\n" + "".join(f"  {_toml(each)},\n" for each in value) + "]"
    # TOML's strings are those of JSON, but for DEL.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
