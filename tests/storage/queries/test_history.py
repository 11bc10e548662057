"""The history of the last hour, recorded by the runners while anything happens."""

import pytest

from storage.db.models import MomentRow
from storage.queries import history
from storage.records.job import NewJob
from tests.support.api import Client
from tests.support.stores import RETURNED, Bench

STEP = history.STEP_SECONDS


def run_one(bench: Bench) -> None:
    (job_id,) = bench.jobs.enqueue([NewJob("a", {})])
    bench.clock.forward(0.5)
    claims = bench.runner().claims
    (job,) = claims.claim(1)
    assert job.id == job_id
    assert claims.complete(job.fence, "1", RETURNED)


def record(bench: Bench) -> list[tuple[int, int, int, int]]:
    """Record a moment; return all stored moments without their times."""
    history.record_moment(bench.store.database, bench.clock())
    names = ("submitted", "finished", "waits", "waited_ms")
    return [tuple(row[name] for name in names) for row in kept(bench)]  # type: ignore[misc]


def kept(bench: Bench) -> list[dict[str, int]]:
    return history.last_hour(bench.store.database, bench.clock())


def test_a_moment_has_the_counters_since_the_store_was_created(bench: Bench) -> None:
    run_one(bench)
    assert record(bench) == [(1, 1, 1, 500)]
    bench.clock.forward(STEP)
    bench.jobs.enqueue([NewJob("b", {})])
    assert record(bench) == [(1, 1, 1, 500), (2, 1, 1, 500)]


def test_no_moments_are_recorded_in_a_pause_but_its_end_is(bench: Bench) -> None:
    run_one(bench)
    record(bench)
    for _ in range(3):
        bench.clock.forward(STEP)
        assert len(record(bench)) == 1
    bench.clock.forward(STEP)
    run_one(bench)
    assert record(bench) == [(1, 1, 1, 500), (1, 1, 1, 500), (2, 2, 2, 1000)]
    first, before, last = (row["at"] for row in kept(bench))
    assert (before - first, last - before) == (3000 * STEP, 1000 * STEP)


def test_only_the_first_of_several_runners_records_a_moment(bench: Bench) -> None:
    run_one(bench)
    record(bench)
    bench.jobs.enqueue([NewJob("a", {})])
    assert record(bench) == [(1, 1, 1, 500)]


def test_moments_older_than_an_hour_are_deleted(bench: Bench) -> None:
    run_one(bench)
    record(bench)
    bench.clock.forward(3700)
    assert kept(bench) == []
    run_one(bench)
    record(bench)
    assert bench.store.database.rows(MomentRow.select()) == kept(bench)
    assert [row["finished"] for row in kept(bench)] == [1, 2]


def test_moments_in_the_future_are_deleted_once_the_clock_is_set_back(bench: Bench) -> None:
    run_one(bench)
    record(bench)
    bench.clock.forward(-600)
    run_one(bench)
    record(bench)
    assert bench.store.database.rows(MomentRow.select()) == kept(bench)
    assert [row["finished"] for row in kept(bench)] == [2]


@pytest.mark.gen_test
async def test_clients_can_read_the_history(client: Client) -> None:
    assert await client.get("/overview/history") == {"moments": []}
