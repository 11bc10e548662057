"""The fields that an analysis counts, as clients name them in the payload of `analyze`."""

from collections import Counter
from typing import TYPE_CHECKING, Annotated, Self

from pydantic import BeforeValidator, Field, model_validator

from loganalysis.fields.plan import MAX_FIELDS, FieldError, field_regex
from loganalysis.match.patterns import Pattern, errors_of
from loganalysis.match.re2_regex import RegexError
from loganalysis.read.errors import PatternError
from loganalysis.request.model import Model

if TYPE_CHECKING:  # imported late: who only checks requests does not analyze
    from loganalysis.scan.field_choice import WantedField


class FieldObject(Model):
    """A field of the file's format, or one that a regex finds."""

    name: str = Field(
        "",
        max_length=200,
        description="Name of a field of the format, or of the field that the regex finds. Without"
        " a name, each named group of the regex is a field.",
    )
    regex: str = Field(
        "",
        max_length=10_000,
        description="A regex of RE2 with groups, such as took (?P<ms>[0-9]+) ms. Its first match"
        " in a line counts.",
    )

    over_time: bool = Field(
        False,
        description="Whether to count it over time, too. All fields are with fields_over_time.",
    )

    @model_validator(mode="after")
    def _check_regex(self) -> Self:
        if not self.name and not self.regex:
            raise ValueError("it must have a name or a regex")
        if self.regex:
            self.names()
        return self

    def names(self) -> list[str]:
        """The names of its fields. Raises ValueError if the regex cannot give them."""
        if not self.regex:
            return [self.name]
        wrong: list[PatternError] = errors_of([Pattern(self.regex, regex=True)])
        if wrong:
            raise ValueError(f"the regex {wrong[0].message}")
        try:
            return [name for _, name in field_regex(self.regex, self.name).groups]
        except (FieldError, RegexError) as error:
            raise ValueError(f"the regex {error}") from None

    def wanted(self, over_time: bool) -> "WantedField":
        """The field as the analysis takes it, over time also if all fields are."""
        from loganalysis.scan.field_choice import WantedField

        return WantedField(self.name, self.regex, self.over_time or over_time)


def _from_text(value: object) -> object:
    if isinstance(value, str):
        return {"name": value}
    if not isinstance(value, dict | FieldObject):
        raise ValueError('it must be a name, or an object such as {"name": "client"}')
    return value


NameOrField = Annotated[
    FieldObject, BeforeValidator(_from_text, json_schema_input_type=str | FieldObject)
]


def check_names(fields: list[FieldObject]) -> list[FieldObject]:
    """Raise ValueError if two fields have one name, or if there are too many."""
    names = Counter(name for each in fields for name in each.names())
    twice = [name for name, count in names.items() if count > 1]
    if twice:
        raise ValueError(f"two fields are named {twice[0]}")
    if names.total() > MAX_FIELDS:
        raise ValueError(f"there are {names.total()} fields; at most {MAX_FIELDS} are possible")
    return fields
