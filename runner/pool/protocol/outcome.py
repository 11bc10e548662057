"""How a call in the pool ended, as its keeper reports it and as the pool accepts it."""

from typing import Literal, NamedTuple, cast, get_args

from runner.pool.protocol import answers, fields, messages
from runner.pool.protocol.fields import InvalidMessage

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
    traceback: str | None = None
    """Where an exception was raised, if the call raised one. At most TRACEBACK_BYTES in UTF-8."""


RESULT_LOST = "the result could not be received: too many open files"
"""The kernel has dropped the descriptor of the result."""
_MAX_PID = 2**22
_KINDS = frozenset(get_args(Kind))
_NAMES = {name for name in CallOutcome._fields if name not in ("result", "traceback")}
_DEFAULTS = CallOutcome("killed")._asdict()


def read_outcome(message: messages.Message, max_result_bytes: int) -> CallOutcome:
    """Return the outcome in a keeper's message, and free its body.

    A keeper has checked what came from the job process. The pool checks it again, because the
    keeper runs as the same user as the job. Raises ValueError, mostly InvalidMessage.
    """
    most = max(max_result_bytes, answers.TRACEBACK_BYTES)
    body = None if message.body is None else messages.read_bytes(message.body, most)
    values = message.fields.get("outcome")
    if not isinstance(values, dict) or not values.keys() <= _NAMES:
        raise InvalidMessage("it has no outcome")
    if values.get("kind") != "returned":
        return _outcome(values, None, None if body is None else answers.check_traceback(body))
    if body is not None:
        answers.check_result(body, max_result_bytes)
        return _outcome(values, body.decode(), None)
    if not message.body_lost:
        raise InvalidMessage("it has no result")
    lost = {"kind": "lost", "error_type": "Lost", "error_message": RESULT_LOST}
    return _outcome({**values, **lost}, None, None)


def _outcome(received: fields.Fields, result: str | None, traceback: str | None) -> CallOutcome:
    values = {**_DEFAULTS, **received}
    kind = cast(Kind, fields.choice(values, "kind", _KINDS))
    has_error = kind not in ("returned", "killed")
    error_type, error_message = answers.check_error(values) if has_error else (None, None)
    cpu_seconds, peak = values["cpu_seconds"], values["peak_memory_bytes"]
    return CallOutcome(
        kind,
        result,
        error_type,
        error_message,
        fields.flag(values, "retryable"),
        fields.flag(values, "not_at_fault"),
        fields.seconds(values, "seconds"),
        None if cpu_seconds is None else fields.seconds(values, "cpu_seconds"),
        None if peak is None else fields.integer(values, "peak_memory_bytes"),
        None if values["pid"] is None else fields.integer(values, "pid", _MAX_PID),
        traceback,
    )
