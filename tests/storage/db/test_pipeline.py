"""The number of round trips to PostgreSQL: a writer blocks other writers while it waits for one."""

import json
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg.pq import PipelineStatus

from storage.jobs.transitions import Transitions
from storage.records.job import NewJob, StoreInDoubt, StoreUnavailable
from tests.support.claims_in_steps import completed
from tests.support.stores import RETURNED, Bench

only_on_postgresql = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


@only_on_postgresql
def test_a_claim_transaction_takes_two_round_trips_and_the_first_without_the_version_lock(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.jobs.enqueue([NewJob("sleep", {}) for _ in range(10)])
    runner = bench.runner()
    jobs = runner.claims.claim(3)
    round_trips = RoundTrips(monkeypatch)

    settle = Transitions.settle

    def settle_after_search(*args: Any) -> list[bool]:
        assert round_trips.count == 1  # the search
        accepted = settle(*args)
        assert round_trips.count == 1  # no change has been sent
        return accepted

    monkeypatch.setattr(Transitions, "settle", settle_after_search)
    for _ in range(2):
        round_trips.reset()
        ends = [completed(job.fence) for job in jobs]
        jobs = runner.claims.settle_and_claim(ends, limit=3).jobs.jobs()
        assert len(jobs) == 3
        assert round_trips.count == 2


@only_on_postgresql
def test_a_change_takes_two_round_trips_and_an_empty_transaction_none(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    runner = bench.runner()
    bench.enqueue()
    (job,) = runner.claims.claim(1)
    round_trips = RoundTrips(monkeypatch)
    with bench.store.database.transaction():
        pass
    assert round_trips.count == 0
    assert runner.claims.fail(job.fence, RETURNED)
    assert round_trips.count == 2
    assert bench.job(job.id).status == "failed"


@only_on_postgresql
def test_submissions_take_one_round_trip(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(2):
        bench.enqueue()  # the second one measures the clock skew of ids
    round_trips = RoundTrips(monkeypatch)
    for count in (1, 10):
        round_trips.reset()
        first, *_ = bench.jobs.enqueue([NewJob("sleep", {}) for _ in range(count)])
        assert round_trips.count == 1
        assert isinstance(first, UUID)
        assert bench.job(first).status == "queued"


@pytest.mark.heavy
@only_on_postgresql
def test_a_pipeline_larger_than_the_socket_buffer_is_sent_completely(bench: Bench) -> None:
    result = json.dumps("x" * 2**24)
    (job_id,) = bench.jobs.enqueue([NewJob("sleep", {"text": result})])
    assert isinstance(job_id, UUID)
    runner = bench.runner()
    (job,) = runner.claims.claim(1)
    assert job.payload == {"text": result}
    assert runner.claims.settle_and_claim([completed(job.fence, result)]).accepted == [True]
    assert bench.job(job_id).result == json.loads(result)


@only_on_postgresql
def test_a_submission_that_times_out_at_the_version_lock_is_not_in_doubt(bench: Bench) -> None:
    def submit() -> None:
        with pytest.raises(StoreUnavailable) as raised:
            bench.jobs.enqueue([NewJob("sleep", {})])
        assert not isinstance(raised.value, StoreInDoubt)

    with bench.store.database.transaction():
        bench.store.database.next_version()
        bench.elsewhere(submit)


class RoundTrips:
    """Counts the round trips to PostgreSQL from now on. A pipeline counts as one."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count = 0
        execute, sync = psycopg.Cursor.execute, psycopg.Pipeline.sync

        def executing(cursor: Any, *args: Any, **kwargs: Any) -> Any:
            self.count += cursor.connection.info.pipeline_status == PipelineStatus.OFF
            return execute(cursor, *args, **kwargs)

        def syncing(pipeline: Any) -> Any:
            self.count += 1
            return sync(pipeline)

        monkeypatch.setattr(psycopg.Cursor, "execute", executing)
        monkeypatch.setattr(psycopg.Pipeline, "sync", syncing)

    def reset(self) -> None:
        """Start counting from zero."""
        self.count = 0
