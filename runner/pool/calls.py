"""The calls of a pool: their states, and the channels through which their keepers get them.

submitted ──begin──▶ running ──outcome──▶ returned | raised | timed_out | crashed | killed
    └──────────────────┴──its executor is stopped──▶ lost
"""

import errno
import itertools
import logging
import socket
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from runner.pool.protocol import answers, messages
from runner.pool.protocol.answers import read_outcome
from runner.pool.protocol.output import read_piece
from runner.pool.protocol.prefetch import MAX_EXPECTED_WAIT_SECONDS
from runner.pool.protocol.setup import CallLimits
from runner.pool.protocol.shared_memory import BegunCall
from storage.records.attempt_outcome import AttemptOutcome
from storage.records.job_limits import OwnLimits
from storage.records.output import Piece

log = logging.getLogger(__name__)

_CHANNEL_FULL = (errno.EAGAIN, errno.ETOOMANYREFS)
"""Errors of a send that must wait until the keeper reads: the kernel limits the bytes in a channel,
and the number of descriptors in transit in all channels."""


@dataclass(eq=False)
class Call:
    """A call without an outcome."""

    call_id: str
    channel: "KeeperChannel | None" = None
    """The channel to its keeper; None if the call could not be given to any."""
    number: int = 0
    """Its place among the calls of its keeper."""
    request: bytes = b""
    timeout: float | None = None
    file: str | None = None
    limits: OwnLimits | None = None
    """The limits of the job by itself."""
    job_type: str = ""
    caller: str | None = None
    is_prefetched: bool = False
    """Whether its keeper had another call to run first when it was submitted."""
    submitted_at: float = field(default_factory=time.monotonic)
    """Seconds of the monotonic clock."""
    kill_sent: bool = False
    keeper_terminated: bool = False
    """Whether the keeper reported that it was terminated (SIGTERM) while it ran this call."""
    fault: str | None = None
    """Why a message about the call was invalid. The call is then killed, and counts as crashed."""

    @property
    def is_waiting(self) -> bool:
        """Whether no keeper has begun the call."""
        return self.channel is None or self.number > self.channel.last_begun().number

    @property
    def pid(self) -> int | None:
        """The job process that runs the call, if any."""
        begun = self.channel.last_begun() if self.channel else BegunCall(-1)
        return begun.pid if begun.number == self.number else None

    @property
    def since(self) -> float:
        """When the call was submitted; once begun, when it became the first call of its keeper."""
        if self.channel is None or self.is_waiting:
            return self.submitted_at
        return self.channel.first_since


class KeeperChannel:
    """The calls of one keeper: the running call, and prefetched calls that wait behind it."""

    def __init__(self, channel: socket.socket, last_begun: Callable[[], BegunCall]):
        """`last_begun` returns the call that the keeper has begun last."""
        self.socket, self.last_begun = channel, last_begun
        self.is_ready = False
        """Whether the keeper has forked its first job process."""
        self.first_since = 0.0
        """The monotonic time at which the first unfinished call was sent or became the first."""
        self.calls: dict[str, Call] = {}
        """All unfinished calls, in the order in which they are sent."""
        self.last_caller: str | None = None
        """The caller of the newest call. A call of another one needs a new process."""
        self._next_numbers = itertools.count(1)
        self._unsent: deque[Call] = deque()
        """Calls that are not sent yet because the channel is full."""

    def room(self, prefetch: int) -> int:
        """Return how many more calls may be sent if `prefetch` calls may wait behind a running one.

        Once the running call has taken MAX_EXPECTED_WAIT_SECONDS, no call may be sent behind it.
        """
        if not self.calls:
            return 1 + (prefetch if self.is_ready else 0)
        is_short = self.is_ready and time.monotonic() - self.first_since < MAX_EXPECTED_WAIT_SECONDS
        return max(0, 1 + prefetch - len(self.calls)) if is_short else 0

    def send(
        self,
        call_id: str,
        request: bytes,
        timeout: float | None,
        file: str | None = None,
        limits: OwnLimits | None = None,
        job_type: str = "",
        caller: str | None = None,
    ) -> Call:
        """Send a call. If the channel is full, `send_unsent` will send it later.

        Raises ConnectionError if the keeper is dead, and any other OSError if the call cannot be
        sent.
        """
        if not self.calls:
            self.first_since = time.monotonic()
        number, waits = next(self._next_numbers), bool(self.calls)
        self.last_caller = caller
        given = timeout, file, limits, job_type, caller
        call = Call(call_id, self, number, request, *given, is_prefetched=waits)
        if self._unsent or not self._try_send(call):
            self._unsent.append(call)
        self.calls[call_id] = call
        return call

    def send_unsent(self) -> Iterator[tuple[Call, messages.Message]]:
        """Send the calls for which the channel was full; yields outcomes of calls that fail.

        To be called after the keeper has sent a message, since it may have read some by then.
        """
        while self._unsent:
            call = self._unsent[0]
            try:
                if not self._try_send(call):
                    return
            except OSError as error:
                del self.calls[call.call_id]
                outcome = {
                    "kind": "lost",
                    "error_type": "Lost",
                    "error_message": send_error_message(error),
                    "not_at_fault": True,
                }
                yield call, messages.Message({"kind": "outcome", "outcome": outcome})
            self._unsent.popleft()

    def remove_unsent(self, call: Call) -> bool:
        """Remove a call that was not sent yet. Returns False if it was sent."""
        if call not in self._unsent:
            return False
        self._unsent.remove(call)
        del self.calls[call.call_id]
        return True

    def find_call(self, message: messages.Message) -> Call | None:
        """Return the unfinished call that a message of the keeper is about.

        Without one, the message is dropped. With an outcome, the call is finished.
        """
        kind, call_id = message.fields.get("kind"), message.fields.get("call_id")
        if not isinstance(call_id, str) or call_id not in self.calls:
            self.is_ready |= kind == "ready"
            messages.drop(message.body)
            return None
        if kind != "outcome":
            return self.calls[call_id]
        if call_id == next(iter(self.calls)):
            self.first_since = time.monotonic()  # the next call becomes the first
        return self.calls.pop(call_id)

    def _try_send(self, call: Call) -> bool:
        """Send a call. Returns False if the channel is full and the keeper will send a message
        after it has read some."""
        fields: dict[str, object] = {
            "kind": "call",
            "call_id": call.call_id,
            "number": call.number,
            "timeout": call.timeout,
            "file": call.file,
            "job_type": call.job_type,
            "caller": call.caller,
        }
        if call.limits:
            fields["limits"] = call.limits
        try:
            messages.send(self.socket, fields, call.request, nonblocking=True)
        except OSError as error:
            if error.errno in _CHANNEL_FULL and len(self.calls) > len(self._unsent):
                return False
            raise
        call.request = b""
        return True


class Calls:
    """The unfinished calls by call id, and outcomes, progress and output to be collected."""

    def __init__(self, limits: CallLimits) -> None:
        self._limits = limits
        self.unfinished: dict[str, Call] = {}
        self.outcomes: list[tuple[str, AttemptOutcome]] = []
        self.progress: dict[str, str] = {}
        self.output: dict[str, list[Piece]] = {}

    def waiting(self, seconds: float) -> Iterator[str]:
        """Yield the prefetched calls that have waited at least this long, the oldest first."""
        latest = time.monotonic() - seconds
        for call_id, call in self.unfinished.items():
            if call.submitted_at > latest:
                return
            if call.is_prefetched and call.is_waiting:
                yield call_id

    def pids(self) -> dict[str, int]:
        """Return the job processes of the running calls."""
        calls = self.unfinished.items()
        return {call_id: pid for call_id, call in calls if (pid := call.pid) is not None}

    def kill(self, call_id: str) -> bool:
        """Order the kill of a call. Returns False if there is no such call."""
        call = self.unfinished.get(call_id)
        if call is not None and call.channel and not call.kill_sent:
            if call.channel.remove_unsent(call):
                self.end(call, AttemptOutcome("killed", not_at_fault=True))
            else:
                order = {"kind": "kill", "call_id": call_id}
                call.kill_sent = messages.try_send(call.channel.socket, order)
        return call is not None

    def handle(self, call: Call, message: messages.Message) -> None:
        """Handle a keeper's message about a call.

        A message that no keeper would send fails its call, and nothing else.
        """
        try:
            self._handle(call, message)
        except ValueError as error:
            call.fault = f"a keeper sent an invalid message: {error}"
            log.error(call.fault, extra={"call": call.call_id})
            if message.fields["kind"] == "outcome":
                self.end(call, AttemptOutcome("crashed"))
            else:
                self.kill(call.call_id)

    def _handle(self, call: Call, message: messages.Message) -> None:
        match message.fields["kind"]:
            case "outcome":
                self.end(call, read_outcome(message, self._limits.max_result_bytes))
            case "output":
                # There is no body if the kernel dropped its descriptor: too many were open.
                if message.body is not None:
                    piece = read_piece(message, self._limits.log_bytes)
                    self.output.setdefault(call.call_id, []).append(piece)
            case other:
                messages.drop(message.body)
                if other == "progress":
                    self.progress[call.call_id] = answers.check_progress(message.fields)
                else:
                    answers.choice(message.fields, "kind", ("terminated",))
                    call.keeper_terminated = True

    def mark_all_lost(self) -> None:
        """End all calls as lost, after all processes of the pool have ended."""
        for call in list(self.unfinished.values()):
            self.mark_lost(call, "a process that supervised the job was killed")

    def mark_lost(self, call: Call, reason: str) -> None:
        """End a call as lost, with an error message."""
        lost = AttemptOutcome(
            "lost",
            error_type="Lost",
            error_message=reason,
            not_at_fault=call.keeper_terminated or call.is_waiting,
            seconds=time.monotonic() - call.since,
            pid=call.pid,
        )
        self.end(call, lost)

    def end(self, call: Call, outcome: AttemptOutcome) -> None:
        """End a call. If a message about it was invalid, it has crashed."""
        self.unfinished.pop(call.call_id, None)
        if call.fault:
            outcome = AttemptOutcome(
                "crashed", error_type="InvalidMessage", error_message=call.fault, pid=outcome.pid
            )
        self.outcomes.append((call.call_id, outcome))


def send_error_message(error: OSError) -> str:
    """Return the error message of a call that could not be sent to a keeper."""
    return f"the job could not be handed over: {error}"
