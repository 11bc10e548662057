"""The transactions of a runner's turns, and whom they wake.

BEGIN ─ changes, claim ─ COMMIT ─▶ what was claimed begins ─▶ those who wait are woken
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TypeVar

from storage.claiming.claim import Claimer
from storage.claiming.job_parts import JobParts
from storage.claiming.parts import Parts
from storage.claiming.statements import ClaimCall
from storage.db.database import Database
from storage.db.optimistic import OptimisticConflict
from storage.notify.wakeup import EVENTS, LISTENER, WORKER, Wakeup
from storage.records.attempt_ends import SettledObserver

T = TypeVar("T")
_NUMBERS = 200
"""So many are taken for a turn at once; one that changes more takes some again."""


def _nothing(_: object) -> None:
    """What is to be done first, if nothing is."""


class ClaimTransactions:
    """Of one runner; raises StoreError."""

    parts: Parts
    job_parts: JobParts

    def __init__(
        self, database: Database, wakeup: Wakeup, claiming: Claimer, ends: SettledObserver
    ):
        self._database = database
        self._wakeup = wakeup
        self._claiming = claiming
        self.ends = ends
        """Who are told of the ends of attempts."""

    def change(
        self,
        changes: Callable[[ClaimCall], T],
        limit: int = 0,
        ahead: int = 0,
        first: Callable[[T], None] = _nothing,
    ) -> T:
        """A turn that makes changes, and gives what that returns; it is given what claims so many
        jobs at most, see `claim`, to be called once. `first` is what is done with it once it is
        committed, before anybody else is woken.

        If it can be, all that is changed is taken for granted, see `OptimisticTransactions`; if that was wrong,
        nothing has happened, and the changes are made again.
        """
        woken: list[str] = []
        try:
            with self._database.hoping(), self._turn(woken, limit, ahead) as claim:
                result = changes(claim)
        except OptimisticConflict:
            woken.clear()
            with self._turn(woken):
                result = changes(partial(self._claiming.claim, limit, ahead))
        try:
            first(result)
        finally:
            self._wakeup.notify_after_commit(woken)
        return result

    @contextmanager
    def turn(self) -> Iterator[None]:
        """One transaction around all that a turn changes, then a wake-up of those who wait."""
        woken: list[str] = []
        with self._turn(woken):
            yield
        self._wakeup.notify_after_commit(woken)

    @contextmanager
    def _turn(self, woken: list[str], limit: int = 0, ahead: int = 0) -> Iterator[ClaimCall]:
        """One transaction; whom it is to wake is noted."""
        at_end = partial(self._wakeup.notify_in_transaction, woken)
        with self.ends.told(), self._database.transaction(at_end):
            claim = self._claiming.look_ahead(limit, ahead)
            self._database.take_numbers(_NUMBERS)
            before = self.ends.count
            yield claim
            woken.append(EVENTS if self.ends.count == before else LISTENER)
            parts = self.parts.take_news(), self.job_parts.take_news()
            if self._claiming.others_have_room or any(parts):
                woken.append(WORKER)
