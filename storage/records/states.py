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
    """Final, unless a client retries it: it raised, timed out or crashed, and had no retry left."""
    CANCELED = "canceled"
    """Final, unless a client retries it: a client canceled it, and it never started or its process
    is gone."""


FINAL = frozenset({Status.SUCCEEDED, Status.FAILED, Status.CANCELED})


@dataclass(frozen=True)
class Transition:
    """One allowed change of a stored job.

    `fenced`: only for the holder of this very attempt, or for a runner that proved the holder dead;
    the guard then also names `locked_by` and `attempt`. `cancel_requested`: True if a client must
    have requested a cancel, False if no client may have, None if it does not matter.
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
# The only way out of a final status. A succeeded job stays final.
REQUEUE = Transition(
    "requeue", frozenset({Status.FAILED, Status.CANCELED}), Status.QUEUED, fenced=False
)
# Recorded once: the time of the first request stays.
REQUEST_CANCEL = Transition(
    "request_cancel", _RUNNING, Status.RUNNING, fenced=False, cancel_requested=False
)
# A result that arrives before the cancel wins; an error does not, and is then never retried.
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
