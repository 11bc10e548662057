"""Builds the documents that explain why a job is not running yet, and when it starts and ends."""

from collections.abc import Iterator
from dataclasses import replace
from uuid import UUID

from server.documents.job_documents import job_view, rfc3339
from server.documents.job_limits import limits_refused
from server.documents.schemas.explain import DryRunDocument, ExplainDocument
from server.documents.schemas.job_schemas import JobView
from storage.liveness.runners import RegisteredRunner
from storage.queries.explain import Explanation
from storage.records.holds import Hold
from storage.records.job import Outcome
from storage.records.states import Status
from storage.waiting.waits import Wait

Reason = tuple[str, str]
"""A code and its explanation."""
_WAITS = {
    Hold.PREDECESSORS: ("waits_for_jobs", "other jobs to end"),
    Hold.KEY: ("waits_for_key", "a place of its concurrency key"),
    Hold.TIME: ("waits_for_time", "its time"),
    Hold.BATCH: ("waits_for_batch", "its batch to finish"),
}
"""For each kind of hold, the code of the reason, and what the job waits for."""
NO_JOB = UUID(int=0)
"""The id of a job that is not stored."""


def explain_document(explanation: Explanation) -> ExplainDocument:
    """Build the document that explains why a job is not running."""
    job = explanation.job
    return {
        "job_id": str(job.id),
        "status": job.status,
        "run_at": rfc3339(job.run_at),
        "expires_at": rfc3339(job.expires_at),
        "finish_by": rfc3339(job.finish_by),
        **_situation(explanation),
    }


def dry_run_document(explanation: Explanation, is_new: bool, reused_from: UUID | None) -> JobView:
    """Build the response to a dry run: the job as it would be stored, with its estimates.

    `is_new` is False for the earlier job that holds the unique key, if it would be the response.
    `reused_from` is the earlier job whose result would be the response.
    """
    job = explanation.job
    document = job_view(replace(job, id=NO_JOB) if is_new else job)
    if not is_new:
        document["existing"] = True
    if reused_from:
        document["reused_from"] = str(reused_from)
    return {**document, "dry_run": _situation(explanation)}


def _situation(explanation: Explanation) -> DryRunDocument:
    """Build the part that the two documents share."""
    ahead, seconds = explanation.ahead, explanation.seconds
    to_end, duration = explanation.seconds_to_end, explanation.duration
    return {
        "reasons": [{"code": code, "detail": detail} for code, detail in reasons_of(explanation)],
        "position": None if ahead is None else ahead + 1,
        "ahead": ahead,
        "ahead_is_more": explanation.is_more,
        "runners": len(explanation.runners),
        "slots": sum(runner.slots for runner in explanation.runners),
        "busy": sum(runner.busy for runner in explanation.runners),
        "estimated_start_at": _in_seconds(explanation.now, seconds),
        "estimated_seconds": None if seconds is None else round(seconds, 3),
        "estimated_duration": None if duration is None else round(duration, 3),
        "estimated_end_at": _in_seconds(explanation.now, to_end),
    }


def _in_seconds(now: int, seconds: float | None) -> str | None:
    return None if seconds is None else rfc3339(now + round(seconds * 1000))


def reasons_of(explanation: Explanation) -> Iterator[Reason]:
    """Yield why a job is not running."""
    job = explanation.job
    if job.final:
        why = f": {job.error['message']}" if job.error else ""
        yield "final", f"the job is {job.status}{why}"
    elif job.status is Status.RUNNING:
        yield from _reasons_if_running(explanation)
    elif not explanation.due:
        yield from _reasons_if_not_due(explanation)
    else:
        yield from _reasons_if_due(explanation)
    if job.status is Status.QUEUED:
        yield from _reasons_of_queue(explanation)
        yield from _reasons_for_no_estimate(explanation)
        for runner in explanation.stale_runners:
            yield "runner_stale", f"runner {runner.name} {_silence(runner)}"
    if not job.final:
        yield from _reasons_for_no_runner(explanation)
        yield from _reasons_of_times(explanation)


def _reasons_for_no_runner(explanation: Explanation) -> Iterator[Reason]:
    job = explanation.job
    refusing = [each for each in explanation.refusing if not each.is_stale]
    if explanation.runners:
        return
    if refusing:
        yield "no_runner", limits_refused(job, refusing)
    else:
        no_runner = f"no live runner takes jobs of the queue {job.queue}"
        yield "no_runner", f"{no_runner}: start a worker that does"


def _reasons_of_times(explanation: Explanation) -> Iterator[Reason]:
    """Explain the effects of the expiry and the deadline on a job that is not final."""
    job, seconds, end = explanation.job, explanation.seconds, explanation.earliest_end
    if job.expires_at is not None and job.status is Status.QUEUED:
        expiry = rfc3339(job.expires_at)
        if explanation.earliest_start < job.expires_at:
            yield "expires", f"it is canceled unless it starts before {expiry}"
        else:
            is_estimate = seconds and explanation.earliest_start > explanation.now
            starts = "is expected to start" if is_estimate else "could start"
            start = rfc3339(explanation.earliest_start)
            yield "expires_first", f"it {starts} at {start}, but it expires at {expiry}"
    if job.finish_by is None:
        return
    deadline = rfc3339(job.finish_by)
    if explanation.now > job.finish_by:
        yield "deadline_missed", f"its deadline {deadline} has passed"
    elif end > job.finish_by:
        yield (
            "deadline_at_risk",
            f"it is expected to end at {rfc3339(end)}: its deadline is {deadline}",
        )


def _reasons_if_running(explanation: Explanation) -> Iterator[Reason]:
    job = explanation.job
    yield "running", f"runner {job.locked_by} has been running it since {rfc3339(job.started_at)}"
    if job.cancel_requested_at is not None:
        requested_at = rfc3339(job.cancel_requested_at)
        yield "cancel_requested", f"its cancel was requested at {requested_at}"
    holders = [each for each in explanation.registered if each.name == job.locked_by]
    if not holders or holders[0].lease_ended:
        yield (
            "runner_lost",
            "its runner is gone: the next runner to notice queues it again or ends it",
        )
    elif holders[0].is_stale:
        yield "runner_stale", f"its runner {_silence(holders[0])}"


def _silence(runner: RegisteredRunner) -> str:
    age = "too long" if runner.heartbeat_age is None else f"{runner.heartbeat_age:.0f} s"
    return f"has not reported for {age}: it hangs or is stopped"


def _reasons_if_held(explanation: Explanation) -> Iterator[Reason]:
    for wait in explanation.waits:
        code, what = _WAITS[wait.hold]
        if wait.jobs and wait.hold is not Hold.KEY:
            what = _jobs_to_end(wait)
        elif wait.jobs:
            more = f" and {wait.count - len(wait.jobs)} more" * (wait.count > len(wait.jobs))
            has = "have" if wait.count > 1 else "has"
            what += f", which {', '.join(map(str, wait.jobs))}{more} {has}"
        yield code, f"it waits for {what}"
    if explanation.job.run_at > explanation.now:
        yield "not_due", f"it does not run before {rfc3339(explanation.job.run_at)}"


def _jobs_to_end(wait: Wait) -> str:
    if wait.count == 1:
        return f"the job {wait.jobs[0]} to end"
    named = ", ".join(map(str, wait.jobs))
    more = " …" if wait.count > len(wait.jobs) else ""
    return f"{wait.count} jobs to end: {named}{more}"


def _reasons_if_not_due(explanation: Explanation) -> Iterator[Reason]:
    job = explanation.job
    run_at = rfc3339(job.run_at)
    if job.held:
        yield from _reasons_if_held(explanation)
    elif job.attempts and job.attempts[-1].outcome is Outcome.LOST:
        yield "backoff", f"attempt {job.attempt} lost its worker: the job runs again at {run_at}"
    elif job.retry_count:
        yield "backoff", f"attempt {job.attempt} failed: the job is retried at {run_at}"
    else:
        yield "not_due", f"it does not run before {run_at}"


def _reasons_if_due(explanation: Explanation) -> Iterator[Reason]:
    if explanation.queue is None:
        return
    slots = sum(runner.slots for runner in explanation.runners)
    busy = sum(runner.busy for runner in explanation.runners)
    if explanation.ahead:
        more = "more than " if explanation.is_more else ""
        go = "job goes" if explanation.ahead == 1 else "jobs go"
        yield "jobs_ahead", f"{more}{explanation.ahead} due {go} first"
    if slots and busy == slots:
        yield "slots_busy", "the only slot is busy" if slots == 1 else f"all {slots} slots are busy"
    is_held = explanation.queue.paused or explanation.queue.is_full
    if slots > busy and not explanation.ahead and not is_held:
        yield "next", "it is the next job to be claimed"


def _reasons_of_queue(explanation: Explanation) -> Iterator[Reason]:
    queue = explanation.queue
    if queue is None:
        name = explanation.job.queue
        yield (
            "no_queue",
            f"the queue {name} was deleted, so no worker looks for the job: create it again, with "
            f"PUT /queues/{name} or `jobservice queues create {name}`",
        )
        return
    if queue.paused:
        since = rfc3339(queue.paused_at)
        yield "queue_paused", f"the queue {queue.name} has been paused since {since}"
    if queue.is_full:
        running = f"{queue.running} of at most {_jobs_run(queue.max_running or 0)}"
        yield "queue_full", f"the queue {queue.name} is full: {running}"


def _jobs_run(count: int) -> str:
    return "1 job is running" if count == 1 else f"{count} jobs are running"


def _reasons_for_no_estimate(explanation: Explanation) -> Iterator[Reason]:
    """Tell why the start is unknown, unless another reason tells it already."""
    queue = explanation.queue
    is_known = explanation.seconds is not None or explanation.is_more or explanation.job.held
    if explanation.runners and queue and not queue.paused and not is_known:
        reports = "the running jobs report no progress"
        lately = "no comparable jobs have ended lately"
        yield "no_estimate", f"its start cannot be estimated: {reports}, and {lately}"
