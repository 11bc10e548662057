"""The statements that claim jobs, many at once.

The row of a job holds its first attempt; each later attempt gets a row of its own.

A job that was found while the transaction held the version lock cannot change before its claim. A
job that was found earlier is claimed optimistically: the claim checks that it is unchanged, and
other transactions were not blocked during the search.
"""

from collections.abc import Sequence
from typing import Any

import peewee as pw

from storage.db.database import Database
from storage.db.versions import PendingVersion
from storage.jobs.rows import jobs_from_claimed_rows
from storage.jobs.statements import guarded_update, insert_attempt, optimistic_claim_guard
from storage.records.job import Job
from storage.records.states import CLAIM

Rows = Sequence[dict[str, Any]]


class ClaimedJobs:
    """Jobs that a transaction claims.

    The records are built after the commit, so that no other writer waits for it.
    """

    def __init__(self, database: Database, rows: Rows, newest: PendingVersion):
        self._database, self._rows, self._newest = database, rows, newest

    def __len__(self) -> int:
        return len(self._rows)

    def jobs(self) -> list[Job]:
        """Build the jobs. Raises StoreError."""
        newest = self._newest() if self._rows else 0
        rows = [{**row, "version": newest - row["version"]} for row in self._rows]
        return jobs_from_claimed_rows(self._database, rows)


_CLAIMED = {"status": CLAIM.target, "progress": None}
"""The values that all claimed jobs have."""


class ClaimStatements:
    """Claims candidates for a runner.

    `last_offset` is the offset of the last change from the newest version of the transaction. There
    must be as many unused versions up to it as there are rows.
    """

    def __init__(self, database: Database):
        self._database = database

    def claim(
        self, rows: Rows, runner: str, now: int, last_offset: int, guarded: bool = False
    ) -> ClaimedJobs:
        """Claim jobs that were found under the version lock, so that no guard can refuse.

        With `guarded`, they were found before it was taken, and are claimed provided all are
        unchanged. Only in optimistic mode, see `storage/db/pipeline.py`.
        """
        changes = _changes(rows, runner, now, last_offset)
        if rows and guarded:
            assert self._database.engine.is_optimistic
            claim = self._database.statement(
                "optimistic claim",
                lambda: _claim_update(changes[0]).where(*optimistic_claim_guard()),
            )
            self._database.change_each_guarded(claim, _parameters(rows, changes))
        elif rows:
            claim = self._database.statement("claim", lambda: _claim_update(changes[0]))
            self._database.change_each_deferred(claim, _parameters(rows, changes))
        later = [each for each in _parameters(rows, changes) if each["attempt"] > 1]
        if later:
            insert = self._database.statement("attempt", insert_attempt)
            self._database.change_each_deferred(insert, later)
        claimed = [{**row, **_CLAIMED, **new} for row, new in zip(rows, changes, strict=True)]
        return ClaimedJobs(self._database, claimed, self._database.pending_newest_version())


def _claim_update(changes: dict[str, Any]) -> Any:
    return guarded_update(CLAIM, {**changes, "progress": pw.Value(None)})


def _changes(rows: Rows, runner: str, now: int, last_offset: int) -> Rows:
    """Return the changes that a claim makes to each job."""
    new = {"locked_by": runner, "started_at": now}
    return [
        {
            **new,
            "attempt": row["attempt"] + 1,
            "version": last_offset + changes_after,
            "first_runner": row["first_runner"] if row["attempt"] else runner,
        }
        for changes_after, row in zip(reversed(range(len(rows))), rows, strict=True)
    ]


def _parameters(rows: Rows, changes: Rows) -> Rows:
    """Return the changes with the id of each job and the version at which it was found."""
    return [
        {**new, "job_id": row["id"], "expected_version": row["version"]}
        for row, new in zip(rows, changes, strict=True)
    ]
