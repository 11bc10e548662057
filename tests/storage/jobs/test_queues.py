"""Queues by name: limits for all runners together, pauses, and runners that take only some."""

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
from tests.support.stores import RAISED, RETURNED, Bench


@dataclass
class Shop:
    """A store with queues."""

    bench: Bench
    queues: Queues

    def fill(self, name: str, jobs: int, limit: int) -> None:
        """Limit a queue, and put so many jobs into it."""
        self.queues.put(name, max_running=limit)
        for _ in range(jobs):
            self.bench.enqueue(queue=name)

    def running(self, name: str) -> int:
        """How many jobs of a queue runners hold."""
        queue = self.queues.get(name)
        assert queue
        return queue.running


@pytest.fixture
def shop(bench: Bench) -> Shop:
    """With `a` and `b` beside `default`."""
    shop = Shop(bench, bench.queues)
    for name in ("a", "b"):
        assert shop.queues.put(name)
    return shop


def claimed(bench: Bench, queues: set[str] | None = None, limit: int = 9) -> list[UUID]:
    """What a new runner claims that takes these queues."""
    return [job.id for job in bench.runner(queues).claims.claim(limit)]


def test_a_job_is_in_the_queue_it_names_or_in_default(shop: Shop) -> None:
    bench = shop.bench
    assert bench.job(bench.enqueue()).queue == "default"
    job_id = bench.enqueue(queue="a")
    assert bench.job(job_id).queue == "a"
    assert [job.id for job in bench.jobs.list(Filters(queue="a"), 9).jobs] == [job_id]


def test_a_job_for_a_queue_that_is_not_there_is_refused_and_the_others_are_stored(
    shop: Shop,
) -> None:
    jobs = [NewJob("sleep", {}, queue=name) for name in ("a", "typo", "default")]
    stored = shop.bench.jobs.enqueue(jobs)
    assert stored == [jobs[0].id, Refusal.QUEUE, jobs[2].id]
    assert shop.bench.jobs.get(jobs[1].id) is None


def test_a_runner_claims_from_the_queues_it_takes(shop: Shop) -> None:
    bench = shop.bench
    in_a, in_b, in_default = (bench.enqueue(queue=name) for name in ("a", "b", "default"))
    assert claimed(bench, {"b", "unknown"}) == [in_b]
    assert claimed(bench, {"unknown"}) == []
    assert set(claimed(bench)) == {in_a, in_default}


def test_a_runner_does_not_wait_for_jobs_of_queues_it_does_not_take(shop: Shop) -> None:
    shop.bench.enqueue(queue="a")
    assert shop.bench.runner({"b"}).claims.seconds_to_next() is None
    assert shop.bench.runner({"a"}).claims.seconds_to_next() == 0.0


def test_over_all_queues_the_highest_priority_goes_first_then_the_longest_due(shop: Shop) -> None:
    bench, now = shop.bench, shop.bench.clock()
    low = bench.enqueue(queue="a", priority=-1, run_at=now - 9)
    late = bench.enqueue(queue="b", run_at=now - 1)
    early = bench.enqueue(queue="default", run_at=now - 3)
    between = bench.enqueue(queue="a", run_at=now - 2)
    high = bench.enqueue(queue="b", priority=5)
    bench.enqueue(queue="a", priority=9, delay=60)
    assert claimed(bench, limit=3) == [high, early, between]
    assert claimed(bench) == [late, low]


def test_no_more_jobs_of_a_queue_run_than_its_limit(shop: Shop) -> None:
    bench = shop.bench
    shop.queues.put("a", max_running=3)
    for _ in range(6):
        bench.enqueue(queue="a", priority=5)
    other = bench.enqueue()
    first = bench.runner()
    jobs = first.claims.claim(2)
    assert {job.queue for job in jobs} == {"a"}
    assert len(claimed(bench)) == 2  # one of `a`, and the other
    assert bench.job(other).status == "running"
    assert shop.running("a") == 3
    assert claimed(bench) == []
    assert bench.runner().claims.seconds_to_next() is None
    first.claims.complete(jobs[0].fence, "null", RETURNED)
    assert len(claimed(bench)) == 1
    assert shop.running("a") == 3


def test_a_queue_that_a_runner_has_claimed_from_is_claimed_from_as_it_is_by_now(shop: Shop) -> None:
    bench = shop.bench
    shop.fill("a", 12, limit=6)
    runner = bench.runner()
    assert len(runner.claims.claim(4)) == 4
    assert len(runner.claims.claim(4)) == 2
    shop.queues.put("a", max_running=9)
    assert len(claimed(bench, limit=1)) == 1
    assert len(runner.claims.claim(4)) == 2
    shop.queues.put("a", max_running=99, paused=True)
    assert runner.claims.claim(4) == []
    shop.queues.put("a", max_running=None, paused=False)
    low, high = bench.enqueue(priority=-1), bench.enqueue(priority=1)
    assert runner.claims.claim(1)[0].id == high
    assert len(runner.claims.claim(3)) == 3
    assert runner.claims.claim(4)[-1].id == low


def test_runners_that_claim_at_the_same_time_stay_below_a_limit(shop: Shop) -> None:
    bench = shop.bench
    shop.fill("a", 40, limit=7)
    holders = [bench.runner() for _ in range(4)]
    with ThreadPoolExecutor(4) as threads:
        for _ in range(5):
            found = list(threads.map(lambda each: each.claims.claim(3), holders))
            jobs = [(holders[n], job) for n, many in enumerate(found) for job in many]
            assert len(jobs) == shop.running("a") == 7
            list(threads.map(lambda one: one[0].claims.fail(one[1].fence, RAISED), jobs))
    assert shop.running("a") == 0


def test_a_job_of_a_limited_queue_does_not_wait_behind_others(shop: Shop) -> None:
    bench = shop.bench
    shop.queues.put("a", max_running=5)
    for _ in range(3):
        bench.enqueue(queue="a", priority=5)
    for _ in range(3):
        bench.enqueue(queue="b")
    jobs = bench.runner().claims.claim(1, ahead=4)
    assert [job.queue for job in jobs] == ["a", "b", "b"]


def test_what_ends_in_a_limited_queue_wakes_the_other_runners(shop: Shop) -> None:
    bench = shop.bench
    shop.fill("a", 4, limit=2)
    runner = bench.runner()
    first, second = runner.claims.claim(2)
    with closing(bench.store.wakeup.waiter(WORKER)) as waiter:
        waiter.clear()
        with runner.claims.turn():
            for job in (first, second):
                runner.claims.complete(job.fence, "null", RETURNED)
            runner.claims.claim(1)
        assert select.select([waiter], [], [], 5)[0]


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_who_claims_all_that_it_may_at_once_leaves_the_rest_to_others(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.claiming.candidates.MOST_ASIDE", 2)
    shop.fill("a", 4, limit=4)
    runner = shop.bench.runner()
    with closing(shop.bench.store.wakeup.waiter(WORKER)) as waiter:
        waiter.clear()
        assert len(runner.claims.change(lambda claim: claim(), 4)) == 2
        assert select.select([waiter], [], [], 5)[0]


def test_a_paused_queue_starts_nothing_and_goes_on_where_it_was(shop: Shop) -> None:
    bench = shop.bench
    held = bench.enqueue(queue="a", priority=9)
    free = bench.enqueue()
    shop.queues.put("a", paused=True)
    assert claimed(bench) == [free]
    assert bench.runner().claims.seconds_to_next() is None
    shop.queues.put("a", paused=False)
    assert claimed(bench) == [held]


def test_what_runs_when_a_queue_is_paused_ends_as_ever(shop: Shop) -> None:
    bench = shop.bench
    bench.enqueue(queue="a")
    runner = bench.runner()
    (job,) = runner.claims.claim(1)
    shop.queues.put("a", paused=True, max_running=1)
    assert runner.claims.complete(job.fence, "null", RETURNED)
    assert bench.job(job.id).status == "succeeded"


def test_a_queue_tells_how_it_is(shop: Shop) -> None:
    bench = shop.bench
    shop.queues.put("a", max_running=1)
    assert not shop.queues.put("a", paused=True)
    since = bench.clock()
    bench.enqueue(queue="a")
    bench.enqueue(queue="a", delay=60)
    bench.clock.forward(3)
    shop.queues.put("a", paused=True)
    a, b, default = shop.queues.all()
    assert (a.name, a.max_running, a.paused_at, a.running) == ("a", 1, since, 0)
    assert (a.queued, a.is_more, a.oldest_due_seconds) == (2, False, 3.0)
    assert (b.name, b.queued, b.paused, b.oldest_due_seconds) == ("b", 0, False, None)
    assert default.name == "default"
    shop.queues.put("a", max_running=None)
    changed = shop.queues.get("a")
    assert changed
    assert (changed.max_running, changed.paused) == (None, True)


def test_of_a_long_queue_only_the_first_are_counted(shop: Shop) -> None:
    shop.bench.jobs.enqueue([NewJob("sleep", {}, queue="a") for _ in range(COUNT_LIMIT + 5)])
    queue = shop.queues.get("a")
    assert queue
    assert (queue.queued, queue.is_more) == (COUNT_LIMIT, True)


def test_there_are_only_so_many_queues(shop: Shop) -> None:
    for number in range(MAX_QUEUES - 3):
        shop.queues.put(f"q{number}")
    with pytest.raises(TooManyQueues):
        shop.queues.put("one-more")
    assert not shop.queues.put("a", paused=True)
    assert shop.queues.delete("b")
    assert shop.queues.put("one-more")


def test_a_queue_with_jobs_that_are_not_final_is_not_deleted(shop: Shop) -> None:
    bench = shop.bench
    job_id = bench.enqueue(queue="a")
    with pytest.raises(QueueInUse):
        shop.queues.delete("a")
    runner = bench.runner()
    (job,) = runner.claims.claim(1)
    with pytest.raises(QueueInUse):
        shop.queues.delete("a")
    runner.claims.fail(job.fence, RAISED)
    assert shop.queues.delete("a")
    assert not shop.queues.delete("a")
    assert bench.jobs.enqueue([NewJob("sleep", {}, queue="a")]) == [Refusal.QUEUE]
    assert bench.job(job_id).queue == "a"
    with pytest.raises(QueueInUse):
        shop.queues.delete("default")


def test_a_retried_job_brings_its_deleted_queue_back(shop: Shop) -> None:
    bench = shop.bench
    job_id = bench.enqueue(queue="a")
    bench.jobs.cancel(job_id)
    assert shop.queues.delete("a")
    assert bench.jobs.retry(job_id)[0]
    assert shop.queues.get("a")
    assert claimed(bench) == [job_id]


def test_a_retry_leaves_the_settings_of_its_queue_alone(shop: Shop) -> None:
    bench = shop.bench
    job_id = bench.enqueue(queue="a")
    bench.jobs.cancel(job_id)
    shop.queues.put("a", max_running=4, paused=True)
    assert bench.jobs.retry(job_id)[0]
    queue = shop.queues.get("a")
    assert queue
    assert (queue.max_running, queue.paused) == (4, True)


def test_a_queue_cannot_be_deleted_while_a_job_comes_into_it(shop: Shop) -> None:
    """Whichever comes first, no job is in a queue that is not there."""
    bench = shop.bench
    with ThreadPoolExecutor(2) as threads:
        for number in range(20):
            name = f"brief{number}"
            shop.queues.put(name)
            job = NewJob("sleep", {}, queue=name)
            stored = threads.submit(bench.jobs.enqueue, [job])
            deleted = threads.submit(shop.queues.delete, name)
            if stored.result() == [Refusal.QUEUE]:
                assert deleted.result()
            else:
                assert isinstance(deleted.exception(), QueueInUse)
                bench.jobs.cancel(job.id)
                shop.queues.delete(name)
