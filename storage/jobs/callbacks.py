"""The outbox of callbacks: jobs whose clients are notified at least once that the job is final.

A trigger inserts a job in the transaction that makes it final. It stays until its client was
notified or all tries are used up. A sender takes it for a limited time; if the sender dies, it is
due again after that time.

On SQLite, the clock of the program that stored a time may have been ahead. So no callback waits
longer than the longest wait after its number of tries.
"""

import math
from dataclasses import dataclass

import peewee as pw

from storage.db.clock import Clock, steady_now
from storage.db.database import Database
from storage.db.models import CallbackRow, ServiceCallbackRow
from storage.db.parameters import parameter
from storage.jobs.rows import jobs_by_id
from storage.records.job import Job

CHECK_SECONDS = 10.0
"""How often an outbox looks for callbacks that wait for too long."""
RESERVED_SECONDS = 60.0
"""The longest time for which a sender takes a callback, or postpones it."""
RETRY_SECONDS = 6.0
"""The longest wait after the first failed try. It doubles with each further one."""


@dataclass(frozen=True)
class Callback:
    """A job whose end must be sent to a URL. `tries` counts the tries so far, with this one.

    `name` is the name of a callback for all jobs, and empty for the callback of the job itself.
    """

    job: Job
    url: str
    tries: int
    name: str = ""


class WaitLimit:
    """Makes callbacks due that wait for longer than any callback waits.

    A worker whose clock was ahead has stored their time, or a listener before its clock was set
    back. May be used by many threads.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        outbox: type[CallbackRow] | type[ServiceCallbackRow],
    ):
        self._database = database
        self._clock = clock
        self._outbox = outbox
        self._checked_at = -math.inf

    def enforce(self) -> None:
        """Look for such callbacks, unless that was done CHECK_SECONDS ago. Raises StoreError."""
        if steady_now() - self._checked_at < CHECK_SECONDS:
            return
        self._checked_at, now = steady_now(), self._clock()
        half = pw.SQL(str(round(RETRY_SECONDS * 500)))  # a parameter would be a small integer
        by_tries = half * pw.Expression(1, "<<", self._outbox.tries)
        latest = by_tries + (now + round(RESERVED_SECONDS * 1000))
        # The first condition is one for the index.
        too_late = self._outbox.due_at > now, self._outbox.due_at > latest
        if self._database.rows(self._outbox.select(self._outbox.job_id).where(*too_late).limit(1)):
            self._database.run(self._outbox.update(due_at=now).where(*too_late))


class Callbacks:
    """Hands out due callbacks; may be used by many threads. Methods raise StoreError."""

    def __init__(self, database: Database, clock: Clock):
        self._database = database
        self._clock = clock
        self._limit = WaitLimit(database, clock, CallbackRow)

    def take(self, limit: int, seconds: float) -> list[Callback]:
        """Take up to `limit` due callbacks for this many seconds."""
        self._limit.enforce()
        due = self._database.statement(("callbacks", limit), lambda: self._select_due(limit))
        if not self._database.fetch(due, {"now": self._clock()}):
            return []
        with self._database.transaction():
            now = self._clock()
            rows = self._database.fetch(due, {"now": now})
            ids = [row["job_id"] for row in rows]
            again_at = now + round(seconds * 1000)
            taken = CallbackRow.update(due_at=again_at, tries=CallbackRow.tries + 1)
            self._database.run(taken.where(CallbackRow.job_id.in_(ids)))
        jobs = jobs_by_id(self._database, ids) if ids else {}
        tries = {row["job_id"]: row["tries"] + 1 for row in rows}
        found = [jobs[job_id] for job_id in ids if job_id in jobs]
        return [Callback(job, job.callback_url or "", tries[job.id]) for job in found]

    def done(self, callback: Callback) -> None:
        """Remove a callback: its client was notified, or it has no tries left."""
        self._database.run(CallbackRow.delete().where(*_taken(callback)))

    def retry(self, callback: Callback, seconds: float) -> None:
        """Make a callback due again after this many seconds."""
        self._due_in(callback, seconds, callback.tries)

    def postpone(self, callback: Callback, seconds: float) -> None:
        """Make a callback due again after this many seconds, without counting a try."""
        self._due_in(callback, seconds, callback.tries - 1)

    def _due_in(self, callback: Callback, seconds: float, tries: int) -> None:
        due_at = self._clock() + round(seconds * 1000)
        again = CallbackRow.update(due_at=due_at, tries=tries)
        self._database.run(again.where(*_taken(callback)))

    def _select_due(self, limit: int) -> pw.Select:
        due = CallbackRow.due_at <= parameter(CallbackRow.due_at, "now")
        query = CallbackRow.select(CallbackRow.job_id, CallbackRow.tries).where(due)
        return self._database.engine.skip_locked(query.order_by(CallbackRow.due_at).limit(limit))


def _taken(callback: Callback) -> tuple[pw.Expression, ...]:
    """Return the condition that the row is unchanged since it was taken.

    Another sender may have taken it, or a later end of the job may have replaced it.
    """
    return CallbackRow.job_id == callback.job.id, CallbackRow.tries == callback.tries
