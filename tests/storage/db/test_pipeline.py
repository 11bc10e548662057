"""How often who changes jobs waits for PostgreSQL: while it does, others cannot."""

import json
from typing import Any
from uuid import UUID

import psycopg
import pytest

from storage.claiming.statements import ClaimCall, ClaimedJobs
from storage.records.job import NewJob, StoreInDoubt, StoreUnavailable
from tests.support.stores import RETURNED, Bench

only_on_postgresql = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


@only_on_postgresql
def test_a_turn_waits_for_postgresql_twice_and_for_the_first_nobody_else_has_to_wait(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.jobs.enqueue([NewJob("sleep", {}) for _ in range(10)])
    runner = bench.runner()
    jobs = runner.claims.claim(3)
    waits = Waits(monkeypatch)

    def changes(claim: ClaimCall) -> ClaimedJobs:
        assert waits.count == 1  # it has looked
        assert all(runner.claims.complete_each([(job.fence, "1", RETURNED) for job in jobs]))
        claimed = claim()
        assert waits.count == 1  # so that nothing was changed so far
        return claimed

    for _ in range(2):
        waits.forget()
        jobs = runner.claims.settle_and_claim(changes, 3).jobs()
        assert len(jobs) == 3
        assert waits.count == 2


@only_on_postgresql
def test_a_change_of_a_job_waits_for_postgresql_twice_and_nothing_at_all_never(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    runner = bench.runner()
    bench.enqueue()
    (job,) = runner.claims.claim(1)
    waits = Waits(monkeypatch)
    with bench.store.database.transaction():
        pass
    assert waits.count == 0
    assert runner.claims.fail(job.fence, RETURNED)
    assert waits.count == 2
    assert bench.job(job.id).status == "failed"


@only_on_postgresql
def test_submissions_wait_for_postgresql_once(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(2):
        bench.enqueue()  # the second one learns how far off the times in ids are
    waits = Waits(monkeypatch)
    for count in (1, 10):
        waits.forget()
        first, *_ = bench.jobs.enqueue([NewJob("sleep", {}) for _ in range(count)])
        assert waits.count == 1
        assert isinstance(first, UUID)
        assert bench.job(first).status == "queued"


@only_on_postgresql
def test_a_breath_that_is_longer_than_a_socket_takes_at_once_arrives(bench: Bench) -> None:
    result = json.dumps("x" * 2**24)
    (job_id,) = bench.jobs.enqueue([NewJob("sleep", {"text": result})])
    assert isinstance(job_id, UUID)
    runner = bench.runner()
    (job,) = runner.claims.claim(1)
    assert job.payload == {"text": result}
    assert runner.claims.settle_and_claim(lambda _: runner.claims.complete(job.fence, result, RETURNED))
    assert bench.job(job_id).result == json.loads(result)


@only_on_postgresql
def test_a_submission_whose_turn_does_not_come_is_surely_not_stored(bench: Bench) -> None:
    def submit() -> None:
        with pytest.raises(StoreUnavailable) as told:
            bench.jobs.enqueue([NewJob("sleep", {})])
        assert not isinstance(told.value, StoreInDoubt)

    with bench.store.database.transaction():
        bench.store.database.next_version()
        bench.elsewhere(submit)


class Waits:
    """How often a program waits for PostgreSQL, from now on: a pipeline is one wait."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count = 0
        execute, pipeline = psycopg.Cursor.execute, psycopg.Connection.pipeline

        def executing(cursor: Any, *args: Any, **kwargs: Any) -> Any:
            self.count += cursor.connection._pipeline is None
            return execute(cursor, *args, **kwargs)

        def piping(connection: Any) -> Any:
            self.count += connection._pipeline is None
            return pipeline(connection)

        monkeypatch.setattr(psycopg.Cursor, "execute", executing)
        monkeypatch.setattr(psycopg.Connection, "pipeline", piping)

    def forget(self) -> None:
        """Begin anew."""
        self.count = 0
