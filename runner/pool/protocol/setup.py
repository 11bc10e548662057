"""What a pool gives its keepers while they start. Imports nothing of ours but the pool's."""

import os
import socket
import struct
from dataclasses import dataclass, field
from multiprocessing import reduction
from typing import Any

from runner.pool.linux.limits import JobLimits
from runner.pool.linux.work_folders import WorkPlace
from runner.pool.protocol.lease import Lease
from runner.pool.protocol.output import LOG_BYTES

SLOT_NUMBER = struct.Struct("H")
"""How the number of a slot is written into the pipe that keepers take theirs from."""


class InheritedDescriptor:
    """A descriptor that goes to a process with its arguments, and only so."""

    def __init__(self, descriptor: int):
        self.descriptor = descriptor

    def __reduce__(self) -> Any:
        return _inherit, (reduction.DupFd(self.descriptor),)


def _inherit(duplicate: Any) -> InheritedDescriptor:
    return InheritedDescriptor(duplicate.detach())


@dataclass(frozen=True)
class CallLimits:
    """When a job process is replaced, what a result may have, and the grace of a kill."""

    jobs_per_process: int = 1000
    max_process_bytes: int = 512 * 2**20
    """Resident memory that a job process may keep after a job."""
    max_result_bytes: int = 16 * 2**20
    env: tuple[str, ...] = ()
    """Names of variables that jobs get besides those of runner/pool/fork/environment.py."""
    log_bytes: int = LOG_BYTES
    """What is kept of all that a call prints; with 0, it goes where the runner itself prints to."""
    grace: float = 0.0
    """Seconds from SIGTERM to SIGKILL; without it, SIGKILL comes at once."""
    job: JobLimits = field(default_factory=JobLimits)

    @property
    def max_kept_bytes(self) -> int:
        """Resident memory with which a job process is replaced, so that what earlier jobs have
        left takes at most half of what the next one may have."""
        return min(self.max_process_bytes, (self.job.memory_bytes or 2**63) // 2)


@dataclass(frozen=True)
class PoolArguments:
    """What a pool has each of its crews give to keepers, as the pool itself has it."""

    limits: CallLimits
    keep: tuple[int, ...]
    lease: Lease
    work: WorkPlace


@dataclass(frozen=True)
class KeeperArguments:
    """What every keeper is given."""

    limits: CallLimits
    runner: int
    """The process that holds the pool."""
    slots: InheritedDescriptor
    """A pipe with the numbers of all slots; each keeper takes one."""
    channels: tuple[InheritedDescriptor, ...]
    """To the pool, one for each slot. They end when the runner does, which alone holds the other
    ends: so these are lifelines as well."""
    marks: InheritedDescriptor
    """Which call each of them runs, see runner/pool/protocol/begun_calls.py."""
    lease: InheritedDescriptor
    """Until when jobs may run, see runner/pool/protocol/lease.py."""
    keep: tuple[InheritedDescriptor, ...]
    """What keepers and job processes hold with the runner, say its lock."""
    work: InheritedDescriptor
    """The place of the folders that jobs work in, see runner/pool/linux/work_folders.py."""
    work_path: str

    def take_slot(self) -> tuple[int, socket.socket]:
        """A slot that no other keeper has taken: its number and its channel."""
        data = os.read(self.slots.descriptor, SLOT_NUMBER.size)
        (number,) = SLOT_NUMBER.unpack(data)
        return number, socket.socket(fileno=self.channels[number].descriptor)
