"""Events, lists and metrics that do not tell the truth are found."""

from dataclasses import replace

from tests.system.chaos.history import Change, FollowedEvent, Views
from tests.system.chaos.view_checker import check_events, check_lists, check_metrics

NEW = Change("insert", "a", "queued", 0, None, 0, 1, False, 1)
CLAIMED = replace(NEW, op="update", status="running", attempt=1, holder="A", version=2)
PROGRESS = replace(CLAIMED, version=3)
DONE = replace(CLAIMED, status="succeeded", holder=None, version=4)
OTHER = replace(NEW, job_id="b", version=5)
CANCELED = replace(OTHER, op="update", status="canceled", version=6)
CHANGES = [NEW, CLAIMED, PROGRESS, DONE, OTHER, CANCELED]
EVENTS = [
    FollowedEvent(change.version, change.job_id, change.status)
    for change in CHANGES
    if change is not PROGRESS
]
VIEWS = Views(
    {"a": "succeeded", "b": "canceled"},
    {"succeeded": ["a"], "canceled": ["b"]},
    submitted=2,
    finished={"succeeded": 1, "canceled": 1},
    unfinished=0,
)


def test_true_events_lists_and_metrics_pass() -> None:
    assert list(check_events(CHANGES, EVENTS)) == []
    assert list(check_lists(CHANGES, VIEWS)) == []
    assert list(check_metrics(CHANGES, VIEWS)) == []


def test_an_event_that_is_missing_is_found() -> None:
    for at in range(len(EVENTS)):
        assert len(list(check_events(CHANGES, EVENTS[:at] + EVENTS[at + 1 :]))) == 1


def test_an_event_that_comes_twice_or_late_is_found() -> None:
    assert list(check_events(CHANGES, [*EVENTS, EVENTS[-1]]))
    assert list(check_events(CHANGES, [EVENTS[1], EVENTS[0], *EVENTS[2:]]))


def test_an_event_without_a_change_is_found() -> None:
    assert list(check_events(CHANGES, [*EVENTS, FollowedEvent(7, "b", "queued")]))
    assert list(check_events(CHANGES, [replace(EVENTS[0], status="failed"), *EVENTS[1:]]))


def test_a_job_that_is_not_listed_or_listed_wrongly_is_found() -> None:
    for listed in ({"a": "succeeded"}, {**VIEWS.listed, "c": "failed"}, {"a": "failed"}):
        assert list(check_lists(CHANGES, replace(VIEWS, listed=listed)))


def test_a_list_of_a_status_with_too_few_too_many_or_repeated_jobs_is_found() -> None:
    for found in ([], ["a", "b"], ["a", "a"]):
        by_status = {**VIEWS.by_status, "succeeded": found}
        assert list(check_lists(CHANGES, replace(VIEWS, by_status=by_status)))


def test_wrong_metrics_are_found() -> None:
    for wrong in (
        replace(VIEWS, submitted=3),
        replace(VIEWS, finished={"succeeded": 2, "canceled": 1}),
        replace(VIEWS, finished={}),
        replace(VIEWS, unfinished=1),
    ):
        assert list(check_metrics(CHANGES, wrong))
