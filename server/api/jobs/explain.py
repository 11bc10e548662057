"""`/jobs/{job_id}/explain`: why a job is not running yet."""

from collections.abc import Callable
from dataclasses import replace
from uuid import UUID

from server.api.jobs.job import parse_job_id
from server.api.openapi.operation import Operation
from server.documents.explanations import explain_document
from server.documents.job_documents import retry_after
from server.documents.schemas.explain import ExplainDocument
from server.handlers.base import Handler
from server.jobs.jobs import Jobs, job_not_found
from server.store.threads import StoreThreads
from storage.queries.explain import Explanation
from storage.records.job import Job


class ExplainHandler(Handler):
    """The reasons why one job is not running."""

    explain: Callable[[UUID], Explanation | None]
    jobs: Jobs
    threads: StoreThreads
    ROUTE = "/jobs/{job_id}/explain"
    LIMITED = True

    @Operation(
        "explainJob", "jobs", {200: ExplainDocument}, response_headers={200: ("Retry-After",)}
    )
    async def get(self, job_id: str) -> None:
        """Explain why a job is not running yet.

        Gives the reasons, the place in the order of claims and an estimate.
        """
        parsed_id = parse_job_id(job_id)
        explanation = await self.threads.run(self.explain, parsed_id)
        if explanation is None or not self.caller.sees(*_who(explanation.job)):
            raise job_not_found(parsed_id)
        if self.caller.is_limited:
            explanation = await self._limited(explanation)
        if not explanation.job.final:
            until_due = (explanation.job.run_at - explanation.now) / 1000
            self.set_header("Retry-After", retry_after(max(explanation.seconds or 0.0, until_due)))
        self.send_json(explain_document(explanation))

    async def _limited(self, explanation: Explanation) -> Explanation:
        """Return the explanation without the ids of jobs that the caller does not see."""
        ids = [job_id for wait in explanation.waits for job_id in wait.jobs]
        found = await self.jobs.wait_each(ids, self.caller, 0) if ids else {}
        waits = [
            replace(wait, jobs=[job_id for job_id in wait.jobs if found[job_id]])
            for wait in explanation.waits
        ]
        return replace(explanation, waits=waits)


def _who(job: Job) -> tuple[str | None, str]:
    return job.submitted_by, job.queue
