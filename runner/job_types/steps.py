"""The steps in which a job process runs a job: the whole job, or one step of a split job.

{"kind": "run"}                               ──▶ the result of the job
{"kind": "plan", "part_bytes"}                ──▶ the parts, [{"spec", "progress"}, …]
{"kind": "part", "spec"}                      ──▶ the result of a part
{"kind": "fold", "seconds": null} + results   ──▶ the folded results
{"kind": "fold", "seconds": 1.5} + results    ──▶ the result of the job, from the last parts
"""

from collections.abc import Sequence
from typing import Any

from runner.job_types.base import Context, JobType, NotRetryable, Payload
from runner.job_types.in_parts import InParts

RUN = {"kind": "run"}


def do_step(
    job_type: JobType[Any],
    payload: Payload,
    context: Context,
    step: dict[str, Any],
    results: Sequence[Any],
) -> Any:
    """Run one step of a job, and return its result. Raises what the job type raises.

    `results` are the part results that a fold step combines.
    """
    kind = step["kind"]
    if kind == "run":
        return job_type.run(payload, context)
    if not isinstance(job_type, InParts):
        if kind == "plan":
            return []
        raise NotRetryable(f"job type {job_type.name!r} cannot run in parts")
    if kind == "plan":
        return [vars(part) for part in job_type.plan(payload, context, step["part_bytes"])]
    if kind == "part":
        return job_type.run_part(payload, context, step["spec"])
    folded = job_type.fold(payload, results)
    seconds = step["seconds"]
    return folded if seconds is None else job_type.finish(payload, context, folded, seconds)
