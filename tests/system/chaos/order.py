"""Checks that no job started before the jobs that it waits for. Pure functions."""

from collections import defaultdict
from collections.abc import Iterator

from storage.records.states import FINAL, Status
from tests.system.chaos.history import Change, History, Violation


def check_order(history: History) -> Iterator[Violation]:
    """Check the first start of each job that waits for others.

    Versions are in the order of commits. A job that a client retried may start at once.
    """
    starts: dict[str, int] = {}
    ends: dict[str, dict[str, int]] = defaultdict(dict)
    for each in history.entries:
        if not isinstance(each, Change) or each.op != "update":
            continue
        if each.status == Status.RUNNING and each.client_retries == 0:
            starts.setdefault(each.job_id, each.version)
        elif Status(each.status) in FINAL:
            ends[each.job_id].setdefault(each.status, each.version)
    for job in history.acknowledged:
        start = starts.get(job.job_id, 0)
        for predecessor in job.after if start else ():
            counts = FINAL if job.runs_anyway else {Status.SUCCEEDED}
            versions = [ends[predecessor][each] for each in counts if each in ends[predecessor]]
            if not versions or min(versions) > start:
                text = f"started at {start}, and {predecessor} ended as {dict(ends[predecessor])}"
                yield Violation("P16", job.job_id, text)
