"""Fields whose columns are those of a record's parts: lists, which need not be split by anybody."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from muniment.museum.fields import AcquisitionField, Cells, DimensionField, Fields
from muniment.sources.assembling import SEPARATOR


def divided(fields: Fields, parts: Collection[str]) -> Fields:
    """The fields, those of parts with what parts their values.

    Raises:
        ValueError: a field cannot be read from these parts.
    """
    changed: dict[str, Any] = {}
    for name in type(fields).model_fields:
        value = getattr(fields, name)
        if isinstance(value, tuple):
            changed[name] = tuple(_divided(name, field, parts) for field in value)
        elif isinstance(value, AcquisitionField):
            inner = {part: getattr(value, part) for part in type(value).model_fields}
            changed[name] = value.model_copy(
                update={part: _divided(name, field, parts) for part, field in inner.items()}
            )
        else:
            changed[name] = _divided(name, value, parts)
    return fields.model_copy(update=changed)


def _divided(name: str, field: Any, parts: Collection[str]) -> Any:
    told = field.sources() if field is not None else ()
    concerned = {part for column in told if (part := column.partition(".")[0]) in parts and "." in column}
    if not concerned:
        return field
    if len(concerned) > 1:
        raise ValueError(f"{name} is read from several parts, whose rows do not stand beside each other")
    if field.split:
        raise ValueError(f"{name} is read from the part {concerned.pop()}, whose rows need no `split`")
    if (isinstance(field, Cells) and field.columns) or (isinstance(field, DimensionField) and field.text):
        raise ValueError(f"{name} can only be read from a part column by column: give `column`")
    return field.model_copy(update={"split": SEPARATOR})
