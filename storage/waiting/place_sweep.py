"""Looks after jobs with concurrency keys at regular intervals.

It lets delayed jobs compete for places when they are due, and finds places that are free although
jobs wait for them. No program gives such a place if the last job of a key was deleted at once, or
if a worker started a job of a key and died before it gave the next place.
"""

from collections.abc import Collection

import peewee as pw

from storage.db.clock import Clock
from storage.db.database import Database
from storage.db.models import JobRow
from storage.db.parameters import parameter
from storage.notify.wakeup import LISTENER, WORKER, Wakeup, notifying_transaction
from storage.records.holds import Hold
from storage.waiting.held import release
from storage.waiting.places import WAITS_FOR_PLACE, WAITS_FOR_TIME, fill_places, keys_to_fill

BATCH = 100
"""How many jobs and how many keys one call looks at."""


class PlaceSweep:
    """Looks at a few jobs and keys with each call, and goes on after them. For one thread."""

    def __init__(self, database: Database, wakeup: Wakeup, clock: Clock):
        self._database = database
        self._wakeup = wakeup
        self._clock = clock
        self._last_key = ""

    def run(self) -> bool:
        """Look at the next jobs and keys. Returns whether more jobs may be due."""
        is_more = self._let_due_jobs_compete()
        self._fill_forgotten_places()
        return is_more

    def _let_due_jobs_compete(self) -> bool:
        due = self._database.statement("places later", _select_due)
        now = self._clock()
        ids = [row["id"] for row in self._database.fetch(due, {"now": now})]
        if ids:
            with notifying_transaction(self._wakeup, self._database, WORKER):
                self._database.next_version(0)
                release(self._database, ids, Hold.TIME, now)
        return len(ids) == BATCH

    def _fill_forgotten_places(self) -> None:
        named = self._database.statement("keys with waiting jobs", _select_keys)
        rows = self._database.fetch(named, {"last": self._last_key})
        keys = [row["key"] for row in rows if row["key"] is not None]
        self._last_key = keys[-1] if len(keys) == BATCH else ""
        self.fill(keys)

    def fill(self, keys: Collection[str]) -> None:
        """Give the next free place of each key, if a job waits for it. Raises StoreError."""
        if found := keys_to_fill(self._database, keys, self._clock()):
            with notifying_transaction(self._wakeup, self._database) as woken:
                self._database.next_version(0)
                if fill_places(self._database, found, self._clock()):
                    woken += [WORKER, LISTENER]


def _select_due() -> pw.Select:
    """Select jobs that wait for their time, and whose time has come."""
    due = WAITS_FOR_TIME, JobRow.due_at <= parameter(JobRow.due_at, "now")
    return JobRow.select(JobRow.id).where(*due).order_by(JobRow.due_at).limit(BATCH)


def _select_keys() -> pw.Select:
    """Select keys with jobs that wait for a place, in order, without reading all these jobs."""
    key = JobRow.concurrency_key
    last = parameter(JobRow.concurrency_key, "last")
    waiting = JobRow.select(pw.fn.MIN(key)).where(WAITS_FOR_PLACE)
    first = pw.Select(columns=[waiting.where(key > last).alias("key")])
    chain = first.cte("chain", recursive=True, columns=("key",))
    is_more = chain.c.key.is_null(False)
    more = pw.Select([chain], [waiting.where(key > chain.c.key).alias("key")]).where(is_more)
    every = first.union_all(more).cte("chain", recursive=True, columns=("key",))
    return pw.Select([every], [every.c.key]).with_cte(every).limit(BATCH)
