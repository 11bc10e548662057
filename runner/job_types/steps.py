"""What is done of a job by one call: all of it, or a step where it is done in parts.

{"kind": "run"}                               ──▶ the result
{"kind": "plan", "part_bytes"}                ──▶ [{"spec", "progress"}, …]
{"kind": "part", "spec"}                      ──▶ what it has found
{"kind": "fold", "seconds": null} + results   ──▶ what they have found together
{"kind": "fold", "seconds": 1.5} + results    ──▶ the result
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
    """Do a step of a job; `results` are those of parts. Raises what the job type raises."""
    kind = step["kind"]
    if kind == "run":
        return job_type.run(payload, context)
    if not isinstance(job_type, InParts):
        if kind == "plan":
            return []
        raise NotRetryable(f"job type {job_type.name!r} knows no parts")
    if kind == "plan":
        return [vars(part) for part in job_type.plan(payload, context, step["part_bytes"])]
    if kind == "part":
        return job_type.run_part(payload, context, step["spec"])
    folded = job_type.fold(payload, results)
    seconds = step["seconds"]
    return folded if seconds is None else job_type.finish(payload, context, folded, seconds)
