"""JSON text from job processes: exactly what listeners and clients can read is accepted."""

import json

import pytest

from runner.pool.protocol.answers import MAX_LEVELS, MAX_VALUES, parse_json

JSON = (
    *("1", " [1, 2.5e3] ", '"\\u0000\\ud83d\\ude00"', '{"a": {"a": []}}', "9" * 308, "-1e-400"),
    *("[" * MAX_LEVELS + "]" * MAX_LEVELS, '{"a":' * MAX_LEVELS + "0" + "}" * MAX_LEVELS),
)
TOO_DEEP = MAX_LEVELS + 1
NO_JSON = (
    *(
        b"",
        b"{",
        b"1 2",
        b"nul",
        b"'a'",
        b"NaN",
        b"[Infinity]",
        b"-Infinity",
        b"1e400",
        b"9" * 5000,
    ),
    *(b'"\xff"', b'"\xed\xa0\x80"', b'"\\ud800"', b'"\\udc00\\ud800"', b'"\x00"', b"\xef\xbb\xbf1"),
    *(
        b"[" * TOO_DEEP + b"]" * TOO_DEEP,
        b'{"a":' * TOO_DEEP + b"0" + b"}" * TOO_DEEP,
        b"[" * 10**6,
    ),
)


@pytest.mark.parametrize("text", JSON)
def test_json_is_accepted(text: str) -> None:
    parse_json(text.encode())
    json.dumps(json.loads(text), allow_nan=False)


@pytest.mark.parametrize("text", NO_JSON)
def test_anything_else_is_refused(text: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 (its text comes from the parser)
        parse_json(text)


def test_many_brackets_are_accepted_unless_they_are_nested() -> None:
    parse_json(b"[" + b"[{}]," * 10_000 + b"0]")


@pytest.mark.heavy
def test_the_number_of_values_is_limited() -> None:
    parse_json(b"[" + b"0," * (MAX_VALUES - 1) + b"0]")
    with pytest.raises(ValueError, match="more than 1000000 values"):
        parse_json(b"[" + b"0," * MAX_VALUES + b"0]")
    with pytest.raises(ValueError, match="more than 1000000 values"):
        parse_json(b"[" * (MAX_VALUES + 1))


def test_commas_and_brackets_inside_strings_are_no_values() -> None:
    text = '"' + '[,{\\"' * MAX_VALUES + '"'
    assert parse_json(text.encode()) == json.loads(text)


def test_an_unfinished_string_is_refused_in_linear_time() -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        parse_json(b'"' + b',\\"' * (2 * MAX_VALUES))
