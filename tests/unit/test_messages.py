"""Pydantic's errors in a registrar's words."""

from __future__ import annotations

import enum
from datetime import date, datetime, time
from decimal import Decimal
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field, HttpUrl, ValidationError, create_model, field_validator

from muniment.museum.mapping import Mapping
from muniment.validation.messages import MANY_PROBLEMS, mapping_problems, problems_of


class Kind(enum.Enum):
    PRINT = "print"
    VASE = "vase"


class Inner(BaseModel):
    label: str


class Thing(BaseModel):
    object_title: Annotated[str, Field(min_length=1, max_length=5)] = "x"
    count: Annotated[int, Field(ge=1, lt=100)] = 1
    weight: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1
    price: Decimal = Decimal(1)
    made: date = date(2000, 1, 1)
    at: datetime | None = None
    hour: time | None = None
    rounded: Annotated[Decimal | None, Field(max_digits=5, decimal_places=2)] = None
    short: Annotated[Decimal | None, Field(max_digits=3)] = None
    shown: bool = False
    page: HttpUrl | None = None
    kind: Kind = Kind.VASE
    state: Literal["good", "poor"] = "good"
    number: Annotated[str, Field(pattern=r"^\d+$")] = "1"
    parts: list[Inner] = []
    names: Annotated[list[str], Field(min_length=1)] = ["a"]
    needed: str = Field(default=...)
    special: str = ""

    @field_validator("special")
    @classmethod
    def _special(cls, value: str) -> str:
        if value:
            raise ValueError("nothing is special")
        return value


def problems(**given: Any) -> list[tuple[str, str, str]]:
    with pytest.raises(ValidationError) as caught:
        Thing.model_validate({"needed": "x"} | given)
    found = problems_of(
        caught.value, {"object_title": "Title"}, {"parts": "part"}, {"count": "number of pieces"}
    )
    return [(problem.field, problem.code, problem.message) for problem in found]


@pytest.mark.parametrize(
    ("given", "field", "code", "message"),
    [
        ({"object_title": ""}, "object_title", "missing", "object title is missing"),
        ({"object_title": "abcdef"}, "object_title", "too-long", "object title is longer than 5 characters"),
        ({"count": "many"}, "count", "number", "number of pieces is not a whole number"),
        ({"count": "1.5"}, "count", "number", "number of pieces is not a whole number"),
        ({"count": "9" * 5_000}, "count", "number", "number of pieces is too large a number"),
        ({"count": "0"}, "count", "out-of-range", "number of pieces is less than 1"),
        ({"count": "100"}, "count", "out-of-range", "number of pieces is not less than 100"),
        ({"weight": "heavy"}, "weight", "number", "weight is not a number"),
        ({"weight": "nan"}, "weight", "number", "weight is not a finite number"),
        ({"weight": "0"}, "weight", "out-of-range", "weight is not greater than 0.0"),
        ({"price": "dear"}, "price", "number", "price is not a number"),
        ({"made": "yesterday"}, "made", "date", "made is not a date"),
        ({"made": "2000-13-01"}, "made", "date", "made is not a date"),
        (
            {"made": "2000-12-01T10:00"},
            "made",
            "date",
            "made is a date with a time of day, and is to have none",
        ),
        ({"at": "yesterday"}, "at", "date", "at is not a date and time"),
        ({"hour": "noon"}, "hour", "time", "hour is not a time of day"),
        ({"hour": "25:00"}, "hour", "time", "hour is not a time of day"),
        ({"hour": "3600"}, "hour", "time", "hour is not a time of day"),
        ({"rounded": "1.005"}, "rounded", "number", "rounded has more decimal places than 2"),
        ({"rounded": "1234"}, "rounded", "number", "rounded has more digits before the point than 3"),
        ({"short": "12.34"}, "short", "number", "short has more digits than 3"),
        ({"shown": "perhaps"}, "shown", "truth", "shown is neither yes nor no"),
        ({"page": "www"}, "page", "uri", "page is not a URL"),
        ({"page": "ftp://x"}, "page", "uri", "page is not a URL of an allowed kind"),
        ({"kind": "Print"}, "kind", "not-allowed", "kind is not one of the values allowed"),
        ({"state": "fair"}, "state", "not-allowed", "state is not one of the values allowed"),
        ({"number": "x"}, "number", "pattern", "number does not have the form that is asked for"),
        (
            {"object_title": "\ud800"},
            "object_title",
            "surrogate",
            "object title holds characters that are no valid Unicode",
        ),
        ({"parts": "a"}, "part", "structure", "part is not a list"),
        ({"parts": [{}]}, "part", "missing", "part is missing"),
        ({"names": []}, "names", "missing", "names is missing"),
        ({"needed": None}, "needed", "invalid", "needed: Input should be a valid string"),
        ({"special": "x"}, "special", "invalid", "special: nothing is special"),
    ],
)
def test_each_fault_is_told_in_plain_words(
    given: dict[str, Any], field: str, code: str, message: str
) -> None:
    assert problems(**given) == [(field, code, message)]


def test_a_problem_names_its_column_and_quotes_the_value_up_to_a_bound() -> None:
    with pytest.raises(ValidationError) as caught:
        Thing.model_validate({"object_title": "x" * 10_000, "needed": "y"})
    (problem,) = problems_of(caught.value, {"object_title": "Title"})
    assert problem.column == "Title"
    assert problem.value.startswith("xxx")
    assert len(problem.value) == 200
    assert problem.hint == "Shorten it at the source"


def test_all_faults_are_told_each_once_and_not_without_end() -> None:
    assert [field for field, *_ in problems(count="x", made="y", parts=[{}, {}], state="z")] == [
        "count",
        "made",
        "state",
        "part",
    ]
    wanted: dict[str, Any] = {f"f{n}": (int, ...) for n in range(300)}
    model = create_model("Wide", **wanted)
    with pytest.raises(ValidationError) as caught:
        model.model_validate({})
    assert len(problems_of(caught.value, {})) == MANY_PROBLEMS


def test_faults_of_a_mapping_have_their_place_and_the_nearest_names() -> None:
    with pytest.raises(ValidationError) as caught:
        Mapping.model_validate(
            {"institution": {"name": "M", "id": "m", "langage": "en"}, "fields": {"title": "t"}}
        )
    told = mapping_problems(caught.value, Mapping)
    assert "institution.langage: nothing of this name can stand here (did you mean language" in told
    assert "fields.accession: this is missing" in told
    assert "fields.object_type: this is missing" in told
