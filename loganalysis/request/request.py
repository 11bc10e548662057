"""A request: what to count in a file, and what to report."""

from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import (
    Field,
    ValidationError,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    field_validator,
    model_validator,
)

from loganalysis.match.patterns import Pattern, errors_of
from loganalysis.read.encodings import EncodingError, check_encoding
from loganalysis.read.json_values import Json
from loganalysis.request.fields import FieldObject, NameOrField, check_names
from loganalysis.request.model import Model
from loganalysis.request.patterns import AnyPattern, TextOrObject, check_patterns
from loganalysis.request.sets import MAX_SETS, SET_NAME
from loganalysis.times.time_limits import TimeLimit, TimeLimits

if TYPE_CHECKING:  # imported late: who only checks requests does not analyze
    from loganalysis.records.rule import Records
    from loganalysis.scan.options import AnalysisOptions

_MAX_START = 1000
"""Most characters of the regex of a record's start."""
_FORMS = 'it must be "lines", "multi_line", or an object such as {"start": "[0-9]+ "}'


class RecordStart(Model):
    """Records that begin at lines of the client's choice."""

    start: str = Field(
        min_length=1,
        max_length=_MAX_START,
        description="A regex of RE2. A line that it matches at its start begins a record.",
    )


def _check(value: object, validate: ValidatorFunctionWrapHandler, info: ValidationInfo) -> object:
    """Return the checked option. Raises ValueError with one error, also for an object."""
    if value in ("lines", "multi_line"):
        return value
    start = value.start if isinstance(value, RecordStart) else None
    if isinstance(value, dict) and value.keys() == {"start"}:
        start = value["start"]
    if not isinstance(start, str):
        raise ValueError(_FORMS)
    if not 0 < len(start) <= _MAX_START:
        raise ValueError(f"start must have 1 to {_MAX_START:,} characters")
    for error in errors_of([Pattern(start, regex=True)]):
        at = "" if error.position is None else f", at character {error.position + 1}"
        raise ValueError(f"start {error.message}{at}")
    return RecordStart(start=start)


_RecordsOption = Annotated[Literal["lines", "multi_line"] | RecordStart, WrapValidator(_check)]


def _without_default(schema: Json) -> None:
    schema.pop("default", None)


def _error_at(field: str, text: str) -> ValidationError:
    """Return the error of a rule about several fields. It names the field that a client changes."""
    error: Any = {"type": "value_error", "loc": (field,), "ctx": {"error": ValueError(text)}}
    return ValidationError.from_exception_data("payload", [error])


class AnalysisRequest(Model):
    """The patterns to count, up to 1,000 with distinct names, and the contents of the result."""

    patterns: Annotated[list[TextOrObject], Field(min_length=1, max_length=1000)] | None = Field(
        None,
        description='Texts to count, or objects such as {"pattern": "user\\\\d+", "regex": true}.'
        " Without patterns, the result is an overview.",
        examples=[["ERROR", "WARN"]],
    )
    pattern_sets: list[Annotated[str, Field(pattern=SET_NAME)]] = Field(
        [],
        max_length=MAX_SETS,
        description="Names of saved or built-in pattern sets, up to 20, whose patterns are counted,"
        " too.",
        examples=[["nginx", "sshd"]],
    )
    fields: list[NameOrField] = Field(
        [],
        max_length=16,
        description="Fields whose values to count, up to 16: names of the file's format, see"
        " docs/log-formats.md, or objects such as"
        ' {"name": "ms", "regex": "took ([0-9.]+) ms"}.',
        examples=[["client", "bytes"]],
    )
    top: int = Field(
        20, ge=0, le=1000, description="How many of the most frequent values of a field to show."
    )
    fields_over_time: bool = Field(
        False,
        description="Whether to report all fields in the bins of the timeline, too: how many lines"
        " have them, percentiles of numbers, distinct values, and the most frequent values.",
    )
    overview: bool | None = Field(
        None,
        description="Whether to report templates of messages, levels, status classes and bursts."
        " Default: only without patterns.",
    )
    explain: bool = Field(
        False,
        description="Whether to explain the bursts of an overview: which fields, templates, levels"
        " and status classes differ most from the rest of the log, and what came first. Up to five"
        " fields of the file's format are chosen and counted over time, unless fields names some.",
    )
    lines: bool = Field(
        True, description="Whether to report matching lines: how many, the first, the last."
    )
    samples: int = Field(
        0, ge=0, le=20, description="How many matching lines to show for each pattern, 0 to 20."
    )
    context: int | None = Field(
        None,
        ge=0,
        le=5,
        description="How many lines to show before and after each sample, 0 to 5.",
    )
    histogram: Literal["none", "second", "minute", "hour", "day", "auto"] = Field(
        "none",
        description="Unit of time by which to count the matching lines. auto: the timeline, with"
        " 50 to 200 bins for all patterns and all lines.",
    )
    records: _RecordsOption = Field(
        "lines",
        description="What is counted: lines, multi_line for records of several lines, such as a"
        ' line with its traceback, or objects such as {"start": REGEX}.',
        # Without its default, because a generator for Go cannot give a union one.
        json_schema_extra=_without_default,
    )
    since: str | None = Field(
        None,
        alias="from",
        description="Count only lines from this time on: a time such as 2026-11-25T13:00:00Z, or"
        " -1h for an hour before the last time of the file (s, m, h, d). A line without a time"
        " belongs to the line before.",
        examples=["2026-11-25T13:00:00Z", "-1h"],
    )
    until: str | None = Field(
        None,
        description="Count only lines before this time, which is given in the same way.",
        examples=["2026-11-25T14:00:00Z", "-30m"],
    )
    encoding: str | None = Field(
        None, description="Encoding of the file. Default: by its byte order mark, else UTF-8."
    )
    members: list[Annotated[str, Field(min_length=1, max_length=1000)]] = Field(
        [],
        max_length=100,
        description="Globs for the files of an archive to analyze; by default, all.",
        examples=[["*.log", "var/log/*"]],
    )

    @field_validator("patterns", mode="wrap")
    @classmethod
    def _check_patterns(
        cls, value: object, validate: ValidatorFunctionWrapHandler
    ) -> list[AnyPattern] | None:
        return None if value is None or value == "auto" else check_patterns(value, validate)

    @field_validator("pattern_sets")
    @classmethod
    def _check_pattern_sets(cls, value: list[str], info: ValidationInfo) -> list[str]:
        if value and info.data.get("patterns", True) is None:  # else the result would be another
            raise ValueError("patterns must have the patterns of the sets: add them before")
        return value

    @field_validator("fields")
    @classmethod
    def _check_fields(cls, value: list[FieldObject]) -> list[FieldObject]:
        return check_names(value)

    @field_validator("overview")
    @classmethod
    def _check_overview(cls, value: bool | None, info: ValidationInfo) -> bool | None:
        asked = [info.data.get(name, True) for name in ("patterns", "fields")]  # True: it is wrong
        if value is False and not any(asked):
            raise ValueError("it must be true, or name patterns or fields to report")
        return value

    @field_validator("explain")
    @classmethod
    def _check_explain(cls, value: bool, info: ValidationInfo) -> bool:
        is_overview = info.data.get("overview")
        if is_overview is None:
            is_overview = info.data.get("patterns") is None
        if value and not is_overview:
            raise ValueError("it needs overview: true")
        return value

    @field_validator("encoding")
    @classmethod
    def _check_encoding(cls, value: str | None) -> str | None:
        try:
            return value and check_encoding(value)
        except EncodingError as error:
            raise ValueError(str(error)) from None

    @field_validator("since", "until")
    @classmethod
    def _check_time(cls, value: str | None, info: ValidationInfo) -> str | None:
        limit, since = value and TimeLimit.parse(value), info.data.get("since")
        if limit and since and TimeLimit.parse(since).is_not_before(limit):
            raise ValueError("it must be later than from")
        return value

    @model_validator(mode="after")
    def _check_lines(self) -> Self:
        if self.lines:
            return self
        if self.samples or self.histogram != "none" or self._limits().are_given:
            raise _error_at("lines", "samples, histogram, from and until need lines: true")
        if self._has_fields_over_time() or self.explain:
            raise _error_at("lines", "explain and fields over time need lines: true")
        return self

    def _has_fields_over_time(self) -> bool:
        return bool(self.fields) and (
            self.fields_over_time or any(each.over_time for each in self.fields)
        )

    def _limits(self) -> TimeLimits:
        given = (self.since, self.until)
        return TimeLimits(*(None if each is None else TimeLimit.parse(each) for each in given))

    def analysis_patterns(self) -> list[Pattern]:
        """The patterns as the analysis takes them."""
        return [pattern.to_pattern() for pattern in self.patterns or ()]

    def options(self) -> "AnalysisOptions":
        """Return what the analysis reports besides counts."""
        from loganalysis.scan.options import AnalysisOptions

        unit = "" if self.histogram in ("none", "auto") else self.histogram
        return AnalysisOptions(
            lines=self.lines,
            samples=self.samples,
            histogram=unit,
            encoding=self.encoding,
            members=tuple(self.members),
            fields=tuple(
                each.wanted(self.fields_over_time or self.explain) for each in self.fields
            ),
            top=self.top,
            overview=self.patterns is None if self.overview is None else self.overview,
            explain=self.explain,
            timeline=self.histogram == "auto",
            limits=self._limits(),
            context=self.context,
            records=self._records(),
        )

    def _records(self) -> "Records | None":
        from loganalysis.records.rule import Records

        if isinstance(self.records, RecordStart):
            return Records(self.records.start)
        return Records() if self.records == "multi_line" else None
