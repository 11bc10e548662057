"""How many slots could be used now, for autoscaling. Does no input or output."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from jobservice.documents import known_fields
from jobservice.json_values import JsonValue


@dataclass(frozen=True)
class QueueScale:
    """The jobs of a queue, in slots.

    due: queued jobs whose time has come, up to 1,000.
    not_startable: due jobs that no further slot would start, because the queue is paused or its
        limit leaves no room.
    """

    name: str
    slots_wanted: int
    running: int
    due: int
    not_startable: int


@dataclass(frozen=True)
class Scale:
    """How many slots could be used now, and how many there are.

    slots, busy: the slots of the living workers, and how many of them have a job.
    parts: always 0; older services split large jobs into parts.
    schedules: schedules that wait for a worker to fire them.
    """

    slots_wanted: int
    slots: int
    busy: int
    parts: int
    schedules: int
    queues: tuple[QueueScale, ...]
    raw: Mapping[str, JsonValue] = field(default_factory=dict, repr=False, compare=False)
    """The document as it was received."""

    def workers(self, slots: int) -> int:
        """How many workers with so many slots each are wanted."""
        return -(-self.slots_wanted // slots)


def read_scale(document: Mapping[str, JsonValue]) -> Scale:
    """Build a scale from its JSON document."""
    known = known_fields(Scale, document)
    known["queues"] = tuple(
        QueueScale(**known_fields(QueueScale, each)) for each in document["queues"]
    )
    return Scale(**known, raw=document)
