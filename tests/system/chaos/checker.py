"""Replays a history against the promises of docs/guarantees.md. Pure functions.

entries of a job ─▶ each change is a transition, made by the holder             P2, P4, P5, P8
executions       ─▶ one at a time, each of a claim, not too many                P3, P5
clients' notes   ─▶ every job is stored, final, and as clients read it          P1, P2, P4
jobs that wait         ─▶ start after the others have ended, with their results order.py
jobs with keys         ─▶ run and hold their keys one at a time                 keys.py
events, lists, metrics ─▶ show every change, and no other                       view_checker.py
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from storage.records.states import FINAL, Status
from tests.system.chaos.changes import PROGRESS, transition_of
from tests.system.chaos.history import (
    Acknowledged,
    AttemptChange,
    Change,
    Execution,
    History,
    Seen,
    Violation,
)
from tests.system.chaos.keys import check_keys
from tests.system.chaos.order import check_inputs, check_order
from tests.system.chaos.view_checker import check_views

OUTCOMES = {"complete": "returned", "release": "released"}
"""The outcomes of attempts that only one transition causes, by transition."""
OTHER = "other"
_UNSEEN = ("line_index", "access_points")
"""What the stored result of an analysis has for the service alone."""
BROKEN = {
    "overlap": ("P3", "started while another one ran"),
    "crowd": ("P17", "started although all places of its key were taken"),
}
"""The promises that an event in a job process shows to be broken."""


def check(history: History) -> list[Violation]:
    """Return all violations in a history."""
    entries: dict[str, list[Change | AttemptChange]] = defaultdict(list)
    for entry in history.entries:
        entries[entry.job_id].append(entry)
    executions: dict[str, list[Execution]] = defaultdict(list)
    for execution in history.executions:
        executions[execution.job_id].append(execution)
    found = list(_check_versions(history))
    for job_id, mine in entries.items():
        found += replay(job_id, mine)
        found += check_executions(job_id, mine, executions[job_id])
        if job_id in history.attempts:
            found += check_attempts(job_id, mine, history.attempts[job_id])
    for job_id in executions.keys() - entries.keys():
        found.append(Violation("P1", job_id, "ran, but was never stored"))
    found += [*check_clients(history), *check_views(history)]
    found += [*check_order(history), *check_inputs(history)]
    return [*found, *check_keys(history)]


def replay(job_id: str, entries: list[Change | AttemptChange]) -> Iterator[Violation]:
    """Check the changes of one job, from the first to the last."""
    before: Change | None = None
    due: AttemptChange | None = None
    for entry in entries:
        if isinstance(entry, AttemptChange):
            if due is None or not _matches(entry, due):
                yield Violation("P4", job_id, f"{entry}, but the change of the job requires {due}")
            due = None
            continue
        if due is not None:
            yield Violation("P4", job_id, f"its attempt was not changed: {due}")
        problem, due = _step(before, entry)
        if problem is not None:
            yield Violation(problem[0], job_id, problem[1])
        before = entry
    if due is not None:
        yield Violation("P4", job_id, f"its attempt was not changed: {due}")


def _step(
    before: Change | None, after: Change
) -> tuple[tuple[str, str] | None, AttemptChange | None]:
    """Return what is wrong with a change, and the change of an attempt that it requires."""
    if before is None:
        new = Change(
            "insert", after.job_id, "queued", 0, None, 0, after.max_retries, False, after.version
        )
        new = replace(new, max_losses=after.max_losses)
        return (None if after == new else ("P2", f"began as {after}")), None
    if after.op != "update":
        return ("P1", f"{after.op} after {before}"), None
    name = transition_of(before, after)
    if Status(before.status) in FINAL and name is None:
        return ("P4", f"was final, and changed: {before} to {after}"), None
    if name is None:
        return ("P8" if before.cancel_requested else "P2", f"{before} became {after}"), None
    if name == "claim":
        return None, AttemptChange("insert", after.job_id, after.attempt, after.holder or "")
    if name in (PROGRESS, "reschedule", "cancel", "request_cancel", "requeue"):
        return None, None
    outcome = OUTCOMES.get(name, OTHER)
    holder = before.holder or ""
    ended = AttemptChange("update", after.job_id, before.attempt, holder, outcome)
    return _of_another_attempt(before, after), ended


def _matches(entry: AttemptChange, due: AttemptChange) -> bool:
    """Whether the change of an attempt is the one that the change of its job requires."""
    other = entry.outcome is not None and entry.outcome not in OUTCOMES.values()
    return due == (replace(entry, outcome=OTHER) if other else entry)


def _of_another_attempt(before: Change, after: Change) -> tuple[str, str] | None:
    """Return a violation if the result or the error is not of the attempt that ended."""
    for text in (after.result, after.error):
        number = attempt_in(text)
        if number not in (None, before.attempt):
            return (
                "P4",
                f"attempt {before.attempt} ended with the result or error of another: {text}",
            )
    return None


def attempt_in(text: str | None) -> int | None:
    """The attempt number in a result or in a planned error, None if there is none."""
    value: Any = None if text is None else json.loads(text)
    if not isinstance(value, dict):
        return None
    if value.get("type") == "Planned":
        return int(str(value["message"]).split()[1])
    return value["attempt"] if isinstance(value.get("attempt"), int) else None


def check_executions(
    job_id: str, entries: list[Change | AttemptChange], executions: list[Execution]
) -> Iterator[Violation]:
    """Check that executions did not overlap, were claimed, and were not too many."""
    starts = Counter(each.attempt for each in executions if each.event == "start")
    claimed = {each.number for each in entries if isinstance(each, AttemptChange)}
    for each in executions:
        if each.event in BROKEN:
            promise, text = BROKEN[each.event]
            yield Violation(promise, job_id, f"attempt {each.attempt} {text}")
    for attempt, times in starts.items():
        if times > 1:
            yield Violation("P5", job_id, f"attempt {attempt} started {times} times")
        if attempt not in claimed:
            yield Violation("P8", job_id, f"attempt {attempt} ran, but was never claimed")
    changes = [each for each in entries if isinstance(each, Change)]
    allowances = 1 + changes[-1].client_retries
    allowed = (1 + changes[0].max_retries) * allowances + _without_retry(entries)
    if starts.total() > allowed:
        yield Violation("P5", job_id, f"started {starts.total()} times, allowed are {allowed}")
    if not _is_of_an_execution(changes[-1].result, executions):
        yield Violation("P4", job_id, f"its result is of no execution: {changes[-1].result}")


def _is_of_an_execution(text: str | None, executions: list[Execution]) -> bool:
    """Whether the execution that a result names, if any, has ended."""
    result = json.loads(text or "null")
    if not isinstance(result, dict) or "run" not in result:
        return True
    ended = {(each.attempt, each.run) for each in executions if each.event == "end"}
    return (result["attempt"], result["run"]) in ended


def check_attempts(
    job_id: str,
    entries: list[Change | AttemptChange],
    shown: list[tuple[int, str | None]],
) -> Iterator[Violation]:
    """Check that a job shows each attempt that was begun, with its end, and no other."""
    changes = [each for each in entries if isinstance(each, AttemptChange)]
    expected = sorted({each.number: each.outcome for each in changes}.items())
    if expected != shown:
        yield Violation("P4", job_id, f"shows the attempts {shown}, and had {expected}")


def _without_retry(entries: list[Change | AttemptChange]) -> int:
    """How many attempts ended without using a retry, so that another one may follow."""
    outcomes = Counter(each.outcome for each in entries if isinstance(each, AttemptChange))
    return outcomes["released"] + outcomes["lost"]


def check_clients(history: History) -> Iterator[Violation]:
    """Check that everything that clients were answered holds at the end."""
    changes = [each for each in history.entries if isinstance(each, Change)]
    last = {each.job_id: each for each in changes}
    ends = {(each.job_id, each.client_retries): each for each in changes}
    if history.stored != {job_id: each.version for job_id, each in last.items()}:
        yield Violation("P1", "-", "the table differs from the recorded changes")
    for each in history.acknowledged:
        problem = _missed(each, last.get(each.job_id))
        if problem is not None:
            yield Violation(problem[0], each.job_id, problem[1])
    for job_id, many in history.seen.items():
        for seen in many:
            end = ends.get((job_id, seen.client_retries))
            if end is None or _as_seen(end) != seen:
                yield Violation("P4", job_id, f"was read as {seen}, but ended as {end}")


def _as_seen(job: Change) -> Seen:
    result = json.loads(job.result or "null")
    if isinstance(result, dict) and isinstance(file := result.get("file"), dict):
        result["file"] = {name: each for name, each in file.items() if name not in _UNSEEN}
    return Seen(job.status, result, job.client_retries)


def _missed(submitted: Acknowledged, job: Change | None) -> tuple[str, str] | None:
    """Return what is wrong with an acknowledged job, or None."""
    if job is None:
        return "P1", "was acknowledged, but is not stored"
    if Status(job.status) not in FINAL:
        return "P2", f"is not final at the end: {job}"
    if job.max_retries != submitted.max_retries:
        return "P1", f"differs from its submission: {submitted}, {job}"
    if submitted.counts is None or job.status != "succeeded":
        return None
    counts = json.loads(job.result or "null")["counts"]
    return None if counts == submitted.counts else ("P1", f"found {counts}, not {submitted.counts}")


def _check_versions(history: History) -> Iterator[Violation]:
    """Check that versions grow from transaction to transaction, and from change to change of a job.

    Within a transaction, changes of different jobs can be in any order.
    """
    newest = before = 0
    of_jobs: dict[str, int] = {}
    transaction: int | None = None
    for each in history.entries:
        if isinstance(each, Change) and each.op != "delete":
            if each.transaction != transaction:
                transaction, before = each.transaction, newest
            least = max(before, of_jobs.get(each.job_id, 0))
            if each.version <= least:
                yield Violation("P4", each.job_id, f"version {each.version} follows {least}")
            newest, of_jobs[each.job_id] = max(newest, each.version), each.version
