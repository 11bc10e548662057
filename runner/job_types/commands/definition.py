"""The format of a command in COMMANDS_FILE.

{"argv": ["pandoc", "--to", "{format}", {"if": "toc", "then": ["--toc"]}, "{upload}"],
 "parameters": {"format": {"type": "text", "choices": ["html", "docx"]},
                "toc": {"type": "boolean"}}}
"""

import glob
import re
from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    model_validator,
)

from runner.job_types.base import Isolation
from runner.job_types.commands.parameters import Parameter
from runner.job_types.commands.progress import progress_pattern
from runner.job_types.commands.template import Template
from runner.job_types.json_values import Json

MAX_ARGUMENTS = 1000
_CODES = re.compile(r"(\d{1,3})(?:-(\d{1,3}))?")
_MAX_CODE = 255
UPLOAD = "upload"
"""The name of the value that is the path of the uploaded file."""
UPLOADS = "uploads"
"""The name of the value that is an argument for each uploaded file: its path."""
ALL_UPLOADS = "{uploads}"
"""The text that becomes these arguments."""
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


def _kind(argument: object) -> str:
    return "condition" if isinstance(argument, dict | Condition) else "text"


Argument = Annotated[
    Annotated[Text, Tag("text")] | Annotated[Condition, Tag("condition")], Discriminator(_kind)
]


def _progress(text: str) -> str:
    progress_pattern(text)
    return text


class OutputFile(Strict):
    """The standard output as a file that is stored with the job."""

    file: Text


Output = Annotated[
    Annotated[Literal["log", "text", "json"], Tag("text")] | Annotated[OutputFile, Tag("file")],
    Discriminator(lambda value: "file" if isinstance(value, dict | OutputFile) else "text"),
]


class Definition(Strict):
    """A command of COMMANDS_FILE. `file.py` checks that its fields fit together."""

    summary: Annotated[str, Field(max_length=200)] = ""
    version: Annotated[str, Field(max_length=100)] = ""
    argv: Annotated[list[Argument], Field(min_length=1, max_length=MAX_ARGUMENTS)]
    parameters: dict[str, Parameter] = {}
    upload: Literal["none", "required", "optional"] | None = None
    upload_as: Annotated[str, Field(max_length=255)] = ""
    stdin: Literal["none", "upload"] = "none"
    stdout: Output = "log"
    files: Annotated[list[Text], Field(max_length=100)] = []
    progress: Annotated[str, Field(max_length=1000), AfterValidator(_progress)] = ""
    exit_codes: dict[str, Outcome] = {}
    env: dict[str, Text] = {}
    working_folder: str = ""
    defaults: Json = {}
    isolation: Isolation = "caller"
    network: bool = True

    @property
    def scopes(self) -> Iterator[tuple[list[str], set[str]]]:
        """Yield the names that arguments use, with the optional ones that are present there."""
        for each in self.argv:
            if isinstance(each, Condition):
                is_upload = each.name in (UPLOAD, UPLOADS)
                yield names_in(each.then), {UPLOAD, UPLOADS} if is_upload else {each.name}
                yield names_in(each.otherwise), set()
            else:
                yield names_in([each]), set()

    @cached_property
    def conditions(self) -> frozenset[str]:
        """The names in the conditions of arguments."""
        return frozenset(each.name for each in self.argv if isinstance(each, Condition))

    @property
    def texts(self) -> list[str]:
        """All texts in the arguments."""
        texts: list[str] = []
        for each in self.argv:
            texts += [*each.then, *each.otherwise] if isinstance(each, Condition) else [each]
        return texts

    @property
    def other_texts(self) -> list[str]:
        """All texts of the command that do not become arguments."""
        texts = [*self.env.values(), *self.files]
        return [*texts, self.stdout.file] if isinstance(self.stdout, OutputFile) else texts

    @cached_property
    def inserted(self) -> frozenset[str]:
        """The names of all values that are inserted into texts."""
        return frozenset(names_in([*self.texts, *self.other_texts]))

    @property
    def used(self) -> frozenset[str]:
        """The names of all values that texts of the command use or conditions name."""
        return self.conditions | self.inserted

    @property
    def first_names(self) -> set[str]:
        """The names of the values with which an argument may begin."""
        return {name for text in self.texts for name in Template(text).first_names}

    def is_optional(self, name: str) -> bool:
        """Return whether clients may leave out a value, which is absent then."""
        if name in (UPLOAD, UPLOADS):
            return self.upload == "optional"
        parameter = self.parameters.get(name)
        return parameter is not None and name in self.conditions and parameter.type != "boolean"

    def is_flag(self, name: str) -> bool:
        """Return whether a parameter is false if clients leave it out."""
        parameter = self.parameters.get(name)
        return parameter is not None and name in self.conditions and parameter.type == "boolean"

    @property
    def uses_upload(self) -> bool:
        """Whether the command reads the uploaded file."""
        return self.stdin == "upload" or bool({UPLOAD, UPLOADS} & self.used)

    @property
    def takes_upload(self) -> Literal["none", "required", "optional"]:
        """The `upload` of its job type."""
        return self.upload or ("required" if self.uses_upload else "none")

    @property
    def stores_files(self) -> bool:
        """Whether files that the program makes are stored with the job."""
        return bool(self.files) or isinstance(self.stdout, OutputFile) or "files" in self.used

    def outcome(self, code: int) -> Outcome:
        """Return the outcome of an exit code; of a signal, if it is negative."""
        for key, outcome in self.exit_codes.items():
            codes = codes_of(key)
            if codes is not None and code in codes:
                return outcome
        return "succeeded" if code == 0 else self.exit_codes.get(OTHER, "retry")

    def arguments(self, values: Json) -> list[str]:
        """Return the arguments for some values. Absent ones are None."""
        found: list[str] = []
        for each in self.argv:
            if isinstance(each, Condition):
                is_true = values.get(each.name) not in (None, False)
                texts = each.then if is_true else each.otherwise
            else:
                texts = [each]
            for text in texts:
                found += values[UPLOADS] if text == ALL_UPLOADS else [Template(text).fill(values)]
        return found

    def environment(self, values: Json) -> dict[str, str]:
        """Return the variables for some values, without variables that use an absent value."""
        return {
            name: Template(text).fill(values)
            for name, text in self.env.items()
            if all(values.get(each) is not None for each in Template(text).names)
        }

    def file_patterns(self, values: Json) -> list[str]:
        """Return the patterns in `files` for some values, without any that use an absent value."""
        return [
            Template(text).fill(values, glob.escape)
            for text in self.files
            if all(values.get(each) is not None for each in Template(text).names)
        ]


def names_in(texts: Iterable[str]) -> list[str]:
    """Return the names of all values in some texts."""
    return [name for text in texts for name in Template(text).names]


def codes_of(key: str) -> range | None:
    """Return the exit codes that a key of `exit_codes` means; None if it is none."""
    found = _CODES.fullmatch(key)
    if found is None:
        return None
    first = int(found[1])
    last = int(found[2]) if found[2] else first
    return range(first, last + 1) if first <= last <= _MAX_CODE else None
