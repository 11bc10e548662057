"""`AttemptOutcome`: how an attempt ended, from its keeper to the store and the traces.

Imports no other module of this project.
"""

from typing import Literal, NamedTuple

Kind = Literal["returned", "raised", "killed", "timed_out", "out_of_memory", "crashed", "lost"]
"""How a call of the pool ended. Of a killed one, the store records why: canceled or released."""


class AttemptOutcome(NamedTuple):
    """How an attempt or one of its calls ended. No process of the call runs any more."""

    kind: str
    """A `Kind`, "canceled" or "released"; see `storage.records.job.Outcome`."""
    result: str | None = None
    """JSON text, if the call returned."""
    error_type: str | None = None
    """None if the call returned or was killed."""
    error_message: str | None = None
    """None if the call returned or was killed. At most 4000 characters of the exception's text,
    without lone surrogates."""
    retryable: bool = True
    """False if the exception declares that a retry is useless."""
    not_at_fault: bool = False
    """True if the call was lost for a reason outside of it, or was killed before it began."""
    seconds: float = 0.0
    cpu_seconds: float | None = None
    """CPU time of its processes, as far as they were waited for; None if unknown."""
    peak_memory_bytes: int | None = None
    """Peak resident memory of the job process; after a crash, the peak over all its calls. None if
    unknown."""
    pid: int | None = None
    """The job process."""
    traceback: str | None = None
    """Where an exception was raised, if the call raised one; of limited length."""
    has_files: bool = False
    """Whether the call has left files, which its keeper has kept, see `RunnerFolder.open_kept`."""

    @property
    def error(self) -> dict[str, str] | None:
        """The error as clients see it, None without one."""
        if self.error_type is None:
            return None
        return {"type": self.error_type, "message": self.error_message or ""}

    def without_error(self, kind: str) -> "AttemptOutcome":
        """Return this outcome with another kind and without its error."""
        return self._replace(kind=kind, error_type=None, error_message=None, traceback=None)
