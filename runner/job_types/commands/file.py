"""Reads COMMANDS_FILE: a JSON object of commands by their names.

A command that is wrong does not keep the others from being used. Each is reported with the line on
which it begins.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, NoReturn

from pydantic import ValidationError

from runner.job_types.commands.checks import problems
from runner.job_types.commands.command import Command, command_type
from runner.job_types.commands.definition import Definition
from runner.job_types.json_values import Json, JsonValue
from runner.job_types.payload_errors import flaws

MAX_BYTES = 2**20
MAX_COMMANDS = 1000
MAX_SHOWN = 5
"""How many errors of one command are reported."""
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,99}")
EXAMPLE = '{"lines": {"argv": ["wc", "-l"], "stdin": "upload", "stdout": "text"}}'
_BLANK = tuple(" \t\n\r")
REMEDY = "correct it in COMMANDS_FILE; docs/commands.md describes the format"


class BrokenCommand(NamedTuple):
    """A command that cannot be used. `name` is empty if the file itself is wrong."""

    name: str
    line: int
    reason: str
    remedy: str


def command_types(path: Path) -> tuple[list[type[Command]], list[BrokenCommand]]:
    """Return the job types of all commands in a file, and the commands that cannot be used."""
    found: dict[str, type[Command]] = {}
    broken: list[BrokenCommand] = []
    try:
        text = _read(path)
        for name, line, document in _entries(text):
            try:
                _check_name(name, found)
                found[name] = command_type(name, _definition(document), line)
            except ValueError as error:
                broken.append(BrokenCommand(name, line, str(error), REMEDY))
    except _WrongFile as error:
        broken.append(BrokenCommand("", error.line, error.reason, REMEDY))
    return list(found.values()), broken


class _WrongFile(Exception):
    """The file cannot be read as a whole."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(reason)
        self.line, self.reason = line, reason


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
        if len(data) > MAX_BYTES:
            raise _WrongFile(1, f"it has more than {MAX_BYTES} bytes")
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise _WrongFile(1, "it is not UTF-8 text") from None
    except OSError as error:
        raise _WrongFile(1, f"it cannot be read: {error.strerror}") from None


def _entries(text: str) -> Iterator[tuple[str, int, JsonValue]]:
    """Yield name, line and document of each entry of a JSON object. Raises _WrongFile.

    Python's own parser does not tell where an entry is.
    """
    position = _skip(text, 0)
    if text[position : position + 1] != "{":
        raise _WrongFile(1, f"it must be an object of commands by their names, such as {EXAMPLE}")
    position = _skip(text, position + 1)
    if text[position : position + 1] == "}":
        position += 1
    else:
        for count in range(MAX_COMMANDS + 1):
            if count == MAX_COMMANDS:
                raise _WrongFile(_line(text, position), f"it has more than {MAX_COMMANDS} commands")
            begin = position
            name, position = _value(text, position)
            if not isinstance(name, str):
                raise _WrongFile(_line(text, begin), "a name must be in double quotes")
            position = _expect(text, position, ":")
            document, position = _value(text, position)
            yield name, _line(text, begin), document
            position = _skip(text, position)
            if text[position : position + 1] == "}":
                position += 1
                break
            position = _expect(text, position, ",")
    if _skip(text, position) != len(text):
        raise _WrongFile(_line(text, position), "there is text after the object")


def _skip(text: str, position: int) -> int:
    while text[position : position + 1] in _BLANK:
        position += 1
    return position


def _expect(text: str, position: int, character: str) -> int:
    """Return the position of the next value after a separator. Raises _WrongFile."""
    position = _skip(text, position)
    if text[position : position + 1] != character:
        raise _WrongFile(_line(text, position), f"it is not JSON: a {character} is missing")
    return _skip(text, position + 1)


def _value(text: str, position: int) -> tuple[JsonValue, int]:
    try:
        return _DECODER.raw_decode(text, position)
    except json.JSONDecodeError as error:
        raise _WrongFile(error.lineno, f"it is not JSON: {error.msg}") from None
    except (ValueError, RecursionError) as error:
        raise _WrongFile(_line(text, position), f"it is not JSON: {error}") from None


def _line(text: str, position: int) -> int:
    return text.count("\n", 0, position) + 1


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON")


def _unique(pairs: list[tuple[str, JsonValue]]) -> Json:
    document = dict(pairs)
    if len(document) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"{twice[:100]!r} is there twice in one object")
    return document


_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_refuse_constant)


def _check_name(name: str, found: Json) -> None:
    """Raise ValueError if a command cannot have this name."""
    if name in found:
        raise ValueError("two commands have this name")
    if not NAME.fullmatch(name):
        raise ValueError(
            "the name of a command has letters, digits, _, - and ., begins with a letter, and has "
            "at most 100 characters"
        )


def _definition(document: JsonValue) -> Definition:
    """Return a command. Raises ValueError with what is wrong."""
    if not isinstance(document, dict):
        raise ValueError('it must be an object, such as {"argv": ["wc", "-l"], "stdin": "upload"}')
    try:
        definition = Definition.model_validate(document)
        found = list(problems(definition))
    except ValidationError as error:
        found = [
            f"{flaw.path}: {flaw.detail}" if flaw.path else flaw.detail
            for flaw in flaws(error, document, Definition)
        ]
    if found:
        more = [f"and {len(found) - MAX_SHOWN} more"] if len(found) > MAX_SHOWN else []
        raise ValueError("; ".join([*found[:MAX_SHOWN], *more]))
    return definition
