"""How a call in a pool ended. Imports nothing of ours."""

from typing import Literal, NamedTuple

Kind = Literal["returned", "raised", "killed", "timed_out", "out_of_memory", "crashed", "lost"]


class CallOutcome(NamedTuple):
    """How a call ended. When it is given, nothing of the call runs any more."""

    kind: Kind
    result: str | None = None
    """JSON text, if the call returned."""
    error_type: str | None = None
    """For all but returned and killed."""
    error_message: str | None = None
    """The same; at most 4000 characters of the exception's, and no lone surrogates."""
    retryable: bool = True
    """False if the exception says that trying again is of no use."""
    innocent: bool = False
    """If lost: by the end of another keeper, or before it was started."""
    seconds: float = 0.0
    cpu_seconds: float | None = None
    """Of its processes, as far as they were waited for; None if that is not known."""
    peak_memory_bytes: int | None = None
    """Resident memory of the job process; if it crashed, the peak of all its calls; or None."""
    pid: int | None = None
    """The job process."""
