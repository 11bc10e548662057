"""The calls of a pool: what each of them has come to. Imports nothing of ours but the pool's.

submitted ──mark──▶ running ──outcome──▶ returned | raised | timed_out | crashed | killed
    └─────────────────┴──its crew ended──▶ lost
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

    token: str
    link: KeeperChannel | None
    """To its keeper; None if that was dead already."""
    behind: bool
    """Whether the keeper had others to run before."""
    submitted_at: float
    """By the monotonic clock, in seconds."""
    to_kill: bool = False
    terminated: bool = False
    """Whether its keeper has ended it because somebody has ended the keeper."""

    @property
    def waits(self) -> bool:
        """Whether no keeper has begun with it."""
        return self.link is None or self.link.waits(self.token)

    @property
    def pid(self) -> int | None:
        """The job process that runs it, if any does."""
        return None if self.link is None else self.link.pid_of(self.token)

    @property
    def since(self) -> float:
        """When it was submitted or, if it has begun, when it was to begin."""
        return self.submitted_at if self.link is None or self.waits else self.link.since


class Calls:
    """Calls by their tokens, and the news of them that are not fetched yet."""

    def __init__(self) -> None:
        self.running: dict[str, Call] = {}
        self.outcomes: list[tuple[str, CallOutcome]] = []
        self.progress: dict[str, str] = {}
        self.output: dict[str, list[Piece]] = {}

    @property
    def in_no_hands(self) -> int:
        """How many calls no keeper has."""
        return sum(call.link is None for call in self.running.values())

    def add(self, token: str, link: KeeperChannel | None, behind: bool = False) -> None:
        """A call was submitted."""
        self.running[token] = Call(token, link, behind, time.monotonic())

    def waiting(self, seconds: float) -> Iterator[str]:
        """The calls that have waited behind others for so long, the first ones first."""
        latest = time.monotonic() - seconds
        for token, call in self.running.items():
            if call.submitted_at > latest:
                return
            if call.behind and call.waits:
                yield token

    def kill(self, token: str) -> bool:
        """Have a call killed; False if there is none."""
        call = self.running.get(token)
        if call is not None and call.link and not call.to_kill:
            if call.link.withdraw(token):
                self._end(token, CallOutcome("killed", innocent=True))
            else:
                order = {"kind": "kill", "token": token}
                call.to_kill = messages.send_at_once(call.link.channel, order)
        return call is not None

    def hear(self, message: messages.Message) -> None:
        """Take what a keeper says of a call; what is not known any more is dropped."""
        token = message.fields["token"]
        call = self.running.get(token)
        if call is None:
            messages.drop(message.text)
            return
        match message.fields["kind"]:
            case "progress":
                self.progress[token] = message.fields["text"]
            case "output":
                self._note_output(token, message)
            case "terminated":
                call.terminated = True
            case "outcome":
                self._end(token, _outcome(message))

    def pids(self) -> dict[str, int]:
        """The job processes of the calls that have started."""
        calls = self.running.items()
        return {token: pid for token, call in calls if (pid := call.pid) is not None}

    def lose_all(self) -> None:
        """Everything that ran is dead, and can have no other outcome."""
        for token in list(self.running):
            self.lose(token, "a process that kept the job was killed")

    def lose(self, token: str, reason: str) -> None:
        """A call can have no other outcome."""
        call = self.running[token]
        lost = CallOutcome(
            "lost",
            error_type="Lost",
            error_message=reason,
            innocent=call.terminated or call.waits,
            seconds=time.monotonic() - call.since,
            pid=call.pid,
        )
        self._end(token, lost)

    def has_news(self) -> bool:
        """Whether there is anything to take."""
        return bool(self.outcomes or self.progress or self.output)

    def take_outcomes(self) -> list[tuple[str, CallOutcome]]:
        """The outcomes since last asked."""
        outcomes, self.outcomes = self.outcomes, []
        return outcomes

    def take_progress(self) -> dict[str, str]:
        """The newest progress of each call since last asked."""
        progress, self.progress = self.progress, {}
        return progress

    def take_output(self) -> dict[str, list[Piece]]:
        """What each call has printed since last asked."""
        output, self.output = self.output, {}
        return output

    def _note_output(self, token: str, message: messages.Message) -> None:
        if message.text is not None:  # the kernel drops what would be one descriptor too many
            piece = message.fields["position"], messages.read_bytes(message.text)
            self.output.setdefault(token, []).append(piece)

    def _end(self, token: str, outcome: CallOutcome) -> None:
        del self.running[token]
        self.outcomes.append((token, outcome))


def _outcome(message: messages.Message) -> CallOutcome:
    fields, result = message.fields["outcome"], None
    if message.text is not None:
        result = messages.read(message.text)
    elif fields["kind"] == "returned":
        # The kernel drops what would be one descriptor too many.
        text = "the result could not be received: too many open files"
        fields |= {"kind": "lost", "error_type": "Lost", "error_message": text}
    return CallOutcome(result=result, **fields)
