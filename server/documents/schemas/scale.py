"""The JSON document of the signal for autoscaling as a type."""

from typing_extensions import TypedDict


class QueueScaleDocument(TypedDict):
    """The jobs of a queue, in slots."""

    name: str
    """Name of the queue."""
    slots_wanted: int
    """Number of slots that its jobs could use: `running` + `due` - `not_startable`."""
    running: int
    """Number of running jobs."""
    due: int
    """Number of queued jobs whose time has come, up to 1,000."""
    not_startable: int
    """Number of due jobs that no further slot would start, because the queue is paused or its
    limit leaves no room."""


class ScaleDocument(TypedDict):
    """How many slots could be used now. A worker has CONCURRENCY_LIMIT slots."""

    slots_wanted: int
    """Number of slots that could be used now: the sum of the queues and `schedules`."""
    slots: int
    """Number of slots of the living workers."""
    busy: int
    """Number of these slots that have a job."""
    parts: int
    """Always 0: jobs are not split any more. The field stays for clients of earlier releases."""
    schedules: int
    """Number of schedules that wait for a worker to fire them."""
    queues: list[QueueScaleDocument]
    """The queues, sorted by name."""
