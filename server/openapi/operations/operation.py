"""`Operation`: one method of one path, as a row of the table of all operations."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import BaseModel

from server.auth.callers import Role

NEW_JOB = "new job"
"""Stands for the models of new jobs, which are generated from the job types."""
BATCH = "batch"
"""Stands for many new jobs."""
FORM = "form"
"""Stands for the model of new jobs with a file."""
FILE = "file"
"""Stands for a body that is a file as a whole."""
ANY_TYPE = ("application/octet-stream", "*/*")
"""The media types of a stored file, which has any. Some generators know only the first."""
ZIP = "application/zip"
OFFSET_STREAM = "application/offset+octet-stream"
"""The media type of bytes that are appended to an upload, and stands for such a body."""
EVENT_STREAM = "text/event-stream"
OWN_JOBS = "submit for jobs that the caller has submitted, admin for others"
"""In place of a role."""
TAGS = {
    "jobs": "Submit, read, cancel and retry jobs",
    "files": "Read the files of jobs",
    "uploads": "Send large files by several requests, which continue after a break",
    "events": "Follow jobs, and read their output",
    "schedules": "Submit jobs at certain times",
    "queues": "Read and change queues",
    "job types": "Read what kinds of jobs there are",
    "pattern sets": "Read and save patterns for analyses",
    "service": "The state of the service, and its description",
    "session": "Who the caller is, and the sign-in of the web front end",
    "callbacks": "What the service sends at the end of a job",
}
SUBMISSION_HEADERS = ("Location", "Idempotency-Replayed", "Preference-Applied")
"""Headers of the response to a submission."""


@dataclass(frozen=True)
class Operation:
    """One method of one path."""

    path: str
    summary: str
    responses: Mapping[int, object]
    """By status: the type of the document, a media type if it is not JSON, a tuple of both, or None
    for a response without content."""
    id: str
    """Names the method in generated clients."""
    tag: str
    """One of TAGS. Some generators make one class for each."""
    description: str = ""
    method: str = "get"
    role: Role | str | None = Role.READ
    """The role that the caller needs; None if no token is needed. The handlers enforce it."""
    of_all: bool = False
    """Whether it is about all jobs, so that a caller who does not see all of them gets 403."""
    queries: tuple[type[BaseModel], ...] = ()
    body: object = None
    events: tuple[object, ...] = ()
    """The types of the events in a stream."""
    problems: tuple[int, ...] = ()
    """Statuses of errors, besides those that follow from the other fields."""
    response_headers: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    """By status: headers besides those that every response has."""
    request_headers: tuple[str, ...] = ()
    """Headers besides those that follow from the other fields."""

    @property
    def is_stream(self) -> bool:
        """Whether the response is an event stream, which has no Etag."""
        return EVENT_STREAM in self.responses.values()
