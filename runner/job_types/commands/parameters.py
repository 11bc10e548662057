"""The parameters of commands: their types and bounds, and the fields that they become.

Each is a field of the payload of the command's job type. So clients, the front end and
/openapi.json know its type and bounds.
"""

import re
from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from loganalysis import flaws
from runner.job_types.base import Payload
from runner.job_types.commands.template import text_of
from runner.job_types.json_values import Json, JsonValue

BUILT_IN = frozenset({"attempt", "cores", "files", "folder", "job_id", "upload", "uploads"})
"""The values that every command has without a parameter."""
MAX_TEXT = 10_000
_NAME = re.compile(r"[a-z][a-z0-9_]{0,49}")
_NOT_A_DASH = r"^([^-]|$)"
_RESERVED = frozenset(name for name in dir(Payload) if not name.startswith("_"))

FieldOf = tuple[Any, Any]
"""An annotation and a Field, as Pydantic's `create_model` takes them."""


class BaseParameter(BaseModel):
    """The fields that all types of parameters have."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    type: str
    description: Annotated[str, Field(max_length=1000)] = ""
    may_begin_with_dash: bool = False

    @property
    def given_default(self) -> JsonValue:
        """The default; None if there is none."""
        return getattr(self, "default", None)

    @property
    def may_be_absent(self) -> bool:
        """Whether clients can leave it without a value."""
        return self.given_default is None or self.type == "boolean"

    def problems(self, name: str) -> Iterator[str]:
        """Yield what is wrong with the parameter."""
        if not _NAME.fullmatch(name):
            yield "its name must have a to z, 0 to 9 and _, begin with a letter, 50 characters"
        elif name in BUILT_IN or name in _RESERVED or name.startswith("model_"):
            yield f"its name is taken: use another, such as {name}_value"
        given = {what: getattr(self, what, None) for what in ("default", "example")}
        if getattr(self, "pattern", None) is None and set(given.values()) == {None}:
            return  # making a model of each parameter would take longer than all other checks
        try:
            model = TypeAdapter(self.annotation(is_first=False))
        except Exception as error:  # pydantic_core.SchemaError, which Pydantic does not export
            yield f"its pattern is not a regex: {str(error).splitlines()[-1].strip()}"
            return
        for what, value in given.items():
            try:
                if value is not None:
                    model.validate_python(value, strict=True)
            except ValidationError as error:
                detail = "; ".join(flaw.detail for flaw in flaws(error, value, Payload))
                yield f"its {what} cannot be a value: {detail}"

    def annotation(self, is_first: bool) -> Any:
        """Return the type of its values, with its bounds.

        `is_first` says that an argument may begin with the value.
        """
        raise NotImplementedError

    def field(self, is_first: bool, is_optional: bool, is_flag: bool) -> FieldOf:
        """Return the field of the payload."""
        annotation = self.annotation(is_first and not self.may_begin_with_dash)
        more: Json = {}
        if self.description:
            more["description"] = self.description
        example = getattr(self, "example", None)
        if (example := self.given_default if example is None else example) is not None:
            more["examples"] = [example]
        if is_optional:
            return annotation | None, Field(None, **more)
        default = False if is_flag and self.given_default is None else self.given_default
        return annotation, Field(... if default is None else default, **more)


class TextParameter(BaseParameter):
    """A text: of some length, by a regex that must match all of it, or one of some choices."""

    type: Literal["text"]
    default: str | None = None
    example: str | None = None
    choices: Annotated[list[str], Field(min_length=1, max_length=1000)] | None = None
    pattern: Annotated[str, Field(max_length=1000)] | None = None
    min_length: Annotated[int, Field(ge=0, le=MAX_TEXT)] | None = None
    max_length: Annotated[int, Field(ge=1, le=MAX_TEXT)] | None = None

    def problems(self, name: str) -> Iterator[str]:
        """Yield what is wrong with the parameter."""
        if self.choices and (self.pattern or self.min_length or self.max_length):
            yield "choices leave no room for pattern, min_length and max_length: leave these out"
        elif self.choices and any("\0" in each for each in self.choices):
            yield "its choices must not contain NUL"
        elif (self.min_length or 0) > (self.max_length or 1000):
            yield "min_length is above max_length (1000 if it is left out)"
        else:
            yield from super().problems(name)

    def annotation(self, is_first: bool) -> Any:
        """Return the type of its values."""
        if self.choices:
            return Literal[tuple(self.choices)]
        checks: list[Any] = [AfterValidator(_without_nul)]
        pattern = None if self.pattern is None else f"^(?:{self.pattern})$"
        extra: Json = {}
        if is_first:
            checks.append(AfterValidator(_refuse_dash))
            if pattern is None:
                extra["json_schema_extra"] = {"pattern": _NOT_A_DASH}
        most = 1000 if self.max_length is None else self.max_length
        field = Field(min_length=self.min_length, max_length=most, pattern=pattern, **extra)
        return Annotated[(str, field, *checks)]


class _Number(BaseParameter):
    default: JsonValue = None
    minimum: JsonValue = None
    maximum: JsonValue = None

    def problems(self, name: str) -> Iterator[str]:
        """Yield what is wrong with the parameter."""
        if self.minimum is not None and self.maximum is not None and self.minimum > self.maximum:
            yield "minimum is above maximum"
        else:
            yield from super().problems(name)

    def _bounded(self, kind: Any, is_first: bool, **more: JsonValue) -> Any:
        least = 0 if is_first and self.minimum is None else self.minimum
        field = Field(ge=least, le=self.maximum, **more)
        checks = [AfterValidator(_refuse_dash)] if is_first else []
        return Annotated[(kind, field, *checks)]


class IntegerParameter(_Number):
    """A whole number."""

    type: Literal["integer"]
    default: int | None = None
    example: int | None = None
    minimum: int | None = None
    maximum: int | None = None

    def annotation(self, is_first: bool) -> Any:
        """Return the type of its values."""
        return self._bounded(int, is_first)


class NumberParameter(_Number):
    """A finite number."""

    type: Literal["number"]
    default: float | None = None
    example: float | None = None
    minimum: float | None = None
    maximum: float | None = None

    def annotation(self, is_first: bool) -> Any:
        """Return the type of its values."""
        return self._bounded(float, is_first, allow_inf_nan=False)


class BooleanParameter(BaseParameter):
    """True or false."""

    type: Literal["boolean"]
    default: bool | None = None

    def annotation(self, is_first: bool) -> Any:
        """Return the type of its values."""
        return bool


Parameter = Annotated[
    TextParameter | IntegerParameter | NumberParameter | BooleanParameter,
    Field(discriminator="type"),
]


def _without_nul(value: str) -> str:
    if "\0" in value:
        raise ValueError("it must not contain NUL")
    return value


def _refuse_dash(value: object) -> object:
    if text_of(value).startswith("-"):
        raise ValueError("it must not begin with -, or the program would take it for an option")
    return value
