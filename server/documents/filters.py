"""The query parameters of calls, and the filters that select jobs: in the query of a list, and in
the body of a bulk change.
"""

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal, Self
from uuid import UUID

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

from server.documents.field_errors import unknown_name
from server.documents.options.tags import WantedTags
from server.documents.options.times import Time
from server.documents.schemas.job_schemas import JobDocument
from server.documents.views import VIEWS, View, view_of
from storage.records.failure_kind import KEY_LENGTH
from storage.records.filters import Filters
from storage.records.json_values import Json, JsonValue
from storage.records.states import Status

MAX_IDS = 100
"""Most job ids in one request."""
MAX_WAIT_SECONDS = 60.0
_FAILURE = re.compile(f"[0-9a-f]{{{KEY_LENGTH}}}")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"?')
_DIGITS = re.compile("[0-9]+")


def encode_cursor(job_id: UUID) -> str:
    """Encode the id of the last job of a page as a cursor, opaque to clients."""
    return base64.urlsafe_b64encode(job_id.bytes).rstrip(b"=").decode()


def parse_cursor(text: str) -> UUID:
    """Decode a cursor into a job id. Raises ValueError if the text is not a cursor."""
    try:
        return UUID(bytes=base64.b64decode(text + "==", altchars=b"-_", validate=True))
    except (binascii.Error, ValueError):
        raise ValueError("not a cursor: use the value of `next` from the previous page") from None


def _require_cursor(text: str) -> str:
    parse_cursor(text)
    return text


def _digits(value: object) -> object:
    """Refuse other forms that Python reads as a number, such as 1_0 and 1.0."""
    return value if not isinstance(value, str) or re.fullmatch("-?[0-9]+", value) else ""


Whole = Annotated[int, BeforeValidator(_digits)]
"""A whole number as text, in decimal digits."""


class Query(BaseModel):
    """The query parameters of a call. It refuses all others."""

    model_config = ConfigDict(extra="forbid")

    REPEATABLE: ClassVar[frozenset[str]] = frozenset()
    """The parameters of which a request may have several; all their values count."""


def _storable(value: str) -> str:
    if "\0" in value:
        raise ValueError("text must not contain NUL characters")
    return value


def _require_failure(value: str) -> str:
    if not _FAILURE.fullmatch(value):
        raise ValueError(
            f"it must be the {KEY_LENGTH} hexadecimal digits that GET /failures calls `failure`,"
            " for example 3f9a0c1d2b4e5f60"
        )
    return value


Failure = Annotated[str, AfterValidator(_require_failure)]
Text = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_storable)]
Statuses = Annotated[
    list[Annotated[Status, Field(strict=False)]],
    BeforeValidator(lambda value: value.split(",") if isinstance(value, str) else value),
    Field(min_length=1, max_length=50),
]


BatchId = Annotated[UUID, Field(strict=False)]
"""The id of a batch, as text."""
JobId = Annotated[UUID, Field(strict=False)]
"""The id of a job, as text."""


class FilterFields(BaseModel):
    """Filters for jobs. A job is selected if it matches every filter that is given."""

    status: Statuses | None = Field(None, description="one or more statuses")
    type: Text | None = Field(None, description="name of the job type")
    created_after: Time | None = Field(None, description="created at this time or later")
    created_before: Time | None = Field(None, description="created before this time")
    finished_after: Time | None = Field(None, description="ended at this time or later")
    finished_before: Time | None = Field(None, description="ended before this time")
    failure: Failure | None = Field(
        None, description="`failure` of a group of failures: failed jobs with this error"
    )
    queue: Text | None = Field(None, description="name of the queue")
    submitted_by: Text | None = Field(None, description="name of the caller who submitted the job")
    tag: WantedTags | None = Field(None, description="a tag of the job, or several: it has all")
    batch: BatchId | None = Field(None, description="id of a batch: its jobs")
    schedule: Text | None = Field(None, description="name of the schedule that submitted the job")
    after: JobId | None = Field(
        None, description="id of a job: the jobs that have it in their `after`"
    )
    text: Text | None = Field(
        None,
        description="text contained in the JSON of payload or metadata, in the file name or in the"
        " id; ignores the case of the letters A-Z",
    )

    def filters(self) -> Filters:
        """Convert the filters to the store's type."""
        return Filters(
            statuses=frozenset(self.status or ()),
            type=self.type,
            created_after=self.created_after,
            created_before=self.created_before,
            text=self.text or "",
            queue=self.queue,
            submitted_by=self.submitted_by,
            tags=frozenset(self.tag or ()),
            batch=self.batch,
            finished_after=self.finished_after,
            finished_before=self.finished_before,
            failure=self.failure,
            schedule=self.schedule,
            after=self.after,
        )


class Cursor(BaseModel):
    """The position at which a list or a bulk change continues."""

    cursor: Annotated[str, AfterValidator(_require_cursor)] | None = Field(
        None, description="`next` from the previous response"
    )

    def start_after(self) -> UUID | None:
        """Return the id of the last job of the previous page, or None for the first page."""
        return None if self.cursor is None else parse_cursor(self.cursor)


class WaitQuery(Query):
    """The query parameter of requests that can wait."""

    wait: float = Field(
        0.0,
        ge=0,
        le=MAX_WAIT_SECONDS,
        description="maximum number of seconds to wait until the job is final, or all jobs are;"
        " without it, the response comes at once",
    )


class SubmissionQuery(WaitQuery):
    """The query parameters of a submission."""

    dry_run: bool = Field(
        False,
        description="true checks the submission and estimates its start and end, but stores no job",
    )


class CancelQuery(Query):
    """The query parameter of a cancel."""

    dry_run: bool = Field(
        False,
        description="true changes nothing: downstream in the response counts the jobs that would be"
        " canceled because they wait for this one",
    )


class RetryQuery(Query):
    """The query parameter of a retry."""

    downstream: bool = Field(
        False,
        description="true also retries the jobs that were canceled because this one did not"
        " succeed, and those that were canceled because of them",
    )


JOB_FIELDS = tuple(JobDocument.__annotations__)


class ViewQuery(Query):
    """The query parameters that select fields of jobs."""

    view: Literal["summary", "full"] | None = Field(
        None,
        description="summary: jobs without payload, result and attempts; full: also fields that"
        " were not set, which jobs leave out otherwise",
    )
    fields: str | None = Field(
        None,
        description="names of the fields of jobs to send besides job_id and status, such as"
        " result,finished_at",
    )

    @field_validator("fields")
    @classmethod
    def _check_fields(cls, value: str, info: ValidationInfo) -> str:
        if info.data.get("view"):
            raise ValueError("give either view or fields, not both")
        for name in value.split(","):
            if name not in JOB_FIELDS:
                raise ValueError(unknown_name(f"field {name[:50]!r}", name, JOB_FIELDS))
        return value

    def selected(self) -> View:
        """Return which fields jobs show."""
        return VIEWS[self.view or "default"] if self.fields is None else view_of(self.fields)


class ListQuery(FilterFields, Cursor, ViewQuery):
    """The query parameters of a list."""

    REPEATABLE: ClassVar = frozenset({"status", "tag"})

    limit: Whole = Field(
        50, ge=1, le=500, description="maximum number of jobs in the response; by default 50"
    )

    def page_parameters(self, query: Mapping[str, JsonValue]) -> Json:
        """Return the parameters of a query that the link to the next page has to repeat."""
        kept = {name: query[name] for name in ListQuery.model_fields if name in query}
        return {**kept, "limit": str(self.limit)}


class BulkBody(FilterFields, Cursor):
    """Selects the jobs to change: by filters, or all of them with `all`."""

    model_config = ConfigDict(strict=True, extra="forbid")

    all: bool = Field(False, description="true selects every job; give no filters then")
    dry_run: bool = Field(False, description="true only counts the jobs and changes nothing")

    @model_validator(mode="after")
    def _filters_or_all(self) -> Self:
        has_filter = self.filters() != Filters()
        if self.all and has_filter:
            raise ValueError('give either filters or {"all": true}, not both')
        if not self.all and not has_filter:
            raise ValueError('give at least one filter, or {"all": true} for every job')
        return self


class RetryBody(BulkBody, RetryQuery):
    """Selects the jobs to retry."""


class SetQuery(WaitQuery, ViewQuery):
    """The query parameters for jobs that are requested by their ids."""

    REPEATABLE: ClassVar = frozenset({"id"})

    id: Annotated[
        list[UUID],
        Field(max_length=MAX_IDS, description="job id; repeat it for several jobs"),
        AfterValidator(lambda ids: list(dict.fromkeys(ids))),
    ]


def preferred_wait(header: str) -> int | None:
    """Return the seconds of `wait=30` in a header Prefer (RFC 7240), MAX_WAIT_SECONDS at most.

    None if there are none, or if they cannot be honoured: a preference is never an error.
    """
    # A comma in a quoted text separates nothing.
    plain = _QUOTED.sub(lambda text: text[1] if _DIGITS.fullmatch(text[1]) else "", header)
    for preference in plain.split(","):
        name, _, value = preference.partition(";")[0].partition("=")
        if name.strip().lower() == "wait":  # only the first one counts
            digits, most = value.strip(), int(MAX_WAIT_SECONDS)
            if not _DIGITS.fullmatch(digits):
                return None
            return most if len(digits) > 9 else min(int(digits), most)
    return None
