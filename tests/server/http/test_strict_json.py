"""Strict JSON: refuses what I-JSON forbids, wherever it is, and names the place."""

import json

import pytest

from server.http.problems import Problem
from server.http.strict_json import MAX_DEPTH, parse

ACCEPTED = [
    "0",
    '"\\ud83d\\ude00 \\u00e9 \\\\u0000"',
    '{"a": [1, -2.5, null, true, {"b": []}], "": {}}',
    "[" * MAX_DEPTH + "1" + "]" * MAX_DEPTH,
    '{"a":' * MAX_DEPTH + "{}" + "}" * MAX_DEPTH,
    "9" * 300,
]
REFUSED = [
    ("NaN", "NaN is not JSON"),
    ("-Infinity", "-Infinity is not JSON"),
    ("1e999", "out of the range of a double"),
    ("9" * 310, "out of the range of a double"),
    ('"\\u0000"', "NUL"),
    ('"\\uD800"', "lone surrogate"),
    ('"\\udfff\\ud800"', "lone surrogate"),
    ('{"k": 1, "k": 1}', "k: given twice"),
    ('{"k\\u0000": 1}', "NUL"),
    ('{"k\\udabc": 1}', "lone surrogate"),
]
PLACES = [
    "{}",
    "[{}]",
    '{{"a": [1, {}, 2]}}',
    "[[], {{}}, [[[{}]]]]",
    '{{"a": 1, "b": {{"c": {}}}}}',
]


@pytest.mark.parametrize("text", ACCEPTED)
def test_valid_documents_are_parsed(text: str) -> None:
    assert parse(text.encode()) == json.loads(text)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(("text", "reason"), REFUSED)
def test_a_flaw_is_found_at_every_place(place: str, text: str, reason: str) -> None:
    with pytest.raises(Problem) as caught:
        parse(place.format(text).encode())
    assert caught.value.status == 400
    assert reason in caught.value.detail


def test_the_place_of_a_flaw_is_named() -> None:
    with pytest.raises(Problem, match=r"the body at a\[2\]\.b\[0\]: NaN is not JSON"):
        parse(b'{"a": [1, [], {"b": [NaN]}]}')


@pytest.mark.parametrize("inner", ["[1]", '{"a": 1}', "[[]]"])
def test_a_document_may_not_be_deeper_than_the_limit(inner: str) -> None:
    text = "[" * MAX_DEPTH + inner + "]" * MAX_DEPTH
    with pytest.raises(Problem, match="nested deeper than 32 levels"):
        parse(text.encode())
