"""Final jobs are deleted once, some time after their last end. They are found by their events."""

from uuid import UUID

import pytest

from storage.db.models import EventRow, JobRow
from storage.db.schema import state
from storage.jobs import retention
from storage.jobs.retention import Retention
from storage.records.filters import Filters
from tests.support.stores import RAISED, Bench

KEEP_SECONDS = 10


class Pruner:
    """Deletes the expired jobs of a store until there are no more."""

    def __init__(self, bench: Bench):
        self.bench = bench
        self.retention = Retention(bench.store.database)
        self.calls = 0

    def __call__(self) -> int:
        """Return how many jobs were deleted."""
        deleted, self.calls = 0, 0
        while not self.calls or self.retention.has_more:
            deleted += self.retention.prune(self.bench.clock(), KEEP_SECONDS * 1000)[0]
            self.calls += 1
        return deleted


@pytest.fixture
def prune(bench: Bench) -> Pruner:
    return Pruner(bench)


def canceled(bench: Bench) -> UUID:
    job_id = bench.enqueue()
    bench.jobs.cancel(job_id)
    return job_id


def stored(bench: Bench) -> list[UUID]:
    return [job.id for job in bench.jobs.list(Filters(), 100).jobs]


def test_a_job_is_deleted_once_and_not_before_its_time_is_over(bench: Bench, prune: Pruner) -> None:
    job_id = canceled(bench)
    bench.clock.forward(KEEP_SECONDS)
    assert (prune(), stored(bench)) == (0, [job_id])
    bench.clock.forward(0.001)
    assert (prune(), stored(bench)) == (1, [])
    assert prune() == 0


def test_a_job_that_ended_twice_is_kept_from_its_last_end_on(bench: Bench, prune: Pruner) -> None:
    job_id, runner = bench.enqueue(), bench.runner()
    for _ in range(2):
        fence = runner.claim_one()
        runner.claims.fail(fence, RAISED)
        bench.clock.forward(KEEP_SECONDS - 1)
        assert prune() == 0
        bench.jobs.retry(job_id)
    bench.jobs.cancel(job_id)
    bench.clock.forward(KEEP_SECONDS - 1)
    assert (prune(), stored(bench)) == (0, [job_id])
    bench.clock.forward(2)
    assert (prune(), stored(bench)) == (1, [])


@pytest.mark.parametrize("status", ["queued", "running"])
def test_a_retried_job_is_kept_until_it_ends_again(
    bench: Bench, prune: Pruner, status: str
) -> None:
    job_id = canceled(bench)
    bench.jobs.retry(job_id)
    if status == "running":
        bench.runner().claim_one()
    bench.clock.forward(2 * KEEP_SECONDS)
    assert (prune(), stored(bench)) == (0, [job_id])


def test_jobs_that_wait_for_long_hide_no_expired_ones(
    bench: Bench, prune: Pruner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "EVENTS", 4)
    waiting = [bench.enqueue(delay=10**6) for _ in range(10)]
    for _ in range(3):
        canceled(bench)
    bench.clock.forward(2 * KEEP_SECONDS)
    assert (prune(), stored(bench)) == (3, waiting[::-1])
    canceled(bench)
    bench.clock.forward(2 * KEEP_SECONDS)
    assert (prune(), stored(bench), prune.calls) == (1, waiting[::-1], 1), "read from the start"
    bench.jobs.cancel(waiting[0])
    bench.clock.forward(2 * KEEP_SECONDS)
    assert (prune(), stored(bench)) == (1, waiting[:0:-1])


def test_at_most_one_batch_is_deleted_at_a_time(
    bench: Bench, prune: Pruner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "BATCH", 2)
    for _ in range(5):
        canceled(bench)
    bench.clock.forward(2 * KEEP_SECONDS)
    assert (prune(), prune.calls) == (5, 3)


def test_a_job_that_ended_while_the_clock_was_ahead_keeps_no_other(
    bench: Bench, prune: Pruner
) -> None:
    ahead = 10 * retention.RESTART_MS // 1000
    bench.clock.forward(ahead)
    early = canceled(bench)
    bench.clock.forward(-ahead)
    canceled(bench)
    bench.clock.forward(2 * KEEP_SECONDS)
    assert (prune(), stored(bench)) == (1, [early])
    bench.clock.forward(ahead)
    assert (prune(), stored(bench)) == (1, [])


def test_a_job_that_changes_meanwhile_is_not_deleted(
    bench: Bench, prune: Pruner, monkeypatch: pytest.MonkeyPatch
) -> None:
    job_id = canceled(bench)
    bench.clock.forward(2 * KEEP_SECONDS)
    find = prune.retention._find

    def find_and_retry(*times: int) -> tuple[dict[UUID, int], int]:
        found = find(*times)
        bench.jobs.retry(job_id)
        return found

    monkeypatch.setattr(prune.retention, "_find", find_and_retry)
    assert (prune(), stored(bench)) == (0, [job_id])


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_job_that_another_transaction_has_locked_is_deleted_later(
    bench: Bench, prune: Pruner
) -> None:
    for _ in range(2):
        canceled(bench)
    bench.clock.forward(2 * KEEP_SECONDS)
    database = bench.store.database
    first = JobRow.select(JobRow.id).order_by(JobRow.id).limit(1)
    with database.transaction():
        database.rows(database.engine.lock(first))
        assert bench.elsewhere(prune) == 1
    assert (prune(), stored(bench)) == (1, [])


def test_a_job_older_than_all_events_gets_one_by_a_migration(bench: Bench, prune: Pruner) -> None:
    database, job_id = bench.store.database, canceled(bench)
    waiting, newest = bench.enqueue(), canceled(bench)
    database.run(EventRow.delete().where(EventRow.job_id.in_([job_id, waiting])))
    with database.transaction():
        state.load("0027_final_events").up(None, database.engine)
    events = database.rows(EventRow.select(EventRow.job_id).order_by(EventRow.version))
    assert [row["job_id"] for row in events] == [job_id, newest, newest]
    bench.clock.forward(2 * KEEP_SECONDS)
    assert (prune(), stored(bench)) == (2, [waiting])
    assert database.rows(EventRow.select()) == []
