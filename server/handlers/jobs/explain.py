"""`/jobs/{job_id}/explain`: why a job is not running yet."""

from collections.abc import Callable
from uuid import UUID

from server.documents.explanations import explain_document
from server.documents.jobs import retry_after
from server.handlers.base import Handler
from server.handlers.jobs.job import parse_job_id
from server.jobs.jobs import job_not_found
from server.store.threads import StoreThreads
from storage.queries.explain import Explanation


class ExplainHandler(Handler):
    """The reasons why one job is not running."""

    explain: Callable[[UUID], Explanation | None]
    threads: StoreThreads
    ROUTE = "/jobs/{job_id}/explain"

    async def get(self, job_id: str) -> None:
        """Send the reasons, the number of jobs ahead, and an estimate of when the job starts."""
        parsed_id = parse_job_id(job_id)
        explanation = await self.threads.run(self.explain, parsed_id)
        if explanation is None:
            raise job_not_found(parsed_id)
        if not explanation.job.final:
            until_due = (explanation.job.run_at - explanation.now) / 1000
            self.set_header("Retry-After", retry_after(max(explanation.seconds or 0.0, until_due)))
        self.send_json(explain_document(explanation))

    head = get
