"""How a call ended, as its keeper sees it. Imports nothing of ours but the pool's."""

from typing import Any, NamedTuple

from runner.pool.protocol import messages


class CallEnd(NamedTuple):
    """How a call ended. `answer` is what the job process said, `result` the JSON text."""

    kind: str
    error: tuple[str, str] | None = None
    answer: dict[str, Any] | None = None
    result: messages.Text | None = None


LEASE_ENDED = CallEnd("lost", ("Lost", "the runner could not say in time that it lives"))
NOT_RECEIVED = CallEnd("lost", ("Lost", "the job could not be received: too many open files"))
"""The kernel has dropped the descriptor of its request, which would have been one too many."""


def answered(message: messages.Message) -> CallEnd:
    """The ending that a job process has told of."""
    answer = message.fields
    returned = answer["kind"] == "returned"
    error = None if returned else (answer["error_type"], answer["error_message"])
    return CallEnd(answer["kind"], error, answer, message.text)


def lost(reason: str) -> CallEnd:
    """The call was not begun, for want of something."""
    return CallEnd("lost", ("Lost", reason))
