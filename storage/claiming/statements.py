"""The statements by which jobs are claimed, many at once; each inserts the row of the attempt, too.

A job is claimed for sure, if it was seen after the transaction had numbered its changes; or as it
was seen before that, in the hope that it still is so: then nobody waited while it was looked for.
"""

from collections.abc import Callable, Sequence
from typing import Any

import peewee as pw

from storage.db.database import Database
from storage.db.statements import Statement
from storage.db.versions import Newest
from storage.jobs.rows import jobs_in
from storage.jobs.statements import as_seen, guarded, insert_attempt
from storage.records.job import Job
from storage.records.states import CLAIM

Rows = Sequence[dict[str, Any]]


class ClaimedJobs:
    """Jobs that a transaction claims. They are made after it: meanwhile nobody has to wait."""

    def __init__(self, database: Database, rows: Rows, newest: Newest):
        self._database, self._rows, self._newest = database, rows, newest

    def __len__(self) -> int:
        return len(self._rows)

    def jobs(self) -> list[Job]:
        """The jobs, as they are then. Raises StoreError."""
        newest = self._newest() if self._rows else 0
        rows = [{**row, "version": newest - row["version"]} for row in self._rows]
        return jobs_in(self._database, rows)


_SAME = {"status": CLAIM.target, "progress": None}
"""Of all jobs that were just claimed."""
ClaimCall = Callable[[], ClaimedJobs]
"""Takes what was looked for, inside a transaction."""


class ClaimStatements:
    """Claims jobs for a runner, by their rows. `last` says of the number of the last change how far
    it is behind the newest; as many as there are rows are free up to it."""

    def __init__(self, database: Database):
        self._database = database

    def claim(self, rows: Rows, runner: str, now: int, last: int) -> ClaimedJobs:
        """Claim jobs that were seen after this transaction had numbered its changes, so that no
        guard can refuse."""
        changes = _changes(rows, runner, now, last)
        if rows:
            claim = self._database.statement("claim", lambda: _claim(changes[0]))
            self._database.change_both_later(claim, self._attempt(), _given(rows, changes))
        return self._claimed(rows, changes)

    def claim_as_seen(self, rows: Rows, runner: str, now: int, last: int) -> ClaimedJobs:
        """Claim jobs that were seen before this transaction has numbered its changes, if all of
        them still are as they were: while that is hoped for, see `OptimisticTransactions`."""
        assert self._database.hopes
        changes = _changes(rows, runner, now, last)
        if rows:
            claim = self._database.statement(
                "claim as seen", lambda: _claim(changes[0]).where(*as_seen())
            )
            self._database.change_both(claim, self._attempt(), _given(rows, changes))
        return self._claimed(rows, changes)

    def _attempt(self) -> Statement:
        return self._database.statement("attempt", insert_attempt)

    def _claimed(self, rows: Rows, changes: Rows) -> ClaimedJobs:
        claimed = [{**row, **_SAME, **new} for row, new in zip(rows, changes, strict=True)]
        return ClaimedJobs(self._database, claimed, self._database.newest())


def _claim(changes: dict[str, Any]) -> Any:
    return guarded(CLAIM, {**changes, "progress": pw.Value(None)})


def _changes(rows: Rows, runner: str, now: int, last: int) -> Rows:
    """What a claim changes of each job."""
    new = {"locked_by": runner, "started_at": now}
    return [
        {**new, "attempt": row["attempt"] + 1, "version": last + after}
        for after, row in zip(reversed(range(len(rows))), rows, strict=True)
    ]


def _given(rows: Rows, changes: Rows) -> Rows:
    """The same with which jobs these are, as they were seen."""
    return [
        {**new, "the job": row["id"], "seen": row["version"]}
        for row, new in zip(rows, changes, strict=True)
    ]
