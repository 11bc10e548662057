"""The query parameters for lines of a stored file."""

from typing import Annotated, Literal, NamedTuple

from pydantic import BeforeValidator, Field, PlainValidator, WithJsonSchema, create_model

from loganalysis import TimeLimit
from server.documents.filters import Query, Whole
from storage.records.json_values import Json, JsonValue

DEFAULT_LIMIT = 100
MAX_LIMIT = 1000
MAX_CONTEXT = 50


class Moment(NamedTuple):
    """A time in epoch seconds or, if `is_relative`, in seconds before the last time in the file."""

    seconds: float
    is_relative: bool


def parse_moment(value: JsonValue) -> Moment:
    """Parse a time such as 2026-11-25T13:12:00Z, or -30m, as analyses do.

    Raises ValueError, for clients.
    """
    limit = TimeLimit.parse(str(value))
    return Moment(limit.seconds, limit.is_relative)


MomentText = Annotated[Moment, PlainValidator(parse_moment), WithJsonSchema({"type": "string"})]
Flag = Annotated[bool, BeforeValidator(lambda value: True if value == "" else value)]
Searched = Annotated[str, Field(min_length=1, max_length=10_000)]


Level = Literal[
    "TRACE",
    "DEBUG",
    "INFO",
    "NOTICE",
    "WARN",
    "ERROR",
    "CRITICAL",
    "ALERT",
    "EMERGENCY",
    "FATAL",
]


class LineParameters(Query):
    """The query parameters for lines, besides `from` and `to`, which are no names in Python."""

    match: Searched | None = Field(None, description="a text that the lines contain")
    regex: Searched | None = Field(None, description="a regex of RE2 that matches in the lines")
    ignore_case: Flag = Field(False, description="ignore the case of letters in match and regex")
    level: Level | None = Field(None, description="only lines of this level, as an overview counts")
    status: Literal["1xx", "2xx", "3xx", "4xx", "5xx"] | None = Field(
        None, description="only lines with an HTTP status of this class, as an overview counts"
    )
    line: Whole | None = Field(
        None, ge=1, lt=2**53, description="number of the first line to look at, from 1"
    )
    before: Whole = Field(
        0, ge=0, le=MAX_CONTEXT, description="lines to show before each line that matches"
    )
    after: Whole = Field(
        0, ge=0, le=MAX_CONTEXT, description="lines to show after each line that matches"
    )
    limit: Whole | None = Field(
        None,
        ge=1,
        le=MAX_LIMIT,
        description="maximum number of lines without their context; by default"
        f" {DEFAULT_LIMIT}, in text all",
    )
    member: str | None = Field(
        None,
        min_length=1,
        max_length=500,
        description="name of the file of an archive to read, as in `members` of the result; by"
        " default all that the job has selected",
    )
    records: Literal["lines", "multi_line"] | None = Field(
        None,
        description="`multi_line`: return whole records of several lines, and count these; by"
        " default as the job has counted",
    )
    cursor: str | None = Field(
        None, max_length=300, description="`next` from the page before, with the same parameters"
    )

    def question(self, counted: JsonValue = None) -> Json:
        """The query for `runner.lines`. `counted` is the option `records` of the analysis."""
        given = self.model_dump(exclude={"member"})
        start, end = given.pop("from"), given.pop("to")
        given["records"] = _records(self.records or counted)
        return {**given, "start": start and tuple(start), "end": end and tuple(end)}


def _records(option: JsonValue) -> dict[str, str] | None:
    """How records begin, by an option that was checked; None for lines."""
    if option == "multi_line":
        return {"start": ""}
    return {"start": option["start"]} if isinstance(option, dict) else None


_TIMES: Json = {
    "from": (
        MomentText | None,
        Field(
            None,
            description="only lines at this time or later: RFC 3339, or such as -30m before the"
            " last time in the file (s, m, h, d)",
        ),
    ),
    "to": (MomentText | None, Field(None, description="only lines before this time")),
}
LinesQuery: type[LineParameters] = create_model("LinesQuery", __base__=LineParameters, **_TIMES)
"""All query parameters for lines."""
