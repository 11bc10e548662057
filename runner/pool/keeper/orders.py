"""Orders from the pool to a keeper: calls to run, which wait in a queue, and kills."""

import socket
from collections import deque

from runner.pool.protocol import messages


class CallOrders:
    """The queue of calls of one keeper, filled from its channel to the pool."""

    def __init__(self, channel: socket.socket):
        self.channel = channel
        self._queue: deque[messages.Message] = deque()

    def next_call(self) -> messages.Message:
        """Return the first call in the queue, or wait for one. Raises EOFError if the pool is
        gone."""
        while not self._queue:
            message = messages.receive(self.channel, wait=True)
            assert message is not None
            if message.fields["kind"] == "call":  # else a kill order that came too late
                self._queue.append(message)
        return self._queue.popleft()

    @property
    def has_next(self) -> bool:
        """Whether a call is in the queue."""
        return bool(self._queue)

    def is_killed(self, call_id: str) -> bool:
        """Process all orders that have arrived; returns whether one kills the call `call_id`.

        New calls are queued. A kill order for a queued call removes it at once. Kill orders for
        calls that have ended are ignored. Raises EOFError if the pool is gone.
        """
        killed = False
        while (message := messages.receive(self.channel)) is not None:
            if message.fields["kind"] == "call":
                self._queue.append(message)
            elif message.fields["call_id"] == call_id:
                killed = True
            else:
                self._kill_queued(message.fields["call_id"])
        return killed

    def _kill_queued(self, call_id: str) -> None:
        for call in [call for call in self._queue if call.fields["call_id"] == call_id]:
            self._queue.remove(call)
            messages.drop(call.body)
            outcome = {"kind": "killed", "not_at_fault": True}
            messages.send(self.channel, {"kind": "outcome", "call_id": call_id, "outcome": outcome})
