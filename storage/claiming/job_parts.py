"""Creates the parts of a job, and answers the questions of the job's own runner. See `parts`."""

from collections import Counter
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import peewee as pw

from storage.claiming.part_claims import part_at
from storage.db.database import Database
from storage.db.models import JobRow, PartRow, RunnerRow
from storage.jobs.open_queues import IS_RUNNING
from storage.jobs.rows import from_json_text
from storage.liveness.liveness import Liveness
from storage.notify.wakeup import WORKER, Wakeup, notifying_transaction
from storage.records.job import Fence, Json, Usage


class JobParts:
    """The parts of the jobs that this runner holds. For one thread; methods raise StoreError."""

    def __init__(self, database: Database, wakeup: Wakeup, liveness: Liveness):
        self._database = database
        self._wakeup = wakeup
        self._liveness = liveness

    def has_helpers(self, queue: str) -> bool:
        """Return whether other runners claim jobs, and so parts, from a queue."""
        others = RunnerRow.select(RunnerRow.queues).where(RunnerRow.name != self._liveness.name)
        queues = [row["queues"] for row in self._database.rows(others)]
        return any(names is None or queue in names.split(",") for names in queues)

    def make(self, fence: Fence, parts: Sequence[tuple[str, str]]) -> bool:
        """Create the parts of a job. Each part is its spec and its progress, as JSON text.

        If an earlier attempt created parts with the same specs, they are kept with their results.
        Returns False if this runner does not hold the job.
        """
        with notifying_transaction(self._wakeup, self._database, WORKER):
            self._database.next_version(0)  # version lock first, as in all changes
            if not self._database.rows(_select_held(fence)):
                return False
            specs = PartRow.select(PartRow.spec).where(PartRow.job_id == fence.job_id)
            stored = self._database.rows(specs.order_by(PartRow.number))
            if [row["spec"] for row in stored] == [spec for spec, _ in parts]:
                self._resume(fence.job_id)
            else:
                self._replace(fence.job_id, parts)
        return True

    def end(self, job_id: UUID) -> None:
        """Start no more parts of a job, and end its running parts."""
        with notifying_transaction(self._wakeup, self._database, WORKER):
            self._database.next_version(0)
            self._set_statuses(job_id, {"queued": "ended", "running": "ending"})

    def statuses(self, job_id: UUID) -> Counter[str]:
        """Return the number of parts of a job by status."""
        count = PartRow.select(PartRow.status, pw.fn.COUNT(PartRow.number).alias("count"))
        query = count.where(PartRow.job_id == job_id).group_by(PartRow.status)
        return Counter({row["status"]: row["count"] for row in self._database.rows(query)})

    def error(self, job_id: UUID) -> Json:
        """Return the error of the first failed part. The job must have one."""
        failed = PartRow.job_id == job_id, PartRow.status == "failed"
        query = PartRow.select(PartRow.error).where(*failed).order_by(PartRow.number).limit(1)
        error: Json = from_json_text(self._database.rows(query)[0]["error"])
        return error

    def part_progress(self, job_id: UUID) -> list[Json]:
        """Return the progress of all parts of a job."""
        query = PartRow.select(PartRow.progress).where(PartRow.job_id == job_id)
        return [from_json_text(row["progress"]) for row in self._database.rows(query)]

    def results(self, job_id: UUID, first: int, max_bytes: int) -> list[str]:
        """Return the results of finished parts as JSON text, in order from the part number `first`.

        Returns at most `max_bytes` of results, but at least one result.
        """
        found: list[str] = []
        results = PartRow.select(PartRow.result)
        while rows := self._database.rows(results.where(*part_at(job_id, first + len(found)))):
            max_bytes -= len(rows[0]["result"])
            if found and max_bytes < 0:
                break
            found.append(rows[0]["result"])
        return found

    def usage(self, job_id: UUID) -> Usage:
        """Return the resources that all parts used together, with the highest peak of any part."""
        cpu, peak = pw.fn.SUM(PartRow.cpu_seconds), pw.fn.MAX(PartRow.peak_memory_bytes)
        query = PartRow.select(cpu.alias("cpu_seconds"), peak.alias("peak_memory_bytes"))
        return Usage(**self._database.rows(query.where(PartRow.job_id == job_id))[0])

    def _resume(self, job_id: UUID) -> None:
        """Queue the parts that are not done. Parts that were being ended may go on."""
        self._set_statuses(job_id, {"ended": "queued", "failed": "queued", "ending": "running"})

    def _set_statuses(self, job_id: UUID, statuses: dict[str, str]) -> None:
        for before, after in statuses.items():
            those = PartRow.job_id == job_id, PartRow.status == before
            self._database.run(PartRow.update(status=after).where(*those))

    def _replace(self, job_id: UUID, parts: Sequence[tuple[str, str]]) -> None:
        self._database.run(PartRow.delete().where(PartRow.job_id == job_id))
        first = {"job_id": job_id, "status": "queued", "tries": 0, "lost": 0}
        rows: list[dict[str, Any]] = [
            {**first, "number": number, "spec": spec, "progress": progress}
            for number, (spec, progress) in enumerate(parts)
        ]
        self._database.run(PartRow.insert_many(rows))


def _select_held(fence: Fence) -> Any:
    mine = JobRow.locked_by == fence.runner, JobRow.attempt == fence.attempt
    return JobRow.select(JobRow.id).where(JobRow.id == fence.job_id, IS_RUNNING, *mine)
