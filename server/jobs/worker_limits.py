"""Refuses jobs whose own limits no living worker allows."""

from collections.abc import Mapping, Sequence

from server.documents.job_limits import limit_errors
from server.http.problems import FieldError, unacceptable
from server.store.threads import StoreThreads
from storage.liveness.runners import RegisteredRunner, registered_runners
from storage.open import Store
from storage.records.job import Job, NewJob


class WorkerLimitChecks:
    """Compares the own limits of jobs with the limits of the living workers of their queues.

    If a queue has no living worker, nothing is refused: one may start later. Its methods raise
    StoreError.
    """

    def __init__(self, store: Store, threads: StoreThreads):
        self._store = store
        self._threads = threads

    async def require_allowed(self, job: NewJob) -> None:
        """Raise Problem 422 if a job has limits that no worker allows."""
        if job.limits and (errors := await self.errors([job])):
            raise unacceptable(errors[0])

    async def require_change_allowed(
        self, job: Job, changes: Mapping[str, int | None], queue: str | None
    ) -> None:
        """Raise Problem 422 if no worker allows the limits that a job will have in its queue."""
        merged = {**(job.limits or {}), **changes}
        own = {name: value for name, value in merged.items() if value is not None}
        await self.require_allowed(NewJob(job.type, {}, queue=queue or job.queue, limits=own))

    async def errors(self, jobs: Sequence[NewJob]) -> dict[int, list[FieldError]]:
        """Return the errors of those jobs whose limits no worker allows, by their places."""
        limited = {at: job for at, job in enumerate(jobs) if job.limits}
        if not limited:
            return {}
        runners = await self._threads.run(self._living)
        found = {at: list(_errors(job, runners)) for at, job in limited.items()}
        return {at: errors for at, errors in found.items() if errors}

    def _living(self) -> list[RegisteredRunner]:
        store = self._store
        found = registered_runners(store.database, store.runners_folder)
        return [each for each in found if not each.is_stale]


def _errors(job: NewJob, runners: Sequence[RegisteredRunner]) -> list[FieldError]:
    takers = [each for each in runners if each.takes(job.queue)]
    if not takers or any(each.may_run(job) for each in takers):
        return []
    return list(limit_errors(job, takers))
