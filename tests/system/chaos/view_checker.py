"""Compares what clients see of all jobs with the changes that were recorded. Pure functions."""

from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

from storage.records.states import FINAL, Status
from tests.system.chaos.history import Change, FollowedEvent, History, Views, Violation


def check_views(history: History) -> Iterator[Violation]:
    """Check that events, lists and metrics show every change that they should, and no other."""
    changes = [each for each in history.entries if isinstance(each, Change)]
    if history.followed is not None:
        yield from check_events(changes, history.followed)
    for views in history.views:
        yield from check_lists(changes, views)
        yield from check_metrics(changes, views)


def check_events(changes: list[Change], followed: list[FollowedEvent]) -> Iterator[Violation]:
    """Check that a client that followed all events got every change of a status once, in order."""
    for before, after in pairwise(followed):
        if after.version <= before.version:
            text = f"event {after.version} came after {before.version}"
            yield Violation("events", after.job_id, text)
    made = {each.version: each for each in changes}
    got = {each.version: each for each in followed}
    for version, event in got.items():
        change = made.get(version)
        if change is None or (change.job_id, change.status) != (event.job_id, event.status):
            yield Violation("events", event.job_id, f"{event} tells of no change: {change}")
    for change in _changes_of_status(changes):
        if change.version not in got:
            yield Violation("events", change.job_id, f"no event told of {change}")


def check_lists(changes: list[Change], views: Views) -> Iterator[Violation]:
    """Check that the lists have every job once, with the status that it has at the end."""
    stored = {each.job_id: each.status for each in changes}
    for job_id in stored.keys() | views.listed.keys():
        if stored.get(job_id) != views.listed.get(job_id):
            text = f"is listed as {views.listed.get(job_id)}, but is {stored.get(job_id)}"
            yield Violation("lists", job_id, text)
    for status, found in views.by_status.items():
        right = {job_id for job_id, each in stored.items() if each == status}
        if set(found) != right or len(found) != len(right):
            text = f"the list of {status} jobs has {len(found)} entries, {len(right)} are right"
            yield Violation("lists", "-", text)


def check_metrics(changes: list[Change], views: Views) -> Iterator[Violation]:
    """Check that the counters of the metrics agree with the changes, and that no job is open."""
    submitted = sum(each.op == "insert" for each in changes)
    if views.submitted != submitted:
        text = f"{views.submitted} jobs are counted as submitted, {submitted} were"
        yield Violation("metrics", "-", text)
    ends = Counter(
        each.status for each in _changes_of_status(changes) if Status(each.status) in FINAL
    )
    for status in sorted(FINAL):
        if views.finished.get(status, 0) != ends[status]:
            text = f"{views.finished.get(status, 0)} jobs are counted as {status}, {ends[status]} "
            yield Violation("metrics", "-", text + "became so")
    if views.unfinished:
        text = f"{views.unfinished} jobs are counted as queued or running at the end"
        yield Violation("metrics", "-", text)


def _changes_of_status(changes: list[Change]) -> Iterator[Change]:
    """The changes after which a job has another status, attempt or requested cancel than before."""
    before: dict[str, tuple[str, int, bool]] = {}
    for each in changes:
        state = each.status, each.attempt, each.cancel_requested
        if before.get(each.job_id) != state:
            yield each
        before[each.job_id] = state
