"""Checks that no job started before the jobs that it waits for. Pure functions."""

from collections import defaultdict
from collections.abc import Iterator
from itertools import product

from storage.records.states import FINAL, Status
from tests.system.chaos.history import Change, History, Violation


def check_order(history: History) -> Iterator[Violation]:
    """Check the first start of each job that waits for others, and the first after each retry.

    Versions are in the order of commits. A predecessor must have ended when the job was queued, or
    end between that and the start.
    """
    queued: dict[tuple[str, int], int] = {}
    starts: dict[str, dict[int, int]] = defaultdict(dict)
    states: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for each in (each for each in history.entries if isinstance(each, Change)):
        states[each.job_id].append((each.version, each.status))
        if each.status == Status.RUNNING:
            starts[each.job_id].setdefault(each.client_retries, each.version)
        elif each.status == Status.QUEUED:
            queued.setdefault((each.job_id, each.client_retries), each.version)
    for job in history.acknowledged:
        counts = FINAL if job.runs_anyway else {Status.SUCCEEDED}
        for (retries, start), other in product(starts[job.job_id].items(), job.after):
            since = queued.get((job.job_id, retries), 0)
            if not _ended(states[other], since, start) & counts:
                text = f"started at {start}, and {other} was {states[other]}"
                yield Violation("P16", job.job_id, text)


def _ended(states: list[tuple[int, str]], since: int, until: int) -> set[str]:
    """Return the statuses that a job had between two versions, and at the first of them."""
    before = [status for version, status in states if version <= since]
    return {*before[-1:], *(status for version, status in states if since < version < until)}
