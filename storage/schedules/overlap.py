"""Keeps the jobs of a schedule from running at the same time, as its `overlap` says."""

from dataclasses import dataclass
from uuid import UUID

import peewee as pw

from storage.db.database import Database
from storage.db.models import FiringRow, JobRow
from storage.db.parameters import parameter
from storage.db.statements import Row
from storage.jobs.transitions import Transitions
from storage.records.schedule import Overlap
from storage.records.states import FINAL, Status

MAX_UNFINISHED = 100
"""How many jobs of a schedule may be queued or running; more firings are skipped."""
UNFINISHED = [each for each in Status if each not in FINAL]


@dataclass(frozen=True)
class Way:
    """How a new job of a schedule comes to run.

    skipped: why there is no new job; None if there is one.
    after: the jobs whose ends it waits for, whatever their ends are.
    """

    skipped: str | None = None
    after: tuple[UUID, ...] = ()

    def options(self) -> Row:
        """Return the fields of the new job."""
        return {"after": self.after, "on_failure": "run"} if self.after else {}


AT_ONCE = Way()


class Overlaps:
    """Decides about new jobs of schedules. Only inside a transaction with the version lock."""

    def __init__(self, database: Database):
        self._database = database
        self._transitions = Transitions(database)

    def way(self, name: str, overlap: Overlap, last_job_id: UUID | None, now: int) -> Way:
        """Return how a new job of a schedule comes to run, and cancel others if they are to be.

        `last_job_id` is its last job, which is not final.
        """
        if overlap is Overlap.SKIP:
            return Way("the last job of the schedule was not final")
        unfinished = self._unfinished(name, last_job_id)
        if overlap is Overlap.CANCEL_RUNNING:
            for job_id in reversed(unfinished):  # waiting jobs before the jobs they wait for
                self._transitions.cancel(job_id, now, f"schedule {name}")
            unfinished = self._unfinished(name, last_job_id)
        if len(unfinished) >= MAX_UNFINISHED:
            return Way(f"{len(unfinished)} jobs of the schedule were not final")
        return Way(None, tuple(unfinished))

    def _unfinished(self, name: str, last_job_id: UUID | None) -> list[UUID]:
        """Return the jobs of a schedule that are not final, in the order of their ids."""
        statement = self._database.statement("unfinished of schedule", _select_unfinished)
        found = {row["id"] for row in self._database.fetch(statement, {"name": name})}
        if last_job_id is not None and last_job_id not in found:
            query = JobRow.select(JobRow.id).where(
                JobRow.id == last_job_id, JobRow.status.in_(UNFINISHED)
            )
            found |= {row["id"] for row in self._database.rows(query)}
        return sorted(found)


def is_unfinished(database: Database, job_id: UUID | None) -> bool:
    """Return whether there is a job with this id that is not final."""
    if job_id is None:
        return False
    query = JobRow.select(JobRow.status).where(JobRow.id == job_id)
    return any(row["status"] not in FINAL for row in database.rows(query))


def _select_unfinished() -> pw.Select:
    mine = FiringRow.schedule == parameter(FiringRow.schedule, "name")
    jobs = (JobRow.id == FiringRow.job_id, JobRow.status.in_(UNFINISHED))
    query = FiringRow.select(JobRow.id).join(JobRow, on=jobs[0])
    return query.where(mine, jobs[1])
