"""The operations to follow jobs, and to read their output."""

from server.auth.callers import Role
from server.documents.schemas.events import ChangeEvent, DeadlineEvent, EndEvent, LogEvent
from server.documents.schemas.files import LogsDocument
from server.documents.schemas.service import StreamTokenDocument
from server.events.documents import EventsQuery, JobEventsQuery, LogsQuery
from server.openapi.operations.operation import EVENT_STREAM, Operation

EVENTS = (
    Operation(
        "/stream-tokens",
        "Get a token for event streams",
        {200: StreamTokenDocument},
        id="createStreamToken",
        tag="events",
        description="For `EventSource` of browsers, which sends no token in a header. The token"
        " opens streams for a minute, with the rights of the caller.",
        method="post",
        role=Role.READ,
        problems=(409,),
    ),
    Operation(
        "/jobs/{job_id}/events",
        "Follow a job until it is final",
        {200: EVENT_STREAM, 204: None},
        id="followJob",
        tag="events",
        description="Server-sent events. The status is 204 if there are no more events.",
        queries=(JobEventsQuery,),
        events=(ChangeEvent, DeadlineEvent, LogEvent, EndEvent),
    ),
    Operation(
        "/jobs/{job_id}/logs",
        "The output of an attempt",
        {200: ("text/plain", LogsDocument, "application/jsonl")},
        id="getJobLogs",
        tag="events",
        description="As text, as JSON with `Accept: application/json`, or with `Accept: "
        "application/jsonl` as JSON Lines, one log entry on each line.",
        queries=(LogsQuery,),
    ),
    Operation(
        "/events",
        "Follow all jobs",
        {200: EVENT_STREAM},
        id="followJobs",
        tag="events",
        description="Server-sent events. The stream has no end.",
        queries=(EventsQuery,),
        events=(ChangeEvent, DeadlineEvent),
    ),
)
