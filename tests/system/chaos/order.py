"""Checks that a job starts after its predecessors, and gets their results. Pure functions."""

import json
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


def check_inputs(history: History) -> Iterator[Violation]:
    """Check that each job with an input succeeded with the result of the job that it names."""
    last = {each.job_id: each for each in history.entries if isinstance(each, Change)}
    for job in (each for each in history.acknowledged if each.input_from):
        end, source = last.get(job.job_id), last.get(job.input_from or "")
        if end is None or source is None or end.status != Status.SUCCEEDED:
            continue
        given, made = json.loads(end.result or "{}").get("input"), _run_of(source)
        if given != made and not (job.runs_anyway and given is None):
            yield Violation("P16", job.job_id, f"got {given}, not {made} of {job.input_from}")


def _run_of(job: Change) -> str | None:
    """The `run` in the result of a job that has succeeded, None if there is none."""
    result = json.loads(job.result or "{}") if job.status == Status.SUCCEEDED else {}
    return result.get("run") if isinstance(result, dict) else None


def _ended(states: list[tuple[int, str]], since: int, until: int) -> set[str]:
    """Return the statuses that a job had between two versions, and at the first of them."""
    before = [status for version, status in states if version <= since]
    return {*before[-1:], *(status for version, status in states if since < version < until)}
