"""Cancels jobs that have not started before they expire."""

from datetime import UTC, datetime

import peewee as pw

from storage.db.database import Database
from storage.db.models import JobRow
from storage.db.parameters import parameter
from storage.db.statements import Values
from storage.jobs.transitions import Transitions
from storage.notify.wakeup import LISTENER, Wakeup, notifying_transaction

BATCH = 100
"""How many jobs a transaction cancels, so that other writers get their turn."""
# Literals: a database uses a partial index only if it can prove the index's condition.
_MAY_EXPIRE = pw.SQL("expires_at IS NOT NULL AND status = 'queued'")


def is_expired(row: Values, now: int) -> bool:
    """Return whether a queued job, given as its row, must not start any more."""
    return row["expires_at"] is not None and row["expires_at"] <= now


def cancel_expired(transitions: Transitions, row: Values, now: int) -> None:
    """Cancel an expired job, given as its row, with the reason. Only inside a transaction."""
    time = datetime.fromtimestamp(row["expires_at"] / 1000, UTC)
    shown = time.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    error = {"type": "Expired", "message": f"the job did not start before it expired at {shown}"}
    transitions.expire(row["id"], row["type"], now, error)


def cancel_all_expired(database: Database, wakeup: Wakeup, now: int) -> bool:
    """Cancel up to BATCH expired jobs, also of queues that are paused or that no runner serves.

    Returns whether there may be more.
    """
    expired = database.statement(("expired", BATCH), _select_expired)
    rows = database.fetch(expired, {"now": now})
    if rows:
        transitions = Transitions(database)
        with notifying_transaction(wakeup, database, LISTENER):
            for row in rows:
                cancel_expired(transitions, row, now)
    return len(rows) == BATCH


def _select_expired() -> pw.Select:
    some = JobRow.select(JobRow.id, JobRow.type, JobRow.expires_at)
    due = some.where(_MAY_EXPIRE, JobRow.expires_at <= parameter(JobRow.expires_at, "now"))
    return due.order_by(JobRow.expires_at).limit(BATCH)
