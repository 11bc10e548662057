"""Final jobs are deleted once, some time after their last end. They are found by their events."""

from typing import Any
from uuid import UUID

import pytest

from storage.db.models import JobRow
from storage.jobs import retention
from storage.jobs.retention import Retention
from storage.records.filters import Filters
from storage.records.retention_rules import RetentionRule, parse_rules
from tests.support.stores import RAISED, RETURNED, Bench

KEEP_SECONDS = 10


class Pruner:
    """Deletes the expired jobs of a store until none is left."""

    def __init__(self, bench: Bench, rules: str = ""):
        self.bench = bench
        keep_ms = KEEP_SECONDS * 1000
        self.retention = Retention(bench.store.database, parse_rules(rules), keep_ms)
        self.calls = 0

    def __call__(self) -> int:
        """Return how many jobs were deleted."""
        deleted, self.calls = 0, 0
        while not self.calls or self.retention.has_more:
            deleted += self.retention.prune(self.bench.clock())[0]
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
    delete = retention._delete_unchanged

    def retry_and_delete(*args: Any) -> Any:
        bench.jobs.retry(job_id)
        return delete(*args)

    monkeypatch.setattr(retention, "_delete_unchanged", retry_and_delete)
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


def test_the_first_rule_that_matches_a_job_says_how_long_it_is_kept(bench: Bench) -> None:
    prune = Pruner(bench, "tag=audit:forever, failed:60s, type=quick:2s, succeeded:5s")
    runner, days = bench.runner(), 10 * KEEP_SECONDS

    def ended(type: str, how: str, **options: Any) -> UUID:
        job_id = bench.enqueue(type, **options)
        fence = runner.claim_one()
        if how == "failed":
            runner.claims.fail(fence, RAISED)
        else:
            runner.claims.complete(fence, "1", RETURNED)
        return job_id

    audited = ended("quick", "failed", tags=("x", "audit"))
    failed = ended("quick", "failed", tags=("x",))
    quick = ended("quick", "succeeded")
    succeeded = ended("slow", "succeeded")
    other = canceled(bench)
    expected = {3: [quick], 3.1: [succeeded], 6: [other], 60: [failed], 100 * days: []}
    for seconds, gone in expected.items():
        before = set(stored(bench))
        bench.clock.forward(seconds)
        prune()
        assert before - set(stored(bench)) == set(gone), seconds
    assert stored(bench) == [audited]


def test_a_job_may_say_itself_how_long_it_is_kept(bench: Bench) -> None:
    prune = Pruner(bench, "failed:0s")
    short, long = [bench.enqueue(keep_for=seconds) for seconds in (2.5, 100)]
    usual = bench.enqueue()
    for job_id in (short, long, usual):
        bench.jobs.cancel(job_id)
    bench.clock.forward(2.5)
    assert (prune(), stored(bench)) == (0, [usual, long, short])
    bench.clock.forward(0.001)
    assert (prune(), stored(bench)) == (1, [usual, long])
    bench.clock.forward(KEEP_SECONDS)
    assert (prune(), stored(bench)) == (1, [long])
    bench.jobs.retry(long)
    bench.clock.forward(200)
    assert (prune(), stored(bench)) == (0, [long])
    bench.jobs.cancel(long)
    bench.clock.forward(99)
    assert (prune(), stored(bench)) == (0, [long])
    bench.clock.forward(2)
    assert (prune(), stored(bench)) == (1, [])


def test_jobs_with_times_of_their_own_are_deleted_in_batches(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "BATCH", 2)
    prune = Pruner(bench)
    for _ in range(5):
        bench.jobs.cancel(bench.enqueue(keep_for=1))
    bench.clock.forward(2)
    assert (prune(), prune.calls) == (5, 3)


def test_rules_are_read() -> None:
    text = "failed:1.5d, type=analyze:12h,tag=customer:42:0s,succeeded:forever,canceled:90s"
    assert parse_rules(text) == (
        RetentionRule(129_600_000, status="failed"),
        RetentionRule(43_200_000, type="analyze"),
        RetentionRule(0, tag="customer:42"),
        RetentionRule(None, status="succeeded"),
        RetentionRule(90_000, status="canceled"),
    )
    assert parse_rules(" , ") == ()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("failed", "CONDITION:DURATION"),
        ("running:5d", "canceled, failed, succeeded"),
        ("failed:5y", "12h"),
        ("failed:-5", "12h"),
        ("failed:30", r"'failed:30' has no unit after 30: add s, m, h, d or w, for example 30d$"),
        ("tag=x:0", "'tag=x:0' has no unit after 0"),
        ("succeeded:1y,faild:30d,failed:1d,failed:2", "(?s)succeeded:1y.*; 'faild:30d.*; .*:2'"),
        ("type=:5d", "type=NAME"),
        ("queue=x:5d", "type=NAME"),
        ("failed:99999d", "forever"),
        (",".join(["failed:1d"] * 21), "at most 20"),
    ],
)
def test_wrong_rules_are_refused(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        parse_rules(text)
