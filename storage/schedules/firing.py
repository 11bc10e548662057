"""Fires schedules that are due: a worker submits their jobs.

Any number of workers may do so. One transaction holds the version lock, finds the schedules that
are due, stores their jobs and firings, and moves their next times on. So a nominal time is fired by
one worker, and either wholly or not at all, also if that worker is killed. The primary key of a
firing is its schedule and its nominal time, so a wrong clock fires none twice either.
"""

import logging
import random
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from uuid import UUID

import peewee as pw

from storage.db.clock import Clock
from storage.db.database import Database
from storage.db.models import FiringRow, JobRow, ScheduleRow
from storage.db.parameters import parameter
from storage.db.statements import Row, Values
from storage.jobs.unique_keys import KeyHolder
from storage.notify.wakeup import LISTENER, WORKER, Wakeup, notifying_transaction
from storage.records.job import NewJob
from storage.records.schedule import FiringOutcome, Missed, Overlap, Timing, new_job
from storage.records.states import FINAL
from storage.schedules.overlap import AT_ONCE, UNFINISHED, Overlaps, Way
from storage.schedules.schedules import WRONG_CLOCK_MS, AddJobs
from storage.schedules.timing import Calendar, Plan, plan

log = logging.getLogger(__name__)

BATCH = 500
"""How many schedules a transaction fires, so that other writers get their turn."""
PLAN_SECONDS = 0.05
"""How long a transaction may plan. Nominal times of years take long to find."""
KEPT = 50
"""How many firings of a schedule are kept, at least, besides those whose jobs are not final."""
PRUNE_ONE_IN = 16
"""Each so many firings of a schedule, its old ones are deleted."""


@dataclass
class Batch:
    """The jobs and rows that one transaction stores."""

    jobs: list[tuple[NewJob, Row]] = field(default_factory=list)
    """Each new job with its firing."""
    firings: list[Row] = field(default_factory=list)
    """The firings without a job."""
    schedules: list[Row] = field(default_factory=list)
    """The new values of each schedule."""
    types: dict[str, str] = field(default_factory=dict)
    """The job type of each schedule."""
    has_canceled: bool = False
    """Whether jobs were canceled, so that those who wait for their ends are to be woken."""


class Firer:
    """Fires schedules. For one thread. Its methods raise StoreError."""

    def __init__(
        self,
        database: Database,
        wakeup: Wakeup,
        clock: Clock,
        add_jobs: AddJobs,
        choose: Callable[[int], int] = random.randrange,
    ):
        """`choose` draws a number below another one: which firings delete old ones."""
        self._database, self._wakeup, self._clock = database, wakeup, clock
        self._add_jobs, self._choose = add_jobs, choose
        self._overlaps = Overlaps(database)

    def seconds_to_next(self) -> float | None:
        """Return the seconds until the next schedule is due, below 0 if one is; None if none is."""
        rows = self._database.fetch(self._database.statement("next firing", _select_next), {})
        next_at = rows[0]["next_at"]
        return None if next_at is None else (next_at - self._clock()) / 1000

    def fire(self) -> bool:
        """Fire up to BATCH schedules that are due. Returns whether more may be."""
        with notifying_transaction(self._wakeup, self._database) as woken:
            self._database.next_version(0)  # the version lock: no other worker fires
            now = self._clock()
            due = self._database.statement("due schedules", _select_due)
            rows = self._database.fetch(due, {"now": now})
            batch, is_whole = self._plan(rows, now)
            if self._store(batch, woken):
                woken.append(WORKER)
            if batch.has_canceled:
                woken.append(LISTENER)
        return len(rows) == BATCH or not is_whole

    def restart(self) -> int:
        """Let schedules go on that a wrong clock has fired for times far ahead; return how many.

        Call it after the clock was set back.
        """
        with self._database.transaction():
            self._database.next_version(0)
            now = self._clock()
            is_ahead = ScheduleRow.last_nominal_at > now + WRONG_CLOCK_MS
            rows = self._database.rows(ScheduleRow.select().where(is_ahead))
            for row in rows:
                next_at = None if row["paused_at"] else _calendar(row).after(now)
                values = {"next_at": next_at, "last_nominal_at": None}
                mine = ScheduleRow.name == row["name"]
                self._database.run(ScheduleRow.update(**values).where(mine))
        if rows:
            extra = {"schedules": len(rows)}
            log.warning("schedules were fired by a clock that was far ahead", extra=extra)
        return len(rows)

    def _plan(self, rows: Sequence[Row], now: int) -> tuple[Batch, bool]:
        """Decide what to do with schedules that are due. Returns whether that was all of them."""
        batch, until = Batch(), time.monotonic() + PLAN_SECONDS
        for row in rows:
            planned = self._planned(row, now)
            self._add(batch, row, planned, now)
            if time.monotonic() > until:
                return batch, row is rows[-1]
        return batch, True

    def _planned(self, row: Row, now: int) -> Plan:
        calendar, first, policy = _calendar(row), row["next_at"], Missed(row["missed"])
        done: Collection[int] = [first] if row["is_done"] is not None else []
        try:
            planned = plan(calendar, first, now, policy, done)
            if len(planned.fire) > 1 or planned.missed_at is not None or done:
                done = self._done(row["name"], first)
                planned = plan(calendar, first, now, policy, done)
            return planned
        except Exception as error:  # such as a zone that this machine does not know
            reason = f"{type(error).__name__}: {error}"
            extra = {"schedule": row["name"], "reason": reason}
            log.exception("a schedule cannot go on", extra=extra)
            return Plan([], first, f"its next time cannot be computed: {reason}"[:500])

    def _done(self, name: str, first: int) -> Collection[int]:
        """Return the nominal times from `first` on that have a firing."""
        query = FiringRow.select(FiringRow.nominal_at)
        query = query.where(FiringRow.schedule == name, FiringRow.nominal_at >= first)
        return {row["nominal_at"] for row in self._database.rows(query)}

    def _add(self, batch: Batch, row: Row, planned: Plan, now: int) -> None:
        """Add the firings of a schedule to a batch."""
        name = row["name"]
        batch.types[name] = row["type"]
        is_busy = row["last_status"] is not None and row["last_status"] not in FINAL
        if planned.missed_at is not None:
            missed = _firing(name, planned.missed_at, now, FiringOutcome.MISSED, planned.missed)
            batch.firings.append(missed)
            log.info("a schedule was missed", extra={"schedule": name, "reason": planned.missed})
        next_at, overlap = planned.next_at, Overlap(row["overlap"])
        fire = planned.fire
        if overlap is not Overlap.SKIP and len(fire) > 1:
            fire, next_at = fire[:1], fire[1]  # the next job waits for this one, once it is stored
        for nominal_at in fire:
            way = AT_ONCE
            if is_busy:
                batch.has_canceled |= overlap is Overlap.CANCEL_RUNNING
                way = self._overlaps.way(name, overlap, row["last_job_id"], now)
            if way.skipped:
                skipped = _firing(name, nominal_at, now, FiringOutcome.SKIPPED, way.skipped)
                batch.firings.append(skipped)
                continue
            batch.jobs.append((_job(row, nominal_at, way), _submitted(name, nominal_at, now)))
            is_busy = True
        last = max([*fire, planned.missed_at or row["next_at"]])
        values = {"next_at": next_at, "last_nominal_at": last, "name": name}
        batch.schedules.append({**values, "last_job_id": row["last_job_id"]})

    def _store(self, batch: Batch, woken: list[str]) -> bool:
        """Store a batch. Returns whether it has new jobs."""
        stored = self._add_jobs([job for job, _ in batch.jobs], woken) if batch.jobs else []
        last_jobs: dict[str, UUID] = {}
        for (job, firing), result in zip(batch.jobs, stored, strict=True):
            if isinstance(result, UUID):
                assert job.schedule
                firing["job_id"] = last_jobs[job.schedule] = result
            else:
                _refuse(firing, result)
        firings = [*batch.firings, *(firing for _, firing in batch.jobs)]
        for each in batch.schedules:
            each["last_job_id"] = last_jobs.get(each["name"], each["last_job_id"])
        database = self._database
        database.change_each_deferred(database.statement("add firing", _insert_firing), firings)
        move = database.statement("move schedule", _update_schedule)
        database.change_each_deferred(move, batch.schedules)
        for firing in firings:
            type = batch.types[firing["schedule"]]
            database.counters.add(type, f"schedule {firing['outcome']}")
        self._prune({firing["schedule"] for firing in firings})
        return bool(last_jobs)

    def _prune(self, names: Collection[str]) -> None:
        """Delete the old firings of some schedules."""
        delete = self._database.statement("prune firings", _delete_old)
        for name in names:
            if self._choose(PRUNE_ONE_IN) == 0:
                self._database.change(delete, {"name": name})


def _refuse(firing: Row, why: object) -> None:
    reasons = {
        "queue": "there is no such queue; PUT /queues/NAME creates one",
        "source": "its source job has no file, or was deleted",
    }
    firing["outcome"] = FiringOutcome.REFUSED
    if isinstance(why, KeyHolder):
        firing["reason"] = f"the job {why.job_id} holds its unique key"
    else:
        firing["reason"] = reasons.get(str(why), f"the job was refused: {why}")
    extra = {"schedule": firing["schedule"], "reason": firing["reason"]}
    log.warning("a schedule could not submit its job", extra=extra)


def _firing(
    name: str, nominal_at: int, now: int, outcome: FiringOutcome, reason: str | None = None
) -> Row:
    times = {"schedule": name, "nominal_at": nominal_at, "fired_at": now}
    return {**times, "job_id": None, "outcome": outcome, "reason": reason}


def _submitted(name: str, nominal_at: int, now: int) -> Row:
    return _firing(name, nominal_at, now, FiringOutcome.SUBMITTED)


def _job(row: Row, nominal_at: int, way: Way) -> NewJob:
    """Return the new job of a schedule, given as its row."""
    return new_job(
        row["type"],
        row["job_payload"] or row["payload"],
        row["template"],
        submitted_by=row["created_by"],
        schedule=row["name"],
        nominal_at=nominal_at,
        **way.options(),
    )


def _calendar(row: Values) -> Calendar:
    timing = Timing(row["cron"], row["every"], row["timezone"])
    return Calendar(timing, row["anchor_at"], row["until"])


def _select_next() -> pw.Select:
    return ScheduleRow.select(pw.fn.MIN(ScheduleRow.next_at).alias("next_at")).where(
        ScheduleRow.next_at.is_null(False)
    )


def _select_due() -> pw.Select:
    """Select the schedules that are due, with the status of their last job."""
    is_done = FiringRow.nominal_at.alias("is_done")
    query = ScheduleRow.select(ScheduleRow, JobRow.status.alias("last_status"), is_done)
    query = query.join(JobRow, pw.JOIN.LEFT_OUTER, on=(JobRow.id == ScheduleRow.last_job_id))
    same = (FiringRow.schedule == ScheduleRow.name) & (FiringRow.nominal_at == ScheduleRow.next_at)
    query = query.switch(ScheduleRow).join(FiringRow, pw.JOIN.LEFT_OUTER, on=same)
    due = ScheduleRow.next_at <= parameter(ScheduleRow.next_at, "now")
    return query.where(due).order_by(ScheduleRow.next_at).limit(BATCH)


def _insert_firing() -> pw.Insert:
    names = ("schedule", "nominal_at", "fired_at", "job_id", "outcome", "reason")
    return FiringRow.insert(**{name: parameter(getattr(FiringRow, name)) for name in names})


def _update_schedule() -> pw.Update:
    names = ("next_at", "last_nominal_at", "last_job_id")
    values = {name: parameter(getattr(ScheduleRow, name)) for name in names}
    return ScheduleRow.update(**values).where(ScheduleRow.name == parameter(ScheduleRow.name))


def _delete_old() -> pw.Delete:
    other = FiringRow.alias("newer")
    name = parameter(FiringRow.schedule, "name")
    oldest_kept = other.select(other.nominal_at).where(other.schedule == name)
    oldest_kept = oldest_kept.order_by(other.nominal_at.desc()).offset(KEPT).limit(1)
    mine = JobRow.select(JobRow.id)
    mine = mine.where(JobRow.id == FiringRow.job_id, JobRow.status.in_(UNFINISHED))
    is_old = FiringRow.nominal_at <= oldest_kept, ~pw.fn.EXISTS(mine)
    return FiringRow.delete().where(FiringRow.schedule == name, *is_old)
