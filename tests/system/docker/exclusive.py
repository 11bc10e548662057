"""A job type that shows by a lock whether two runs of a job overlap, in whatever containers.

It goes into the image of the fault checks. The runs of a job tell what they do in its journal in
the shared volume, DATA_DIR/journal/<job id>:

    began 1      began 1      began 1
    ended 1      began 2      overlap    while the first run still has the lock
                 ended 2
"""

import fcntl
import os
import time
from pathlib import Path
from typing import Any

from runner.job_types.base import Context, JobType, NotRetryable, Payload


class ExclusivePayload(Payload):
    """How long the first attempt takes, in seconds; later ones take no time."""

    seconds: float


class Exclusive(JobType[ExclusivePayload]):
    """Holds an exclusive lock while it runs, and keeps a journal of it."""

    name = "exclusive"
    Payload = ExclusivePayload
    upload = "none"

    def run(self, payload: ExclusivePayload, context: Context) -> Any:
        path = Path(os.environ["DATA_DIR"], "journal", context.job_id)
        path.parent.mkdir(exist_ok=True)
        with path.open("ab", buffering=0) as journal:
            try:
                fcntl.flock(journal, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                journal.write(b"overlap\n")
                raise NotRetryable("this job runs twice at once") from None
            journal.write(b"began %d\n" % context.attempt)
            context.report({"attempt": context.attempt})
            time.sleep(payload.seconds if context.attempt == 1 else 0)
            journal.write(b"ended %d\n" % context.attempt)
        return {"attempt": context.attempt}
