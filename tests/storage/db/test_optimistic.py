"""Optimistic transactions, and what happens after a conflict."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any
from unittest.mock import patch

import peewee as pw
import pytest

from storage.claims import ClaimedJobs, Claims
from storage.db.models import CounterRow
from storage.jobs.retention import delete_job
from storage.jobs.transitions import Transitions
from storage.records.job import Fence, Job, NewJob
from tests.support.claims_in_steps import completed
from tests.support.stores import RAISED, Bench, Holder, die
from tests.support.waiting import wait_for

only_on_postgresql = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)

MISHAPS = ["cancel", "pause", "limit", "deregister", "cancel and retry", "cancel and delete"]


def is_waiting(bench: Bench) -> bool:
    """Return whether a transaction waits for a lock."""
    here = "database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    waiting = f"NOT granted AND pid IN (SELECT pid FROM pg_locks WHERE {here})"
    query = f"SELECT 1 FROM pg_locks WHERE {waiting}"
    return bool(bench.store.database.engine.execute_sql(query).fetchall())


class SettleAndClaim:
    """A transaction that settles and claims jobs; `meanwhile` happens during its first run."""

    def __init__(self, runner: Holder, jobs: list[Job], meanwhile: Callable[[], Any]):
        self._runner, self._jobs, self._meanwhile = runner, jobs, meanwhile
        self.runs = 0

    def run(self, limit: int) -> tuple[list[bool], list[Job]]:
        """Return which ends were stored, and the claimed jobs."""
        settle = self._runner.claims._transitions.settle

        def settle_meanwhile(*args: Any) -> list[bool]:
            self.runs += 1
            if self.runs == 1:
                self._meanwhile()
            return settle(*args)

        ends = [completed(job.fence) for job in self._jobs]
        with patch.object(self._runner.claims._transitions, "settle", settle_meanwhile):
            claimed = self._runner.claims.settle_and_claim(ends, limit=limit)
        return claimed.accepted, claimed.jobs.jobs()


def test_one_transaction_settles_and_claims(bench: Bench) -> None:
    bench.jobs.enqueue([NewJob("sleep", {}) for _ in range(4)])
    runner = bench.runner()
    first = runner.claims.claim(2)
    transaction = SettleAndClaim(runner, first, lambda: None)
    settled, claimed = transaction.run(2)
    assert settled == [True, True]
    assert claimed == [bench.job(job.id) for job in claimed]
    assert {job.status for job in claimed} == {"running"}
    assert {bench.job(job.id).status for job in first} == {"succeeded"}
    assert transaction.runs == 1


@only_on_postgresql
def test_a_runner_that_settles_a_job_does_not_deadlock_with_its_rescuer(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.jobs.enqueue([NewJob("sleep", {})])
    runner, other = bench.runner(), bench.runner()
    transaction = SettleAndClaim(runner, runner.claims.claim(1), lambda: None)
    die(bench, runner)
    settle, database = Transitions.settle, bench.store.database
    with ThreadPoolExecutor(1) as thread:

        def settle_meanwhile(*args: Any) -> list[bool]:
            monkeypatch.setattr(Transitions, "settle", settle)
            database.next_version()
            taken.append(thread.submit(transaction.run, 1))
            wait_for(lambda: is_waiting(bench))
            return settle(*args)

        taken: list[Future[tuple[list[bool], list[Job]]]] = []
        monkeypatch.setattr(Transitions, "settle", settle_meanwhile)
        assert other.rescuer.rescue() == 1
        assert taken[0].result(10) == ([False], [])


def test_a_claimed_job_is_returned_as_it_was_claimed_even_if_settled_since(bench: Bench) -> None:
    job_id, runner = bench.enqueue(max_retries=2), bench.runner()
    runner.claims.retry(runner.claim_one(), RAISED, 0)
    claimed = runner.claims.settle_and_claim(limit=1).jobs
    fence = Fence(job_id, runner.liveness.name, 2)
    assert runner.claims.release(fence)
    (job,) = claimed.jobs()
    assert job.fence == fence
    assert [each.outcome for each in job.attempts] == ["raised", None]


@only_on_postgresql
def test_others_can_write_while_a_runner_prepares_its_transaction(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.jobs.enqueue([NewJob("sleep", {}) for _ in range(4)])
    runner = bench.runner()
    jobs = runner.claims.claim(2)

    claim = Claims._claim

    def claim_and_enqueue(*args: Any) -> ClaimedJobs:
        claimed = claim(*args)
        bench.elsewhere(lambda: bench.jobs.enqueue([NewJob("sleep", {})]))
        return claimed

    monkeypatch.setattr(Claims, "_claim", claim_and_enqueue)
    ends = [completed(job.fence) for job in jobs]
    assert len(runner.claims.settle_and_claim(ends, limit=2).jobs) == 2


@only_on_postgresql
@pytest.mark.parametrize("mishap", MISHAPS)
def test_a_change_after_the_search_causes_a_conflict_and_a_second_run(
    bench: Bench, mishap: str
) -> None:
    assert bench.queues.put("a")
    ids = [bench.enqueue(queue="a", max_retries=3) for _ in range(4)]
    runner = bench.runner()
    (first,) = runner.claims.claim(1)
    second, third, fourth = ids[1:]

    def canceled_and_retried() -> None:
        bench.jobs.cancel(second)
        bench.jobs.retry(second)

    def canceled_and_deleted() -> None:
        bench.jobs.cancel(second)
        delete_job(bench.store.database, second)

    happens: dict[str, Callable[[], Any]] = {
        "cancel": lambda: bench.jobs.cancel(second),
        "pause": lambda: bench.queues.put("a", paused=True),
        "limit": lambda: bench.queues.put("a", max_running=1),
        "deregister": runner.claims.deregister,
        "cancel and retry": canceled_and_retried,
        "cancel and delete": canceled_and_deleted,
    }
    expected = {
        "cancel": [third, fourth],
        "pause": [],
        "limit": [second],
        "deregister": [],
        "cancel and retry": [second, third],
        "cancel and delete": [third, fourth],
    }
    transaction = SettleAndClaim(runner, [first], lambda: bench.elsewhere(happens[mishap]))
    settled, claimed = transaction.run(2)
    assert settled == [True]
    assert [job.id for job in claimed] == expected[mishap]
    assert sorted(job.id for job in runner.claims.held()) == expected[mishap]
    assert bench.job(first.id).status == "succeeded"
    assert transaction.runs == 2


def test_a_transaction_fills_the_room_that_it_makes_in_a_limited_queue(bench: Bench) -> None:
    assert bench.queues.put("a", max_running=2)
    for _ in range(5):
        bench.enqueue(queue="a")
    runner = bench.runner()
    first, _ = runner.claims.claim(3)
    transaction = SettleAndClaim(runner, [first], lambda: None)
    settled, claimed = transaction.run(3)
    assert settled == [True]
    assert len(claimed) == 1
    assert len(runner.claims.held()) == 2
    assert transaction.runs == 1


@only_on_postgresql
def test_a_refused_end_returns_false_and_all_others_count_once(
    bench: Bench,
) -> None:
    bench.jobs.enqueue([NewJob("sleep", {}) for _ in range(4)])
    runner = bench.runner()
    lost, kept = runner.claims.claim(2)
    transaction = SettleAndClaim(
        runner, [lost, kept], lambda: bench.elsewhere(lambda: runner.claims.release(lost.fence))
    )
    settled, claimed = transaction.run(2)
    assert settled == [False, True]
    assert len(claimed) == 2
    counters = bench.store.database.rows(CounterRow.select())
    counted = {row["name"]: row["value"] for row in counters}
    assert counted["attempt returned"] == 1
    assert counted["attempt released"] == 1
    assert counted["finished succeeded"] == 1


@only_on_postgresql
def test_candidates_of_one_runner_are_skipped_by_another(bench: Bench) -> None:
    bench.jobs.enqueue([NewJob("sleep", {}) for _ in range(4)])
    runner, other = bench.runner(), bench.runner()
    others: list[Job] = []
    transaction = SettleAndClaim(
        runner, [], lambda: others.extend(bench.elsewhere(lambda: other.claims.claim(2)))
    )
    _, claimed = transaction.run(2)
    assert len({job.id for job in (*claimed, *others)}) == 4
    assert transaction.runs == 1


@only_on_postgresql
def test_statements_of_an_aborted_pipeline_are_prepared_again_later(bench: Bench) -> None:
    database = bench.store.database

    def ask(first: str) -> None:
        with database.transaction():
            database.engine.defer(first, ())
            database.execute("SELECT 1 FROM job WHERE attempt = %s", (1,))

    for _ in range(2):  # nothing is prepared yet
        with pytest.raises(pw.DataError):
            ask("SELECT 1 / 0")
    for _ in range(5):
        ask("SELECT 1")
    with pytest.raises(pw.DataError):
        ask("SELECT 1 / 0")
    for _ in range(3):
        ask("SELECT 1")
