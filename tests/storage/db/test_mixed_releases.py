"""This release and the previous one on one store, before the contraction and after it."""

import json
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from storage.db.database import Database, open_engine
from storage.db.models import CounterRow
from storage.db.schema.migrate import contract
from storage.jobs.events import Events
from storage.jobs.files import unused_files
from storage.jobs.transitions import loss
from storage.queries.id_skew import stored_skew
from storage.records.attempt_outcome import AttemptOutcome
from storage.records.job import Fence, Job
from tests.support.job_files import complete_with_files, stored_keys
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
    ended = AttemptOutcome(outcome or "", cpu_seconds=0.5, peak_memory_bytes=4096, pid=77)
    if way != "completed":
        ended = ended._replace(error_type=ERROR["type"], error_message=ERROR["message"])
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
    lost = AttemptOutcome("lost", error_type=ERROR["type"], error_message=ERROR["message"])
    for job_id, losses in zip(ids, (1, 99), strict=True):
        fence = Fence(job_id, "previous", 1, "sleep", bench.clock())
        assert runner.claims.settle(loss(fence, lost, losses, 10, 0)) == [True]
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
    runner.claims.complete(runner.claim_one(), "1", AttemptOutcome("returned"))
    previous.delete(job_id)
    assert bench.jobs.get(job_id) is None
    assert previous.attempts(job_id) == []


def test_the_previous_release_deletes_jobs_with_the_rows_of_their_files(
    bench: Bench, previous: PreviousRelease
) -> None:
    runner = bench.runner()
    bench.enqueue()
    job_id = complete_with_files(bench, runner, {"a": b"1", "b": b"2"})
    previous.delete(job_id)
    assert bench.jobs.files(job_id) == []
    assert unused_files(bench.store.database, stored_keys(bench)) == stored_keys(bench) != set()


def counters_of(bench: Bench) -> dict[str, int]:
    """The counters of all types together, as this release has them."""
    found: Counter[str] = Counter()
    for row in bench.store.database.rows(CounterRow.select().where(CounterRow.type != "")):
        found[row["name"]] += row["value"]
    return dict(found)


def test_both_releases_have_the_same_versions_and_counters(
    bench: Bench, previous: PreviousRelease, empty_database_url: str, tmp_path: Path
) -> None:
    events, runner = Events(bench.store.database), bench.runner()
    for number in range(3):
        job_id = id_at(bench.clock(), number)
        previous.submit(job_id, bench.clock())
        assert bench.job(job_id).version == events.newest() == previous.version()
        runner.claims.complete(runner.claim_one(), "1", AttemptOutcome("returned"))
        bench.enqueue("other")
        runner.claims.complete(runner.claim_one(), "1", AttemptOutcome("returned"))
        assert events.newest() == previous.version()
        assert counters_of(bench) == previous.counters()
    counted, version = counters_of(bench), events.newest()
    assert counted["submitted"] == counted["finished succeeded"] == 6
    contract_now(empty_database_url, tmp_path)
    assert (counters_of(bench), events.newest()) == (counted, version)
    assert bench.job(bench.enqueue()).version > version


def test_versions_and_counters_of_an_existing_store_are_kept(
    empty_database_url: str, tmp_path: Path
) -> None:
    update_schema_to(empty_database_url, tmp_path, LAST)
    database = Database(open_engine(empty_database_url))
    previous = PreviousRelease(database)
    for number in range(5):
        previous.submit(id_at(1000, number), 1000)
    version, counted = previous.version(), previous.counters()
    database.execute("UPDATE version SET id_skew_ms = 4096")
    database.close()
    with open_bench(empty_database_url, tmp_path) as bench:
        assert Events(bench.store.database).newest() == version == 5
        assert counters_of(bench) == counted == {"submitted": 5}
        assert stored_skew(bench.store.database) == 4096
        bench.enqueue(id=id_at(bench.clock() - 100_000))
        found = bench.store.database.engine.execute_sql("SELECT id_skew_ms FROM version")
        assert found.fetchall()[0][0] == stored_skew(bench.store.database) > 100_000


@pytest.mark.parametrize("empty_database_url", ["postgresql"], indirect=True)
def test_writers_of_both_releases_do_not_deadlock(
    bench: Bench, previous: PreviousRelease, empty_database_url: str
) -> None:
    def submit_each() -> None:
        for number in range(50):
            previous.submit(id_at(5000, number), bench.clock())

    with ThreadPoolExecutor(1) as thread:
        done = thread.submit(submit_each)
        for _ in range(50):
            bench.enqueue()
        done.result(30)
    assert Events(bench.store.database).newest() == previous.version() == 100
    assert counters_of(bench) == previous.counters() == {"submitted": 100}


def test_a_first_attempt_outlives_a_retry_of_a_client(
    bench: Bench, empty_database_url: str, tmp_path: Path
) -> None:
    contract_now(empty_database_url, tmp_path)
    runner, job_id = bench.runner(), bench.enqueue(max_retries=0)
    raised = AttemptOutcome(
        "raised", error_type=ERROR["type"], error_message=ERROR["message"], pid=7
    )
    runner.claims.fail(runner.claim_one(), raised)
    first = bench.job(job_id).attempts
    assert [(each.number, each.outcome, each.usage.pid) for each in first] == [(1, "raised", 7)]
    bench.clock.forward(1)
    assert bench.jobs.retry(job_id)[0]
    assert bench.job(job_id).attempts == first
    bench.jobs.cancel(job_id)
    assert bench.job(job_id).attempts == first
    assert bench.jobs.retry(job_id)[0]
    runner.claims.complete(runner.claim_one(), "1", AttemptOutcome("returned"))
    assert bench.job(job_id).attempts[:1] == first
    assert [each.outcome for each in bench.job(job_id).attempts] == ["raised", "returned"]
