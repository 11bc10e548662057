"""The calls of a pool: their states, outcomes, progress and output.

submitted ──begin──▶ running ──outcome──▶ returned | raised | timed_out | crashed | killed
    └──────────────────┴──its executor is stopped──▶ lost
"""

import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass

from runner.pool.channel import KeeperChannel
from runner.pool.protocol import answers, messages
from runner.pool.protocol.answers import CallOutcome, read_outcome
from runner.pool.protocol.output import Piece
from runner.pool.protocol.setup import CallLimits

log = logging.getLogger(__name__)


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
    fault: str | None = None
    """Why a message about the call was invalid. The call is then killed, and counts as crashed."""

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

    def __init__(self, limits: CallLimits) -> None:
        self._limits = limits
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
        """Handle a keeper's message about a call. It is dropped if the call has ended.

        A message that no keeper would send fails its call, and nothing else.
        """
        call_id = message.fields["call_id"]
        call = self.unfinished.get(call_id)
        if call is None:
            messages.drop(message.body)
            return
        try:
            self._handle(call, message)
        except ValueError as error:
            call.fault = f"a keeper sent an invalid message: {error}"
            log.error(call.fault, extra={"call": call_id})
            if message.fields["kind"] == "outcome":
                self._end(call_id, CallOutcome("crashed"))
            else:
                self.kill(call_id)

    def _handle(self, call: Call, message: messages.Message) -> None:
        match message.fields["kind"]:
            case "outcome":
                self._end(call.call_id, read_outcome(message, self._limits.max_result_bytes))
            case "output":
                self._add_output(call.call_id, message)
            case other:
                messages.drop(message.body)
                if other == "progress":
                    self.progress[call.call_id] = answers.check_progress(message.fields)
                else:
                    answers.choice(message.fields, "kind", ("terminated",))
                    call.keeper_terminated = True

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
            data = messages.read_bytes(message.body, self._limits.log_bytes)
            piece = answers.field(message.fields, "position"), data
            self.output.setdefault(call_id, []).append(piece)

    def _end(self, call_id: str, outcome: CallOutcome) -> None:
        fault = self.unfinished.pop(call_id).fault
        if fault:
            outcome = CallOutcome(
                "crashed", error_type="InvalidMessage", error_message=fault, pid=outcome.pid
            )
        self.outcomes.append((call_id, outcome))
