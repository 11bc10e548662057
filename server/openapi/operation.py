"""What a call of the API is, as `operations` lists them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel

from server.auth.callers import Role

NEW_JOB = "new job"
"""In place of a model: made from the job types."""
EVENTS = "text/event-stream"
OWN = "own"
"""In place of a role: submit, of jobs that the caller has submitted, and admin of all others."""


@dataclass(frozen=True)
class Operation:
    """One call. `answers` are documents by status: None for an answer without content, a text for
    a media type that is not JSON, several for one of these.

    `role` is what its caller needs, None where nobody needs a token; the handlers see to it.

    A stream cannot be asked for again by its Etag.
    """

    method: str
    path: str
    summary: str
    answers: Mapping[int, Any]
    role: Role | str | None = Role.READ
    queries: tuple[type[BaseModel], ...] = ()
    body: Any = None
    problems: tuple[int, ...] = ()
    headers: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    """Headers of answers, beside those that all have."""
    takes: tuple[str, ...] = ()
    """Headers of requests."""

    @property
    def is_stream(self) -> bool:
        """Whether the answer goes on."""
        return EVENTS in self.answers.values()
