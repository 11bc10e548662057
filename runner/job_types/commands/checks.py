"""Checks whether the fields of a command fit together."""

import os
import re
from collections.abc import Iterator
from dataclasses import fields

from runner.job_types.base import Defaults
from runner.job_types.commands.definition import (
    ALL_UPLOADS,
    OTHER,
    UPLOAD,
    UPLOADS,
    Definition,
    OutputFile,
    codes_of,
)
from runner.job_types.commands.files import is_inside
from runner.job_types.commands.parameters import BUILT_IN
from runner.job_types.commands.template import Template

_DEFAULTS = frozenset(field.name for field in fields(Defaults))


def problems(command: Definition) -> Iterator[str]:
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
