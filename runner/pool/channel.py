"""The pool's end of the channel to one keeper, and the calls that the keeper has not finished."""

import errno
import itertools
import socket
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from runner.pool.protocol import messages
from runner.pool.protocol.prefetch import MAX_EXPECTED_WAIT_SECONDS
from runner.pool.protocol.shared_memory import BegunCall

_CHANNEL_FULL = (errno.EAGAIN, errno.ETOOMANYREFS)
"""Errors of a send that must wait until the keeper reads: the kernel limits the bytes in a channel,
and the number of descriptors in transit in all channels."""


@dataclass(frozen=True)
class _CallMessage:
    """The content of the message that sends a call to its keeper."""

    call_id: str
    number: int
    request: bytes
    timeout: float | None
    file: str | None


class KeeperChannel:
    """The calls of one keeper: the running call, and prefetched calls that wait behind it."""

    def __init__(self, channel: socket.socket, last_begun: Callable[[], BegunCall]):
        """`last_begun` returns the call that the keeper has begun last."""
        self.socket = channel
        self.is_ready = False
        """Whether the keeper has forked its first job process."""
        self.first_since = 0.0
        """The monotonic time at which the first unfinished call was sent or became the first."""
        self._last_begun = last_begun
        self._next_numbers = itertools.count(1)
        self._numbers: dict[str, int] = {}
        """The numbers of all unfinished calls by call id, in the order in which they are sent."""
        self._unsent: deque[_CallMessage] = deque()
        """Calls that are not sent yet because the channel is full."""

    def __len__(self) -> int:
        """Return the number of unfinished calls."""
        return len(self._numbers)

    def is_waiting(self, call_id: str) -> bool:
        """Return whether the keeper has not begun a call yet."""
        return self._numbers[call_id] > self._last_begun().number

    def pid_of(self, call_id: str) -> int | None:
        """Return the job process of the call that was begun last; None for all other calls."""
        begun = self._last_begun()
        return begun.pid if self._numbers[call_id] == begun.number else None

    def room(self, prefetch: int) -> int:
        """Return how many more calls may be sent if `prefetch` calls may wait behind a running one.

        Once the running call has taken MAX_EXPECTED_WAIT_SECONDS, no call may be sent behind it.
        """
        if not self._numbers:
            return 1 + (prefetch if self.is_ready else 0)
        is_short = self.is_ready and time.monotonic() - self.first_since < MAX_EXPECTED_WAIT_SECONDS
        return max(0, 1 + prefetch - len(self._numbers)) if is_short else 0

    def send(
        self, call_id: str, request: bytes, timeout: float | None, file: str | None = None
    ) -> None:
        """Send a call. If the channel is full, `send_unsent` will send it later.

        Raises ConnectionError if the keeper is dead, and any other OSError if the call cannot be
        sent.
        """
        if not self._numbers:
            self.first_since = time.monotonic()
        call = _CallMessage(call_id, next(self._next_numbers), request, timeout, file)
        if self._unsent or not self._try_send(call):
            self._unsent.append(call)
        self._numbers[call_id] = call.number

    def send_unsent(self) -> Iterator[messages.Message]:
        """Send the calls for which the channel was full; yields outcomes of calls that fail.

        To be called after the keeper has sent a message, since it may have read some by then.
        """
        while self._unsent:
            call = self._unsent[0]
            try:
                if not self._try_send(call):
                    return
            except OSError as error:
                del self._numbers[call.call_id]
                yield _lost_message(call.call_id, error)
            self._unsent.popleft()

    def remove_unsent(self, call_id: str) -> bool:
        """Remove a call that was not sent yet. Returns False if there is no such call."""
        for call in self._unsent:
            if call.call_id == call_id:
                self._unsent.remove(call)
                del self._numbers[call_id]
                return True
        return False

    def handle(self, message: messages.Message) -> bool:
        """Update the state of the channel from a message of the keeper.

        Returns whether the message is about an unfinished call of this keeper. If not, it is
        dropped.
        """
        kind, call_id = message.fields.get("kind"), message.fields.get("call_id")
        if not isinstance(call_id, str) or call_id not in self._numbers:
            self.is_ready |= kind == "ready"
            messages.drop(message.body)
            return False
        if kind == "outcome":
            if call_id == next(iter(self._numbers)):
                self.first_since = time.monotonic()  # the next call becomes the first
            del self._numbers[call_id]
        return True

    def _try_send(self, call: _CallMessage) -> bool:
        """Send a call. Returns False if the channel is full and the keeper will send a message
        after it has read some."""
        fields = {
            "kind": "call",
            "call_id": call.call_id,
            "number": call.number,
            "timeout": call.timeout,
            "file": call.file,
        }
        try:
            messages.send(self.socket, fields, call.request, nonblocking=True)
        except OSError as error:
            if error.errno in _CHANNEL_FULL and len(self._numbers) > len(self._unsent):
                return False
            raise
        return True


def _lost_message(call_id: str, error: OSError) -> messages.Message:
    outcome = {
        "kind": "lost",
        "error_type": "Lost",
        "error_message": send_error_message(error),
        "not_at_fault": True,
    }
    return messages.Message({"kind": "outcome", "call_id": call_id, "outcome": outcome})


def send_error_message(error: OSError) -> str:
    """Return the error message of a call that could not be sent to a keeper."""
    return f"the job could not be handed over: {error}"
