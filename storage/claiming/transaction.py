"""The transactions in which a runner settles and claims jobs, and the wake-ups after them.

BEGIN ─ changes, claim ─ COMMIT ─▶ claimed jobs start ─▶ waiting programs are woken
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TypeVar

from storage.claiming.claim import Claimer
from storage.claiming.job_parts import JobParts
from storage.claiming.part_claims import Parts
from storage.claiming.statements import ClaimCall
from storage.db.database import Database
from storage.db.pipeline import OptimisticConflict
from storage.notify.wakeup import EVENTS, LISTENER, WORKER, Wakeup
from storage.records.attempt_ends import SettledPublisher

T = TypeVar("T")
_RESERVED_VERSIONS = 200
"""Versions that a transaction reserves at once; if it makes more changes, it reserves as many
again."""


def _do_nothing(_: object) -> None:
    """Do nothing before the wake-up."""


class ClaimTransactions:
    """Runs the transactions of one runner; methods raise StoreError."""

    def __init__(
        self,
        database: Database,
        wakeup: Wakeup,
        claimer: Claimer,
        settled: SettledPublisher,
        parts: Parts,
        job_parts: JobParts,
    ):
        self._database = database
        self._wakeup = wakeup
        self._claimer = claimer
        self.parts = parts
        self.job_parts = job_parts
        self.settled = settled
        """Publishes the ends of attempts."""

    def settle_and_claim(
        self,
        apply_changes: Callable[[ClaimCall], T],
        limit: int = 0,
        prefetch: int = 0,
        before_wakeup: Callable[[T], None] = _do_nothing,
    ) -> T:
        """Run `apply_changes` in one transaction, and return its result.

        `apply_changes` gets a function that claims up to `limit` jobs and `prefetch` more, see
        `Claims.claim`; it may call it once. After the commit, `before_wakeup` gets the result,
        before any other program is woken.

        The transaction is optimistic where possible, see `storage/db/pipeline.py`. After a
        conflict nothing has changed, and `apply_changes` runs again in a normal transaction.
        """
        topics: list[str] = []
        try:
            with (
                self._database.optimistic(),
                self._claim_transaction(topics, limit, prefetch) as claim,
            ):
                result = apply_changes(claim)
        except OptimisticConflict:
            topics.clear()
            with self._claim_transaction(topics):
                result = apply_changes(partial(self._claimer.claim, limit, prefetch))
        try:
            before_wakeup(result)
        finally:
            self._wakeup.notify_after_commit(topics)
        return result

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Run a block of code in one transaction, then wake the programs that wait for changes."""
        topics: list[str] = []
        with self._claim_transaction(topics):
            yield
        self._wakeup.notify_after_commit(topics)

    @contextmanager
    def _claim_transaction(
        self, topics: list[str], limit: int = 0, prefetch: int = 0
    ) -> Iterator[ClaimCall]:
        """Run a block of code in one transaction. Adds the topics to notify to `topics`."""
        at_end = partial(self._wakeup.notify_in_transaction, topics)
        with self.settled.publish_after_commit(), self._database.transaction(at_end):
            claim = self._claimer.prepare(limit, prefetch)
            self._database.reserve_versions(_RESERVED_VERSIONS)
            settled_before = self.settled.count
            yield claim
            topics.append(EVENTS if self.settled.count == settled_before else LISTENER)
            parts_changed = self.parts.take_settled(), self.job_parts.take_changed()
            if self._claimer.leaves_room_for_others or any(parts_changed):
                topics.append(WORKER)
