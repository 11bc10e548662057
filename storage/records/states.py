"""The life of a job as one table of named transitions. Imports nothing of ours.

              ┌────────── retry (run_at later) ─────────┐
              ▼                                         │
 enqueue ─▶ queued ──claim──▶ running ──complete──▶ succeeded
              ▲  │             │ │ └────fail─────▶ failed ◀── abandon
              │  │   release / │ └─confirm cancel▶ canceled
              │  │   rescue ───┘
              │  └──────cancel (never started)────▶ canceled
              └──requeue (a client's retry)─────── failed, canceled

The guard of each change in the store is made from its row here, and so are the tests.
"""

from dataclasses import dataclass
from enum import StrEnum


class Status(StrEnum):
    """The only statuses a job can have."""

    QUEUED = "queued"
    """Waits for a free slot, or for its run_at."""
    RUNNING = "running"
    """Claimed by a runner, which `locked_by` names."""
    SUCCEEDED = "succeeded"
    """Final: the job type returned a result."""
    FAILED = "failed"
    """Final, unless a client has it retried: it raised, timed out or crashed, and no retry was
    left."""
    CANCELED = "canceled"
    """Final, unless a client has it retried: a client canceled it; it never started, or its
    process is gone."""


FINAL = frozenset({Status.SUCCEEDED, Status.FAILED, Status.CANCELED})


@dataclass(frozen=True)
class Transition:
    """One allowed change of a stored job.

    `fenced`: only for the holder of this very attempt (or who proved that holder dead);
    the guard then names `locked_by` and `attempt` as well.
    `cancel_requested`: True where a client must have asked for a cancel, False where none may
    have, None where it does not matter.
    """

    name: str
    sources: frozenset[Status]
    target: Status
    fenced: bool
    cancel_requested: bool | None = None


_QUEUED = frozenset({Status.QUEUED})
_RUNNING = frozenset({Status.RUNNING})

CLAIM = Transition("claim", _QUEUED, Status.RUNNING, fenced=False)
RESCHEDULE = Transition("reschedule", _QUEUED, Status.QUEUED, fenced=False)
CANCEL = Transition("cancel", _QUEUED, Status.CANCELED, fenced=False)
# The one way out of a final status; what succeeded stays.
REQUEUE = Transition(
    "requeue", frozenset({Status.FAILED, Status.CANCELED}), Status.QUEUED, fenced=False
)
# Noted once: asked again, the time of the first wish stays.
REQUEST_CANCEL = Transition(
    "request_cancel", _RUNNING, Status.RUNNING, fenced=False, cancel_requested=False
)
# A result that came first wins over a cancel; an error does not, and is never retried then.
COMPLETE = Transition("complete", _RUNNING, Status.SUCCEEDED, fenced=True)
FAIL = Transition("fail", _RUNNING, Status.FAILED, fenced=True, cancel_requested=False)
RETRY = Transition("retry", _RUNNING, Status.QUEUED, fenced=True, cancel_requested=False)
RELEASE = Transition("release", _RUNNING, Status.QUEUED, fenced=True, cancel_requested=False)
RESCUE = Transition("rescue", _RUNNING, Status.QUEUED, fenced=True, cancel_requested=False)
ABANDON = Transition("abandon", _RUNNING, Status.FAILED, fenced=True, cancel_requested=False)
CONFIRM_CANCEL = Transition(
    "confirm_cancel", _RUNNING, Status.CANCELED, fenced=True, cancel_requested=True
)

TRANSITIONS = (
    CLAIM,
    RESCHEDULE,
    CANCEL,
    REQUEUE,
    REQUEST_CANCEL,
    COMPLETE,
    FAIL,
    RETRY,
    RELEASE,
    RESCUE,
    ABANDON,
    CONFIRM_CANCEL,
)
