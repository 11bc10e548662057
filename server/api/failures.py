"""`/failures`: the failed jobs, grouped by their errors."""

import base64
import binascii
from collections.abc import Callable
from dataclasses import replace
from typing import Annotated, ClassVar
from uuid import UUID

from pydantic import AfterValidator, Field
from typing_extensions import TypedDict

from server.api.openapi.operation import Operation
from server.documents.filters import Query, Text, Whole
from server.documents.job_documents import rfc3339
from server.documents.options.tags import WantedTags
from server.documents.options.times import PastTime
from server.documents.schemas.common import Id, Time
from server.handlers.base import Handler
from server.handlers.query import query_parameters, read_query
from server.store.threads import StoreThreads
from storage.queries.failures import FailureGroup, Failures, Position
from storage.records.failure_kind import error_texts
from storage.records.filters import Filters


class FailureDocument(TypedDict):
    """Failed jobs of one type whose errors are alike."""

    failure: str
    """Names the group: the filter `failure` of lists and of bulk changes selects its jobs."""
    type: str
    """The job type."""
    error_type: str
    """Kind of the error, such as the name of an exception, `TimedOut` or `Lost`."""
    message: str
    """The message that the jobs have in common, up to 300 characters, with # in place of each
    number and id."""
    latest_message: str
    """The message of the latest failure, up to 1,000 characters."""
    count: int
    """Number of the jobs."""
    first_at: Time
    """When the first of them failed."""
    last_at: Time
    """When the latest of them failed."""
    job_ids: list[Id]
    """The latest of them, up to five."""


class FailuresDocument(TypedDict):
    """Groups of failed jobs, the largest first."""

    items: list[FailureDocument]
    """The groups, up to `limit`."""
    group_count: int
    """Number of all groups, also of those beyond `limit`."""
    failed: int
    """Number of the jobs in all groups."""
    looked_back_to: Time | None
    """Jobs that failed earlier were not looked at, because that would have taken too long; null if
    all were."""
    next: str | None
    """Repeat the request with it as `cursor` to look at earlier failures; null if all were looked
    at."""


MAX_EXAMPLE_LENGTH = 1000
_TIME_BYTES = 8


def encode_position(position: Position) -> str:
    """Encode a place in the list of failures as a cursor, opaque to clients."""
    at, job_id = position
    return base64.urlsafe_b64encode(at.to_bytes(_TIME_BYTES) + job_id.bytes).decode()


def parse_position(text: str) -> Position:
    """Decode a cursor. Raises ValueError if the text is not one."""
    try:
        data = base64.b64decode(text, altchars=b"-_", validate=True)
        position = int.from_bytes(data[:_TIME_BYTES]), UUID(bytes=data[_TIME_BYTES:])
    except (binascii.Error, ValueError):
        position = None
    if position is None or position[0] >= 1 << 62:
        raise ValueError("not a cursor: use the value of `next` from the previous response")
    return position


def _require_position(text: str) -> str:
    parse_position(text)
    return text


class FailuresQuery(Query):
    """The query parameters of the list of failures."""

    REPEATABLE: ClassVar = frozenset({"tag"})

    type: Text | None = Field(None, description="name of the job type")
    queue: Text | None = Field(None, description="name of the queue")
    tag: WantedTags | None = Field(None, description="a tag of the job, or several: it has all")
    since: PastTime | None = Field(
        None, description="failed at this time or later, or since so long ago, such as 24h"
    )
    limit: Whole = Field(
        100, ge=1, le=500, description="maximum number of groups in the response; by default 100"
    )
    cursor: Annotated[str, AfterValidator(_require_position)] | None = Field(
        None, description="`next` from the previous response"
    )

    def filters(self) -> Filters:
        """Convert the filters to the store's type."""
        tags = frozenset(self.tag or ())
        return Filters(type=self.type, queue=self.queue, tags=tags, finished_after=self.since)

    def start_after(self) -> Position | None:
        """Return the position of the last failure that was looked at, or None for the first."""
        return None if self.cursor is None else parse_position(self.cursor)


def failures_document(found: Failures, limit: int) -> FailuresDocument:
    """Build the response with up to `limit` groups."""
    return {
        "items": [_failure_document(group) for group in found.groups[:limit]],
        "group_count": len(found.groups),
        "failed": found.failed,
        "looked_back_to": rfc3339(found.next[0]) if found.next else None,
        "next": encode_position(found.next) if found.next else None,
    }


def _failure_document(group: FailureGroup) -> FailureDocument:
    kind = group.kind
    return {
        "failure": kind.key,
        "type": kind.type,
        "error_type": kind.error_type,
        "message": kind.message,
        "latest_message": error_texts(group.example)[1][:MAX_EXAMPLE_LENGTH],
        "count": group.count,
        "first_at": rfc3339(group.first_at),
        "last_at": rfc3339(group.last_at),
        "job_ids": [str(job_id) for job_id in group.job_ids],
    }


class FailuresHandler(Handler):
    """Groups of failed jobs."""

    find_failures: Callable[[Filters, Position | None], Failures]
    threads: StoreThreads
    ROUTE = "/failures"
    LIMITED = True

    @Operation("listFailures", "jobs", {200: FailuresDocument}, queries=(FailuresQuery,))
    async def get(self) -> None:
        """Failed jobs, grouped by their errors.

        Jobs of one type are in a group if their errors have the same type and, without numbers and
        ids, the same message. The largest groups come first. The latest failures are looked at, for
        about half a second; `next` continues with earlier ones. The filter `failure` of listJobs
        and retryJobs selects the jobs of a group.
        """
        query = read_query(FailuresQuery, query_parameters(self, FailuresQuery.REPEATABLE))
        filters = replace(query.filters(), view=self.caller.view)
        found = await self.threads.run(self.find_failures, filters, query.start_after())
        self.send_json(failures_document(found, query.limit))
