"""`/jobs/{job_id}/range`: what is different in a range of time of an analyzed log."""

import asyncio
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, create_model
from typing_extensions import TypedDict

from loganalysis import explain_range
from server.api.analyses.analyses import analyzed
from server.api.analyses.lines_query import Moment, MomentText
from server.api.jobs.job import OneJobHandler, parse_job_id
from server.api.openapi.operation import Operation
from server.documents.filters import Query
from server.handlers.query import query_parameters, read_query
from server.http.codes import Code
from server.http.problems import FieldError, Problem, unacceptable
from storage.records.json_values import Json, JsonValue

_ABOUT = "RFC 3339, or such as -30m before the last time in the file (s, m, h, d)"
_TIMES: Json = {
    "from": (MomentText, Field(description=f"the begin of the range: {_ABOUT}")),
    "to": (MomentText | None, Field(None, description="its end; by default, that of the log")),
}
RangeQuery: type[Query] = create_model("RangeQuery", __base__=Query, **_TIMES)
"""The query parameters of a range; `from` is no name in Python."""


class CauseDocument(TypedDict):
    """A level, status class, template or value whose share of the lines differs."""

    kind: Literal["level", "status", "template", "field"]
    """What it is."""
    field: str | None
    """The name of the field, for a value."""
    key: str
    """The name of the level or the status class, the id of the template, or the value."""
    text: str
    """The template itself, or the key."""
    inside: int
    """Lines in the range."""
    outside: int
    """Lines elsewhere in the log."""
    expected: float
    """Lines that would be in the range with the share elsewhere."""
    share_inside: float
    """Share of the lines in the range."""
    share_outside: float
    """Share of the lines elsewhere."""
    ratio: float | None
    """The first share by the second; null if there are none elsewhere."""


class SlowFieldDocument(TypedDict):
    """A field of numbers that is high."""

    field: str
    """The name of the field."""
    p95: float
    """The highest 95th percentile in the range."""
    usual: float
    """The usual 95th percentile."""


class SeenTemplateDocument(TypedDict):
    """A template that begins or ends."""

    time: str
    """The time of its first or last line."""
    id: str
    """The id of the template in the overview."""
    template: str
    """The template, with `<*>` for what varies."""
    sample: str
    """Its first line."""
    level: str | None
    """The level of most of its lines."""
    count: int
    """Lines in the whole log."""


_Times = TypedDict(
    "_Times",
    {
        "from": Annotated[str, Field(description="Begin of the first bin of the timeline.")],
        "until": Annotated[str, Field(description="End of the last bin of the timeline.")],
    },
)


class ExplanationDocument(_Times):
    """What is different in a range of time."""

    lines: int
    """All lines in the range."""
    causes: list[CauseDocument]
    """What differs most from the rest of the log, the strongest evidence first."""
    slow: list[SlowFieldDocument]
    """Fields of numbers, such as durations, that are high."""
    first: list[SeenTemplateDocument]
    """Templates that occur for the first time."""
    stopped: list[SeenTemplateDocument]
    """Templates that occur for the last time."""
    reasons: list[str]
    """All of this as sentences."""


class RangeHandler(OneJobHandler):
    """Serves the differences between a range of time and the rest of a log."""

    ROUTE = "/jobs/{job_id}/range"

    @Operation(
        "explainRange", "jobs", {200: ExplanationDocument}, queries=(RangeQuery,), problems=(409,)
    )
    async def get(self, job_id: str) -> None:
        """Explain a range of time of an analysis.

        Compares the lines of the range with all others, as far as the bins of the timeline tell:
        levels, status classes, templates, and the values of fields that were counted over time,
        as `explain` does. The job must have a timeline.
        """
        parsed_id, query = parse_job_id(job_id), read_query(RangeQuery, query_parameters(self))
        job = await self.jobs.wait(parsed_id, self.caller)
        result = analyzed(job).result
        if not (result.get("timeline") or {}).get("start"):
            detail = f"the job {job.id} has no timeline: analyze the file with an overview"
            raise Problem(Code.NO_ANALYSIS, detail)
        given = query.model_dump()
        since = _second(given["from"], result)
        until = _second(given["to"] or Moment(0.0, True), result) + (given["to"] is None)
        try:
            found = await asyncio.to_thread(explain_range, result, since, until)
        except ValueError as error:
            raise unacceptable([FieldError("from", str(error))]) from None
        self.send_json(found)


def _second(moment: Moment, result: Mapping[str, JsonValue]) -> float:
    """A time in epoch seconds."""
    seconds, is_relative = moment
    if not is_relative:
        return seconds
    return datetime.fromisoformat(result["file"]["time_span"][1]).timestamp() - seconds
