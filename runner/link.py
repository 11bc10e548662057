"""The pool's end of the channel to one keeper. Imports nothing of ours but the pool's."""

import socket
import time

from runner import messages
from runner.pace import LINE_SECONDS


class Link:
    """What a keeper has to do: the call that runs, and those that wait behind it."""

    def __init__(self, channel: socket.socket):
        self.channel = channel
        self.ready = False
        """Whether the keeper has loaded the entry."""
        self._tokens: list[str] = []
        self._since = 0.0

    def __len__(self) -> int:
        return len(self._tokens)

    def room(self, ahead: int) -> int:
        """How many more calls it takes, if so many may wait behind one that runs; and none may
        behind one that is not as short as was hoped."""
        if not self._tokens:
            return 1 + (ahead if self.ready else 0)
        is_short = self.ready and time.monotonic() - self._since < LINE_SECONDS
        return max(0, 1 + ahead - len(self._tokens)) if is_short else 0

    def send(self, token: str, request: bytes, timeout: float | None) -> None:
        """Hand over a call.

        Raises ConnectionError if the keeper is dead, any other OSError if the call is not sent.
        """
        if not self._tokens:
            self._since = time.monotonic()
        fields = {"kind": "call", "token": token, "timeout": timeout}
        messages.send(self.channel, fields, request, at_once=True)
        self._tokens.append(token)

    def heard(self, message: messages.Message) -> None:
        """Note what the keeper says of its calls."""
        match message.fields["kind"]:
            case "ready":
                self.ready = True
            case "started":
                self._since = time.monotonic()
            case "outcome":
                if message.fields.get("next"):
                    self._since = time.monotonic()
                self._tokens.remove(message.fields["token"])
