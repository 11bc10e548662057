"""A job type that detects, with a file lock, whether two runs of one job overlap.

It is part of the image of the fault checks. Each run of a job writes to the job's journal in the
shared volume, DATA_DIR/journal/<job id>, so that runs in different containers are seen too:

    began 1      began 1      began 1
    ended 1      began 2      overlap    if the first run still holds the lock
                 ended 2
"""

import fcntl
import os
import time
from pathlib import Path
from typing import Any

from runner.job_types.base import Context, JobType, NotRetryable, Payload


class ExclusivePayload(Payload):
    """`seconds` is how long the first attempt takes. Later ones end at once."""

    seconds: float


class Exclusive(JobType[ExclusivePayload]):
    """Holds an exclusive lock while it runs, and writes its begin and end to the journal."""

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
                raise NotRetryable("two runs of this job overlap") from None
            journal.write(b"began %d\n" % context.attempt)
            context.report({"attempt": context.attempt})
            time.sleep(payload.seconds if context.attempt == 1 else 0)
            journal.write(b"ended %d\n" % context.attempt)
        return {"attempt": context.attempt}
