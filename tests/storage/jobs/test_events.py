"""The events of jobs in the store: each change of a status, and the newest progress."""

import json
from dataclasses import replace

import pytest

from storage.db.models import EventRow
from storage.jobs import output
from storage.jobs.events import PAGE, Event, Events, newest_event
from storage.jobs.retention import Retention
from storage.liveness.clock_set_back import reschedule
from storage.records.job import NewJob
from storage.records.states import Status
from tests.support.claims_in_steps import completed
from tests.support.stores import CANCELED, RAISED, RETURNED, Bench


@pytest.fixture
def events(bench: Bench) -> Events:
    return Events(bench.store.database)


def statuses(found: list[Event]) -> list[str]:
    """Return the statuses of events, or `progress` for a change of progress only."""
    return ["progress" if each.is_progress else each.status.value for each in found]


def test_each_status_change_is_an_event(bench: Bench, events: Events) -> None:
    job_id, runner = bench.enqueue(max_retries=1), bench.runner()
    runner.claims.retry(runner.claim_one(), RAISED, 1000)
    bench.clock.forward(1)
    runner.claims.complete(runner.claim_one(), "null", RETURNED)
    found = events.of_job(job_id, 0)
    assert statuses(found) == ["queued", "running", "queued", "running", "succeeded"]
    assert [each.attempt for each in found] == [0, 1, 1, 2, 2]
    assert [each.final for each in found] == [False] * 4 + [True]
    assert found == events.after(0)
    assert found[-1] == newest_event(bench.job(job_id))


def test_jobs_that_change_together_have_separate_events(bench: Bench, events: Events) -> None:
    bench.jobs.enqueue([NewJob("sleep", {}) for _ in range(5)])
    runner = bench.runner()
    for _ in range(2):
        jobs = runner.claims.claim(2)
        assert all(runner.claims.complete_each([(job.fence, "1", RETURNED) for job in jobs]))
        for job in jobs:
            assert statuses(events.of_job(job.id, 0)) == ["queued", "running", "succeeded"]
    assert len(events.after(0)) == 5 + 2 * 4


def test_the_newest_event_of_a_failed_attempt_has_its_error(bench: Bench, events: Events) -> None:
    job_id, runner = bench.enqueue(max_retries=1), bench.runner()
    runner.claims.retry(runner.claim_one(), RAISED, 0)
    assert [each.error for each in events.of_job(job_id, 0)] == [None, None, RAISED.error]
    runner.claims.complete(runner.claim_one(), "null", RETURNED)
    found = events.of_job(job_id, 0)
    assert [each.error for each in found] == [None] * 5
    assert found[-1] == newest_event(bench.job(job_id))


def test_an_event_names_the_runner_of_its_attempt(bench: Bench, events: Events) -> None:
    job_id, first, second = bench.enqueue(max_retries=1), bench.runner(), bench.runner()
    fence = first.claim_one()
    first.claims.progress(fence, "{}")
    first.claims.retry(fence, RAISED, 0)
    second.claims.complete(second.claim_one(), "null", RETURNED)
    mine, others = first.liveness.name, second.liveness.name
    found = [each.runner for each in events.of_job(job_id, 0) if not each.is_progress]
    assert found == [None, mine, mine, others, others]
    assert found == [each.runner for each in events.after(0) if not each.is_progress]
    assert newest_event(bench.job(job_id)).runner == others
    assert newest_event(bench.job(bench.enqueue())).runner is None


def test_an_event_has_the_times_of_its_change(bench: Bench, events: Events) -> None:
    start, runner = bench.clock(), bench.runner()
    job_id = bench.enqueue()
    bench.clock.forward(1)
    fence = runner.claim_one()
    bench.clock.forward(1)
    runner.claims.retry(fence, RAISED, 3000)
    queued, running, again = events.of_job(job_id, 0)
    assert (queued.created_at, queued.run_at, queued.started_at) == (start, start, None)
    assert (running.started_at, running.finished_at) == (start + 1000, None)
    assert (again.run_at, again.type) == (start + 5000, "sleep")


def test_a_requested_cancel_and_the_canceled_status_are_events(
    bench: Bench, events: Events
) -> None:
    job_id, runner = bench.enqueue(), bench.runner()
    fence = runner.claim_one()
    bench.jobs.cancel(job_id)
    runner.claims.confirm_cancel(fence, CANCELED)
    found = events.of_job(job_id, 0)
    assert statuses(found) == ["queued", "running", "running", "canceled"]
    assert [each.cancel_requested_at for each in found] == [None, None, *[bench.clock()] * 2]


@pytest.mark.parametrize("done", [0, 0.5])
def test_a_succeeded_job_shows_only_progress_that_is_complete(
    bench: Bench, events: Events, done: float
) -> None:
    job_id, runner = bench.enqueue(), bench.runner()
    fence = runner.claim_one()
    last = {"lines_done": 7, "seconds_done": done, "seconds_total": 0.5}
    runner.claims.progress(fence, json.dumps(last))
    assert bench.job(job_id).progress == last
    runner.claims.complete(fence, "1", RETURNED)
    shown = last if done == 0.5 else None
    assert bench.job(job_id).progress == shown
    assert events.of_job(job_id, 0)[-1].progress == events.after(0)[-1].progress == shown


def test_only_the_newest_progress_is_an_event(bench: Bench, events: Events) -> None:
    job_id, runner = bench.enqueue(), bench.runner()
    fence = runner.claim_one()
    for step in range(3):
        runner.claims.progress(fence, f'{{"step": {step}}}')
    found = events.of_job(job_id, 0)
    assert statuses(found) == ["queued", "running", "progress"]
    assert [each.progress for each in found] == [None, None, {"step": 2}]
    assert found[-1].version == bench.job(job_id).version
    runner.claims.settle(replace(completed(fence), progress='{"step": 9}'))
    found = events.after(0)
    assert statuses(found) == ["queued", "running", "succeeded"]
    assert [each.progress for each in found] == [None, None, {"step": 9}]


def test_rescheduling_a_job_is_an_event(bench: Bench, events: Events) -> None:
    job_id = bench.enqueue()
    bench.clock.forward(-3600)
    reschedule(bench.store.database, bench.clock(), 60_000, 3_600_000)
    found = events.of_job(job_id, 0)
    assert statuses(found) == ["queued", "queued"]
    assert found[-1].run_at == bench.clock()


def test_events_of_a_job_start_after_a_version(bench: Bench, events: Events) -> None:
    one, other = bench.enqueue(), bench.enqueue()
    bench.jobs.cancel(one)
    bench.jobs.cancel(other)
    found = events.of_job(one, 0)
    assert statuses(found) == ["queued", "canceled"]
    assert {each.job_id for each in found} == {one}
    assert events.of_job(one, found[0].version) == found[1:]
    assert events.of_job(one, found[1].version) == []
    everything = events.after(0)
    assert [each.job_id for each in everything] == [one, other, one, other]
    assert [each.version for each in everything] == sorted(each.version for each in everything)
    assert events.after(everything[1].version) == everything[2:]
    assert events.newest() >= everything[-1].version


def test_a_refused_change_is_not_an_event(bench: Bench, events: Events) -> None:
    job_id = bench.enqueue()
    bench.jobs.cancel(job_id)
    known = events.after(0)
    bench.jobs.cancel(job_id)
    assert events.after(0) == known


def test_many_events_are_returned_in_pages(bench: Bench, events: Events) -> None:
    for _ in range(PAGE + 3):
        bench.enqueue()
    first = events.after(0)
    rest = events.after(first[-1].version)
    assert (len(first), len(rest)) == (PAGE, 3)
    assert events.after(rest[-1].version) == []


def test_events_are_deleted_with_their_job(bench: Bench, events: Events) -> None:
    old, runner = bench.enqueue(), bench.runner()
    fence = runner.claim_one()
    runner.claims.progress(fence, "1")
    runner.claims.complete(fence, "null", RETURNED)
    bench.clock.forward(60)
    new = bench.enqueue()
    Retention(bench.store.database, (), 0).prune(bench.clock())
    assert {each.job_id for each in events.after(0)} == {new}
    assert events.of_job(old, 0) == []
    assert events.existing({old, new}) == {new}
    left = bench.store.database.rows(EventRow.select())
    assert len(left) == 1


def test_an_event_can_be_built_from_a_job_without_events(bench: Bench, events: Events) -> None:
    job = bench.job(bench.enqueue(priority=3))
    (event,) = events.of_job(job.id, 0)
    assert event == newest_event(job)
    assert event.status is Status.QUEUED


def test_changes_contain_events_and_output_in_order(bench: Bench, events: Events) -> None:
    job_id, runner = bench.enqueue(), bench.runner()
    fence = runner.claim_one()
    runner.claims.store_output(fence, [(0, b"one\n")], 4096)
    runner.claims.complete(fence, "null", RETURNED)
    known, found = events.changes_after(0)
    assert known == events.newest()
    assert [each.version for each in found] == sorted(each.version for each in found)
    kinds = [type(each).__name__ for each in found]
    assert kinds == ["Event", "Event", "OutputPiece", "Event"]
    assert {each.job_id for each in found} == {job_id}
    assert events.changes_after(found[1].version) == (known, found[2:])
    assert events.changes_after(known) == (known, [])


def test_changes_are_limited_to_a_page_of_events_and_of_output(
    bench: Bench, events: Events
) -> None:
    bench.enqueue()
    runner = bench.runner()
    fence = runner.claim_one()
    for position in range(output.PAGE + 2):
        runner.claims.store_output(fence, [(position, b"x")], 10**6)
    runner.claims.complete(fence, "null", RETURNED)
    seen, version = [], 0
    while (look := events.changes_after(version))[1]:
        version, found = look
        seen += [each.version for each in found]
    assert len(seen) == len(set(seen)) == output.PAGE + 5
    assert seen == sorted(seen)


def test_changes_committed_during_a_read_are_left_to_the_next(
    bench: Bench, events: Events, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.enqueue()
    known = events.newest()
    monkeypatch.setattr(Events, "newest", lambda self: known)
    bench.enqueue()
    assert [each.version for each in events.changes_after(0)[1]] == [known]
