"""The format of a command in COMMANDS_FILE, and what must fit together in it.

{"argv": ["pandoc", "--to", "{format}", {"if": "toc", "then": ["--toc"]}, "{upload}"],
 "parameters": {"format": {"type": "text", "choices": ["html", "docx"]},
                "toc": {"type": "boolean"}}}
"""

import os
import re
from collections.abc import Iterator
from dataclasses import fields
from functools import cached_property
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    model_validator,
)

from runner.job_types.base import Defaults
from runner.job_types.commands.parameters import BUILT_IN, Parameter
from runner.job_types.commands.template import Template

MAX_ARGUMENTS = 1000
_CODES = re.compile(r"(\d{1,3})(?:-(\d{1,3}))?")
_MAX_CODE = 255
_DEFAULTS = frozenset(field.name for field in fields(Defaults))
UPLOAD = "upload"
"""The name of the value that is the path of the uploaded file."""
OTHER = "other"
"""The key of the outcome of all exit codes that are not named, and of signals."""

Outcome = Literal["succeeded", "failed", "retry"]


class Strict(BaseModel):
    """The base class of all parts of a definition: it refuses unknown fields and other types."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


def _template(text: str) -> str:
    if "\0" in text:
        raise ValueError("it must not contain NUL")
    Template(text)
    return text


Text = Annotated[str, Field(max_length=100_000), AfterValidator(_template)]
"""A text with `{parameters}`."""


class Condition(Strict):
    """Arguments that depend on a parameter: on whether it is true, or given at all."""

    name: Annotated[str, Field(alias="if")]
    then: list[Text] = []
    otherwise: Annotated[list[Text], Field(alias="else")] = []

    @model_validator(mode="after")
    def _has_arguments(self) -> Self:
        if not (self.then or self.otherwise):
            raise ValueError('it needs arguments, such as {"if": "toc", "then": ["--toc"]}')
        return self


def _kind(argument: Any) -> str:
    return "condition" if isinstance(argument, dict | Condition) else "text"


Argument = Annotated[
    Annotated[Text, Tag("text")] | Annotated[Condition, Tag("condition")], Discriminator(_kind)
]


class Definition(Strict):
    """A command of COMMANDS_FILE."""

    summary: Annotated[str, Field(max_length=200)] = ""
    version: Annotated[str, Field(max_length=100)] = ""
    argv: Annotated[list[Argument], Field(min_length=1, max_length=MAX_ARGUMENTS)]
    parameters: dict[str, Parameter] = {}
    upload: Literal["none", "required", "optional"] | None = None
    upload_as: Annotated[str, Field(max_length=255)] = ""
    stdin: Literal["none", "upload"] = "none"
    stdout: Literal["log", "text", "json"] = "log"
    exit_codes: dict[str, Outcome] = {}
    env: dict[str, Text] = {}
    working_folder: str = ""
    defaults: dict[str, Any] = {}
    isolation: Literal["shared", "fresh"] = "shared"
    network: bool = True

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        problem = next(self._problems(), None)
        if problem:
            raise ValueError(problem)
        return self

    def _problems(self) -> Iterator[str]:
        """Yield what does not fit together, each as `field: what is wrong and how to mend it`."""
        yield from self._program_problems()
        yield from self._parameter_problems()
        yield from self._argument_problems()
        yield from _env_problems(self.env)
        for name in self.defaults.keys() - _DEFAULTS:
            known = ", ".join(sorted(_DEFAULTS))
            yield f"defaults: unknown option {name[:100]!r}; the options are {known}"
        for key in self.exit_codes:
            if key != OTHER and _codes(key) is None:
                yield (
                    f'exit_codes: "{key[:100]}" must be a code such as "3", a range such as '
                    f'"10-19", or "{OTHER}"'
                )
        if self.upload == "none" and self.uses_upload:
            yield 'upload: "none" does not fit a command that reads {upload}: leave it out'
        if self.upload_as and (problem := _name_problem(self.upload_as)):
            yield f"upload_as: {problem}"
        elif self.upload_as and UPLOAD not in self.used:
            yield "upload_as: no argument is {upload}, so the name would have no effect"
        if self.working_folder and not os.path.isabs(self.working_folder):
            yield "working_folder: it must begin with /; without it, it is the folder of the job"

    def _program_problems(self) -> Iterator[str]:
        program = self.argv[0]
        if not isinstance(program, str) or not program:
            yield 'argv: the first element must be the program, such as "ffmpeg"'
        elif Template(program).names:
            yield "argv: the program must not have parameters: define a command for each program"
        elif "/" in program and not os.path.isabs(program):
            yield f"argv: {program[:100]!r} must be a name in PATH, or a path that begins with /"

    def _parameter_problems(self) -> Iterator[str]:
        for name, parameter in self.parameters.items():
            yield from (f"parameters.{name[:100]}: {each}" for each in parameter.problems(name))
        for name in self.parameters.keys() - self.used:
            yield f"parameters.{name}: no argument uses it: write {{{name}}} into argv or env"
        for name in self.used - self.parameters.keys() - BUILT_IN:
            yield (
                f"parameters: {name[:100]} is not there, but argv or env use it: add it, for "
                f'example "{name[:100]}": {{"type": "text"}}'
            )

        for name in self.first_names & self.parameters.keys():
            least = getattr(self.parameters[name], "minimum", None)
            if least is not None and least < 0 and not self.parameters[name].may_begin_with_dash:
                yield (
                    f"parameters.{name}: its minimum is negative, and an argument begins with it: "
                    f'write "may_begin_with_dash": true if the program does not take -1 for an '
                    f"option"
                )

    def _argument_problems(self) -> Iterator[str]:
        for name in self._conditions:
            if name == UPLOAD and self.upload == "optional":
                continue
            if name in BUILT_IN:
                yield (
                    f'argv: "if" must name a parameter, and {name} is none; {UPLOAD} can be named '
                    f'with "upload": "optional"'
                )
            elif (parameter := self.parameters.get(name)) and not parameter.may_be_absent:
                yield f'argv: "if": "{name}" is always true, because {name} has a default'
        for names, allowed in self._scopes:
            for name in names:
                if self.is_optional(name) and name not in allowed:
                    yield (
                        f"argv: {{{name}}} may be absent: use it only in an if that names it, "
                        f'as in {{"if": "{name}", "then": ["{{{name}}}"]}}'
                    )

    @property
    def _scopes(self) -> Iterator[tuple[list[str], set[str]]]:
        """Yield the names that arguments use, with the optional ones that are present there."""
        for each in self.argv:
            if isinstance(each, Condition):
                yield _names(each.then), {each.name}
                yield _names(each.otherwise), set()
            else:
                yield _names([each]), set()

    @cached_property
    def _conditions(self) -> frozenset[str]:
        return frozenset(each.name for each in self.argv if isinstance(each, Condition))

    @property
    def _texts(self) -> list[str]:
        """All texts in the arguments."""
        texts: list[str] = []
        for each in self.argv:
            texts += [*each.then, *each.otherwise] if isinstance(each, Condition) else [each]
        return texts

    @cached_property
    def used(self) -> frozenset[str]:
        """The names of all values that arguments, conditions and environment use."""
        return self._conditions | {*_names(self._texts), *_names(self.env.values())}

    @property
    def first_names(self) -> set[str]:
        """The names of the values with which an argument may begin."""
        return {name for text in self._texts for name in Template(text).first_names}

    def is_optional(self, name: str) -> bool:
        """Return whether clients may leave out a value, which is absent then."""
        if name == UPLOAD:
            return self.upload == "optional"
        parameter = self.parameters.get(name)
        return parameter is not None and name in self._conditions and parameter.type != "boolean"

    def is_flag(self, name: str) -> bool:
        """Return whether a parameter is false if clients leave it out."""
        parameter = self.parameters.get(name)
        return parameter is not None and name in self._conditions and parameter.type == "boolean"

    @property
    def uses_upload(self) -> bool:
        """Whether the command reads the uploaded file."""
        return self.stdin == "upload" or UPLOAD in self.used

    @property
    def takes_upload(self) -> Literal["none", "required", "optional"]:
        """The `upload` of its job type."""
        return self.upload or ("required" if self.uses_upload else "none")

    def outcome(self, code: int) -> Outcome:
        """Return the outcome of an exit code; of a signal, if it is negative."""
        for key, outcome in self.exit_codes.items():
            codes = _codes(key)
            if codes is not None and code in codes:
                return outcome
        return "succeeded" if code == 0 else self.exit_codes.get(OTHER, "retry")

    def arguments(self, values: dict[str, Any]) -> list[str]:
        """Return the arguments for some values. Absent ones are None."""
        found: list[str] = []
        for each in self.argv:
            if isinstance(each, Condition):
                is_true = values.get(each.name) not in (None, False)
                texts = each.then if is_true else each.otherwise
                found += [Template(text).fill(values) for text in texts]
            else:
                found.append(Template(each).fill(values))
        return found

    def environment(self, values: dict[str, Any]) -> dict[str, str]:
        """Return the variables for some values, without those that use an absent one."""
        return {
            name: Template(text).fill(values)
            for name, text in self.env.items()
            if all(values.get(each) is not None for each in Template(text).names)
        }


def _names(texts: Any) -> list[str]:
    return [name for text in texts for name in Template(text).names]


def _codes(key: str) -> range | None:
    """Return the exit codes that a key of `exit_codes` means; None if it is none."""
    found = _CODES.fullmatch(key)
    if found is None:
        return None
    first = int(found[1])
    last = int(found[2]) if found[2] else first
    return range(first, last + 1) if first <= last <= _MAX_CODE else None


def _name_problem(name: str) -> str | None:
    """Return why a text cannot be the name of a file; None if it can."""
    if name in (".", "..") or "/" in name or "\0" in name or name.startswith("-"):
        return "it must be a name such as input.docx, without /, and not begin with -"
    return None


def _env_problems(env: dict[str, str]) -> Iterator[str]:
    for name in env:
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
            yield f"env: {name[:100]!r} is not the name of an environment variable"
