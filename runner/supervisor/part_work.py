"""The parts of jobs that this runner does, be the jobs its own or another's."""

from collections.abc import Collection

from runner.supervisor.running_jobs import KillReason, RunningJobs
from storage.claiming.parts import ClaimedPart, PartFence, Parts


class PartClaimer:
    """Takes parts into free slots, and ends those that nobody waits for any more."""

    def __init__(self, parts: Parts, roster: RunningJobs, slots: int):
        self._parts = parts
        self._roster = roster
        self._slots = slots
        self._waiting = 0

    def look(self, free: int) -> bool:
        """Whether parts wait that could be done, with so many free slots. Raises StoreError."""
        self._waiting = self._parts.waiting(self._slots) if free else 0
        return self._waiting > 0

    def reserved(self, free: int) -> int:
        """How many of the free slots jobs have to leave: as long as both wait, each has half."""
        share = (self._slots + 1) // 2 - len(self._roster.parts())
        return min(self._waiting, max(0, share), free)

    def claim(self, limit: int) -> list[ClaimedPart]:
        """Take up to so many that wait. Raises StoreError."""
        return self._parts.claim(limit) if self._waiting else []

    def kill_ended(self) -> None:
        """Kill what is to be ended, or is not held any more. Raises StoreError."""
        running = self._roster.parts()
        held = self._parts.held() if running else {}
        for fence in running:
            if held.get(fence, True):
                self._roster.kill(fence, KillReason.CANCEL)

    def resume(self, ended: Collection[PartFence | None]) -> None:
        """Do what the store says was claimed and is not known here. Raises StoreError."""
        for fence in self._parts.held():
            if fence not in self._roster and fence not in ended:
                taken = self._parts.reload(fence)
                if taken:
                    self._roster.start_part(taken)
