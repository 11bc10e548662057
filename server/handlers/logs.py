"""`/jobs/{job_id}/logs`: what an attempt has printed and logged."""

from server.events import documents as wire
from server.events.stream_query import LogsQuery
from server.handlers.base import Handler
from server.handlers.job import parse_id
from server.handlers.query import given_in, read_query
from server.http.problems import Problem
from server.jobs.enqueue import unknown_job


class LogsHandler(Handler):
    """What is kept of it."""

    async def get(self, job_id: str) -> None:
        """Of the newest attempt, or of another; as text, or as JSON for who accepts that."""
        found, query = parse_id(job_id), read_query(LogsQuery, given_in(self))
        job = await self.services.jobs_by_id.ask(found)
        if job is None:
            raise unknown_job(found)
        attempt = query.attempt or job.attempt
        if attempt > job.attempt:
            raise Problem(404, f"the job has no attempt {attempt} yet")
        outputs = self.services.events.outputs
        parts = await self.services.blocking(outputs.of_attempt, found, attempt)
        self.add_header("Vary", "Accept")
        if "application/json" in self.request.headers.get("Accept", ""):
            self.answer(wire.logs_document(found, attempt, parts))
        else:
            self.set_header("Content-Type", "text/plain; charset=utf-8")
            name = f"{found}-{attempt}.log"
            self.set_header("Content-Disposition", f'attachment; filename="{name}"')
            self.finish(wire.logs_text(parts))

    head = get
