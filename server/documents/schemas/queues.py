"""The JSON documents of queues as types."""

from typing_extensions import TypedDict

from server.documents.schemas.common import Time


class QueueDocument(TypedDict):
    """A queue, and how many jobs it has."""

    name: str
    """Name of the queue."""
    max_running: int | None
    """How many of its jobs may run at once, in all workers together; null without a limit."""
    paused: bool
    """Whether it starts no jobs."""
    paused_at: Time | None
    """Since when it is paused; null if it is not."""
    running: int
    """Number of its running jobs."""
    queued: int
    """Number of its queued jobs, counted up to 10,000."""
    queued_is_more: bool
    """Whether it has more queued jobs than were counted."""
    oldest_due_seconds: float | None
    """How long its longest due job has waited; null without one."""


class QueuesDocument(TypedDict):
    """All queues, sorted by name."""

    items: list[QueueDocument]
    """The queues."""
