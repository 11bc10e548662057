"""The errors of Pydantic models, in plain sentences."""

import re
from typing import Any, get_args

import pytest
from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model
from pydantic_core import InitErrorDetails, PydanticCustomError, core_schema
from typing_extensions import TypedDict

from loganalysis.request.flaws import SENTENCES, flaws
from runner.job_types.base import Payload

CONTEXT: dict[str, Any] = {
    **{"gt": 1, "ge": 1.0, "lt": 1, "le": 1.5, "multiple_of": 2, "field_type": "List"},
    **{"min_length": 1, "max_length": 3, "actual_length": 5, "pattern": "a+", "encoding": "utf-8"},
    **{"expected": "'a' or 'b'", "max_digits": 1, "whole_digits": 2, "decimal_places": 3},
    **{
        "error": "pydantic",
        "class": "X",
        "attribute": "a",
        "encoding_error": "e",
        "method_name": "m",
        "class_name": "X",
    },
    **{"expected_version": 4, "expected_schemes": "'https'", "discriminator": "'kind'"},
    **{"expected_tags": "'a', 'b'", "tag": "c", "tz_expected": 0, "tz_actual": 60, "name": "n"},
    **{"mapping_type": "Mapping"},
}
"""Values for the contexts of all errors."""
PYDANTIC = re.compile(
    "input|should|a valid|pydantic|instance|dictionary|keyword|argument|attribute|string|integer"
    "|boolean|extra|parse|tuple|frozen|callable|{",
    re.IGNORECASE,
)
"""Words of Pydantic's own messages."""


def found(model: type[BaseModel], document: Any) -> list[tuple[str, str, str]]:
    """The path, code and detail of each error."""
    with pytest.raises(ValidationError) as caught:
        model.model_validate(document)
    return [(each.path, each.code, each.detail) for each in flaws(caught.value, document, model)]


@pytest.mark.parametrize("kind", get_args(core_schema.ErrorType))
def test_every_kind_of_error_has_a_plain_sentence(kind: str) -> None:
    own = {"error": ValueError("mine")} if kind in ("value_error", "assertion_error") else {}
    context = CONTEXT | own
    details = InitErrorDetails(type=kind, loc=("x",), input=None, ctx=context)
    error = ValidationError.from_exception_data("M", [details])
    (flaw,) = flaws(error, {"x": None}, create_model("M", x=(Any, ...)))
    assert flaw.code in {code for code, _ in SENTENCES.values()}
    assert flaw.detail
    assert flaw.detail == "mine" if own else not PYDANTIC.search(flaw.detail)


def test_the_table_has_no_kind_that_does_not_exist() -> None:
    assert set(SENTENCES) == set(get_args(core_schema.ErrorType))


class Inner(Payload):
    colour: str = Field("red", alias="color")
    size: int = 1


class Other(Payload):
    weight: int


class Outer(Payload):
    model_config = ConfigDict(strict=True)

    many: list[Inner] = Field(default=[])
    one: Inner | Other | None = None
    by_name: dict[str, list[Inner]] = Field(default={})
    count: int | list[str] | None = None
    limit: float = Field(1.0, le=5.0)
    text: str = Field("a", min_length=1)


def test_paths_are_as_the_client_wrote_them() -> None:
    assert found(Outer, {"many": [{}, {"size": "1"}], "by_name": {"a b": [{"size": 1.5}]}}) == [
        ("many[1].size", "wrong_type", "it must be a whole number"),
        ("by_name.a b[0].size", "wrong_type", "it must be a whole number"),
    ]


def test_the_types_of_a_union_are_named_in_one_error() -> None:
    assert found(Outer, {"count": "1"}) == [
        ("count", "wrong_type", "it must be a whole number or a list")
    ]
    assert found(Outer, {"one": 5}) == [("one", "wrong_type", "it must be an object")]


def test_the_members_of_a_union_are_not_in_the_path() -> None:
    errors = found(Outer, {"one": {"weight": "x"}})
    assert ("one.weight", "wrong_type", "it must be a whole number") in errors
    assert {path for path, _, _ in errors} == {"one.weight"}


class Shown(Payload):
    model_config = ConfigDict(strict=True)

    size: float | None = Field(1, gt=0, examples=[5], json_schema_extra={"x-unit": "seconds"})
    names: list[str] = Field(default=[], max_length=1, examples=[["é"]])


def test_an_example_of_the_schema_is_shown_with_its_unit() -> None:
    must = "it must be a number, for example 5 (seconds)"
    assert found(Shown, {"size": "1h"}) == [("size", "wrong_type", must)]
    assert found(Shown, {"size": 0}) == [
        ("size", "out_of_range", "it must be above 0, for example 5 (seconds)")
    ]
    must = 'it must be a list, for example ["é"]'
    assert found(Shown, {"names": "a"}) == [("names", "wrong_type", must)]
    assert found(Shown, {"names": [5]}) == [("names[0]", "wrong_type", "it must be a text")]


def test_numbers_and_plurals_are_written_as_people_write_them() -> None:
    assert found(Outer, {"limit": 6, "text": ""}) == [
        ("limit", "out_of_range", "it must be at most 5"),
        ("text", "wrong_length", "it must have at least 1 character"),
    ]


def test_the_fields_that_are_known_come_with_an_unknown_one() -> None:
    document = {"colour": 1, "many": [{"x": 1}], "one": {"y": 1, "weight": 1}}
    with pytest.raises(ValidationError) as caught:
        Outer.model_validate(document)
    known = {flaw.path: flaw.known for flaw in flaws(caught.value, document, Outer)}
    assert known["colour"] == tuple(Outer.model_fields)
    assert known["many[0].x"] == ("color", "size")
    assert known["one.y"] == ("color", "size", "weight")


class Size(TypedDict):
    width: int


class WithDictionary(Payload):
    size: Size


def test_no_names_come_with_an_unknown_field_whose_neighbours_are_not_known() -> None:
    document = {"size": {"width": 1, "height": 1}}
    with pytest.raises(ValidationError) as caught:
        WithDictionary.model_validate(document)
    (flaw,) = flaws(caught.value, document, WithDictionary)
    assert (flaw.path, flaw.known) == ("size.height", ())


def test_a_long_key_is_cut() -> None:
    ((path, _, _),) = found(Outer, {"x" * 1000: 1})
    assert path == "x" * 100


def test_the_message_of_an_error_of_a_job_type_is_used_as_it_is() -> None:
    error = PydanticCustomError("my_kind", "no {what}", {"what": "luck"})
    details = InitErrorDetails(type=error, loc=(), input=None)
    (flaw,) = flaws(ValidationError.from_exception_data("M", [details]), {}, Outer)
    assert (flaw.path, flaw.code, flaw.detail) == ("", "invalid", "no luck")
