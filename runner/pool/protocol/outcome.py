"""How a call in the pool ended."""

from typing import Literal, NamedTuple

Kind = Literal["returned", "raised", "killed", "timed_out", "out_of_memory", "crashed", "lost"]


class CallOutcome(NamedTuple):
    """How a call ended. Once there is an outcome, no process of the call runs any more."""

    kind: Kind
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
