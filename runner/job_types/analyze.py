"""The job type `analyze`: counts texts and regexes in a file, and the lines that match them."""

import json
from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import (
    BeforeValidator,
    Field,
    TypeAdapter,
    ValidationError,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    field_validator,
    model_validator,
)

from runner.analysis.count.time_limits import TimeLimit, TimeLimits
from runner.analysis.input.encodings import EncodingError, check_encoding
from runner.analysis.input.errors import (
    FormatError,
    PatternError,
    SelectionError,
    SourceError,
)
from runner.analysis.match.patterns import Pattern, errors_of
from runner.job_types.analyze_fields import FieldObject, NameOrField, check_names
from runner.job_types.base import Context, NotRetryable, Payload
from runner.job_types.in_parts import InParts, Part

if TYPE_CHECKING:  # imported late at run time: the listener does not analyze
    from runner.analysis.options import AnalysisOptions


EXCERPT = 60
"""Characters of a pattern that an error shows."""


class Condition(Payload):
    """A text or regex of a combination."""

    pattern: str = Field(min_length=1, max_length=10_000, description="The text or regex.")
    regex: bool = Field(False, description="Whether the pattern is a regex of RE2.")
    ignore_case: bool = Field(False, description="Whether the case of ASCII letters is ignored.")
    word: bool = Field(False, description="Whether a match has a word boundary on both sides.")

    def to_pattern(self) -> Pattern:
        """The condition as the analysis takes it."""
        return Pattern(self.pattern, self.regex, self.ignore_case, self.word)


def _condition_from_text(value: Any) -> Any:
    return {"pattern": value} if isinstance(value, str) else value


TextOrCondition = Annotated[
    Condition, BeforeValidator(_condition_from_text, json_schema_input_type=str | Condition)
]
_Conditions = Annotated[list[TextOrCondition], Field(max_length=20)]


class PatternObject(Payload):
    """A pattern with options, or a combination of several for each line."""

    pattern: str = Field(
        "", max_length=10_000, description="The text or regex to count. A combination has none."
    )
    regex: bool = Field(False, description="Whether the pattern is a regex of RE2.")
    ignore_case: bool = Field(False, description="Whether the case of ASCII letters is ignored.")
    word: bool = Field(False, description="Whether a match has a word boundary on both sides.")
    name: str = Field(
        "", max_length=200, description="Name of the pattern in the result; by default its text."
    )

    all: _Conditions = Field([], description="Texts or regexes that a line must all contain.")
    any: _Conditions = Field([], description="Texts or regexes of which it must contain one.")
    none: _Conditions = Field([], description="Texts or regexes of which it must contain none.")

    @model_validator(mode="after")
    def _check_kind(self) -> Self:
        is_combination = bool(self.all or self.any or self.none)
        if is_combination and (self.pattern or self.regex or self.ignore_case or self.word):
            raise ValueError("pattern and its options go into the lists all, any and none")
        if is_combination and not (self.all or self.any):
            raise ValueError("a combination needs a text in all or any")
        if not is_combination and not self.pattern:
            raise ValueError("pattern must not be empty")
        return self

    def to_pattern(self) -> Pattern:
        """The pattern as the analysis takes it."""
        lists = (self.all, self.any, self.none)
        groups = [tuple(each.to_pattern() for each in group) for group in lists]
        options = (self.regex, self.ignore_case, self.word, self.name)
        return Pattern(self.pattern, *options, groups[0], groups[1], groups[2])


def _from_text(value: Any) -> Any:
    if isinstance(value, str):
        return {"pattern": value}
    if not isinstance(value, dict | PatternObject):
        raise ValueError('it must be a text, or an object such as {"pattern": "ERROR"}')
    return value


TextOrObject = Annotated[
    PatternObject, BeforeValidator(_from_text, json_schema_input_type=str | PatternObject)
]


def _pattern_or_none(value: Any) -> PatternObject | None:
    try:
        return _TEXT_OR_OBJECT.validate_python(value)
    except ValidationError:
        return None


def _details(error: PatternError, pattern: PatternObject | None) -> Any:
    """The error of a pattern as Pydantic takes it, at its place in the list, with its own text."""
    text = pattern.pattern if pattern else ""
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


_TEXT_OR_OBJECT: TypeAdapter[PatternObject] = TypeAdapter(TextOrObject)


class EarlierJob(Payload):
    """An earlier job: its file is analyzed again, or its result is compared."""

    job_id: str = Field(description="The id of the job.")

    @field_validator("job_id")
    @classmethod
    def _check_uuid(cls, value: str) -> str:
        try:
            UUID(value)
        except ValueError:
            raise ValueError("it must be the id of a job, a UUID") from None
        return value


class AnalyzePayload(Payload):
    """The patterns to count, up to 1,000 with distinct names, and the contents of the result."""

    patterns: Annotated[list[TextOrObject], Field(min_length=1, max_length=1000)] | None = Field(
        None,
        description='Texts, or objects such as {"pattern": "user\\\\d+", "regex": true}. Without'
        ' patterns, and with "auto", the result is an overview.',
        examples=[["ERROR", "WARN"]],
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
    overview: bool | None = Field(
        None,
        description="Whether to report templates of messages, levels, status classes and bursts."
        " Default: only without patterns.",
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
        description="How many lines to show before and after each sample, 0 to 5. Samples are then"
        " objects with line, time, text, before and after.",
    )
    histogram: Literal["none", "second", "minute", "hour", "day", "auto"] = Field(
        "none",
        description="Unit of time by which to count the matching lines. auto: the timeline, with"
        " 50 to 200 bins for all patterns and all lines.",
    )
    since: str | None = Field(
        None,
        alias="from",
        description="Count only lines from this time on: RFC 3339, or before the last time of the"
        " file, such as -1h (s, m, h, d). A line without a time belongs to the line before.",
        examples=["2026-11-25T13:00:00Z", "-1h"],
    )
    until: str | None = Field(
        None,
        description="Count only lines before this time, given in the same way.",
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
    source: EarlierJob | None = Field(
        None, description='An earlier job whose file to use instead of an upload, {"job_id": …}.'
    )
    compare: EarlierJob | None = Field(
        None, description='An earlier analysis with which to compare this one, {"job_id": …}.'
    )

    reuse: bool = Field(
        False,
        description="Whether the result of an equal analysis of an equal file may be the answer.",
    )

    @field_validator("patterns", mode="wrap")
    @classmethod
    def _check_patterns(
        cls, value: Any, validate: ValidatorFunctionWrapHandler
    ) -> list[PatternObject] | None:
        if value is None or value == "auto":
            return None
        details: list[Any] = []
        patterns: list[PatternObject | None]
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
            raise ValidationError.from_exception_data(cls.__name__, details)
        return [pattern for pattern in patterns if pattern]

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
        has_overview = info.data.get("overview")
        if has_overview is None:
            has_overview = "patterns" in info.data and info.data["patterns"] is None
        if limit and has_overview:
            raise ValueError("an overview is of the whole file: name patterns, and no overview")
        if limit and since and TimeLimit.parse(since).is_not_before(limit):
            raise ValueError("it must be later than from")
        return value

    @model_validator(mode="after")
    def _check_lines(self) -> Self:
        needs_lines = self.samples or self.histogram != "none" or self._limits().are_given
        if not self.lines and needs_lines:
            raise ValueError("samples, histogram, from and until need lines: true")
        return self

    def _limits(self) -> TimeLimits:
        given = (self.since, self.until)
        return TimeLimits(*(None if each is None else TimeLimit.parse(each) for each in given))

    def analysis_patterns(self) -> list[Pattern]:
        """The patterns as the analysis takes them."""
        return [pattern.to_pattern() for pattern in self.patterns or ()]

    def options(self) -> "AnalysisOptions":
        """Return what the analysis reports besides counts."""
        from runner.analysis.options import AnalysisOptions

        unit = "" if self.histogram in ("none", "auto") else self.histogram
        return AnalysisOptions(
            lines=self.lines,
            samples=self.samples,
            histogram=unit,
            encoding=self.encoding,
            members=tuple(self.members),
            fields=tuple(each.wanted() for each in self.fields),
            top=self.top,
            overview=self.patterns is None if self.overview is None else self.overview,
            timeline=self.histogram == "auto",
            limits=self._limits(),
            context=self.context,
        )


class Analyze(InParts[AnalyzePayload]):
    """Counts non-overlapping occurrences in a file, which is decompressed if necessary."""

    name = "analyze"
    Payload = AnalyzePayload
    upload = "required"

    def load(self) -> None:
        """Import the modules of the analysis, and its library in C."""
        for name in ("parts", "report", "run"):
            import_module(f"runner.analysis.{name}")
        import_module("runner.analysis.match.kernel").load()

    def is_slow_to_check(self, payload: dict[str, Any]) -> bool:
        """Return whether there are regexes: RE2 takes 0.1 s to compile as many as are allowed."""
        lists = (payload.get("patterns"), payload.get("fields"))
        return any(
            isinstance(each, dict) and bool(each.get("regex"))
            for found in lists
            if isinstance(found, list)
            for each in found
        )

    def source(self, payload: AnalyzePayload) -> UUID | None:
        """Return the id of the job whose file is analyzed again, or None."""
        return UUID(payload.source.job_id) if payload.source else None

    def compared(self, payload: AnalyzePayload) -> UUID | None:
        """Return the id of the job whose result this one is compared with, or None."""
        return UUID(payload.compare.job_id) if payload.compare else None

    def reuses(self, payload: AnalyzePayload) -> bool:
        """Return whether the result of an earlier job with an equal question may be the answer."""
        return payload.reuse

    def question(self, payload: AnalyzePayload) -> str:
        """Return the payload without what does not decide the result."""
        decisive = payload.model_dump(mode="json", exclude={"reuse", "source"})
        return json.dumps(decisive, sort_keys=True)

    def run(self, payload: AnalyzePayload, context: Context) -> Any:
        """Scan the file. A file that cannot be read to its end fails the job: no partial counts."""
        from runner.analysis.input.open_source import DecompressionLimits
        from runner.analysis.report import to_json
        from runner.analysis.run import analyze

        file, patterns, options = _file(context), payload.analysis_patterns(), payload.options()
        limits = DecompressionLimits(context.max_data_bytes, context.max_data_ratio)
        try:
            found = analyze(file, patterns, options, context.report, context.cores, limits)
        except (FormatError, SelectionError, SourceError) as error:
            raise NotRetryable(f"{_name(context)}: {error}") from error
        return to_json(found, options)

    def plan(self, payload: AnalyzePayload, context: Context, part_bytes: int) -> list[Part]:
        """Split an uncompressed file into parts, each given by its start and end offset."""
        from runner.analysis import parts

        patterns = payload.analysis_patterns()
        try:
            planned = parts.plan(_file(context), patterns, payload.options(), part_bytes)
        except FormatError as error:
            raise NotRetryable(f"{_name(context)}: {error}") from error
        none = [0] * len(patterns)
        return [Part(part, parts.progress(part, patterns, 0, none)) for part in planned]

    def run_part(self, payload: AnalyzePayload, context: Context, spec: Any) -> Any:
        """Scan the lines that belong to one part."""
        from runner.analysis import parts

        start, end = spec
        file, patterns, options = _file(context), payload.analysis_patterns(), payload.options()
        return parts.scan_part(file, (start, end), patterns, options, context.report)

    def fold(self, payload: AnalyzePayload, results: Sequence[Any]) -> Any:
        """Combine the results of consecutive parts."""
        from runner.analysis import parts

        return parts.merge(results, payload.options(), len(payload.patterns or ()))

    def finish(self, payload: AnalyzePayload, context: Context, folded: Any, seconds: float) -> Any:
        """Return the result in the form that `run` gives it."""
        from runner.analysis import parts
        from runner.analysis.report import to_json

        options = payload.options()
        found = parts.finish(_file(context), folded, payload.analysis_patterns(), options, seconds)
        return to_json(found, options)


def _file(context: Context) -> Any:
    assert context.upload is not None
    return context.upload.stored()


def _name(context: Context) -> str:
    assert context.upload is not None
    return context.upload.name
