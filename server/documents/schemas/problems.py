"""The JSON document of an error as types."""

from typing import Annotated, Literal, NotRequired

from pydantic import Field, JsonValue
from typing_extensions import TypedDict

from server.documents.schemas.common import Id, Time
from server.http.codes import Code

_CODES: list[JsonValue] = [str(code) for code in Code]


class FieldDocument(TypedDict):
    """An invalid field and the reason."""

    field: str
    """Path of the value, such as payload.patterns[0], or a parameter, a header, or body."""
    detail: str
    """What is wrong with it, for people."""
    code: str
    """Kind of the error: missing, unknown, repeated, wrong_type, wrong_length, out_of_range,
    not_allowed, malformed or invalid."""
    line: NotRequired[int]
    """Line of a syntax error in JSON."""
    column: NotRequired[int]
    """Column of a syntax error in JSON."""


class ProblemDocument(TypedDict):
    """An error (RFC 9457)."""

    type: Annotated[str, Field(json_schema_extra={"format": "uri-reference"})]
    """Address of a page that explains the code."""
    title: str
    """Short name of the code."""
    status: int
    """Status of the response."""
    code: Annotated[str, Field(json_schema_extra={"x-extensible-enum": _CODES})]
    """Kind of the error, for programs. Later releases may add codes."""
    detail: str
    """What is wrong in this request, for people."""
    request_id: str
    """Id of the request, also in the header X-Request-ID and in the log."""
    errors: NotRequired[list[FieldDocument]]
    """All errors of the request, up to 100."""
    job_id: NotRequired[Id]
    """Id of the job that may or may not have been stored, or that holds the unique key."""
    batch_id: NotRequired[Id]
    """Id of the batch that may or may not have been stored."""
    estimated_start_at: NotRequired[Time]
    """When a job that would miss its deadline is expected to start."""
    estimated_end_at: NotRequired[Time]
    """When a job that would miss its deadline is expected to end."""
    quota: NotRequired[Literal["queued", "bytes"]]
    """The quota of the caller that refuses the request."""
    limit: NotRequired[int]
    """What that quota allows: jobs or bytes."""
    used: NotRequired[int]
    """What the caller uses of it."""
