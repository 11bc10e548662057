"""`/jobs/{job_id}/explain`: why a job does not run yet."""

from collections.abc import Iterator

from server.documents import jobs as wire
from server.handlers.base import Handler
from server.handlers.job import parse_id
from server.jobs.enqueue import unknown_job
from storage.queries.explain import Explanation
from storage.records.states import Status

Reason = tuple[str, str]


class ExplainHandler(Handler):
    """A job's situation."""

    async def get(self, job_id: str) -> None:
        """Why the job is not running, how many go before it, and when it should start."""
        found = parse_id(job_id)
        situation = await self.services.blocking(self.services.explain, found)
        if situation is None:
            raise unknown_job(found)
        if not situation.job.final:
            self.set_header("Retry-After", wire.retry_after(situation.seconds))
        self.answer(wire.explain_document(situation, list(_reasons(situation))))

    head = get


def _reasons(situation: Explanation) -> Iterator[Reason]:
    job = situation.job
    if job.final:
        yield "final", f"the job is {job.status}"
    elif job.status is Status.RUNNING:
        yield from _reasons_of_running(situation)
    elif not situation.due:
        yield from _reasons_of_later(situation)
    else:
        yield from _reasons_of_due(situation)
    if job.status is Status.QUEUED:
        yield from _reasons_of_queue(situation)
    if not job.final and not situation.runners:
        takes = f"takes jobs of the queue {job.queue}"
        yield "no_runner", f"no runner is alive that {takes}: start a worker that does"


def _reasons_of_running(situation: Explanation) -> Iterator[Reason]:
    job = situation.job
    yield "running", f"runner {job.locked_by} has it since {wire.time(job.started_at)}"
    if job.cancel_requested_at is not None:
        asked_at = wire.time(job.cancel_requested_at)
        yield "cancel_requested", f"its cancel was asked for at {asked_at}"
    if all(runner.name != job.locked_by for runner in situation.runners):
        yield "runner_lost", "its runner is gone: the next runner that looks settles it"


def _reasons_of_later(situation: Explanation) -> Iterator[Reason]:
    job = situation.job
    until = wire.time(job.run_at)
    if job.retry_count:
        yield "backoff", f"attempt {job.attempt} ended badly: it is tried again at {until}"
    else:
        yield "not_due", f"it is not to run before {until}"


def _reasons_of_due(situation: Explanation) -> Iterator[Reason]:
    slots = sum(runner.slots for runner in situation.runners)
    busy = sum(runner.busy for runner in situation.runners)
    if situation.ahead:
        more = "more than " if situation.is_more else ""
        go = "job goes" if situation.ahead == 1 else "jobs go"
        yield "jobs_ahead", f"{more}{situation.ahead} due {go} first"
    if slots and busy == slots:
        yield "slots_busy", f"all {slots} slots have a job"
    held = situation.queue is None or situation.queue.paused or situation.queue.is_full
    if slots > busy and not situation.ahead and not held:
        yield "next", "it is the next to be claimed"


def _reasons_of_queue(situation: Explanation) -> Iterator[Reason]:
    queue = situation.queue
    if queue is None:
        return
    if queue.paused:
        since = wire.time(queue.paused_at)
        yield "queue_paused", f"the queue {queue.name} has been paused since {since}"
    if queue.is_full:
        most = f"{queue.running} running of at most {queue.max_running}"
        yield "queue_full", f"the queue {queue.name} is full: {most}"
