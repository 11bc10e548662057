"""Changes of many rows at once, and the plans of PostgreSQL for them."""

import contextlib
import json
from collections.abc import Callable
from itertools import pairwise
from typing import Any
from uuid import UUID

import psycopg
import pytest

from storage.db.statements import BATCH_SIZE
from storage.records.job import Job, NewJob, Outcome, Usage
from tests.support.claims_in_steps import completed
from tests.support.stores import RETURNED, Bench, Holder

TEXTS = ('"', "\\", "'", "%s", "\0", "é 🦀 \u2028", "{", "x" * 100_000, "")


def test_more_jobs_than_one_batch_are_stored_in_order(bench: Bench) -> None:
    ids = bench.jobs.enqueue([NewJob("sleep", {"n": n}) for n in range(2 * BATCH_SIZE + 1)])
    jobs = [bench.job(job_id) for job_id in ids if isinstance(job_id, UUID)]
    assert [job.payload["n"] for job in jobs] == list(range(len(jobs)))
    versions = [job.version for job in jobs]
    assert versions == list(range(versions[0], versions[0] + len(jobs)))


def test_any_text_in_payloads_and_results_is_kept(bench: Bench) -> None:
    bench.jobs.enqueue([NewJob("sleep", {"text": text}, queue="default") for text in TEXTS])
    runner = bench.runner()
    jobs = claimed(runner, len(TEXTS))
    assert [job.payload["text"] for job in jobs] == list(TEXTS)
    ends = [(job.fence, json.dumps(job.payload), RETURNED) for job in jobs]
    assert runner.claims.complete_each(ends) == [True] * len(TEXTS)
    assert [bench.job(job.id).result for job in jobs] == [{"text": text} for text in TEXTS]


def test_many_attempts_keep_their_usage_and_outcomes(bench: Bench) -> None:
    used = [Usage(0.1 + 0.2, 2**40, 7), Usage(), Usage(1e-7, None, 2**22)]
    runner = bench.runner()
    bench.jobs.enqueue([NewJob("sleep", {}) for _ in used])
    jobs = claimed(runner, len(used))
    ends = [RETURNED._replace(**vars(usage)) for usage in used]
    given = [(job.fence, "1", ended) for job, ended in zip(jobs, ends, strict=True)]
    assert all(runner.claims.complete_each(given))
    attempts = [bench.job(job.id).attempts[0] for job in jobs]
    assert [attempt.usage for attempt in attempts] == used
    assert {attempt.outcome for attempt in attempts} == {Outcome.RETURNED}


def test_claimed_jobs_equal_the_stored_ones(bench: Bench) -> None:
    runner = bench.runner()
    options: dict[str, Any] = {"max_retries": 3, "priority": 2, "submitted_by": "anna"}
    fresh, again = bench.enqueue(**options), bench.enqueue(priority=3)
    first = runner.claims.claim(1)
    runner.claims.retry(first[0].fence, RETURNED, 0)
    jobs = claimed(runner, 2)
    assert [job.id for job in jobs] == [again, fresh]
    assert jobs == [bench.job(again), bench.job(fresh)]
    assert [len(job.attempts) for job in jobs] == [2, 1]


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_an_unsent_claim_is_discarded_with_its_transaction(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.jobs.enqueue([NewJob("sleep", {})])
    runner, sent = bench.runner(), list[str]()
    execute = psycopg.Connection.execute

    def noting(connection: Any, sql: str, parameters: Any = ()) -> Any:
        sent.append(sql)
        return execute(connection, sql, parameters)

    monkeypatch.setattr(psycopg.Connection, "execute", noting)
    with contextlib.suppress(ZeroDivisionError), runner.claims.transaction():
        assert claimed(runner, 1)
        raise ZeroDivisionError
    assert sent[-1] == "ROLLBACK"
    assert not any(sql.startswith('UPDATE "job"') for sql in sent)
    assert [job.attempt for job in claimed(runner, 1)] == [1]


def test_unused_versions_of_a_transaction_are_not_used_by_later_changes(bench: Bench) -> None:
    runner = bench.runner()
    with runner.claims.transaction():
        assert runner.claims.claim(1) == []
    (first,) = bench.elsewhere(lambda: bench.jobs.enqueue([NewJob("sleep", {})]))
    assert isinstance(first, UUID)
    assert bench.job(first).version < bench.job(bench.enqueue()).version


def claimed(runner: Holder, count: int) -> list[Job]:
    jobs = runner.claims.claim(count)
    assert len(jobs) == count
    return jobs


@pytest.mark.parametrize("analyzed", [False, True])
def test_writers_on_postgresql_use_indexes_regardless_of_statistics(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, analyzed: bool
) -> None:
    engine = bench.store.database.engine
    if not bench.store.database.postgresql:
        pytest.skip("its plans do not depend on statistics")
    if analyzed:
        engine.execute_sql("ANALYZE")  # of tables without rows
    bench.jobs.enqueue([NewJob("sleep", {}) for _ in range(3 * BATCH_SIZE)])
    runner = bench.runner()
    cursors: dict[str, psycopg.Cursor[Any]] = {}
    execute = explaining(psycopg.Connection.execute, cursors)
    monkeypatch.setattr(psycopg.Connection, "execute", execute)

    def settle(jobs: list[Job]) -> list[bool]:
        return runner.claims.complete_each([(job.fence, "1", RETURNED) for job in jobs])

    for _ in range(2):
        for job in runner.claims.claim(20):
            runner.claims.release(job.fence)
        assert all(settle(runner.claims.claim(20)))
        jobs = runner.claims.settle_and_claim(limit=20).jobs.jobs()
        ends = [completed(job.fence) for job in jobs]
        assert all(runner.claims.settle_and_claim(ends).accepted)
    of_jobs = {
        text: "\n".join(line for (line,) in plan.fetchall())
        for text, plan in cursors.items()
        if ('"job"' in text or '"attempt"' in text)
        and '"upload"' not in text  # nor the attempts that are read with a job, after the claim
        and not text.startswith('SELECT "t1"."job_id"')
    }
    assert len(of_jobs) > 8
    for text, plan in of_jobs.items():
        assert "Seq Scan on job" not in plan, (text, plan)
        assert "Seq Scan on attempt" not in plan, (text, plan)
        assert text.startswith(("SELECT", 'INSERT INTO "attempt"')) or "_pkey on " in plan, text
        assert 'UPDATE "job"' not in text or "job_pkey" in plan, (text, plan)
        assert not whole_scans(plan), (text, plan)
        assert "Sort" not in plan, (text, plan)
        assert "JIT" not in plan, (text, plan)


def whole_scans(plan: str) -> list[str]:
    """Return the index scans of a plan that have no condition and so read the whole index."""
    lines = plan.splitlines()
    return [
        line
        for line, below in pairwise([*lines, ""])
        if "_pkey on " in line and "Index Cond:" not in below
    ]


def explaining(
    execute: Callable[..., Any], cursors: dict[str, psycopg.Cursor[Any]]
) -> Callable[..., Any]:
    """Wrap `Connection.execute` to keep a cursor with the plan of each statement."""

    def explain_and_execute(connection: Any, sql: str, parameters: Any = ()) -> Any:
        if sql.startswith(("SELECT", "UPDATE", "INSERT", "WITH")) and "pg_notify" not in sql:
            cursors[sql] = execute(connection, f"EXPLAIN {sql}", parameters)
        return execute(connection, sql, parameters)

    return explain_and_execute
