"""Jobs of a schedule wait for earlier ones, or cancel them, and never run at the same time."""

from unittest.mock import patch

import pytest

from storage.db.models import FiringRow
from storage.records.filters import Filters
from storage.records.job import Job
from storage.records.schedule import Missed, Overlap
from storage.records.states import Status
from storage.schedules import firing, overlap
from storage.schedules.firing import Firer
from storage.schedules.schedules import Schedules
from storage.waiting.reactions import react_to_ended
from tests.storage.schedules.test_firing import (
    MINUTE,
    START,
    jobs_of,
    new_firer,
    nominal_times,
    outcomes,
    put,
)
from tests.support.stores import CANCELED, RETURNED, Bench, Holder


@pytest.fixture
def store(bench: Bench) -> Schedules:
    return Schedules(bench.store.database, bench.store.wakeup, bench.clock, bench.jobs.add)


@pytest.fixture
def firer(bench: Bench) -> Firer:
    return new_firer(bench)


def fire(bench: Bench, firer: Firer, times: int = 1) -> list[Job]:
    """Let minutes pass and fire; return the jobs of the schedule, the oldest first."""
    for _ in range(times):
        bench.clock.forward(60)
        firer.fire()
    return jobs_of(bench)


def react(bench: Bench) -> None:
    while react_to_ended(bench.store.database, bench.store.wakeup, bench.clock):
        pass


def end(bench: Bench, runner: Holder, job: Job) -> None:
    """Complete a job that the runner holds."""
    (held,) = [each for each in runner.claims.held() if each.id == job.id]
    assert runner.claims.complete_each([(held.fence, "1", RETURNED)]) == [True]
    react(bench)


def test_a_queued_job_waits_for_the_end_of_the_one_before(
    bench: Bench, store: Schedules, firer: Firer
) -> None:
    put(store, overlap=Overlap.QUEUE)
    first, second, third = fire(bench, firer, 3)
    runner = bench.runner()
    assert [job.id for job in runner.claims.claim(9)] == [first.id]
    assert (second.after, third.after) == ((first.id,), (first.id, second.id))
    assert runner.claims.claim(9) == []
    end(bench, runner, first)
    assert [job.id for job in runner.claims.claim(9)] == [second.id]
    end(bench, runner, second)
    assert [job.id for job in runner.claims.claim(9)] == [third.id]


def test_a_waiting_job_that_is_canceled_lets_no_other_start_early(
    bench: Bench, store: Schedules, firer: Firer
) -> None:
    put(store, overlap=Overlap.QUEUE)
    first, second, third = fire(bench, firer, 3)
    runner = bench.runner()
    runner.claim_one()
    bench.jobs.cancel(second.id)
    react(bench)
    assert runner.claims.claim(9) == []
    end(bench, runner, first)
    assert [job.id for job in runner.claims.claim(9)] == [third.id]


def test_no_more_jobs_wait_than_allowed(bench: Bench, store: Schedules, firer: Firer) -> None:
    put(store, overlap=Overlap.QUEUE)
    with patch.object(overlap, "MAX_UNFINISHED", 2):
        assert len(fire(bench, firer, 3)) == 2
        busy = store.run("s", None, None, lambda stored: None)
    assert outcomes(store)[-1] == (START + 3 * MINUTE, "skipped")
    assert store.recent("s")[0].reason == "2 jobs of the schedule were not final"
    assert busy
    assert (busy.job_id, busy.why_busy) == (None, "2 jobs of the schedule were not final")


def test_a_job_that_waits_for_long_is_not_forgotten(
    bench: Bench, store: Schedules, firer: Firer
) -> None:
    put(store, overlap=Overlap.QUEUE)
    with patch.object(overlap, "MAX_UNFINISHED", 2), patch.object(firing, "KEPT", 3):
        first, second = fire(bench, firer, 9)
    *_, third = fire(bench, firer)
    assert third.after == (first.id, second.id)


def test_missed_times_are_made_up_for_one_after_another(
    bench: Bench, store: Schedules, firer: Firer
) -> None:
    put(store, missed=Missed.ALL, overlap=Overlap.QUEUE)
    bench.clock.forward(180)
    for _ in range(3):
        firer.fire()
    assert nominal_times(bench) == [START + minute * MINUTE for minute in (1, 2, 3)]
    first, second, third = jobs_of(bench)
    assert (first.after, third.after) == ((), (first.id, second.id))
    assert firer.seconds_to_next() == 60


def test_running_jobs_are_canceled_and_the_new_one_waits_for_their_ends(
    bench: Bench, store: Schedules, firer: Firer
) -> None:
    put(store, overlap=Overlap.CANCEL_RUNNING)
    (first,) = fire(bench, firer)
    runner = bench.runner()
    fence = runner.claim_one()
    _, second = fire(bench, firer)
    assert runner.claims.to_cancel() == [fence]
    assert bench.job(first.id).canceled_by == "schedule s"
    assert (second.after, runner.claims.claim(9)) == ((first.id,), [])
    _, _, third = fire(bench, firer)
    assert bench.job(second.id).status == "canceled"
    assert third.after == (first.id,)
    react(bench)
    assert runner.claims.claim(9) == []
    assert runner.claims.confirm_cancel(fence, CANCELED)
    react(bench)
    assert [job.id for job in runner.claims.claim(9)] == [third.id]


def test_a_queued_job_is_replaced_by_the_next_one(
    bench: Bench, store: Schedules, firer: Firer
) -> None:
    put(store, overlap=Overlap.CANCEL_RUNNING)
    first, second = fire(bench, firer, 2)
    assert (first.status, second.after) == ("canceled", ())
    queued = bench.jobs.list(Filters(frozenset({Status.QUEUED})), 9).jobs
    assert [job.id for job in queued] == [second.id]


def test_a_run_by_a_client_waits_or_cancels_too(
    bench: Bench, store: Schedules, firer: Firer
) -> None:
    put(store, overlap=Overlap.QUEUE)
    (first,) = fire(bench, firer)
    done = store.run("s", "ann", "k", lambda stored: None)
    assert done
    assert done.job_id
    assert bench.job(done.job_id).after == (first.id,)
    put(store, overlap=Overlap.CANCEL_RUNNING)
    again = store.run("s", "ann", None, lambda stored: None)
    assert again
    assert again.job_id
    assert bench.job(first.id).status == bench.job(done.job_id).status == "canceled"
    assert bench.job(again.job_id).after == ()
    same = store.run("s", "ann", "k", lambda stored: None)
    assert same
    assert (same.job_id, same.is_replayed) == (done.job_id, True)


def test_the_firing_of_an_unfinished_job_is_kept_however_old_it_is(
    bench: Bench, store: Schedules, firer: Firer
) -> None:
    put(store, overlap=Overlap.SKIP)
    (job,) = fire(bench, firer, firing.KEPT + 5)
    kept = bench.store.database.rows(FiringRow.select().order_by(FiringRow.nominal_at))
    assert kept[0]["job_id"] == job.id
    assert len(kept) == 1 + firing.KEPT
