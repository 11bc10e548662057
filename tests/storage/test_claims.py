"""The operations of the store for runners, on both databases."""

import json
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

from storage.records.job import Usage
from tests.support.stores import CANCELED, RAISED, RETURNED, Bench


def test_a_claimed_job_is_running_and_names_its_holder(bench: Bench) -> None:
    job_id = bench.enqueue()
    runner = bench.runner()
    (job,) = runner.claims.claim(5)
    assert job == bench.job(job_id)
    assert (job.status, job.attempt, job.locked_by) == ("running", 1, runner.liveness.name)
    assert job.started_at == bench.clock()
    (attempt,) = job.attempts
    assert (attempt.number, attempt.runner, attempt.outcome) == (1, runner.liveness.name, None)


def test_a_claim_returns_at_most_the_requested_number(bench: Bench) -> None:
    for _ in range(3):
        bench.enqueue()
    claims = bench.runner().claims
    assert claims.claim(0) == []
    assert [len(claims.claim(2)) for _ in range(3)] == [2, 1, 0]


def test_the_highest_priority_goes_first_then_the_longest_due(bench: Bench) -> None:
    now = bench.clock()
    low = bench.enqueue(priority=-1)
    late = bench.enqueue(run_at=now - 1)
    early = bench.enqueue(run_at=now - 2)
    high = bench.enqueue(priority=5)
    claimed = bench.runner().claims.claim(9)
    assert [job.id for job in claimed] == [high, early, late, low]


def test_a_job_is_claimed_at_its_run_at_and_not_before(bench: Bench) -> None:
    bench.enqueue(run_at=bench.clock() + 2000)
    claims = bench.runner().claims
    assert claims.seconds_to_next() == 2.0
    bench.clock.forward(1.999)
    assert claims.claim(1) == []
    bench.clock.forward(0.001)
    assert len(claims.claim(1)) == 1
    assert claims.seconds_to_next() is None


def test_a_claim_skips_jobs_that_are_not_due(bench: Bench) -> None:
    later = bench.enqueue(run_at=bench.clock() + 1)
    due = bench.enqueue()
    claims = bench.runner().claims
    assert [job.id for job in claims.claim(9)] == [due]
    bench.clock.forward(0.001)
    assert [job.id for job in claims.claim(9)] == [later]


def test_a_runner_that_is_not_registered_claims_nothing(bench: Bench) -> None:
    bench.enqueue()
    runner = bench.runner()
    runner.claims.deregister()
    assert runner.claims.claim(1) == []


def test_many_runners_never_claim_the_same_attempt(bench: Bench) -> None:
    ids = {bench.enqueue() for _ in range(60)}
    holders = [bench.runner() for _ in range(4)]

    def claim_all(holder: int) -> list[UUID]:
        claimed: list[UUID] = []
        while jobs := holders[holder].claims.claim(3):
            claimed += [job.id for job in jobs]
        return claimed

    with ThreadPoolExecutor(4) as threads:
        claimed = [job_id for found in threads.map(claim_all, range(4)) for job_id in found]
    assert len(claimed) == len(set(claimed))
    assert set(claimed) == ids


def test_a_completed_job_has_its_result_and_a_finished_attempt(bench: Bench) -> None:
    job_id = bench.enqueue()
    runner = bench.runner()
    fence = runner.claim_one()
    bench.clock.forward(3)
    ended = RETURNED._replace(cpu_seconds=1.5, peak_memory_bytes=2**33)
    assert runner.claims.complete(fence, json.dumps({"ü": "\0"}), ended)
    job = bench.job(job_id)
    assert (job.status, job.result, job.error) == ("succeeded", {"ü": "\0"}, None)
    assert (job.finished_at, job.locked_by) == (bench.clock(), None)
    (attempt,) = job.attempts
    assert (attempt.outcome, attempt.finished_at) == ("returned", bench.clock())
    assert attempt.usage == Usage(1.5, 2**33)


def test_a_retry_sets_run_at_and_is_counted(bench: Bench) -> None:
    job_id = bench.enqueue()
    runner = bench.runner()
    assert runner.claims.retry(runner.claim_one(), RAISED, 2500)
    job = bench.job(job_id)
    assert (job.status, job.retry_count, job.run_at) == ("queued", 1, bench.clock() + 2500)
    assert job.error == RAISED.error
    assert runner.claims.claim(1) == []
    bench.clock.forward(2.5)
    assert runner.claim_one().attempt == 2
    assert [attempt.outcome for attempt in bench.job(job_id).attempts] == ["raised", None]


def test_a_failed_job_keeps_its_error(bench: Bench) -> None:
    job_id = bench.enqueue()
    runner = bench.runner()
    assert runner.claims.fail(runner.claim_one(), RAISED)
    job = bench.job(job_id)
    assert (job.status, job.error, job.finished_at) == ("failed", RAISED.error, bench.clock())


def test_attempts_of_a_job_that_was_canceled_before_its_first_one_are_kept(bench: Bench) -> None:
    job_id, runner = bench.enqueue(max_retries=0), bench.runner()
    bench.jobs.cancel(job_id)
    bench.jobs.retry(job_id)
    fence = runner.claim_one()
    assert [each.outcome for each in bench.job(job_id).attempts] == [None]
    runner.claims.fail(fence, RAISED._replace(traceback="Traceback: 1"))
    first = bench.job(job_id).attempts
    assert [(each.number, each.traceback) for each in first] == [(1, "Traceback: 1")]
    for _ in range(2):
        assert bench.jobs.retry(job_id)[0] is True
        assert bench.job(job_id).attempts == first
        bench.clock.forward(1)
        bench.jobs.cancel(job_id)
        assert bench.job(job_id).attempts == first
    assert bench.jobs.retry(job_id)[0] is True
    runner.claims.complete(runner.claim_one(), "1", RETURNED)
    last = bench.job(job_id).attempts
    assert (last[:-1], last[-1].outcome) == (first, "returned")


def test_attempts_keep_their_tracebacks(bench: Bench) -> None:
    job_id, runner, traceback = bench.enqueue(), bench.runner(), "Traceback:\n  \u00e4\n"
    assert runner.claims.retry(runner.claim_one(), RAISED._replace(traceback=traceback), 0)
    assert runner.claims.fail(runner.claim_one(), RAISED)
    assert [each.traceback for each in bench.job(job_id).attempts] == [traceback, None]
    assert bench.jobs.retry(job_id)[0]
    runner.claim_one()
    assert [each.traceback for each in bench.job(job_id).attempts] == [traceback, None, None]


def test_a_release_uses_no_retry_and_is_due_at_once(bench: Bench) -> None:
    job_id = bench.enqueue()
    runner = bench.runner()
    assert runner.claims.release(runner.claim_one())
    job = bench.job(job_id)
    assert (job.status, job.retry_count, job.error) == ("queued", 0, None)
    assert runner.claim_one().attempt == 2


def test_a_job_whose_cancel_was_requested_is_neither_retried_nor_released(bench: Bench) -> None:
    job_id = bench.enqueue()
    runner = bench.runner()
    runner.claims.release(runner.claim_one())
    fence = runner.claim_one()
    bench.jobs.cancel(job_id)
    assert not runner.claims.retry(fence, RAISED, 0)
    assert not runner.claims.release(fence)
    assert [each.outcome for each in bench.job(job_id).attempts] == ["released", None]
    assert runner.claims.confirm_cancel(fence, CANCELED)
    assert bench.job(job_id).status == "canceled"


def test_a_result_that_arrives_before_the_kill_wins(bench: Bench) -> None:
    job_id = bench.enqueue()
    runner = bench.runner()
    fence = runner.claim_one()
    bench.jobs.cancel(job_id)
    assert runner.claims.complete(fence, "1", RETURNED)
    assert bench.job(job_id).status == "succeeded"


def test_a_result_of_an_earlier_attempt_is_refused(bench: Bench) -> None:
    job_id = bench.enqueue()
    runner = bench.runner()
    stale = runner.claim_one()
    runner.claims.release(stale)
    runner.claim_one()
    assert not runner.claims.complete(stale, "1", RETURNED)
    runner.claims.progress(stale, "{}")
    job = bench.job(job_id)
    assert (job.status, job.progress) == ("running", None)


def test_progress_is_stored_and_cleared_by_the_next_attempt(bench: Bench) -> None:
    job_id = bench.enqueue()
    runner = bench.runner()
    fence = runner.claim_one()
    runner.claims.progress(fence, '{"bytes_done":5}')
    assert bench.job(job_id).progress == {"bytes_done": 5}
    runner.claims.retry(fence, RAISED, 0)
    runner.claim_one()
    assert bench.job(job_id).progress is None


def test_a_runner_can_list_the_jobs_that_it_holds(bench: Bench) -> None:
    bench.enqueue()
    runner, other = bench.runner(), bench.runner()
    fence = runner.claim_one()
    assert [job.id for job in runner.claims.held()] == [fence.job_id]
    assert other.claims.held() == []


def test_a_failed_transaction_changes_nothing(bench: Bench) -> None:
    job_id = bench.enqueue()
    runner = bench.runner()
    fence = runner.claim_one()
    before = bench.job(job_id)
    try:
        with runner.claims.transaction():
            runner.claims.complete(fence, "1", RETURNED)
            raise KeyError
    except KeyError:
        pass
    assert bench.job(job_id) == before


def test_of_many_settled_attempts_only_the_stale_one_is_refused(bench: Bench) -> None:
    runner = bench.runner()
    for _ in range(4):
        bench.enqueue()
    fences = [job.fence for job in runner.claims.claim(4)]
    runner.claims.release(fences[1])
    moved = runner.claims.complete_each([(fence, "7", RETURNED) for fence in fences])
    assert moved == [True, False, True, True]
    jobs = [bench.job(fence.job_id) for fence in fences]
    assert [job.status for job in jobs] == ["succeeded", "queued", "succeeded", "succeeded"]
    assert [job.attempts[0].outcome for job in jobs] == [
        *("returned", "released", "returned", "returned")
    ]
    assert [job.result for job in jobs] == [7, None, 7, 7]
    assert len({job.version for job in jobs}) == 4
    assert runner.claims.complete_each([(fences[0], "8", RETURNED)]) == [False]
    assert runner.claims.complete_each([]) == []


def test_attempts_settled_together_have_versions_in_order(bench: Bench) -> None:
    runner = bench.runner()
    for _ in range(3):
        bench.enqueue()
    fences = [job.fence for job in runner.claims.claim(3)]
    assert runner.claims.complete_each([(fence, "1", RETURNED) for fence in fences]) == [True] * 3
    versions = [bench.job(fence.job_id).version for fence in fences]
    assert versions == list(range(versions[0], versions[0] + 3))


def test_a_first_attempt_outlives_a_retry_of_a_client(bench: Bench) -> None:
    runner, job_id = bench.runner(), bench.enqueue(max_retries=0)
    runner.claims.fail(runner.claim_one(), RAISED._replace(pid=7))
    first = bench.job(job_id).attempts
    assert [(each.number, each.outcome, each.usage.pid) for each in first] == [(1, "raised", 7)]
    bench.clock.forward(1)
    assert bench.jobs.retry(job_id)[0]
    assert bench.job(job_id).attempts == first
    bench.jobs.cancel(job_id)
    assert bench.job(job_id).attempts == first
    assert bench.jobs.retry(job_id)[0]
    runner.claims.complete(runner.claim_one(), "1", RETURNED)
    assert bench.job(job_id).attempts[:1] == first
    assert [each.outcome for each in bench.job(job_id).attempts] == ["raised", "returned"]
