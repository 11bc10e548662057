"""A job that has expired is canceled with the reason, and never starts."""

from collections.abc import Callable

import pytest

from storage.db.models import CounterRow
from storage.jobs import expiry
from storage.jobs.expiry import cancel_all_expired
from storage.records.job import Job
from tests.support.stores import RETURNED, Bench

Sweep = Callable[[], bool]


@pytest.fixture
def sweep(bench: Bench) -> Sweep:
    store = bench.store
    return lambda: cancel_all_expired(store.database, store.wakeup, bench.clock())


def require_expired(job: Job) -> None:
    assert (job.status, job.canceled_by, job.attempt) == ("canceled", None, 0)
    assert job.error
    assert job.error["type"] == "Expired"
    assert "2027-01-15T08:00:05.000Z" in job.error["message"]


def test_a_claim_cancels_expired_jobs_and_takes_the_others(bench: Bench) -> None:
    expired = [bench.enqueue(expires_in=5, priority=1) for _ in range(3)]
    in_time, usual = bench.enqueue(expires_in=6), bench.enqueue()
    bench.clock.forward(5)
    runner = bench.runner()
    assert [job.id for job in runner.claims.claim(10)] == [in_time, usual]
    for job_id in expired:
        require_expired(bench.job(job_id))
    assert runner.claims.claim(10) == []


def test_expired_jobs_take_no_places_for_long(bench: Bench) -> None:
    for _ in range(5):
        bench.enqueue(expires_in=5, priority=1)
    usual = bench.enqueue()
    bench.clock.forward(5)
    runner = bench.runner()
    claimed = [job.id for _ in range(4) for job in runner.claims.claim(2)]
    assert claimed == [usual]


def test_jobs_that_nobody_claims_expire_too(bench: Bench, sweep: Sweep) -> None:
    bench.queues.put("paused", paused=True)
    job_id = bench.enqueue(queue="paused", expires_at=bench.clock() + 5000)
    bench.clock.forward(4.999)
    assert (sweep(), bench.job(job_id).status) == (False, "queued")
    bench.clock.forward(0.001)
    assert sweep() is False
    require_expired(bench.job(job_id))
    counters = bench.store.database.rows(CounterRow.select().where(CounterRow.value > 0))
    counts = {row["name"]: row["value"] for row in counters if row["type"] == "sleep"}
    assert (counts["expired"], counts["finished canceled"]) == (1, 1)


def test_a_batch_is_canceled_at_a_time(
    bench: Bench, sweep: Sweep, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(expiry, "BATCH", 2)
    jobs = [bench.enqueue(expires_in=5) for _ in range(3)]
    bench.clock.forward(5)
    assert (sweep(), sweep()) == (True, False)
    assert [bench.job(job_id).status for job_id in jobs] == ["canceled"] * 3


def test_a_running_job_does_not_expire(bench: Bench, sweep: Sweep) -> None:
    job_id, runner = bench.enqueue(expires_in=5), bench.runner()
    fence = runner.claim_one()
    bench.clock.forward(10)
    sweep()
    runner.claims.complete(fence, "1", RETURNED)
    assert bench.job(job_id).status == "succeeded"


def test_a_retry_by_a_client_takes_the_expiry_away(bench: Bench, sweep: Sweep) -> None:
    job_id = bench.enqueue(expires_in=5)
    bench.clock.forward(5)
    sweep()
    assert bench.jobs.retry(job_id)[0]
    sweep()
    assert bench.job(job_id).expires_at is None
    assert bench.runner().claim_one().job_id == job_id
