"""All that a runner does at a time: whole jobs, jobs in parts, and parts of jobs."""

from collections.abc import Sequence

from runner.pool.protocol.outcome import CallOutcome
from runner.supervisor.part_work import PartClaimer
from runner.supervisor.running_jobs import KillReason, RunningJob, RunningJobs
from runner.supervisor.split_jobs import SplitJobs
from storage.claiming.parts import ClaimedPart
from storage.claiming.statements import ClaimCall, ClaimedJobs
from storage.claims import Claims
from storage.records.job import Job

Room = tuple[int, int]
"""How many jobs can start at once, and how many more can wait behind others."""


class Work:
    """Claims, starts, collects and kills; what asks the store raises StoreError."""

    def __init__(self, claims: Claims, roster: RunningJobs, slots: int, parts_bytes: int):
        """Jobs with files of `parts_bytes` or more are done in parts, if that helps; 0: none."""
        self._claims = claims
        self._roster = roster
        self._splits = SplitJobs(claims, roster, parts_bytes)
        self._parts = PartClaimer(claims.parts, roster, slots)

    def __len__(self) -> int:
        return len(self._roster) + len(self._splits)

    def collect(self) -> list[tuple[RunningJob, CallOutcome]]:
        """What has ended and is to be settled. Asks nothing of the store."""
        return self._splits.take(self._roster.collect())

    def look(self) -> list[tuple[RunningJob, CallOutcome]]:
        """The same of jobs whose parts are done, or will not be."""
        return self._splits.look()

    def next_look(self) -> float:
        """In how many seconds to look at them, if nothing wakes the runner before."""
        return self._splits.next_look()

    def parts_wait(self, room: Room) -> bool:
        """Whether parts wait that could be done in so much room."""
        return self._parts.look(room[0])

    def for_jobs(self, room: Room) -> Room:
        """What of the room is for jobs; they leave some to parts that wait."""
        free, ahead = room
        self._parts.look(free)
        reserved = self._parts.reserved(free)
        return free - reserved, 0 if reserved else ahead

    def claim(self, room: Room, claim: ClaimCall) -> tuple[ClaimedJobs, list[ClaimedPart]]:
        """Take as many jobs and parts as there is room for; `claim` takes those jobs."""
        claimed = claim()
        return claimed, self._parts.claim(room[0] - len(claimed))

    def start(self, jobs: Sequence[Job], parts: Sequence[ClaimedPart] = ()) -> None:
        """Do what was claimed."""
        for taken in parts:
            self._roster.start_part(taken)
        for job in jobs:
            self._splits.start(job)

    def resume(self, ended: Sequence[RunningJob]) -> None:
        """Do what the store says was claimed and is not known here; `ended` is to be settled."""
        settled = {running.fence for running in ended if not running.part}
        known = (self._roster, self._splits, settled)
        held = self._claims.held()
        self.start([job for job in held if not any(job.fence in each for each in known)])
        self._parts.resume({running.part for running in ended})

    def kill_canceled(self) -> None:
        """Kill what clients want canceled, and parts that nobody waits for."""
        if self._roster.living() or len(self._splits):
            for fence in self._claims.to_cancel():
                self._roster.kill(fence, KillReason.CANCEL)
                self._splits.kill(fence, KillReason.CANCEL)
        self._parts.kill_ended()

    def release_all(self) -> None:
        """Kill all, to be given back."""
        self._roster.kill_all(KillReason.RELEASE)
        self._splits.kill_all(KillReason.RELEASE)

    def disown_all(self) -> None:
        """Kill all: others may have it by now."""
        self._roster.disown_all()
        self._splits.disown_all()
