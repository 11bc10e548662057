"""Explanations of why a job has not started, the estimate of its start, and their cost."""

from typing import Any
from uuid import UUID

import pytest

from server.documents.job_documents import rfc3339
from storage.db.models import JobRow
from storage.liveness.runners import RegisteredRunner, living_runner_names, registered_runners
from storage.queries import explain as explaining
from storage.queries.explain import Explanation, explain
from storage.records.filters import Filters
from tests.server.api.jobs.test_retry_and_delete import UNKNOWN
from tests.storage.queries.test_query_plans import Plans, slow
from tests.support.api import Client
from tests.support.stores import RAISED, RETURNED, Bench, Holder, die

MINUTE = 60


def explained(bench: Bench, job_id: UUID) -> Explanation:
    store = bench.store
    found = explain(store.database, bench.clock, store.runners_folder, job_id)
    assert found is not None
    return found


def run_one(bench: Bench, runner: Holder, seconds: float) -> None:
    """Run the next job for this many seconds."""
    fence = runner.claim_one()
    bench.clock.forward(seconds)
    runner.claims.complete(fence, "1", RETURNED)


def test_the_jobs_ahead_are_those_that_are_claimed_first(bench: Bench) -> None:
    for priority in (0, 3, -3, 0, 5, 0, 3):
        bench.enqueue(priority=priority)
    bench.enqueue(priority=9, delay=MINUTE)
    bench.clock.forward(1)
    for priority in (0, 3, 5, -3, 0):
        bench.enqueue(priority=priority)
    ahead = {job.id: explained(bench, job.id).ahead for job in bench.jobs.list(Filters(), 50).jobs}
    claimed = [job.id for job in bench.runner().claims.claim(50)]
    assert [ahead[job_id] for job_id in claimed] == list(range(12))
    assert [count for job_id, count in ahead.items() if job_id not in claimed] == [None]


def test_more_jobs_ahead_than_are_counted_are_reported(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(explaining, "AHEAD_LIMIT", 3)
    bench.runner()
    for priority in (1, 1, 0, 0):
        bench.enqueue(priority=priority)
    mine = bench.enqueue()
    found = explained(bench, mine)
    assert (found.ahead, found.is_more, found.seconds) == (3, True, None)
    bench.runner().claims.claim(2)
    fewer = explained(bench, mine)
    assert (fewer.ahead, fewer.is_more) == (2, False)


def _not_dead(bench: Bench) -> list[RegisteredRunner]:
    found = registered_runners(bench.store.database, bench.store.runners_folder)
    return [runner for runner in found if not runner.lease_ended]


def test_living_runners_are_listed_and_dead_ones_are_not(bench: Bench) -> None:
    folder, database = bench.store.runners_folder, bench.store.database
    bench.enqueue()
    dead, alive = bench.runner(), bench.runner()
    dead.claim_one()
    assert {runner.name for runner in registered_runners(database, folder)} == {
        dead.liveness.name,
        alive.liveness.name,
    }
    die(bench, dead)
    assert living_runner_names(database, folder) == [alive.liveness.name]
    (found,) = _not_dead(bench)
    assert (found.name, found.slots, found.held, found.busy) == (alive.liveness.name, 3, 0, 0)
    for _ in range(5):
        bench.enqueue()
    alive.claims.claim(5)
    (found,) = _not_dead(bench)
    assert (found.held, found.busy) == (5, 3)


def test_the_start_is_estimated_from_recent_run_times_of_the_type(bench: Bench) -> None:
    runner = bench.runner()
    for type, seconds in (("slow", 30), ("quick", 2), ("quick", 4)):
        bench.enqueue(type)
        run_one(bench, runner, seconds)
    for type in ("slow", "slow", "quick", "slow", "quick"):
        bench.enqueue(type)
    assert [job.type for job in runner.claims.claim(3)] == ["slow", "slow", "quick"]
    bench.clock.forward(10)
    mine = bench.enqueue("new")
    # Two slots are free after 20 s. The job "quick" has run for longer than any before it.
    # Ahead: 30 s in one of these slots, 3 s in the other.
    assert explained(bench, mine).seconds == pytest.approx(20 + 3)
    # Nothing is known about the type "new", so it holds its slot for good.
    assert explained(bench, bench.enqueue("quick")).seconds == pytest.approx(20 + 30)


def test_there_is_no_estimate_without_run_times_or_runners(bench: Bench) -> None:
    job_id = bench.enqueue()
    assert explained(bench, job_id).seconds is None
    runner = bench.runner()
    assert explained(bench, job_id).seconds == 0.0
    others = [bench.enqueue() for _ in range(3)]
    assert len(runner.claims.claim(3)) == 3
    assert explained(bench, others[-1]).seconds is None


def test_explaining_sorts_nothing_and_reads_no_table_whole(bench: Bench) -> None:
    if bench.store.database.postgresql:
        pytest.skip("plans of PostgreSQL depend on statistics")
    runner = bench.runner()
    bench.enqueue()
    run_one(bench, runner, 1)
    for priority in (5, 0, 0, 0, 0):
        bench.enqueue(priority=priority)
    runner.claims.claim(3)
    mine = bench.enqueue()
    plans = Plans(bench)
    assert explained(bench, mine).seconds
    jobs = {text: plan for text, plan in plans.found().items() if '"job"' in text}
    assert len(jobs) > 5
    of_all_that_runs = "GROUP BY", "status = 'running'"
    assert not [text for text in slow(jobs) if not any(few in text for few in of_all_that_runs)]
    assert all("SEARCH" in plan or "INDEX" in plan for plan in jobs.values())


async def codes(client: Client, job_id: UUID) -> list[str]:
    document = await client.get(f"/jobs/{job_id}/explain")
    return [reason["code"] for reason in document["reasons"]]


@pytest.mark.gen_test
async def test_each_reason_is_reported(client: Client, bench: Bench) -> None:
    bench.clock.now = bench.store.clock()
    job_id = bench.enqueue()
    assert await codes(client, job_id) == ["no_runner"]
    runner = bench.runner()
    assert await codes(client, job_id) == ["next"]
    fence = runner.claim_one()
    assert await codes(client, job_id) == ["running"]
    bench.jobs.cancel(job_id)
    assert await codes(client, job_id) == ["running", "cancel_requested"]
    runner.claims.complete(fence, "1", RETURNED)
    assert await codes(client, job_id) == ["final"]
    for _ in range(4):
        bench.enqueue()
    assert len(runner.claims.claim(3)) == 3
    assert await codes(client, bench.enqueue()) == ["jobs_ahead", "slots_busy", "no_estimate"]
    assert await codes(client, bench.enqueue(delay=MINUTE)) == ["not_due", "no_estimate"]


@pytest.mark.gen_test
async def test_a_job_that_waits_for_its_retry_and_one_whose_runner_died_are_explained(
    client: Client, bench: Bench
) -> None:
    bench.clock.now = bench.store.clock()
    job_id = bench.enqueue()
    runner = bench.runner()
    runner.claims.retry(runner.claim_one(), RAISED, delay_ms=50_000)
    assert await codes(client, job_id) == ["backoff"]
    lost = bench.enqueue()
    runner.claim_one()
    die(bench, runner)
    assert await codes(client, lost) == ["running", "runner_lost", "no_runner"]


@pytest.mark.gen_test
async def test_the_whole_answer(client: Client, bench: Bench) -> None:
    bench.clock.now = bench.store.clock()
    bench.runner()
    job_id = bench.enqueue(delay=90)
    answer: dict[str, Any] = await client.get(f"/jobs/{job_id}/explain")
    (reason,) = answer.pop("reasons")
    assert reason["detail"].endswith(answer["run_at"])
    assert 80 < answer.pop("estimated_seconds") <= 90
    assert answer == {
        "job_id": str(job_id),
        "status": "queued",
        "position": None,
        "ahead": None,
        "ahead_is_more": False,
        "run_at": rfc3339(bench.job(job_id).run_at),
        "expires_at": None,
        "finish_by": None,
        "estimated_start_at": answer["run_at"],
        "estimated_duration": None,
        "estimated_end_at": None,
        "runners": 1,
        "slots": 3,
        "busy": 0,
    }


@pytest.mark.gen_test
async def test_retry_after_matches_the_estimate(client: Client, bench: Bench) -> None:
    bench.clock.now = bench.store.clock()
    bench.runner()
    job_id = bench.enqueue(delay=90)
    for path in (f"/jobs/{job_id}", f"/jobs/{job_id}/explain"):
        assert 80 < int((await client.fetch(path)).headers["Retry-After"]) <= 91
    path = f"/jobs/{bench.enqueue(delay=7 * 86400)}"
    assert (await client.fetch(path)).headers["Retry-After"] == "3600"
    await client.get(f"/jobs/{UNKNOWN}/explain", status=404)
    await client.get("/jobs/abc/explain", status=404)


@pytest.mark.gen_test
async def test_expiry_and_deadline_are_compared_with_the_estimate(
    client: Client, bench: Bench
) -> None:
    bench.clock.now = bench.store.clock() - 100_000
    runner = bench.runner()
    bench.enqueue()
    run_one(bench, runner, 40)
    bench.clock.now = bench.store.clock()
    now = bench.clock()
    assert await codes(client, bench.enqueue(expires_in=60)) == ["next", "expires"]
    job_id = bench.enqueue(delay=90)
    expiry = JobRow.update(expires_at=now + 60_000)  # as an earlier release stored it
    bench.store.database.run(expiry.where(JobRow.id == job_id))
    assert await codes(client, job_id) == ["not_due", "expires_first"]
    late = await codes(client, bench.enqueue(finish_by=now + 20_000))
    assert late == ["jobs_ahead", "deadline_at_risk"]
    assert await codes(client, bench.enqueue(finish_by=now + 900_000)) == ["jobs_ahead"]
    assert (await codes(client, bench.enqueue(finish_by=now - 1)))[-1] == "deadline_missed"


@pytest.mark.gen_test
async def test_the_end_of_a_running_job_is_estimated(client: Client, bench: Bench) -> None:
    bench.clock.now = bench.store.clock() - 100_000
    runner = bench.runner()
    bench.enqueue()
    run_one(bench, runner, 40)
    bench.clock.now = bench.store.clock()
    running = bench.enqueue(finish_by=bench.clock() + 20_000)
    limited = bench.enqueue(timeout=10)
    runner.claims.claim(2)
    answer = await client.get(f"/jobs/{running}/explain")
    assert [reason["code"] for reason in answer["reasons"]] == ["running", "deadline_at_risk"]
    assert rfc3339(bench.clock() + 35_000) < answer["estimated_end_at"]
    assert answer["finish_by"] < answer["estimated_end_at"]
    end = (await client.get(f"/jobs/{limited}/explain"))["estimated_end_at"]
    assert end < rfc3339(bench.clock() + 11_000)


@pytest.mark.gen_test
async def test_an_expired_job_says_why_it_was_canceled(client: Client, bench: Bench) -> None:
    bench.clock.now = bench.store.clock()
    job_id = bench.enqueue(expires_in=1)
    bench.clock.forward(2)
    bench.runner().claims.claim(1)
    (reason,) = (await client.get(f"/jobs/{job_id}/explain"))["reasons"]
    assert reason["code"] == "final"
    assert "did not start before it expired" in reason["detail"]
