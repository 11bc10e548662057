"""What a pool gives its keepers while they are spawned. Imports nothing of ours but the pool's."""

import struct
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing import reduction
from typing import Any

from runner.job_loop import Entry

SLOT_NUMBER = struct.Struct("H")
"""How the number of a slot is written into the pipe that keepers take theirs from."""


class Inherited:
    """A descriptor that goes to a process with its arguments, and only so."""

    def __init__(self, descriptor: int):
        self.descriptor = descriptor

    def __reduce__(self) -> Any:
        return _inherit, (reduction.DupFd(self.descriptor),)


def _inherit(duplicate: Any) -> Inherited:
    return Inherited(duplicate.detach())


@dataclass(frozen=True)
class Limits:
    """When a job process is replaced, what a result may have, and the grace of a kill."""

    jobs_per_process: int = 100
    max_process_bytes: int = 512 * 2**20
    """Resident memory that a job process may keep after a job."""
    max_result_bytes: int = 16 * 2**20
    grace: float = 0.0
    """Seconds from SIGTERM to SIGKILL; without it, SIGKILL comes at once."""


@dataclass(frozen=True)
class Setup:
    """What every keeper is given."""

    load: Callable[[], Entry]
    limits: Limits
    runner: int
    """The process that holds the pool."""
    slots: Inherited
    """A pipe with the numbers of all slots; each keeper takes one."""
    channels: tuple[Inherited, ...]
    """To the pool, one for each slot. They end when the runner does, which alone holds the other
    ends: so these are lifelines as well."""
    keep: tuple[Inherited, ...]
    """What keepers and job processes hold with the runner, say its lock."""
