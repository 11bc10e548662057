"""The limits that a job has by itself, and the limits of a worker, which no job may exceed.

A job without own limits has the limits of the worker that runs it.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields

OwnLimits = Mapping[str, int]
"""The limits of a job by their names, which are the fields of `WorkerLimits`."""


@dataclass(frozen=True)
class WorkerLimits:
    """The limits of a worker; None for no limit."""

    memory_bytes: int | None = None
    """Private memory of each process of a job (JOB_MEMORY_BYTES)."""
    cpu_seconds: int | None = None
    """CPU time of each process of a job (JOB_CPU_SECONDS)."""
    max_output_bytes: int | None = None
    """Output that is kept of an attempt (LOG_BYTES)."""
    nice: int | None = None
    """The least niceness of a job. A higher value gives a job less CPU time."""
    cgroups: bool | None = None
    """Whether each job has a control group, so that the memory of all its processes counts."""

    def refused(self, own: OwnLimits) -> list[str]:
        """Return the names of those limits of a job that this worker does not allow."""
        return [name for name, value in own.items() if self._is_beyond(name, value)]

    def _is_beyond(self, name: str, value: int) -> bool:
        bound = getattr(self, name)
        if bound is None:
            return False
        return bool(value < bound if name in LEAST else value > bound)

    def to_text(self) -> str:
        """Return the limits as JSON text."""
        return json.dumps(asdict(self))


LEAST = frozenset({"nice"})
"""The limits that are lower bounds."""
SETTINGS = {
    "memory_bytes": "JOB_MEMORY_BYTES",
    "cpu_seconds": "JOB_CPU_SECONDS",
    "max_output_bytes": "LOG_BYTES",
}
"""The setting of a worker that is the bound of each upper limit."""
NAMES = (*SETTINGS, *LEAST)


def worker_limits(text: str | None) -> WorkerLimits | None:
    """Return limits from JSON text; None for None. Limits of a later release are left out."""
    if text is None:
        return None
    given = json.loads(text)
    known = [each.name for each in fields(WorkerLimits) if each.name in given]
    return WorkerLimits(**{name: given[name] for name in known})


def allows(limits: WorkerLimits | None, own: OwnLimits | None) -> bool:
    """Return whether a worker can give a job all that its own limits allow it.

    `limits` is None for a worker of an earlier release: it would not enforce them.
    """
    if not own:
        return True
    return limits is not None and not limits.refused(own)
