"""Named queues: limits across all runners, pauses, and runners that claim only from some queues."""

import select
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from uuid import UUID

import pytest

from storage.jobs.queues import COUNT_LIMIT, MAX_QUEUES, QueueInUse, Queues, TooManyQueues
from storage.notify.wakeup import WORKER
from storage.records.filters import Filters
from storage.records.job import NewJob
from storage.store import Refusal
from tests.support.claims_in_steps import completed
from tests.support.stores import RAISED, RETURNED, Bench


@dataclass
class QueueSetup:
    """A store with queues."""

    bench: Bench
    queues: Queues

    def fill(self, name: str, jobs: int, limit: int) -> None:
        """Limit a queue, and add this many jobs."""
        self.queues.put(name, max_running=limit)
        for _ in range(jobs):
            self.bench.enqueue(queue=name)

    def running(self, name: str) -> int:
        """Return how many jobs of a queue are running."""
        queue = self.queues.get(name)
        assert queue
        return queue.running


@pytest.fixture
def setup(bench: Bench) -> QueueSetup:
    """The queues `a` and `b` besides `default`."""
    setup = QueueSetup(bench, bench.queues)
    for name in ("a", "b"):
        assert setup.queues.put(name)
    return setup


def claimed(bench: Bench, queues: set[str] | None = None, limit: int = 9) -> list[UUID]:
    """Return the jobs that a new runner of these queues claims."""
    return [job.id for job in bench.runner(queues).claims.claim(limit)]


def test_a_job_is_in_the_queue_it_names_or_in_default(setup: QueueSetup) -> None:
    bench = setup.bench
    assert bench.job(bench.enqueue()).queue == "default"
    job_id = bench.enqueue(queue="a")
    assert bench.job(job_id).queue == "a"
    assert [job.id for job in bench.jobs.list(Filters(queue="a"), 9).jobs] == [job_id]


def test_a_job_for_an_unknown_queue_is_refused_and_the_others_are_stored(
    setup: QueueSetup,
) -> None:
    jobs = [NewJob("sleep", {}, queue=name) for name in ("a", "typo", "default")]
    stored = setup.bench.jobs.enqueue(jobs)
    assert stored == [jobs[0].id, Refusal.QUEUE, jobs[2].id]
    assert setup.bench.jobs.get(jobs[1].id) is None


def test_a_runner_claims_only_from_its_queues(setup: QueueSetup) -> None:
    bench = setup.bench
    in_a, in_b, in_default = (bench.enqueue(queue=name) for name in ("a", "b", "default"))
    assert claimed(bench, {"b", "unknown"}) == [in_b]
    assert claimed(bench, {"unknown"}) == []
    assert set(claimed(bench)) == {in_a, in_default}


def test_a_runner_does_not_wait_for_jobs_of_other_queues(setup: QueueSetup) -> None:
    setup.bench.enqueue(queue="a")
    assert setup.bench.runner({"b"}).claims.seconds_to_next() is None
    assert setup.bench.runner({"a"}).claims.seconds_to_next() == 0.0


def test_across_queues_the_highest_priority_goes_first_then_the_longest_due(
    setup: QueueSetup,
) -> None:
    bench, now = setup.bench, setup.bench.clock()
    low = bench.enqueue(queue="a", priority=-1, run_at=now - 9)
    late = bench.enqueue(queue="b", run_at=now - 1)
    early = bench.enqueue(queue="default", run_at=now - 3)
    between = bench.enqueue(queue="a", run_at=now - 2)
    high = bench.enqueue(queue="b", priority=5)
    bench.enqueue(queue="a", priority=9, delay=60)
    assert claimed(bench, limit=3) == [high, early, between]
    assert claimed(bench) == [late, low]


def test_a_queue_runs_at_most_as_many_jobs_as_its_limit(setup: QueueSetup) -> None:
    bench = setup.bench
    setup.queues.put("a", max_running=3)
    for _ in range(6):
        bench.enqueue(queue="a", priority=5)
    other = bench.enqueue()
    first = bench.runner()
    jobs = first.claims.claim(2)
    assert {job.queue for job in jobs} == {"a"}
    assert len(claimed(bench)) == 2  # one of `a`, and the other
    assert bench.job(other).status == "running"
    assert setup.running("a") == 3
    assert claimed(bench) == []
    assert bench.runner().claims.seconds_to_next() is None
    first.claims.complete(jobs[0].fence, "null", RETURNED)
    assert len(claimed(bench)) == 1
    assert setup.running("a") == 3


def test_a_changed_limit_or_pause_of_a_recently_used_queue_is_respected(setup: QueueSetup) -> None:
    bench = setup.bench
    setup.fill("a", 12, limit=6)
    runner = bench.runner()
    assert len(runner.claims.claim(4)) == 4
    assert len(runner.claims.claim(4)) == 2
    setup.queues.put("a", max_running=9)
    assert len(claimed(bench, limit=1)) == 1
    assert len(runner.claims.claim(4)) == 2
    setup.queues.put("a", max_running=99, paused=True)
    assert runner.claims.claim(4) == []
    setup.queues.put("a", max_running=None, paused=False)
    low, high = bench.enqueue(priority=-1), bench.enqueue(priority=1)
    assert runner.claims.claim(1)[0].id == high
    assert len(runner.claims.claim(3)) == 3
    assert runner.claims.claim(4)[-1].id == low


def test_concurrent_runners_stay_within_a_limit(setup: QueueSetup) -> None:
    bench = setup.bench
    setup.fill("a", 40, limit=7)
    holders = [bench.runner() for _ in range(4)]
    with ThreadPoolExecutor(4) as threads:
        for _ in range(5):
            found = list(threads.map(lambda each: each.claims.claim(3), holders))
            jobs = [(holders[n], job) for n, many in enumerate(found) for job in many]
            assert len(jobs) == setup.running("a") == 7
            list(threads.map(lambda one: one[0].claims.fail(one[1].fence, RAISED), jobs))
    assert setup.running("a") == 0


def test_jobs_of_a_limited_queue_are_not_prefetched(setup: QueueSetup) -> None:
    bench = setup.bench
    setup.queues.put("a", max_running=5)
    for _ in range(3):
        bench.enqueue(queue="a", priority=5)
    for _ in range(3):
        bench.enqueue(queue="b")
    jobs = bench.runner().claims.claim(1, prefetch=4)
    assert [job.queue for job in jobs] == ["a", "b", "b"]


def test_the_end_of_a_job_in_a_limited_queue_wakes_other_runners(setup: QueueSetup) -> None:
    bench = setup.bench
    setup.fill("a", 4, limit=2)
    runner = bench.runner()
    first, second = runner.claims.claim(2)
    with closing(bench.store.wakeup.waiter(WORKER)) as waiter:
        waiter.clear()
        ends = [completed(job.fence) for job in (first, second)]
        runner.claims.wake(runner.claims.settle_and_claim(ends, limit=1))
        assert select.select([waiter], [], [], 5)[0]


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_claim_that_reaches_its_maximum_wakes_other_runners(
    setup: QueueSetup, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.claiming.candidates.MAX_LOCKED_CANDIDATES", 2)
    setup.fill("a", 4, limit=4)
    runner = setup.bench.runner()
    with closing(setup.bench.store.wakeup.waiter(WORKER)) as waiter:
        waiter.clear()
        claimed = runner.claims.settle_and_claim(limit=4)
        assert len(claimed.jobs) == 2
        runner.claims.wake(claimed)
        assert select.select([waiter], [], [], 5)[0]


def test_a_paused_queue_starts_no_jobs_until_it_is_resumed(setup: QueueSetup) -> None:
    bench = setup.bench
    held = bench.enqueue(queue="a", priority=9)
    free = bench.enqueue()
    setup.queues.put("a", paused=True)
    assert claimed(bench) == [free]
    assert bench.runner().claims.seconds_to_next() is None
    setup.queues.put("a", paused=False)
    assert claimed(bench) == [held]


def test_running_jobs_of_a_paused_queue_end_normally(setup: QueueSetup) -> None:
    bench = setup.bench
    bench.enqueue(queue="a")
    runner = bench.runner()
    (job,) = runner.claims.claim(1)
    setup.queues.put("a", paused=True, max_running=1)
    assert runner.claims.complete(job.fence, "null", RETURNED)
    assert bench.job(job.id).status == "succeeded"


def test_a_queue_reports_its_state(setup: QueueSetup) -> None:
    bench = setup.bench
    setup.queues.put("a", max_running=1)
    assert not setup.queues.put("a", paused=True)
    since = bench.clock()
    bench.enqueue(queue="a")
    bench.enqueue(queue="a", delay=60)
    bench.clock.forward(3)
    setup.queues.put("a", paused=True)
    a, b, default = setup.queues.all()
    assert (a.name, a.max_running, a.paused_at, a.running) == ("a", 1, since, 0)
    assert (a.queued, a.is_queued_capped, a.oldest_due_seconds) == (2, False, 3.0)
    assert (b.name, b.queued, b.paused, b.oldest_due_seconds) == ("b", 0, False, None)
    assert default.name == "default"
    setup.queues.put("a", max_running=None)
    changed = setup.queues.get("a")
    assert changed
    assert (changed.max_running, changed.paused) == (None, True)


@pytest.mark.heavy
def test_queued_jobs_are_counted_up_to_a_maximum(setup: QueueSetup) -> None:
    setup.bench.jobs.enqueue([NewJob("sleep", {}, queue="a") for _ in range(COUNT_LIMIT + 5)])
    queue = setup.queues.get("a")
    assert queue
    assert (queue.queued, queue.is_queued_capped) == (COUNT_LIMIT, True)


def test_the_number_of_queues_is_limited(setup: QueueSetup) -> None:
    for number in range(MAX_QUEUES - 3):
        setup.queues.put(f"q{number}")
    with pytest.raises(TooManyQueues):
        setup.queues.put("one-more")
    assert not setup.queues.put("a", paused=True)
    assert setup.queues.delete("b")
    assert setup.queues.put("one-more")


def test_a_queue_with_jobs_that_are_not_final_is_not_deleted(setup: QueueSetup) -> None:
    bench = setup.bench
    job_id = bench.enqueue(queue="a")
    with pytest.raises(QueueInUse):
        setup.queues.delete("a")
    runner = bench.runner()
    (job,) = runner.claims.claim(1)
    with pytest.raises(QueueInUse):
        setup.queues.delete("a")
    runner.claims.fail(job.fence, RAISED)
    assert setup.queues.delete("a")
    assert not setup.queues.delete("a")
    assert bench.jobs.enqueue([NewJob("sleep", {}, queue="a")]) == [Refusal.QUEUE]
    assert bench.job(job_id).queue == "a"
    with pytest.raises(QueueInUse):
        setup.queues.delete("default")


def test_retrying_a_job_restores_its_deleted_queue(setup: QueueSetup) -> None:
    bench = setup.bench
    job_id = bench.enqueue(queue="a")
    bench.jobs.cancel(job_id)
    assert setup.queues.delete("a")
    assert bench.jobs.retry(job_id)[0]
    assert setup.queues.get("a")
    assert claimed(bench) == [job_id]


def test_a_retry_keeps_the_settings_of_its_queue(setup: QueueSetup) -> None:
    bench = setup.bench
    job_id = bench.enqueue(queue="a")
    bench.jobs.cancel(job_id)
    setup.queues.put("a", max_running=4, paused=True)
    assert bench.jobs.retry(job_id)[0]
    queue = setup.queues.get("a")
    assert queue
    assert (queue.max_running, queue.paused) == (4, True)


def test_a_queue_cannot_be_deleted_while_a_job_is_added(setup: QueueSetup) -> None:
    """Whichever happens first, no job is in a queue that does not exist."""
    bench = setup.bench
    with ThreadPoolExecutor(2) as threads:
        for number in range(20):
            name = f"brief{number}"
            setup.queues.put(name)
            job = NewJob("sleep", {}, queue=name)
            stored = threads.submit(bench.jobs.enqueue, [job])
            deleted = threads.submit(setup.queues.delete, name)
            if stored.result() == [Refusal.QUEUE]:
                assert deleted.result()
            else:
                assert isinstance(deleted.exception(), QueueInUse)
                bench.jobs.cancel(job.id)
                setup.queues.delete(name)
