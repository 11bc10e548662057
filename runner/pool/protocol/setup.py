"""The arguments that a pool gives to its keepers when they start."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from runner.pool.linux.cgroups import JobCgroups
from runner.pool.protocol.output import LOG_BYTES
from runner.pool.protocol.python_internals import InheritedDescriptor
from storage.records.job_limits import SETTINGS, OwnLimits


@dataclass(frozen=True)
class JobLimits:
    """The limits of a job; None means no limit."""

    memory_bytes: int | None = None
    """Private writable memory (RLIMIT_DATA). Shared memory does not count, nor does address space
    that is only reserved, as by RE2 and allocators; RLIMIT_AS would count both."""
    cpu_seconds: int | None = None
    """CPU time of all threads (RLIMIT_CPU). The kernel checks whole seconds, so a job may use up to
    one more."""
    file_bytes: int | None = None
    """Size of each file that the job writes (RLIMIT_FSIZE)."""
    folder_bytes: int | None = None
    """Total size of the job's folder. The keeper checks it periodically."""
    processes: int | None = None
    """Processes and threads, including the job process. The keeper checks it periodically."""
    nice: int = 0
    """The increment of the nice value, relative to the runner's."""
    own: frozenset[str] = frozenset()
    """The names of the limits that the job has by itself; the others are those of its worker."""

    def narrowed(self, own: OwnLimits | None) -> "JobLimits":
        """Return these limits together with a job's limits: for each, the narrower one counts."""
        if not own:
            return self
        narrower: dict[str, int] = {}
        for name in ("memory_bytes", "cpu_seconds"):
            value, bound = own.get(name), getattr(self, name)
            if value is not None and (bound is None or value < bound):
                narrower[name] = value
        if own.get("nice", 0) > self.nice:
            narrower["nice"] = own["nice"]
        return replace(self, own=frozenset(narrower), **narrower)

    def of_group(self) -> tuple[int | None, int | None, int]:
        """Return the limits that hold for all processes of a job together: see linux/cgroups.py."""
        return self.memory_bytes, self.processes, self.nice

    def named(self, name: str) -> str:
        """Return a limit with its name in the job or the settings, such as JOB_CPU_SECONDS=60."""
        return f"{name if name in self.own else SETTINGS[name]}={getattr(self, name)}"


class Needs(NamedTuple):
    """The requirements of a call for its process."""

    isolation: str = "caller"
    """The attribute `isolation` of its job type: which calls may have run there before."""
    network: bool = True
    """Whether it may use the network."""
    caller: str = ""
    """Who has submitted the job; empty if that is not known."""

    @property
    def group(self) -> str | None:
        """Calls share a process only with calls of the same group: the calls of one caller, or
        (None) of all job types that share processes among callers."""
        return None if self.isolation == "shared" else self.caller


USUAL = Needs()
"""The needs of calls whose job types declare nothing special."""


@dataclass(frozen=True)
class CallLimits:
    """Limits of calls, and the conditions under which a job process is replaced."""

    jobs_per_process: int = 1000
    """A job process is replaced after this many calls."""
    max_process_bytes: int = 512 * 2**20
    """A job process is replaced if its resident memory after a call exceeds this."""
    max_result_bytes: int = 16 * 2**20
    env: tuple[str, ...] = ()
    """Names of environment variables for jobs in addition to those that all have."""
    log_bytes: int = LOG_BYTES
    """How much of a call's output is kept. With 0, jobs print to the output of the runner."""
    job: JobLimits = field(default_factory=JobLimits)
    cgroups: JobCgroups | None = None
    """The control groups of calls; None if they have none."""

    @property
    def max_kept_bytes(self) -> int:
        """The resident memory in bytes above which a job process is replaced after a call."""
        return min(self.max_process_bytes, kept_bytes(self.job))

    def output_bytes(self, own: OwnLimits | None) -> int:
        """Return how much output of a call is kept."""
        return min(self.log_bytes, own.get("max_output_bytes", 2**63)) if own else self.log_bytes


def kept_bytes(limits: JobLimits) -> int:
    """Return how much memory in bytes a job process may hold when a job with these limits starts.

    At most half of the memory limit, so that memory kept from earlier jobs leaves at least the
    other half to the job.
    """
    return (limits.memory_bytes or 2**63) // 2


@dataclass(frozen=True)
class PoolArguments:
    """The part of the keepers' arguments that stays the same when all keepers are replaced."""

    limits: CallLimits
    runner_pid: int
    """The process that holds the pool."""
    lease: InheritedDescriptor
    """The memfd of `Lease`."""
    keep_fds: tuple[InheritedDescriptor, ...]
    """Lock files that keepers and job processes hold besides the runner. They are not empty."""
    runner_folder: InheritedDescriptor
    """The folder that contains the jobs' folders, see linux/work_folders.py."""
    runner_folder_path: str
    shared_files: str | None = None
    """The folder of the files that calls are given."""


class Slot(NamedTuple):
    """The place of a keeper in its pool."""

    number: int
    channel: InheritedDescriptor
    """The channel to the pool. Only the runner holds the other end, so the keeper reads EOF when
    the runner dies."""


class NextSlot:
    """Becomes the next slot each time that it is pickled for a keeper."""

    def __init__(self, channels: Sequence[int]) -> None:
        """`channels` are the keepers' ends."""
        self._slots = enumerate(map(InheritedDescriptor, channels))

    def __reduce__(self) -> tuple[object, ...]:
        return Slot, next(self._slots)


@dataclass(frozen=True)
class KeeperArguments:
    """The arguments of a keeper. They are pickled for each keeper once."""

    pool: PoolArguments
    slot: Slot | NextSlot
    """The slot of the keeper; NextSlot in the runner."""
    begun_calls: InheritedDescriptor
    """The memfd of `BegunCalls`."""
