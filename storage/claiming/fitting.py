"""Leaves due jobs to other runners if their own limits are beyond the limits of this runner.

The condition is part of the statement that finds due jobs. For a job without limits it is one look
at a column that the statement reads anyway.
"""

from collections.abc import Sequence
from dataclasses import replace

import peewee as pw

from storage.db.database import Database
from storage.db.models import JobRow
from storage.db.parameters import parameter
from storage.jobs.open_queues import IS_QUEUED, OpenQueue
from storage.records.job_limits import LEAST, NAMES, WorkerLimits

RECHECK_MS = 1000
"""How long a runner waits before it looks at a queue again whose first job it leaves to others."""


def fitting(database: Database, limits: WorkerLimits | None) -> str | None:
    """Return the SQL condition that a runner may run a job; None if it may run all."""
    bounds = {name: getattr(limits, name, None) for name in NAMES}
    within = [
        _is_within(database, name, bound) for name, bound in bounds.items() if bound is not None
    ]
    return f"(limits IS NULL OR ({' AND '.join(within)}))" if within else None


def _is_within(database: Database, name: str, bound: int) -> str:
    own = f"json_extract(limits, '$.{name}')"
    if database.postgresql:
        own = f"(limits::json ->> '{name}')::bigint"
    return f"COALESCE({own}, {bound}) {'>=' if name in LEAST else '<='} {bound}"


def postponed(
    database: Database, queues: Sequence[OpenQueue], now: int, condition: str
) -> list[OpenQueue]:
    """Return open queues as a runner sees them that has found no due job which it may run.

    If the first job of a queue is for others, the runner looks at the queue again after a second,
    and not at once.
    """
    return [
        replace(queue, next_run_at=now + RECHECK_MS)
        if queue.next_run_at <= now and _is_for_others(database, queue.name, condition)
        else queue
        for queue in queues
    ]


def _is_for_others(database: Database, queue: str, condition: str) -> bool:
    """Return whether the job of a queue that has been due for longest is for other runners."""
    if not database.postgresql:
        return True  # no other runner claims meanwhile, so there is no other reason
    first = database.statement(("first fits", condition), lambda: _select_first(condition))
    return any(not row["fits"] for row in database.fetch(first, {"queue": queue}))


def _select_first(condition: str) -> pw.Select:
    query = JobRow.select(pw.SQL(condition).alias("fits"))
    query = query.where(IS_QUEUED, JobRow.queue == parameter(JobRow.queue))
    return query.order_by(JobRow.run_at).limit(1)
