"""`Schedules`: the operations on schedules for clients. `firing.py` has those for workers."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import peewee as pw

from storage.audit.record import record
from storage.db.clock import Clock
from storage.db.database import Database
from storage.db.models import FiringRow, JobRow, KeyRow, ScheduleRow
from storage.db.statements import Row, Values
from storage.jobs.idempotency import KeyedJob, delete_keys, store_keys
from storage.jobs.shares import require_row_room
from storage.jobs.transitions import to_json_text
from storage.notify.wakeup import LISTENER, WORKER, Wakeup, notifying_transaction
from storage.records.audit import Actor
from storage.records.job import NewJob
from storage.records.json_values import JsonValue
from storage.records.schedule import (
    Firing,
    FiringOutcome,
    Missed,
    Overlap,
    Schedule,
    ScheduleSettings,
    Timing,
    new_job,
)
from storage.records.shares import NoRoom
from storage.records.states import Status
from storage.schedules.overlap import AT_ONCE, Overlaps, Way, is_unfinished
from storage.schedules.timing import Calendar

MAX_SCHEDULES = 20_000
"""How many schedules the store holds."""
RECENT = 20
"""How many firings of a schedule clients see."""
WRONG_CLOCK_MS = 3 * 3600 * 1000
"""A schedule that was fired for a time so far ahead was fired by a wrong clock."""

AddJobs = Callable[[Sequence[NewJob], list[str]], Sequence[object]]
"""Stores new jobs in the caller's transaction. Returns the id of each, or why it was refused, and
appends to the list whom to wake."""
ScheduleCheck = Callable[[Schedule | None], None]
"""Is called with a schedule before a client changes it, in the same transaction: no one else can
change the schedule between the two. None if it does not exist. Raises an exception if the client
may not."""


class TooManySchedules(NoRoom):
    """There are MAX_SCHEDULES already, or the caller has its share of them."""


@dataclass(frozen=True)
class Run:
    """The outcome of a client's run of a schedule: one of these.

    job_id: the job that was submitted, or that the same Idempotency-Key has submitted before.
    refusal: why the job was not stored.
    busy: the last job of the schedule, which is not final, and why_busy: why there is no new one.
    other_key: whether the key stands for another submission.
    """

    job_id: UUID | None = None
    is_replayed: bool = False
    refusal: JsonValue = None
    busy: UUID | None = None
    why_busy: str | None = None
    other_key: bool = False


class Schedules:
    """Saves, reads, runs and deletes schedules; may be used by many threads.

    Every method raises StoreUnavailable, StoreFull or StoreUnusable when the store fails.
    """

    def __init__(self, database: Database, wakeup: Wakeup, clock: Clock, add_jobs: AddJobs):
        self._database = database
        self._wakeup = wakeup
        self.clock = clock
        self._add_jobs = add_jobs

    def page(self, limit: int, after: str = "") -> list[Schedule]:
        """Return up to `limit` schedules whose names follow `after`, ordered by name."""
        query = ScheduleRow.select().where(ScheduleRow.name > after).order_by(ScheduleRow.name)
        return [_schedule(row) for row in self._database.rows(query.limit(limit))]

    def get(self, name: str) -> Schedule | None:
        """Return a schedule, or None."""
        rows = self._database.rows(ScheduleRow.select().where(ScheduleRow.name == name))
        return _schedule(rows[0]) if rows else None

    def recent(self, name: str) -> list[Firing]:
        """Return the newest firings of a schedule, the newest first, at most RECENT."""
        columns = [each for each in FiringRow._meta.sorted_fields if each.name != "schedule"]
        query = FiringRow.select(*columns, JobRow.status.alias("job_status"))
        query = query.join(JobRow, pw.JOIN.LEFT_OUTER, on=(JobRow.id == FiringRow.job_id))
        query = query.where(FiringRow.schedule == name).order_by(FiringRow.nominal_at.desc())
        return [_firing(row) for row in self._database.rows(query.limit(RECENT))]

    def put(
        self,
        name: str,
        settings: ScheduleSettings,
        caller: str | None,
        check: ScheduleCheck,
        actor: Actor | None = None,
        sharer: str | None = None,
    ) -> tuple[Schedule, bool]:
        """Create a schedule, or replace all its settings. Returns it, and whether it is new.

        It is due next after now, unless its times are unchanged. With an actor, this is recorded in
        the audit log. `sharer` is the caller if it has only a share of the limit. Raises
        TooManySchedules, and what `check` raises.
        """
        with notifying_transaction(self._wakeup, self._database, WORKER):
            self._database.next_version(0)  # the version lock serializes it with all other changes
            old, now = self.get(name), self.clock()
            check(old)
            if old is None:
                require_row_room(
                    self._database, ScheduleRow, MAX_SCHEDULES, sharer, TooManySchedules
                )
            schedule = _changed(name, settings, old, now, caller)
            row = _row(schedule, now)
            if old is None:
                self._database.run(ScheduleRow.insert(**row))
            else:
                self._database.run(ScheduleRow.update(**row).where(ScheduleRow.name == name))
            known = _known_of(schedule)
            record(self._database, actor, "put schedule", "schedule", name, now, **known)
        return schedule, old is None

    def delete(self, name: str, check: ScheduleCheck, actor: Actor | None = None) -> bool:
        """Delete a schedule with its firings. Its jobs stay. Returns False if there is none.

        Raises what `check` raises.
        """
        with self._database.transaction():
            self._database.next_version(0)
            check(self.get(name))
            self._database.run(FiringRow.delete().where(FiringRow.schedule == name))
            deleted = ScheduleRow.delete().where(ScheduleRow.name == name)
            if self._database.changed(deleted) == 0:
                return False
            record(self._database, actor, "delete schedule", "schedule", name, self.clock())
            return True

    def run(
        self,
        name: str,
        caller: str | None,
        key: str | None,
        check: ScheduleCheck,
        actor: Actor | None = None,
    ) -> Run | None:
        """Submit a job of a schedule now, also if it is paused. Returns None if there is none.

        `key` is an idempotency key. Raises what `check` raises.
        """
        with notifying_transaction(self._wakeup, self._database, WORKER) as woken:
            self._database.next_version(0)
            schedule, now = self.get(name), self.clock()
            check(schedule)
            if schedule is None:
                return None
            nominal_at = self._free_time(name, now)
            if key is not None and (kept := self._known(key, f"run {name}")):
                return kept
            way = self._way(schedule, now)
            if way.skipped:
                return Run(busy=schedule.last_job_id, why_busy=way.skipped)
            if schedule.settings.overlap is Overlap.CANCEL_RUNNING:
                woken.append(LISTENER)
            job = job_of(schedule, nominal_at, caller, **way.options())
            if key is not None:
                store_keys(self._database, [KeyedJob(key, f"run {name}", job)])
            (stored,) = self._add_jobs([job], woken)
            if not isinstance(stored, UUID):
                self._free_key(key)
                return Run(refusal=stored)
            self._database.run(_insert_firing(name, nominal_at, now, stored))
            last = ScheduleRow.update(last_job_id=stored).where(ScheduleRow.name == name)
            self._database.run(last)
            self._database.counters.add(schedule.settings.type, "schedule submitted")
            record(self._database, actor, "run schedule", "schedule", name, now, job_id=stored)
        return Run(job_id=stored)

    def _known(self, key: str, fingerprint: str) -> Run | None:
        """Return what a key stands for; None for a new one, which stays new under the lock."""
        for row in self._database.rows(KeyRow.select().where(KeyRow.key == key)):
            if row["fingerprint"] != fingerprint:
                return Run(other_key=True)
            return Run(job_id=row["job_id"], is_replayed=True)
        return None

    def _free_key(self, key: str | None) -> None:
        delete_keys(self._database, [] if key is None else [key])

    def _way(self, schedule: Schedule, now: int) -> Way:
        """Return how a new job of a schedule comes to run, see `overlap.py`."""
        last = schedule.last_job_id
        if not is_unfinished(self._database, last):
            return AT_ONCE
        overlap = schedule.settings.overlap
        return Overlaps(self._database).way(schedule.name, overlap, last, now)

    def _free_time(self, name: str, now: int) -> int:
        """Return the first time from now on that no firing has.

        It is never a whole second, and so never a nominal time.
        """
        nominal_at = now
        taken = FiringRow.select(FiringRow.nominal_at)
        taken = taken.where(FiringRow.schedule == name, FiringRow.nominal_at >= now)
        times = {row["nominal_at"] for row in self._database.rows(taken)}
        while nominal_at in times or nominal_at % 1000 == 0:
            nominal_at += 1
        return nominal_at


def job_of(schedule: Schedule, nominal_at: int, caller: str | None, **own: Any) -> NewJob:
    """Return a new job of a schedule."""
    settings = schedule.settings
    own |= {"submitted_by": caller, "schedule": schedule.name, "nominal_at": nominal_at}
    return new_job(settings.type, settings.job_payload, settings.template, **own)


def calendar_of(schedule: Schedule) -> Calendar:
    """Return the nominal times of a schedule."""
    settings = schedule.settings
    return Calendar(settings.timing, schedule.anchor_at, settings.until)


def start_after(now: int, last_nominal_at: int | None) -> int:
    """Return the time after which a schedule is due next, if it begins again now.

    The last nominal time is later than now after the clock was set back. No nominal time comes
    twice then, unless the clock was wrong by more than a change of a zone's offset can explain.
    """
    if last_nominal_at is None or last_nominal_at > now + WRONG_CLOCK_MS:
        return now
    return max(now, last_nominal_at)


def _changed(
    name: str, settings: ScheduleSettings, old: Schedule | None, now: int, caller: str | None
) -> Schedule:
    """Return a schedule with new settings."""
    second = now // 1000 * 1000
    is_same = old is not None and old.settings.timing == settings.timing
    anchor_at = old.anchor_at if old and is_same else second
    calendar = Calendar(settings.timing, anchor_at, settings.until)
    next_at = calendar.after(start_after(now, old.last_nominal_at if old else None))
    if old and is_same and old.next_at is not None and not old.settings.paused:
        next_at = calendar.after(old.next_at - 1)  # it may be due, and is to be fired
    changed = Schedule(
        name=name,
        settings=settings,
        next_at=None if settings.paused else next_at,
        anchor_at=anchor_at,
        last_nominal_at=None,
        last_job_id=None,
        created_by=caller,
        changed_by=caller,
        created_at=now,
        changed_at=now,
        version=1,
    )
    if old is None:
        return changed
    return replace(
        changed,
        last_nominal_at=old.last_nominal_at,
        last_job_id=old.last_job_id,
        created_by=old.created_by,
        created_at=old.created_at,
        version=old.version + 1,
    )


def _known_of(schedule: Schedule) -> Row:
    """The details of a schedule in the audit log: its type, when it is due, and whether it is
    paused."""
    settings = schedule.settings
    times = {name: value for name, value in vars(settings.timing).items() if value is not None}
    return {"type": settings.type, **times, "paused": settings.paused, "version": schedule.version}


def _row(schedule: Schedule, now: int) -> Row:
    settings = schedule.settings
    payload = to_json_text(settings.payload)
    same = (
        *("name", "next_at", "anchor_at", "last_nominal_at", "last_job_id", "created_by"),
        *("changed_by", "created_at", "changed_at", "version"),
    )
    return {
        **{name: getattr(schedule, name) for name in same},
        **vars(settings.timing),
        "type": settings.type,
        "payload": payload,
        "options": to_json_text(settings.options),
        "job_payload": None if settings.job_payload == payload else settings.job_payload,
        "template": settings.template,
        "missed": settings.missed,
        "overlap": settings.overlap,
        "paused_at": now if settings.paused else None,
        "until": settings.until,
    }


def _schedule(row: Values) -> Schedule:
    settings = ScheduleSettings(
        row["type"],
        json.loads(row["payload"]),
        Timing(row["cron"], row["every"], row["timezone"]),
        Missed(row["missed"]),
        Overlap(row["overlap"]),
        row["paused_at"] is not None,
        row["until"],
        json.loads(row["options"]),
        row["template"],
        row["job_payload"] or row["payload"],
    )
    same = (
        *("next_at", "anchor_at", "last_nominal_at", "last_job_id", "created_by", "changed_by"),
        *("created_at", "changed_at", "version"),
    )
    return Schedule(row["name"], settings, *(row[name] for name in same))


def _firing(row: Values) -> Firing:
    status = None if row["job_status"] is None else Status(row["job_status"])
    outcome = FiringOutcome(row["outcome"])
    return Firing(**{**row, "outcome": outcome, "job_status": status})


def _insert_firing(name: str, nominal_at: int, now: int, job_id: UUID) -> pw.Insert:
    values = {"schedule": name, "nominal_at": nominal_at, "fired_at": now, "job_id": job_id}
    return FiringRow.insert(**values, outcome=FiringOutcome.SUBMITTED, reason="run by a client")
