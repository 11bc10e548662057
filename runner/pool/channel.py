"""The pool's end of the channel to one keeper. Imports nothing of ours but the pool's."""

import errno
import itertools
import socket
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from runner.pool.protocol import messages
from runner.pool.protocol.begun_calls import BegunCall
from runner.pool.protocol.prefetch import LINE_SECONDS

_FULL = (errno.EAGAIN, errno.ETOOMANYREFS)
"""Why a message has to wait until others are read: of the bytes in a channel there is a limit, and
of the descriptors in all of them."""


@dataclass(frozen=True)
class _Order:
    """What a keeper is sent of a call."""

    token: str
    number: int
    request: bytes
    timeout: float | None


class KeeperChannel:
    """What a keeper has to do: the call that runs, and those that wait behind it."""

    def __init__(self, channel: socket.socket, begun: Callable[[], BegunCall]):
        """`begun` tells what the keeper has begun last."""
        self.channel = channel
        self.ready = False
        """Whether the keeper has loaded the entry."""
        self.since = 0.0
        """When the first of its calls was sent, or became the first, by the monotonic clock."""
        self._begun = begun
        self._new_numbers = itertools.count(1)
        self._numbers: dict[str, int] = {}
        """Of the calls, by their tokens: counted in the order in which the keeper gets them."""
        self._unsent: deque[_Order] = deque()
        """The last of them, if the channel is full."""

    def __len__(self) -> int:
        return len(self._numbers)

    def waits(self, token: str) -> bool:
        """Whether the keeper has not begun with a call."""
        return self._numbers[token] > self._begun().number

    def pid_of(self, token: str) -> int | None:
        """The job process that a call was begun in; None if it waits, or others have followed."""
        begun = self._begun()
        return begun.pid if self._numbers[token] == begun.number else None

    def room(self, ahead: int) -> int:
        """How many more calls it takes, if so many may wait behind one that runs; and none may
        behind one that is not as short as was hoped."""
        if not self._numbers:
            return 1 + (ahead if self.ready else 0)
        is_short = self.ready and time.monotonic() - self.since < LINE_SECONDS
        return max(0, 1 + ahead - len(self._numbers)) if is_short else 0

    def send(self, token: str, request: bytes, timeout: float | None) -> None:
        """Hand over a call: now or, if the channel is full, with `go_on`.

        Raises ConnectionError if the keeper is dead, any other OSError if the call is not sent.
        """
        if not self._numbers:
            self.since = time.monotonic()
        order = _Order(token, next(self._new_numbers), request, timeout)
        if self._unsent or not self._put(order):
            self._unsent.append(order)
        self._numbers[token] = order.number

    def go_on(self) -> Iterator[messages.Message]:
        """Send what the channel had no room for; the outcomes of calls that cannot be sent. To be
        called when the keeper has said something: it has read what came before, then."""
        while self._unsent:
            order = self._unsent[0]
            try:
                if not self._put(order):
                    return
            except OSError as error:
                del self._numbers[order.token]
                yield _lost(order.token, error)
            self._unsent.popleft()

    def withdraw(self, token: str) -> bool:
        """Take a call back that the keeper has not been sent; whether it was such a one."""
        for order in self._unsent:
            if order.token == token:
                self._unsent.remove(order)
                del self._numbers[token]
                return True
        return False

    def heard(self, message: messages.Message) -> None:
        """Note what the keeper says of its calls."""
        match message.fields["kind"]:
            case "ready":
                self.ready = True
            case "outcome":
                token = message.fields["token"]
                if token == next(iter(self._numbers)):
                    self.since = time.monotonic()  # for the one behind it
                del self._numbers[token]

    def _put(self, order: _Order) -> bool:
        """Send a call; False if the channel is full, and the keeper will say when it is not."""
        fields = {
            "kind": "call",
            "token": order.token,
            "number": order.number,
            "timeout": order.timeout,
        }
        try:
            messages.send(self.channel, fields, order.request, at_once=True)
        except OSError as error:
            if error.errno in _FULL and len(self._numbers) > len(self._unsent):
                return False
            raise
        return True


def _lost(token: str, error: OSError) -> messages.Message:
    reason = not_handed_over(error)
    outcome = {"kind": "lost", "error_type": "Lost", "error_message": reason, "innocent": True}
    return messages.Message({"kind": "outcome", "token": token, "outcome": outcome})


def not_handed_over(error: OSError) -> str:
    """Why a call is lost before it began."""
    return f"the job could not be handed over: {error}"
