"""COMMANDS_FILE: which commands are found, and which messages describe unusable ones."""

import json
from pathlib import Path
from typing import Any

import pytest

from runner.job_types.commands import file
from runner.job_types.commands.file import BrokenCommand, command_types

TEXT = {"x": {"type": "text"}}


def read(folder: Path, text: str) -> tuple[list[str], list[BrokenCommand]]:
    path = folder / "commands.json"
    path.write_text(text)
    found, broken = command_types(path)
    return [each.name for each in found], broken


def problem(folder: Path, **definition: Any) -> str:
    """The problem of a command. The other command of the file is found."""
    found, broken = read(folder, json.dumps({"good": {"argv": ["true"]}, "bad": definition}))
    assert found == ["good"]
    (one,) = broken
    assert one.name == "bad"
    assert "docs/commands.md" in one.remedy
    return one.reason


def test_each_command_is_a_job_type(tmp_path: Path) -> None:
    text = (
        '{"count": {"argv": ["wc", "-l"], "stdin": "upload", "summary": "Counts", "version": "2"}}'
    )
    (tmp_path / "commands.json").write_text(text)
    (found,), broken = command_types(tmp_path / "commands.json")
    assert (found.name, found.__doc__, found.upload, broken) == ("count", "Counts", "required", [])
    assert vars(found)["version"] == "2"


def test_a_file_without_commands_has_none(tmp_path: Path) -> None:
    assert read(tmp_path, " {} \n") == ([], [])


def test_a_command_that_is_wrong_keeps_no_other_from_being_found(tmp_path: Path) -> None:
    text = '{\n"a": {"argv": ["true"]},\n"b": 5,\n\n"c": {"argv": []},\n"d": {"argv": ["true"]}}'
    found, broken = read(tmp_path, text)
    assert found == ["a", "d"]
    assert [(each.name, each.line) for each in broken] == [("b", 3), ("c", 5)]


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("[]", 1, "must be an object of commands by their names"),
        ('{\n"a": {"argv": ["true"]}\n"b": {}}', 3, "a , is missing"),
        ('{"a"\n 5}', 2, "a : is missing"),
        ('{"a": {"argv": [}}', 1, "not JSON"),
        ('{"a": {"argv": ["x"], "argv": ["y"]}}', 1, "'argv' is there twice"),
        ('{"a": {"timeout": NaN}}', 1, "NaN is no number of JSON"),
        ('{"a": 5} {}', 1, "text after the object"),
        ('{5: {"argv": ["true"]}}', 1, "a name must be in double quotes"),
        ('{"a": ' + "[" * 100_000, 1, "not JSON"),
        ("{", 1, "not JSON"),
        ("", 1, "must be an object"),
    ],
)
def test_a_file_that_is_not_json_is_reported_with_the_line(
    tmp_path: Path, text: str, line: int, reason: str
) -> None:
    *_, broken = read(tmp_path, text)[1]
    assert (broken.name, broken.line) == ("", line)
    assert reason in broken.reason


def test_a_file_that_cannot_be_read_is_reported(tmp_path: Path) -> None:
    assert "No such file" in command_types(tmp_path / "none.json")[1][0].reason
    (tmp_path / "latin.json").write_bytes(b'{"\xe9": 5}')
    assert "not UTF-8" in command_types(tmp_path / "latin.json")[1][0].reason
    (tmp_path / "large.json").write_bytes(b" " * (file.MAX_BYTES + 1))
    assert "more than 1048576 bytes" in command_types(tmp_path / "large.json")[1][0].reason


def test_a_name_that_is_there_twice_is_reported(tmp_path: Path) -> None:
    found, broken = read(tmp_path, '{"a": {"argv": ["true"]},\n"a": {"argv": ["false"]}}')
    assert found == ["a"]
    assert [(each.line, each.reason) for each in broken] == [(2, "two commands have this name")]


@pytest.mark.parametrize("name", ["", "-a", "a b", "a/b", "é", "a" * 101, "1"])
def test_a_name_that_no_command_can_have_is_reported(tmp_path: Path, name: str) -> None:
    found, broken = read(tmp_path, json.dumps({name: {"argv": ["true"]}}))
    assert found == []
    assert "the name of a command has letters" in broken[0].reason


def test_more_commands_than_allowed_are_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file, "MAX_COMMANDS", 2)
    commands = {f"c{n}": {"argv": ["true"]} for n in range(3)}
    found, broken = read(tmp_path, json.dumps(commands))
    assert len(found) == 2
    assert "more than 2 commands" in broken[0].reason


@pytest.mark.parametrize(
    ("definition", "reason"),
    [
        ({}, "argv: it is required"),
        ({"argv": "ls -l"}, "argv: it must be a list"),
        ({"argv": ["true", 5]}, "argv[1]: it must be a text"),
        ({"argv": ["true"], "shell": True}, "shell: unknown field"),
        ({"argv": ["{x}"], "parameters": TEXT}, "argv: the program must not have parameters"),
        ({"argv": ["./tool"]}, "must be a name in PATH, or a path that begins with /"),
        ({"argv": [{"if": "a", "then": ["b"]}]}, "argv: the first element must be the program"),
        ({"argv": [""]}, "argv: the first element must be the program"),
        ({"argv": ["echo", "{x"]}, "argv[1]: '{x': a { must be doubled"),
        ({"argv": ["echo", "a\0b"]}, "argv[1]: it must not contain NUL"),
        ({"argv": ["echo", "{x}"]}, "parameters: x is not there"),
        ({"argv": ["echo"], "parameters": TEXT}, "parameters.x: nothing uses it"),
        ({"argv": ["echo", {"if": "x"}]}, "argv[1]: it needs arguments"),
        ({"argv": ["echo", {"if": "upload", "then": ["a"]}]}, '"if" must name a parameter'),
        (
            {
                "argv": ["echo", {"if": "x", "then": ["{x}"]}],
                "parameters": {"x": {"type": "text", "default": "a"}},
            },
            'argv: "if": "x" is always true, because x has a default',
        ),
        (
            {"argv": ["echo", "{x}", {"if": "x", "then": ["{x}"]}], "parameters": TEXT},
            "argv: {x} may be absent",
        ),
        (
            {"argv": ["echo", {"if": "x", "else": ["{x}"]}], "parameters": TEXT},
            "argv: {x} may be absent",
        ),
        ({"argv": ["cat", "{upload}"], "upload": "optional"}, "argv: {upload} may be absent"),
        ({"argv": ["cat", "{uploads}"], "upload": "optional"}, "argv: {uploads} may be absent"),
        ({"argv": ["cat", "a={uploads}"]}, "must be an element of argv of its own"),
        ({"argv": ["cat"], "env": {"A": "{uploads}"}}, "must be an element of argv of its own"),
        ({"argv": ["true"], "upload": "maybe"}, "upload: it must be 'none', 'required' or 'opt"),
        ({"argv": ["true"], "stdin": "file"}, "stdin: it must be 'none' or 'upload'"),
        ({"argv": ["true"], "stdout": "html"}, "stdout: it must be 'log', 'text' or 'json'"),
        ({"argv": ["true"], "stdout": {"path": "a"}}, "stdout.file: it is required"),
        ({"argv": ["true"], "stdout": {"file": "/tmp/a"}}, "stdout.file: it must be a path in the"),
        ({"argv": ["true"], "files": ["../*"]}, "files[0]: it must be a path in the folder"),
        ({"argv": ["true"], "files": ["a", "/etc/*"]}, "files[1]: it must be a path in the folder"),
        (
            {
                "argv": ["true", {"if": "x", "then": ["-x"]}],
                "parameters": TEXT,
                "stdout": {"file": "{x}"},
            },
            "stdout.file: {x} may be absent: give it a default",
        ),
        ({"argv": ["true"], "exit_codes": {"1": "ok"}}, "exit_codes.1: it must be 'succeeded'"),
        ({"argv": ["true"], "exit_codes": {"256": "retry"}}, 'exit_codes: "256" must be a code'),
        ({"argv": ["true"], "exit_codes": {"9-1": "retry"}}, 'exit_codes: "9-1" must be a code'),
        ({"argv": ["true"], "env": {"A B": "x"}}, "env: 'A B' is not the name of an"),
        ({"argv": ["true"], "env": {"A": 5}}, "env.A: it must be a text"),
        ({"argv": ["true"], "defaults": {"retries": 3}}, "defaults: unknown option 'retries'"),
        (
            {"argv": ["true"], "isolation": "new"},
            "isolation: it must be 'caller', 'shared' or 'fresh'",
        ),
        ({"argv": ["true"], "working_folder": "out"}, "working_folder: it must begin with /"),
        ({"argv": ["cat", "{upload}"], "upload": "none"}, 'upload: "none" does not fit'),
        ({"argv": ["true"], "upload_as": "in.txt"}, "upload_as: no argument is {upload}"),
        ({"argv": ["cat", "{upload}"], "upload_as": "../in"}, "upload_as: it must be a name"),
        ({"argv": ["cat", "{upload}"], "upload_as": "-rf"}, "upload_as: it must be a name"),
    ],
)
def test_a_definition_that_is_wrong_is_reported(
    tmp_path: Path, definition: dict[str, Any], reason: str
) -> None:
    assert reason in problem(tmp_path, **definition)


@pytest.mark.parametrize(
    ("name", "parameter", "reason"),
    [
        ("x", {}, "parameters.x: it needs the field 'type'"),
        ("x", {"type": "path"}, "parameters.x: its 'type' must be 'text', 'integer'"),
        ("X", {"type": "text"}, "parameters.X: its name must have a to z"),
        ("upload", {"type": "text"}, "parameters.upload: its name is taken"),
        ("copy", {"type": "text"}, "parameters.copy: its name is taken: use another"),
        ("model_x", {"type": "text"}, "parameters.model_x: its name is taken"),
        ("x", {"type": "text", "pattern": "("}, "parameters.x: its pattern is not a regex"),
        ("x", {"type": "text", "choices": []}, "parameters.x.choices: it must have at least 1"),
        ("x", {"type": "text", "choices": ["a"], "pattern": "a"}, "choices leave no room"),
        ("x", {"type": "text", "choices": ["a\0"]}, "its choices must not contain NUL"),
        ("x", {"type": "text", "choices": ["a"], "default": "b"}, "its default cannot be a value"),
        ("x", {"type": "text", "min_length": 5, "max_length": 4}, "min_length is above max_length"),
        ("x", {"type": "text", "max_length": 10_001}, "x.max_length: it must be at most 10000"),
        ("x", {"type": "integer", "default": 2.5}, "x.default: it must be a whole number"),
        ("x", {"type": "integer", "minimum": 3, "maximum": 2}, "minimum is above maximum"),
        ("x", {"type": "integer", "maximum": 2, "example": 3}, "its example cannot be a value"),
        ("x", {"type": "number", "minimum": "0"}, "x.minimum: it must be a number"),
        ("x", {"type": "text", "description": 5}, "x.description: it must be a text"),
    ],
)
def test_a_parameter_that_is_wrong_is_reported(
    tmp_path: Path, name: str, parameter: dict[str, Any], reason: str
) -> None:
    argv = ["echo", f"{{{name}}}"] if name != "X" else ["echo"]
    assert reason in problem(tmp_path, argv=argv, parameters={name: parameter})


def test_a_number_that_may_be_negative_where_an_option_could_be_must_be_declared(
    tmp_path: Path,
) -> None:
    number = {"type": "integer", "minimum": -5}
    reason = problem(tmp_path, argv=["seq", "{x}"], parameters={"x": number})
    assert "may_begin_with_dash" in reason
    declared = {"type": "integer", "minimum": -5, "may_begin_with_dash": True}
    for argv, parameter in ((["seq", "{x}"], declared), (["seq", "-n{x}"], number)):
        text = json.dumps({"a": {"argv": argv, "parameters": {"x": parameter}}})
        assert read(tmp_path, text) == (["a"], [])
