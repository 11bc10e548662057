"""What a keeper is told to do: calls, which wait in line, and kills.

Imports nothing of ours but the pool's.
"""

import socket
from collections import deque

from runner.pool.protocol import messages


class CallOrders:
    """The line of calls of one keeper, filled from its channel to the pool."""

    def __init__(self, channel: socket.socket):
        self.channel = channel
        self._line: deque[messages.Message] = deque()

    def next_call(self) -> messages.Message:
        """The first call in line, or the next to come. Raises EOFError when the pool is gone."""
        while not self._line:
            message = messages.receive(self.channel, wait=True)
            assert message is not None
            if message.fields["kind"] == "call":  # a kill has come too late
                self._line.append(message)
        return self._line.popleft()

    @property
    def has_next(self) -> bool:
        """Whether a call is in line."""
        return bool(self._line)

    def is_killed(self, token: str) -> bool:
        """Take all that has come: whether the call that runs is to be killed.

        Calls get in line; one of them that is to be killed leaves it at once. An order for a call
        that has ended is late. Raises EOFError when the pool is gone.
        """
        killed = False
        while (message := messages.receive(self.channel)) is not None:
            if message.fields["kind"] == "call":
                self._line.append(message)
            elif message.fields["token"] == token:
                killed = True
            else:
                self._take_out(message.fields["token"])
        return killed

    def _take_out(self, token: str) -> None:
        for call in [call for call in self._line if call.fields["token"] == token]:
            self._line.remove(call)
            messages.drop(call.text)
            outcome = {"kind": "killed", "innocent": True}
            messages.send(self.channel, {"kind": "outcome", "token": token, "outcome": outcome})
