"""`/jobs/{job_id}/logs`: the stored output of an attempt."""

from typing import ClassVar

from server.events.documents import LogsQuery, output_document, output_text
from server.handlers.base import Handler
from server.handlers.job import parse_job_id
from server.handlers.query import query_parameters, read_query
from server.http.codes import Code
from server.http.problems import Problem
from server.jobs.jobs import Jobs
from server.store.threads import StoreThreads
from storage.jobs.events import Events


class OutputHandler(Handler):
    """The output of one attempt of a job."""

    jobs: Jobs
    events: Events
    threads: StoreThreads
    ROUTE = "/jobs/{job_id}/logs"
    QUERIES: ClassVar = {"GET": (LogsQuery,)}

    async def get(self, job_id: str) -> None:
        """Send the output of the newest or a given attempt, as text or, if accepted, as JSON."""
        parsed_id, query = parse_job_id(job_id), read_query(LogsQuery, query_parameters(self))
        job = await self.jobs.wait(parsed_id)
        attempt = query.attempt or job.attempt
        if attempt > job.attempt:
            raise Problem(Code.ATTEMPT_NOT_FOUND, f"the job has no attempt {attempt} yet")
        pieces = await self.threads.run(self.events.outputs.of_attempt, parsed_id, attempt)
        self.add_header("Vary", "Accept")
        if "application/json" in self.request.headers.get("Accept", ""):
            self.send_json(output_document(parsed_id, attempt, pieces))
        else:
            self.set_header("Content-Type", "text/plain; charset=utf-8")
            name = f"{parsed_id}-{attempt}.log"
            self.set_header("Content-Disposition", f'attachment; filename="{name}"')
            self.finish(output_text(pieces))

    head = get
