"""How often who changes jobs waits for PostgreSQL: while it does, others cannot."""

from typing import Any

import psycopg
import pytest

from storage.claim_moves import Claim, Claimed
from storage.job import NewJob
from tests.stores import RETURNED, Bench

only_on_postgresql = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


@only_on_postgresql
def test_a_turn_waits_for_postgresql_twice_and_for_the_first_nobody_else_has_to_wait(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.jobs.enqueue([NewJob("sleep", {}) for _ in range(10)])
    runner = bench.runner()
    jobs = runner.claims.claim(3)
    waits = Waits(monkeypatch)

    def changes(claim: Claim) -> Claimed:
        assert waits.count == 1  # it has looked
        assert all(runner.claims.complete_each([(job.fence, "1", RETURNED) for job in jobs]))
        claimed = claim()
        assert waits.count == 1  # so that nothing was changed so far
        return claimed

    for _ in range(2):
        waits.forget()
        jobs = runner.claims.change(changes, 3).jobs()
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
