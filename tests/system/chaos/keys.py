"""Checks that jobs with keys kept to them, in the order of all changes. Pure functions."""

from collections import defaultdict
from collections.abc import Iterator

from storage.records.states import FINAL, Status
from tests.system.chaos.history import Change, History, Keys, Violation


def check_keys(history: History) -> Iterator[Violation]:
    """Check that at most the allowed jobs of a key ran at once, and that one held a unique key."""
    running: dict[str, set[str]] = defaultdict(set)
    holding: dict[str, set[str]] = defaultdict(set)
    for each in history.entries:
        keys = history.keys.get(each.job_id)
        if keys is None or not isinstance(each, Change):
            continue
        if keys.concurrency_key is not None:
            found = running[keys.concurrency_key]
            _keep(found, each, each.status == Status.RUNNING)
            if len(found) > (keys.max_per_key or 1):
                yield Violation("P17", each.job_id, f"runs beside other jobs of its key: {found}")
        if keys.unique_key is not None:
            found = holding[keys.unique_key]
            _keep(found, each, _holds(keys, each))
            if len(found) > 1:
                yield Violation("P18", each.job_id, f"is not the only one with its key: {found}")


def _keep(jobs: set[str], job: Change, belongs: bool) -> None:
    jobs.discard(job.job_id)
    if belongs and job.op != "delete":
        jobs.add(job.job_id)


def _holds(keys: Keys, job: Change) -> bool:
    """Whether a job holds its unique key."""
    if keys.scope == "queued":
        return job.status == Status.QUEUED and job.attempt == 0
    return keys.scope == "final" or Status(job.status) not in FINAL
