"""Reads and checks COMMANDS_FILE: a JSON object of commands by their names.

A command that is wrong does not keep the others from being used. Each is reported with the line on
which it begins.
"""

import json
import os
import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import NamedTuple, NoReturn

from pydantic import ValidationError

from loganalysis import flaws
from runner.job_types.base import Defaults
from runner.job_types.commands.command import Command, command_type
from runner.job_types.commands.definition import (
    ALL_UPLOADS,
    OTHER,
    UPLOAD,
    UPLOADS,
    Definition,
    OutputFile,
    codes_of,
)
from runner.job_types.commands.made_files import is_inside
from runner.job_types.commands.parameters import BUILT_IN
from runner.job_types.commands.template import Template
from runner.job_types.json_values import Json, JsonValue

MAX_BYTES = 2**20
MAX_COMMANDS = 1000
MAX_SHOWN = 5
"""How many errors of one command are reported."""
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,99}")
EXAMPLE = '{"lines": {"argv": ["wc", "-l"], "stdin": "upload", "stdout": "text"}}'
_BLANK = tuple(" \t\n\r")
REMEDY = "correct it in COMMANDS_FILE; docs/commands.md describes the format"

_DEFAULTS = frozenset(field.name for field in fields(Defaults))


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
    """Return a command. Raises ValueError with its problems."""
    if not isinstance(document, dict):
        raise ValueError('it must be an object, such as {"argv": ["wc", "-l"], "stdin": "upload"}')
    try:
        definition = Definition.model_validate(document)
        found = list(_problems_of_fields(definition))
    except ValidationError as error:
        found = [
            f"{flaw.path}: {flaw.detail}" if flaw.path else flaw.detail
            for flaw in flaws(error, document, Definition)
        ]
    if found:
        more = [f"and {len(found) - MAX_SHOWN} more"] if len(found) > MAX_SHOWN else []
        raise ValueError("; ".join([*found[:MAX_SHOWN], *more]))
    return definition


def _problems_of_fields(command: Definition) -> Iterator[str]:
    """Yield what does not fit together, each as `field: what is wrong and how to mend it`."""
    yield from _program_problems(command)
    yield from _parameter_problems(command)
    yield from _argument_problems(command)
    yield from _env_problems(command)
    for name in sorted(command.defaults.keys() - _DEFAULTS):
        known = ", ".join(sorted(_DEFAULTS))
        yield f"defaults: unknown option {name[:100]!r}; the options are {known}"
    for key in command.exit_codes:
        if key != OTHER and codes_of(key) is None:
            yield (
                f'exit_codes: "{key[:100]}" must be a code such as "3", a range such as '
                f'"10-19", or "{OTHER}"'
            )
    yield from _uploads_problems(command)
    if command.upload_as and (problem := _name_problem(command.upload_as)):
        yield f"upload_as: {problem}"
    elif command.upload_as and UPLOAD not in command.inserted:
        yield "upload_as: no argument is {upload}, so the name would have no effect"
    yield from _file_problems(command)
    if command.working_folder and not os.path.isabs(command.working_folder):
        yield "working_folder: it must begin with /; without it, it is the folder of the job"


def _uploads_problems(command: Definition) -> Iterator[str]:
    if command.upload == "none" and command.uses_upload:
        yield 'upload: "none" does not fit a command that reads {upload}: leave it out'
    parts = [text for text in command.texts if text != ALL_UPLOADS]
    for text in [*parts, *command.other_texts]:
        if UPLOADS in Template(text).names:
            yield (
                f"{text[:100]!r}: {ALL_UPLOADS} becomes an argument for each file, so it must be an"
                " element of argv of its own"
            )


def _file_problems(command: Definition) -> Iterator[str]:
    texts = {f"files[{number}]": text for number, text in enumerate(command.files)}
    if isinstance(command.stdout, OutputFile):
        texts["stdout.file"] = command.stdout.file
    for field, text in texts.items():
        if not is_inside(Template(text).fill(dict.fromkeys(Template(text).names, "x"))):
            yield f"{field}: it must be a path in the folder of the job, such as out/page.html"
    if isinstance(command.stdout, OutputFile):
        for name in filter(command.is_optional, Template(command.stdout.file).names):
            yield f"stdout.file: {{{name}}} may be absent: give it a default"


def _program_problems(command: Definition) -> Iterator[str]:
    program = command.argv[0]
    if not isinstance(program, str) or not program:
        yield 'argv: the first element must be the program, such as "ffmpeg"'
    elif Template(program).names:
        yield "argv: the program must not have parameters: define a command for each program"
    elif "/" in program and not os.path.isabs(program):
        yield f"argv: {program[:100]!r} must be a name in PATH, or a path that begins with /"


def _parameter_problems(command: Definition) -> Iterator[str]:
    for name, parameter in command.parameters.items():
        yield from (f"parameters.{name[:100]}: {each}" for each in parameter.problems(name))
    for name in sorted(command.parameters.keys() - command.used):
        yield f"parameters.{name}: nothing uses it: write {{{name}}} into argv"
    for name in sorted(command.used - command.parameters.keys() - BUILT_IN):
        yield (
            f"parameters: {name[:100]} is not there, but the command uses it: add it, for "
            f'example "{name[:100]}": {{"type": "text"}}'
        )
    for name in sorted(command.first_names & command.parameters.keys()):
        least = getattr(command.parameters[name], "minimum", None)
        if least is not None and least < 0 and not command.parameters[name].may_begin_with_dash:
            yield (
                f"parameters.{name}: its minimum is negative, and an argument begins with it: "
                f'write "may_begin_with_dash": true if the program does not take -1 for an '
                f"option"
            )


def _argument_problems(command: Definition) -> Iterator[str]:
    for name in sorted(command.conditions):
        if name in (UPLOAD, UPLOADS) and command.upload == "optional":
            continue
        if name in BUILT_IN:
            yield (
                f'argv: "if" must name a parameter, and {name} is none; {UPLOAD} can be named '
                f'with "upload": "optional"'
            )
        elif (parameter := command.parameters.get(name)) and not parameter.may_be_absent:
            yield f'argv: "if": "{name}" is always true, because {name} has a default'
    for names, allowed in command.scopes:
        for name in names:
            if command.is_optional(name) and name not in allowed:
                yield (
                    f"argv: {{{name}}} may be absent: use it only in an if that names it, "
                    f'as in {{"if": "{name}", "then": ["{{{name}}}"]}}'
                )


def _name_problem(name: str) -> str | None:
    """Return why a text cannot be the name of a file; None if it can."""
    if name in (".", "..") or "/" in name or "\0" in name or name.startswith("-"):
        return "it must be a name such as input.docx, without /, and not begin with -"
    return None


def _env_problems(command: Definition) -> Iterator[str]:
    for name in command.env:
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
            yield f"env: {name[:100]!r} is not the name of an environment variable"
