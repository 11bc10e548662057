"""Parameters of commands as fields of a payload, and the arguments that they become."""

from typing import Any

import pytest
from pydantic import ValidationError

from runner.job_types.commands.command import command_type
from runner.job_types.commands.definition import Definition
from runner.job_types.commands.template import text_of


def command(argv: list[Any], **more: Any) -> Any:
    return command_type("a", Definition.model_validate({"argv": ["echo", *argv], **more}))


def arguments(argv: list[Any], parameters: dict[str, Any], **payload: Any) -> list[str]:
    """The arguments of a payload, without the program."""
    found = command(argv, parameters=parameters)
    values = vars(found.Payload.model_validate(payload))
    arguments: list[str] = found.definition.arguments(values)
    return arguments[1:]


def refused(argv: list[Any], parameter: dict[str, Any], value: Any) -> str:
    """The message that refuses a value of the parameter `x`."""
    with pytest.raises(ValidationError) as caught:
        arguments(argv, {"x": parameter}, x=value)
    (error,) = caught.value.errors()
    assert error["loc"][0] == "x"
    return str(error["msg"])


@pytest.mark.parametrize(
    "value",
    ["a b", "$(touch x)", "`id`", "; rm -rf /", "a\nb", "\"quotes'", "*", "{x}", "--", "é\u202e"],
)
def test_a_text_is_one_argument_whatever_it_contains(value: str) -> None:
    texts = {"x": {"type": "text"}}
    assert arguments(["a{x}b", "--x={x}"], texts, x=value) == [f"a{value}b", f"--x={value}"]


@pytest.mark.parametrize("argv", [["{x}"], ["{x}.png"], ["{y}{x}"]])
@pytest.mark.parametrize("value", ["-", "-rf", "--output=/etc/passwd"])
def test_a_text_cannot_become_an_option(argv: list[str], value: str) -> None:
    texts = {"x": {"type": "text"}, "y": {"type": "text"}}
    used = texts if "{y}" in argv[0] else {"x": texts["x"]}
    payload = dict.fromkeys(used, "")
    assert arguments(argv, used, **payload) == [argv[0].replace("{y}", "").replace("{x}", "")]
    with pytest.raises(ValidationError, match="it must not begin with -"):
        arguments(argv, used, **{**payload, "x": value})


def test_a_text_may_begin_with_a_dash_behind_a_literal_or_if_that_is_declared() -> None:
    text = {"x": {"type": "text"}}
    assert arguments(["--title={x}"], text, x="-rf") == ["--title=-rf"]
    declared = {"x": {"type": "text", "may_begin_with_dash": True}}
    assert arguments(["{x}"], declared, x="-rf") == ["-rf"]
    choices = {"x": {"type": "text", "choices": ["-1", "-9"]}}
    assert arguments(["{x}"], choices, x="-9") == ["-9"]


@pytest.mark.parametrize("kind", ["integer", "number"])
def test_a_number_cannot_become_an_option(kind: str) -> None:
    assert "greater than or equal to 0" in refused(["{x}"], {"type": kind}, -1)
    assert arguments(["n={x}"], {"x": {"type": kind}}, x=-1) == ["n=-1"]


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ({"type": "text"}, 5),
        ({"type": "text"}, None),
        ({"type": "text"}, ["a"]),
        ({"type": "text"}, "a\0b"),
        ({"type": "text"}, "a" * 1001),
        ({"type": "text", "max_length": 3}, "abcd"),
        ({"type": "text", "min_length": 3}, "ab"),
        ({"type": "text", "pattern": "[a-z]+"}, "abc\n"),
        ({"type": "text", "pattern": "[a-z]+"}, "abc-"),
        ({"type": "text", "pattern": "a|b"}, "ab"),
        ({"type": "text", "choices": ["a", "b"]}, "c"),
        ({"type": "integer"}, "5"),
        ({"type": "integer"}, 2.5),
        ({"type": "integer"}, True),
        ({"type": "integer", "minimum": 1, "maximum": 9}, 10),
        ({"type": "number"}, float("inf")),
        ({"type": "number"}, float("nan")),
        ({"type": "number", "maximum": 1.5}, 1.6),
        ({"type": "boolean"}, "true"),
    ],
)
def test_a_value_of_another_type_or_out_of_bounds_is_refused(
    parameter: dict[str, Any], value: Any
) -> None:
    assert refused(["v={x}"], parameter, value)


def test_an_unknown_parameter_is_refused() -> None:
    with pytest.raises(ValidationError, match="Extra inputs"):
        arguments(["{x}"], {"x": {"type": "text"}}, x="a", y="b")


def test_a_parameter_without_a_default_is_required() -> None:
    with pytest.raises(ValidationError, match="Field required"):
        arguments(["{x}"], {"x": {"type": "text"}})
    assert arguments(["{x}"], {"x": {"type": "integer", "default": 7}}) == ["7"]


def test_arguments_of_an_if_are_there_only_with_its_parameter() -> None:
    argv = [{"if": "x", "then": ["-t", "{x}"], "else": ["--none"]}]
    text = {"x": {"type": "text"}}
    assert arguments(argv, text, x="") == ["-t", ""]
    assert arguments(argv, text, x=None) == ["--none"]
    assert arguments(argv, text) == ["--none"]


def test_a_flag_is_false_unless_it_is_given() -> None:
    argv = [{"if": "x", "then": ["--x"]}]
    flag = {"x": {"type": "boolean"}}
    assert arguments(argv, flag) == []
    assert arguments(argv, flag, x=False) == []
    assert arguments(argv, flag, x=True) == ["--x"]
    on = {"x": {"type": "boolean", "default": True}}
    assert (arguments(argv, on), arguments(argv, on, x=False)) == (["--x"], [])


def test_doubled_braces_are_braces() -> None:
    assert arguments(["{{print ${x}}}"], {"x": {"type": "integer"}}, x=1) == ["{print $1}"]


def test_environment_variables_have_values_and_are_left_out_with_an_absent_one() -> None:
    found = command(
        [{"if": "x", "then": ["--x"]}],
        env={"A": "a={x}", "B": "{{}}"},
        parameters={"x": {"type": "text"}},
    )
    assert found.definition.environment({"x": "-1"}) == {"A": "a=-1", "B": "{}"}
    assert found.definition.environment({"x": None}) == {"B": "{}"}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        *((True, "true"), (5, "5"), (5.0, "5"), (0.25, "0.25"), (1e21, "1" + "0" * 21)),
        *((1e-7, "0.0000001"), (-2.5, "-2.5"), (10**30, "1" + "0" * 30)),
    ],
)
def test_numbers_have_no_exponent(value: Any, text: str) -> None:
    assert text_of(value) == text


def test_the_schema_of_a_command_has_types_bounds_and_texts_for_people() -> None:
    found = command(
        ["{x}", "--n={n}", {"if": "f", "then": ["-f"]}, {"if": "o", "then": ["{o}"]}, "{c}"],
        parameters={
            "x": {"type": "text", "description": "The name.", "example": "a"},
            "n": {"type": "integer", "minimum": 1, "maximum": 9, "default": 5},
            "f": {"type": "boolean"},
            "o": {"type": "text", "pattern": "[a-z]+"},
            "c": {"type": "text", "choices": ["a", "b"]},
        },
    )
    schema = found.Payload.model_json_schema()
    assert schema["required"] == ["x", "c"]
    assert schema["properties"] == {
        "x": {
            "title": "X",
            "description": "The name.",
            "examples": ["a"],
            "type": "string",
            "maxLength": 1000,
            "pattern": "^([^-]|$)",
        },
        "n": {
            "title": "N",
            "type": "integer",
            "minimum": 1,
            "maximum": 9,
            "default": 5,
            "examples": [5],
        },
        "f": {"title": "F", "type": "boolean", "default": False},
        "o": {
            "title": "O",
            "anyOf": [
                {"type": "string", "maxLength": 1000, "pattern": "^(?:[a-z]+)$"},
                {"type": "null"},
            ],
            "default": None,
        },
        "c": {"title": "C", "type": "string", "enum": ["a", "b"]},
    }


@pytest.mark.parametrize(
    ("codes", "code", "outcome"),
    [
        ({}, 0, "succeeded"),
        ({}, 1, "retry"),
        ({}, -9, "retry"),
        ({"1": "succeeded"}, 1, "succeeded"),
        ({"1": "succeeded"}, 0, "succeeded"),
        ({"0": "failed"}, 0, "failed"),
        ({"64-78": "failed", "75": "retry"}, 75, "failed"),
        ({"75": "retry", "64-78": "failed"}, 75, "retry"),
        ({"other": "failed"}, 3, "failed"),
        ({"other": "failed"}, -15, "failed"),
        ({"other": "failed"}, 0, "succeeded"),
    ],
)
def test_exit_codes_have_outcomes(codes: dict[str, str], code: int, outcome: str) -> None:
    assert command([], exit_codes=codes).definition.outcome(code) == outcome
