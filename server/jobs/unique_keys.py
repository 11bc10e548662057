"""The problem of a job whose unique key another job holds."""

from server.auth.callers import Caller
from server.http.codes import Code
from server.http.problems import Problem
from storage.jobs.unique_keys import KeyHolder
from storage.records.states import Status

_UNTIL = {"queued": "until it starts", "running": "until its end", "final": "until it is deleted"}


def key_held(holder: KeyHolder, caller: Caller, replaces: bool = False) -> Problem:
    """409: another job holds the unique key. The document has its id as `job_id`, if the caller
    sees that job.

    `replaces` says whether the submission asked to replace that job.
    """
    if not caller.sees(holder.submitted_by, holder.queue):
        detail = f"a job that this token does not see holds the unique_key {holder.unique_key!r}"
        return Problem(Code.UNIQUE_KEY_HELD, f"{detail}: choose another key")
    is_held = f"the job {holder.job_id} holds the unique_key {holder.unique_key!r}"
    detail = f"{is_held} {_UNTIL[holder.scope]}; it is {holder.status}"
    if replaces:
        is_queued = holder.status is Status.QUEUED
        why = "another caller has submitted it" if is_queued else "only a queued job is replaced"
        detail = f"{detail}, and {why}"
    return Problem(Code.UNIQUE_KEY_HELD, detail, members={"job_id": str(holder.job_id)})
