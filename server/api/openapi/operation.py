"""`Operation`: what the API says about one method of one path."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from inspect import cleandoc
from typing import TypeVar

from server.auth.callers import Role
from server.documents.filters import Query

F = TypeVar("F", bound=Callable[..., object])
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
    """Decorates a method of a handler, which then requires this role and takes these queries.

    The docstring of the method is for clients, unless there is a summary: its first line is the
    summary of the operation, and the rest is the description.
    """

    id: str
    """Names the method in generated clients."""
    tag: str
    """One of TAGS. Some generators make one class for each."""
    responses: Mapping[int, object]
    """By status: the type of the document, a media type if it is not JSON, a tuple of both, or None
    for a response without content."""
    role: Role | None = Role.READ
    """The role that the caller needs; None if no token is needed."""
    is_own: bool = False
    """Whether the role is enough only for jobs that the caller has submitted; others need admin."""
    queries: tuple[type[Query], ...] = ()
    """The models of the query parameters."""
    body: object = None
    events: tuple[object, ...] = ()
    """The types of the events in a stream."""
    problems: tuple[int, ...] = ()
    """Statuses of errors, besides those that follow from the other fields."""
    response_headers: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    """By status: headers besides those that every response has."""
    request_headers: tuple[str, ...] = ()
    """Headers besides those that follow from the other fields."""
    path: str = ""
    """ROUTE of the handler."""
    of_all: bool = False
    """Whether it is about all jobs, so that a caller who does not see all of them gets 403."""
    method: str = ""
    summary: str = ""
    description: str = ""

    def __call__(self, method: F) -> F:
        """Describe a method of a handler."""
        summary, _, rest = cleandoc(method.__doc__ or "").partition("\n\n")
        vars(method)["operation"] = replace(
            self,
            method=method.__name__.lower(),
            summary=self.summary or summary.rstrip("."),
            description=self.description or " ".join(rest.split()),
        )
        return method

    @property
    def is_stream(self) -> bool:
        """Whether the response is an event stream, which has no Etag."""
        return EVENT_STREAM in self.responses.values()
