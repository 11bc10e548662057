"""The patterns in the payload of `analyze`, and what is wrong with them."""

from typing import Annotated, Any, Self

from pydantic import (
    BeforeValidator,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    ValidatorFunctionWrapHandler,
    model_validator,
)

from loganalysis.match.patterns import Pattern, errors_of
from loganalysis.read.errors import PatternError
from loganalysis.read.json_values import JsonValue
from loganalysis.request.model import Model

EXCERPT = 60
"""Characters of a pattern that an error shows."""


class Condition(Model):
    """A text or regex of a combination."""

    pattern: str = Field(min_length=1, max_length=10_000, description="The text or regex.")
    regex: bool = Field(False, description="Whether the pattern is a regex of RE2.")
    ignore_case: bool = Field(False, description="Whether the case of ASCII letters is ignored.")
    word: bool = Field(False, description="Whether a match has a word boundary on both sides.")

    def to_pattern(self) -> Pattern:
        """The condition as the analysis takes it."""
        return Pattern(self.pattern, self.regex, self.ignore_case, self.word)


def _condition_from_text(value: object) -> object:
    return {"pattern": value} if isinstance(value, str) else value


TextOrCondition = Annotated[
    Condition, BeforeValidator(_condition_from_text, json_schema_input_type=str | Condition)
]
_Conditions = Annotated[list[TextOrCondition], Field(max_length=20)]


class PatternObject(Condition):
    """A pattern with options."""

    name: str = Field(
        "", max_length=200, description="Name of the pattern in the result; by default its text."
    )

    def to_pattern(self) -> Pattern:
        """The pattern as the analysis takes it."""
        return Pattern(self.pattern, self.regex, self.ignore_case, self.word, self.name)


class Combination(Model):
    """Several texts or regexes that a line must contain, or must not."""

    # Generated clients tell it from a PatternObject by a field that it always has. The service
    # itself accepts a combination without it.
    model_config = ConfigDict(json_schema_extra={"required": ["all"]})

    name: str = Field(
        "", max_length=200, description="Its name in the result; by default made of its texts."
    )
    all: _Conditions = Field(
        [], description="Texts or regexes that a line must all contain; it may be empty."
    )
    any: _Conditions = Field([], description="Texts or regexes of which it must contain one.")
    none: _Conditions = Field([], description="Texts or regexes of which it must contain none.")

    @model_validator(mode="before")
    @classmethod
    def _check_no_pattern(cls, value: object) -> object:
        if isinstance(value, dict) and value.keys() & Condition.model_fields:
            raise ValueError("pattern and its options go into the lists all, any and none")
        return value

    @model_validator(mode="after")
    def _check_texts(self) -> Self:
        if not (self.all or self.any):
            raise ValueError("a combination needs a text in all or any")
        return self

    def to_pattern(self) -> Pattern:
        """The combination as the analysis takes it."""
        lists = (self.all, self.any, self.none)
        groups = [tuple(each.to_pattern() for each in group) for group in lists]
        return Pattern("", name=self.name, all=groups[0], any=groups[1], none=groups[2])


AnyPattern = PatternObject | Combination
_LISTS = {"all", "any", "none"}
"""The fields that only a combination has."""


def _to_object(value: object) -> AnyPattern:
    """Choose the class by the fields, so that errors are about this class alone."""
    if isinstance(value, AnyPattern):
        return value
    if isinstance(value, str):
        value = {"pattern": value}
    if not isinstance(value, dict):
        raise ValueError('it must be a text, or an object such as {"pattern": "ERROR"}')
    return (Combination if value.keys() & _LISTS else PatternObject).model_validate(value)


TextOrObject = Annotated[
    AnyPattern, BeforeValidator(_to_object, json_schema_input_type=str | AnyPattern)
]
_TEXT_OR_OBJECT: TypeAdapter[AnyPattern] = TypeAdapter(TextOrObject)


def check_patterns(value: JsonValue, validate: ValidatorFunctionWrapHandler) -> list[AnyPattern]:
    """Return the patterns of a list. Raises ValidationError with the errors of all of them.

    `validate` is the handler that Pydantic gives to a validator around the list.
    """
    details: list[Any] = []
    patterns: list[AnyPattern | None]
    try:
        patterns = validate(value)
    except ValidationError as error:
        details = [*error.errors(include_url=False)]
        if not all(each["loc"] for each in details):  # no list, or too long
            raise
        patterns = [_pattern_or_none(each) for each in value]
    found = errors_of([each.to_pattern() if each else None for each in patterns])
    details += [_details(each, patterns[each.index]) for each in found]
    if details:
        raise ValidationError.from_exception_data("patterns", details)
    return [pattern for pattern in patterns if pattern]


def _pattern_or_none(value: object) -> AnyPattern | None:
    try:
        return _TEXT_OR_OBJECT.validate_python(value)
    except ValidationError:
        return None


def _details(error: PatternError, pattern: AnyPattern | None) -> Any:
    """The error of a pattern as Pydantic takes it, at its place in the list, with its own text."""
    text = pattern.pattern if isinstance(pattern, PatternObject) else ""
    text = text if error.text is None else error.text
    at = error.position
    where = ":" if at is None else f", at character {at + 1} of"
    reason = ValueError(f'it {error.message}{where} "{_excerpt(text, at or 0)}"')
    return {"type": "value_error", "loc": (error.index,), "input": text, "ctx": {"error": reason}}


def _excerpt(text: str, at: int) -> str:
    """The part of a text around a position, in one line."""
    start, end = max(0, at - EXCERPT // 2), max(EXCERPT, at + EXCERPT // 2)
    shown = "".join(char if char.isprintable() else " " for char in text[start:end])
    return f"{'…' if start else ''}{shown}{'…' if end < len(text) else ''}"
