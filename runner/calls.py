"""The calls of a pool: what each of them has come to. Imports nothing of ours but the pool's.

submitted ──started──▶ running ──outcome──▶ returned | raised | timed_out | crashed | killed
    └────────────────────┴──its crew ended──▶ lost
"""

import socket
import time
from dataclasses import dataclass

from runner import messages
from runner.outcome import Outcome


@dataclass
class Call:
    """A call without an outcome."""

    since: float
    """When it was submitted or started, by the monotonic clock in seconds."""
    channel: socket.socket | None = None
    """To its keeper, once it has started."""
    pid: int | None = None
    to_kill: bool = False
    innocent: bool = True


class Calls:
    """Calls by their tokens, and the news of them that are not fetched yet."""

    def __init__(self) -> None:
        self.running: dict[str, Call] = {}
        self.outcomes: list[tuple[str, Outcome]] = []
        self.progress: dict[str, str] = {}

    def add(self, token: str) -> None:
        """A call was submitted."""
        self.running[token] = Call(time.monotonic())

    def kill(self, token: str) -> bool:
        """Have a call killed, now or once it has started; False if there is none."""
        call = self.running.get(token)
        if call is not None and not call.to_kill:
            call.to_kill = True
            self._send_kill(token, call)
        return call is not None

    def hear(self, channel: socket.socket, message: messages.Message) -> None:
        """Take what a keeper says of a call; what is not known any more is dropped."""
        token = message.fields["token"]
        call = self.running.get(token)
        if call is None:
            messages.drop(message.text)
            return
        match message.fields["kind"]:
            case "started":
                call.since, call.channel = time.monotonic(), channel
                call.pid, call.innocent = message.fields["pid"], False
                self._send_kill(token, call)
            case "progress":
                self.progress[token] = message.fields["text"]
            case "terminated":
                call.innocent = True
            case "outcome":
                self._end(token, _outcome(message))

    def pids(self) -> dict[str, int]:
        """The job processes of the calls that have started."""
        return {token: call.pid for token, call in self.running.items() if call.pid is not None}

    def lose_all(self) -> None:
        """Everything that ran is dead, and can have no other outcome."""
        for token, call in list(self.running.items()):
            lost = Outcome(
                "lost",
                error_type="Lost",
                error_message="a process that kept the job was killed",
                innocent=call.innocent,
                seconds=time.monotonic() - call.since,
                pid=call.pid,
            )
            self._end(token, lost)

    def take_outcomes(self) -> list[tuple[str, Outcome]]:
        """The outcomes since last asked."""
        outcomes, self.outcomes = self.outcomes, []
        return outcomes

    def take_progress(self) -> dict[str, str]:
        """The newest progress of each call since last asked."""
        progress, self.progress = self.progress, {}
        return progress

    def _end(self, token: str, outcome: Outcome) -> None:
        del self.running[token]
        self.outcomes.append((token, outcome))

    def _send_kill(self, token: str, call: Call) -> None:
        # Needs no waiting: a keeper gets one order for each of its calls.
        if call.to_kill and call.channel is not None:
            messages.send_at_once(call.channel, {"kind": "kill", "token": token})


def _outcome(message: messages.Message) -> Outcome:
    fields, result = message.fields["outcome"], None
    if message.text is not None:
        result = messages.read(message.text)
    elif fields["kind"] == "returned":
        # The kernel drops what would be one descriptor too many.
        text = "the result could not be received: too many open files"
        fields |= {"kind": "lost", "error_type": "Lost", "error_message": text}
    return Outcome(result=result, **fields)
