"""Errors in the code of job types, which the listener calls to check submissions."""

import logging
import traceback

from runner.job_types.base import AnyJobType
from runner.job_types.registry.broken import one_line

log = logging.getLogger(__name__)

FAILS = (Exception, SystemExit)
"""What the code of a job type raises if it trips over a submission. argparse exits, which must not
end the listener."""


def complaint(job_type: AnyJobType, what: str, error: BaseException) -> str:
    """Log that a job type cannot check a part of a submission, and return the text for clients."""
    log.exception(f"a job type cannot check {what}", extra={"type": job_type.name})
    reason = one_line("".join(traceback.format_exception_only(error)))
    return f"the job type {job_type.name} cannot check it: {reason}"
