"""A held job waits until nothing holds it any more, and never starts before."""

from uuid import UUID

from storage.db.models import JobRow
from storage.jobs.events import Events
from storage.jobs.expiry import cancel_all_expired
from storage.liveness.clock_set_back import reschedule
from storage.queries.explain import explain
from storage.queries.stats import read_stats
from storage.records.filters import Filters
from storage.records.holds import HELD, Hold
from storage.waiting.held import held_by, hold
from tests.support.held_jobs import held_job, release_jobs
from tests.support.stores import Bench


def stored(bench: Bench, job_id: UUID) -> tuple[int, int | None, int | None]:
    """The columns run_at, due_at and holds of a job."""
    query = JobRow.select(JobRow.run_at, JobRow.due_at, JobRow.holds).where(JobRow.id == job_id)
    (row,) = bench.store.database.rows(query)
    return row["run_at"], row["due_at"], row["holds"]


def test_a_new_job_can_be_held_by_several_things() -> None:
    row = {"run_at": 5}
    hold(row, Hold.KEY)
    hold(row, Hold.BATCH)
    assert row == {"run_at": HELD, "due_at": 5, "holds": Hold.KEY | Hold.BATCH}


def test_a_held_job_is_not_claimed_until_it_is_released(bench: Bench) -> None:
    job_id, other = held_job(bench, Hold.KEY, priority=9), bench.enqueue()
    runner = bench.runner()
    assert [job.id for job in runner.claims.claim(5)] == [other]
    bench.clock.forward(1)
    assert release_jobs(bench, [job_id], Hold.KEY) == [job_id]
    assert stored(bench, job_id) == (bench.clock(), None, None)
    (claimed,) = runner.claims.claim(5)
    assert (claimed.id, claimed.held) == (job_id, False)


def test_a_released_job_waits_for_its_own_time(bench: Bench) -> None:
    job_id = held_job(bench, Hold.KEY, delay=60)
    bench.clock.forward(10)
    assert release_jobs(bench, [job_id], Hold.KEY) == [job_id]
    assert bench.job(job_id).run_at == bench.clock() + 50_000
    assert bench.runner().claims.claim(1) == []


def test_a_job_that_several_things_hold_waits_for_all(bench: Bench) -> None:
    job_id = held_job(bench, Hold.KEY | Hold.BATCH)
    assert release_jobs(bench, [job_id], Hold.PREDECESSORS) == []
    assert release_jobs(bench, [job_id], Hold.KEY) == []
    assert bench.job(job_id).holds == Hold.BATCH
    assert release_jobs(bench, [job_id], Hold.KEY) == []
    assert release_jobs(bench, [job_id], Hold.BATCH) == [job_id]
    assert release_jobs(bench, [job_id], Hold.BATCH) == []
    assert bench.runner().claim_one().job_id == job_id


def test_many_jobs_are_released_in_their_order(bench: Bench) -> None:
    ids = [held_job(bench, Hold.KEY) for _ in range(7)]
    assert held_by(bench.store.database, ids, Hold.KEY) == ids
    assert held_by(bench.store.database, ids, Hold.BATCH) == []
    assert release_jobs(bench, ids[::-1], Hold.KEY) == ids[::-1]
    versions = [bench.job(job_id).version for job_id in ids[::-1]]
    assert versions == sorted(set(versions))


def test_clients_see_the_own_time_of_a_held_job(bench: Bench) -> None:
    job_id = held_job(bench, Hold.KEY, delay=60)
    due_at, events = bench.clock() + 60_000, Events(bench.store.database)
    assert bench.job(job_id).run_at == due_at
    assert bench.job(job_id).held
    assert [job.run_at for job in bench.jobs.list(Filters(), 5).jobs] == [due_at]
    bench.jobs.cancel(job_id)
    job = bench.job(job_id)
    assert (job.run_at, job.held, job.holds) == (due_at, False, Hold.KEY)
    assert [event.run_at for event in events.of_job(job_id, 0)] == [due_at, due_at]


def test_a_release_is_an_event(bench: Bench) -> None:
    job_id, events = held_job(bench, Hold.KEY), Events(bench.store.database)
    newest = events.newest()
    bench.clock.forward(1)
    release_jobs(bench, [job_id], Hold.KEY)
    (event,) = events.of_job(job_id, newest)
    assert (event.status, event.run_at, event.is_progress) == ("queued", bench.clock(), False)


def test_a_change_of_its_time_does_not_release_a_held_job(bench: Bench) -> None:
    job_id = held_job(bench, Hold.KEY)
    later = bench.clock() + 5000
    assert bench.jobs.change(job_id, {"run_at": later, "priority": 3})[0] is True
    assert stored(bench, job_id) == (HELD, later, Hold.KEY)
    assert bench.job(job_id).run_at == later
    bench.jobs.change(job_id, {"priority": 4})
    assert stored(bench, job_id) == (HELD, later, Hold.KEY)
    release_jobs(bench, [job_id], Hold.KEY)
    assert stored(bench, job_id) == (later, None, None)


def test_a_clock_that_was_set_back_neither_releases_nor_delays_a_held_job(bench: Bench) -> None:
    jobs = [held_job(bench, Hold.KEY) for _ in range(2)]
    bench.store.database.run(JobRow.update(client_retries=1).where(JobRow.id == jobs[0]))
    bench.clock.forward(-3600)
    reschedule(bench.store.database, bench.clock(), 1000, 1000)
    assert [bench.job(job_id).held for job_id in jobs] == [True, True]
    assert bench.runner().claims.claim(2) == []
    release_jobs(bench, jobs, Hold.KEY)
    assert [job.id for job in bench.runner().claims.claim(2)] == jobs


def test_a_canceled_job_is_not_released(bench: Bench) -> None:
    job_id = held_job(bench, Hold.KEY)
    bench.jobs.cancel(job_id)
    assert release_jobs(bench, [job_id], Hold.KEY) == []
    assert bench.job(job_id).status == "canceled"


def test_a_held_job_that_a_client_retries_is_due_at_once(bench: Bench) -> None:
    job_id = held_job(bench, Hold.KEY, delay=60)
    bench.jobs.cancel(job_id)
    assert bench.jobs.retry(job_id)[0]
    assert stored(bench, job_id) == (bench.clock(), None, None)
    assert release_jobs(bench, [job_id], Hold.KEY) == []
    assert bench.runner().claim_one().job_id == job_id


def test_a_held_job_expires(bench: Bench) -> None:
    job_id = held_job(bench, Hold.KEY, expires_in=5)
    bench.clock.forward(5)
    cancel_all_expired(bench.store.database, bench.store.wakeup, bench.clock())
    job = bench.job(job_id)
    assert job.error
    assert (job.status, job.error["type"]) == ("canceled", "Expired")


def test_a_held_job_counts_as_queued_but_not_as_due(bench: Bench) -> None:
    job_id = held_job(bench, Hold.KEY | Hold.BATCH)
    bench.clock.forward(60)
    store = bench.store
    stats = read_stats(store.database, bench.clock, store.runners_folder)
    assert stats.types["sleep"].queued == 1
    assert stats.types["sleep"].oldest_due_seconds is None
    assert [queue.oldest_due_seconds for queue in stats.queues] == [None]
    found = explain(store.database, bench.clock, store.runners_folder, job_id)
    assert found
    assert (found.due, found.ahead, found.seconds) == (False, None, None)
    assert [wait.hold for wait in found.waits] == [Hold.KEY, Hold.BATCH]
