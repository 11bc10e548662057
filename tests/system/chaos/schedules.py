"""Schedules in a chaos run: each time once, none lost, and no job beside another one.

A trigger records every firing, because the service deletes old ones.
"""

import contextlib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any
from uuid import UUID

import peewee as pw

from storage.db.database import Database
from storage.db.models import JobRow, ScheduleRow
from storage.open import Store
from storage.records.job import NewJob, StoreError
from storage.records.schedule import Missed, Overlap, ScheduleSettings, Timing, template_of
from storage.records.states import FINAL
from storage.schedules.schedules import Schedules
from storage.store import JobStore
from tests.support.waiting import wait_for
from tests.system.chaos.history import Change, Violation

PROMISE = "P19"
EVERY = (1, 2, 3)
"""Seconds between two times of the schedules."""
SCHEDULES = {f"{overlap}-{every}": (overlap, every) for overlap in Overlap for every in EVERY}
PAYLOAD = {"seconds": 0.5, "again": 0.1, "fails": 0, "child": "none"}
STOP_SECONDS = 30.0
TABLE = """
CREATE TABLE fired (
    seq {serial} PRIMARY KEY,
    schedule TEXT NOT NULL,
    nominal_at BIGINT NOT NULL,
    outcome TEXT NOT NULL,
    job_id TEXT
)"""
INSERT = (
    "INSERT INTO fired (schedule, nominal_at, outcome, job_id)"
    " VALUES (NEW.schedule, NEW.nominal_at, NEW.outcome, NEW.job_id);"
)
SQLITE = (f"CREATE TRIGGER audit_firing AFTER INSERT ON firing BEGIN {INSERT} END",)
POSTGRESQL = (
    "CREATE FUNCTION audit_firing() RETURNS trigger LANGUAGE plpgsql AS"
    f" $$ BEGIN {INSERT} RETURN NULL; END $$",
    "CREATE TRIGGER audit_firing AFTER INSERT ON firing"
    " FOR EACH ROW EXECUTE FUNCTION audit_firing()",
)


@dataclass(frozen=True)
class Fired:
    """A firing as it was stored."""

    schedule: str
    nominal_at: int
    outcome: str
    job_id: str | None


def start(store: Store) -> None:
    """Record all firings from now on, and put the schedules."""
    database = store.database
    serial = "BIGSERIAL" if database.postgresql else "INTEGER"
    for statement in (
        TABLE.format(serial=serial),
        *(POSTGRESQL if database.postgresql else SQLITE),
    ):
        database.execute(statement)
    jobs = JobStore(database, store.wakeup, store.clock)
    schedules = Schedules(database, store.wakeup, store.clock, jobs.add)
    for name, (overlap, every) in SCHEDULES.items():
        schedules.put(name, _settings(overlap, every), None, lambda stored: None)


def stop(store: Store) -> None:
    """Pause all schedules. Raises AssertionError if the store fails for too long."""
    wait_for(lambda: _is_paused(store.database), STOP_SECONDS)


def _is_paused(database: Database) -> bool:
    """Pause all schedules; returns whether the store did so."""
    with contextlib.suppress(StoreError), database.transaction():
        # A worker that is firing has the version lock. Without it, the worker would store the next
        # time of a schedule after the pause.
        database.next_version(0)
        database.run(ScheduleRow.update(next_at=None, paused_at=0))
        return True
    return False


def fired(database: Database) -> list[Fired]:
    """Return all firings in the order in which they were stored."""
    table = pw.Table("fired")
    rows = database.rows(table.select(pw.SQL("*")).order_by(table.c.seq))
    return [
        Fired(
            row["schedule"],
            row["nominal_at"],
            row["outcome"],
            row["job_id"] and str(UUID(str(row["job_id"]))),
        )
        for row in rows
    ]


def jobs_of_schedules(database: Database) -> dict[str, tuple[str, int]]:
    """Return the schedule and the nominal time of each job of a schedule, by its id."""
    query = JobRow.select(JobRow.id, JobRow.schedule, JobRow.nominal_at)
    rows = database.rows(query.where(JobRow.schedule.is_null(False)))
    return {str(row["id"]): (row["schedule"], row["nominal_at"]) for row in rows}


def check_schedules(
    firings: Sequence[Fired], jobs: Mapping[str, tuple[str, int]], changes: Sequence[Change]
) -> Iterator[Violation]:
    """Check firings and the jobs of schedules against all changes of jobs, in their order."""
    by_name: dict[str, list[Fired]] = defaultdict(list)
    for each in firings:
        by_name[each.schedule].append(each)
    for name, mine in by_name.items():
        yield from _check_times(name, mine)
    submitted = {each.job_id: (each.schedule, each.nominal_at) for each in firings if each.job_id}
    if submitted != jobs:
        differ = sorted({*submitted.items()} ^ {*jobs.items()})[:3]
        yield Violation(PROMISE, "-", f"jobs and firings of schedules differ: {differ}")
    yield from _check_overlaps(jobs, changes)


def _check_times(name: str, firings: Sequence[Fired]) -> Iterator[Violation]:
    """Check that each time of a schedule was fired once, or is among the missed ones."""
    step = SCHEDULES[name][1] * 1000
    for before, after in pairwise(firings):
        gap = after.nominal_at - before.nominal_at
        if gap <= 0:
            yield Violation(PROMISE, name, f"{after} follows {before}")
        elif gap != step and after.outcome != "missed":
            yield Violation(PROMISE, name, f"times were lost between {before} and {after}")


def _check_overlaps(
    jobs: Mapping[str, tuple[str, int]], changes: Sequence[Change]
) -> Iterator[Violation]:
    """Check that no job of a schedule was submitted or begun beside another one."""
    open_jobs: dict[str, dict[str, str]] = defaultdict(dict)
    for change in changes:
        if change.job_id not in jobs:
            continue
        name = jobs[change.job_id][0]
        mine = open_jobs[name]
        if change.status in FINAL:
            mine.pop(change.job_id, None)
            continue
        is_new = change.job_id not in mine
        mine[change.job_id] = change.status
        others = {job_id: status for job_id, status in mine.items() if job_id != change.job_id}
        if is_new and others and SCHEDULES[name][0] is Overlap.SKIP:
            yield Violation(PROMISE, change.job_id, f"was submitted beside {others} of {name}")
        if change.status == "running" and "running" in others.values():
            yield Violation(PROMISE, change.job_id, f"runs beside {others} of {name}")


def _settings(overlap: Overlap, every: int) -> ScheduleSettings:
    given: dict[str, Any] = dict(PAYLOAD)
    template = template_of(NewJob("chaos", given, max_retries=1))
    payload = '{"seconds":0.5,"again":0.1,"fails":0,"child":"none"}'
    timing = Timing(None, every, "UTC")
    return ScheduleSettings(
        "chaos", given, timing, Missed.ONCE, overlap, False, None, {}, template, payload
    )
