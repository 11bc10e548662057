"""This release and the previous one on one store, before the contraction and after it."""

import json
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from storage.db.database import Database, open_engine
from storage.db.schema.migrate import contract
from storage.jobs.events import Events
from storage.records.job import AttemptEnd, Fence, Job, Outcome, Usage
from tests.support.newer_release import update_schema_to
from tests.support.previous_release import LAST, PreviousRelease
from tests.support.stores import Bench, Holder, id_at, open_bench

ERROR = {"type": "E", "message": "no"}
WAYS = {
    "completed": ("succeeded", "returned"),
    "failed": ("failed", "raised"),
    "retried": ("queued", "raised"),
}


@pytest.fixture
def bench(empty_database_url: str, tmp_path: Path) -> Iterator[Bench]:
    """A store that the previous release has made, and this release has expanded."""
    update_schema_to(empty_database_url, tmp_path, LAST)
    with open_bench(empty_database_url, tmp_path) as bench:
        yield bench


@pytest.fixture
def previous(bench: Bench, empty_database_url: str) -> Iterator[PreviousRelease]:
    database = Database(open_engine(empty_database_url))
    yield PreviousRelease(database)
    database.close()


def begin(bench: Bench, previous: PreviousRelease, by: str, runner: Holder, job_id: UUID) -> str:
    """Let a release claim a job; return the name of its runner."""
    if by == "previous":
        previous.claim(job_id, bench.clock())
        return "previous"
    assert runner.claim_one().job_id == job_id
    return runner.liveness.name


def end(
    bench: Bench, previous: PreviousRelease, by: str, runner: Holder, fence: Fence, way: str
) -> None:
    """Let a release end an attempt, as its holder or, for another holder, as its rescuer."""
    status, outcome = WAYS[way]
    if by == "previous":
        values = {"status": status, "outcome": outcome}
        previous.end(fence.job_id, fence.attempt, bench.clock(), fence.runner, **values)
        return
    usage = Usage(0.5, 4096, 77)
    ended = AttemptEnd(Outcome(outcome), ERROR if way != "completed" else None, usage)
    changes = {
        "completed": lambda: runner.claims.complete(fence, "1", ended),
        "failed": lambda: runner.claims.fail(fence, ended),
        "retried": lambda: runner.claims.retry(fence, ended, 0),
    }
    assert changes[way]()


def seen(job: Job) -> list[tuple[Any, ...]]:
    """The attempts of a job as this release reads them, in the form of the previous one."""
    return [
        (
            each.number,
            each.runner,
            each.started_at,
            each.finished_at,
            each.outcome,
            each.error,
            each.usage.pid,
        )
        for each in job.attempts
    ]


def as_previous(previous: PreviousRelease, job_id: UUID) -> list[tuple[Any, ...]]:
    """The attempts of a job as the previous release reads them, with the error as a value."""
    return [
        (*row[:5], json.loads(row[5]) if row[5] else None, row[6])
        for row in previous.attempts(job_id)
    ]


def contract_now(empty_database_url: str, tmp_path: Path) -> None:
    database = Database(open_engine(empty_database_url))
    try:
        assert contract(database, tmp_path)
    finally:
        database.close()


RELEASES = ("previous", "this")
STORIES = list(product(RELEASES, RELEASES, WAYS, RELEASES))


@pytest.mark.parametrize(("claimer", "ender", "way", "again"), STORIES)
def test_both_releases_see_the_same_attempts(
    bench: Bench,
    previous: PreviousRelease,
    empty_database_url: str,
    tmp_path: Path,
    claimer: str,
    ender: str,
    way: str,
    again: str,
) -> None:
    job_id, runner = id_at(bench.clock()), bench.runner()
    previous.submit(job_id, bench.clock())
    name = begin(bench, previous, claimer, runner, job_id)
    assert seen(bench.job(job_id)) == as_previous(previous, job_id)
    bench.clock.forward(1)
    started_at = bench.job(job_id).started_at or 0
    fence = Fence(job_id, name, 1, "sleep", started_at)
    end(bench, previous, ender, runner, fence, way)
    status, outcome = WAYS[way]
    first = seen(bench.job(job_id))
    assert first == as_previous(previous, job_id)
    error = None if way == "completed" else ERROR
    assert first == [(1, name, started_at, bench.clock(), outcome, error, 77)]
    assert bench.job(job_id).status == status
    runners = [event.runner for event in Events(bench.store.database).of_job(job_id, 0)]
    assert runners == [None, name, name]
    bench.clock.forward(1)
    if way == "failed":
        bench.jobs.retry(job_id) if again == "this" else previous.requeue(job_id, bench.clock())
        assert seen(bench.job(job_id)) == as_previous(previous, job_id) == first
    if way != "completed":
        begin(bench, previous, again, runner, job_id)
        assert seen(bench.job(job_id)) == as_previous(previous, job_id)
        assert seen(bench.job(job_id))[:1] == first
    attempts = seen(bench.job(job_id))
    contract_now(empty_database_url, tmp_path)
    assert seen(bench.job(job_id)) == attempts
    assert [event.runner for event in Events(bench.store.database).of_job(job_id, 0)][:3] == runners


def test_a_first_attempt_of_the_previous_release_is_rescued_after_the_contraction(
    bench: Bench, previous: PreviousRelease, empty_database_url: str, tmp_path: Path
) -> None:
    """Whether its job is final or not."""
    runner, ids = bench.runner(), [id_at(bench.clock(), number) for number in range(2)]
    for job_id in ids:
        previous.submit(job_id, bench.clock())
        previous.claim(job_id, bench.clock())
    contract_now(empty_database_url, tmp_path)
    lost = AttemptEnd(Outcome.LOST, ERROR)
    for job_id, losses in zip(ids, (1, 99), strict=True):
        fence = Fence(job_id, "previous", 1, "sleep", bench.clock())
        change = runner.rescuer._transitions.lose
        assert change(fence, lost, (losses, 10), bench.clock(), 0)
    assert [bench.job(job_id).status for job_id in ids] == ["queued", "failed"]
    assert [[each.outcome for each in bench.job(job_id).attempts] for job_id in ids] == [
        ["lost"],
        ["lost"],
    ]
    assert bench.jobs.retry(ids[1])[0]
    assert [each.outcome for each in bench.job(ids[1]).attempts] == ["lost"]


def test_both_releases_delete_jobs_of_the_other(bench: Bench, previous: PreviousRelease) -> None:
    runner = bench.runner()
    job_id = bench.enqueue()
    runner.claims.complete(runner.claim_one(), "1", AttemptEnd(Outcome.RETURNED))
    previous.delete(job_id)
    assert bench.jobs.get(job_id) is None
    assert previous.attempts(job_id) == []
