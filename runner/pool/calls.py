"""The calls of a pool: their states, outcomes, progress and output.

submitted ──begin──▶ running ──outcome──▶ returned | raised | timed_out | crashed | killed
    └──────────────────┴──its executor is stopped──▶ lost
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass

from runner.pool.channel import KeeperChannel
from runner.pool.protocol import messages
from runner.pool.protocol.outcome import CallOutcome
from runner.pool.protocol.output import Piece


@dataclass
class Call:
    """A call without an outcome."""

    call_id: str
    channel: KeeperChannel | None
    """The channel to its keeper; None if the call could not be given to any."""
    is_prefetched: bool
    """Whether its keeper had another call to run first when it was submitted."""
    submitted_at: float
    """Seconds of the monotonic clock."""
    kill_sent: bool = False
    keeper_terminated: bool = False
    """Whether the keeper reported that it was terminated (SIGTERM) while it ran this call."""

    @property
    def is_waiting(self) -> bool:
        """Whether no keeper has begun the call."""
        return self.channel is None or self.channel.is_waiting(self.call_id)

    @property
    def pid(self) -> int | None:
        """The job process that runs the call, if any."""
        return None if self.channel is None else self.channel.pid_of(self.call_id)

    @property
    def since(self) -> float:
        """When the call was submitted; once begun, when it became the first call of its keeper."""
        if self.channel is None or self.is_waiting:
            return self.submitted_at
        return self.channel.first_since


class Calls:
    """The unfinished calls by call id, and outcomes, progress and output to be collected."""

    def __init__(self) -> None:
        self.unfinished: dict[str, Call] = {}
        self.outcomes: list[tuple[str, CallOutcome]] = []
        self.progress: dict[str, str] = {}
        self.output: dict[str, list[Piece]] = {}

    def count_without_keeper(self) -> int:
        """Return how many calls could not be given to a keeper."""
        return sum(call.channel is None for call in self.unfinished.values())

    def add(self, call_id: str, channel: KeeperChannel | None, is_prefetched: bool = False) -> None:
        """Add a call that was submitted."""
        self.unfinished[call_id] = Call(call_id, channel, is_prefetched, time.monotonic())

    def waiting(self, seconds: float) -> Iterator[str]:
        """Yield the prefetched calls that have waited at least this long, the oldest first."""
        latest = time.monotonic() - seconds
        for call_id, call in self.unfinished.items():
            if call.submitted_at > latest:
                return
            if call.is_prefetched and call.is_waiting:
                yield call_id

    def kill(self, call_id: str) -> bool:
        """Order the kill of a call. Returns False if there is no such call."""
        call = self.unfinished.get(call_id)
        if call is not None and call.channel and not call.kill_sent:
            if call.channel.remove_unsent(call_id):
                self._end(call_id, CallOutcome("killed", not_at_fault=True))
            else:
                order = {"kind": "kill", "call_id": call_id}
                call.kill_sent = messages.try_send(call.channel.socket, order)
        return call is not None

    def handle(self, message: messages.Message) -> None:
        """Handle a keeper's message about a call. It is dropped if the call has ended."""
        call_id = message.fields["call_id"]
        call = self.unfinished.get(call_id)
        if call is None:
            messages.drop(message.body)
            return
        match message.fields["kind"]:
            case "progress":
                self.progress[call_id] = message.fields["text"]
            case "output":
                self._add_output(call_id, message)
            case "terminated":
                call.keeper_terminated = True
            case "outcome":
                self._end(call_id, _outcome(message))

    def pids(self) -> dict[str, int]:
        """Return the job processes of the running calls."""
        calls = self.unfinished.items()
        return {call_id: pid for call_id, call in calls if (pid := call.pid) is not None}

    def mark_all_lost(self) -> None:
        """End all calls as lost, after all processes of the pool have ended."""
        for call_id in list(self.unfinished):
            self.mark_lost(call_id, "a process that supervised the job was killed")

    def mark_lost(self, call_id: str, reason: str) -> None:
        """End a call as lost, with an error message."""
        call = self.unfinished[call_id]
        lost = CallOutcome(
            "lost",
            error_type="Lost",
            error_message=reason,
            not_at_fault=call.keeper_terminated or call.is_waiting,
            seconds=time.monotonic() - call.since,
            pid=call.pid,
        )
        self._end(call_id, lost)

    def has_updates(self) -> bool:
        """Return whether there are outcomes, progress or output to take."""
        return bool(self.outcomes or self.progress or self.output)

    def take_outcomes(self) -> list[tuple[str, CallOutcome]]:
        """Return the outcomes since the last call of this method."""
        outcomes, self.outcomes = self.outcomes, []
        return outcomes

    def take_progress(self) -> dict[str, str]:
        """Return the newest progress of each call since the last call of this method."""
        progress, self.progress = self.progress, {}
        return progress

    def take_output(self) -> dict[str, list[Piece]]:
        """Return the output of each call since the last call of this method."""
        output, self.output = self.output, {}
        return output

    def _add_output(self, call_id: str, message: messages.Message) -> None:
        # There is no body if the kernel dropped its descriptor because too many were open.
        if message.body is not None:
            piece = message.fields["position"], messages.read_bytes(message.body)
            self.output.setdefault(call_id, []).append(piece)

    def _end(self, call_id: str, outcome: CallOutcome) -> None:
        del self.unfinished[call_id]
        self.outcomes.append((call_id, outcome))


def _outcome(message: messages.Message) -> CallOutcome:
    fields, result = message.fields["outcome"], None
    if message.body is not None:
        result = messages.read_text(message.body)
    elif fields["kind"] == "returned":
        # The kernel dropped the descriptor of the result because too many were open.
        text = "the result could not be received: too many open files"
        fields |= {"kind": "lost", "error_type": "Lost", "error_message": text}
    return CallOutcome(result=result, **fields)
