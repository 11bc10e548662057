"""How much longer a job runs, by its progress or by earlier jobs of its type."""

import json
from typing import Any

import pytest

from storage.queries import run_times
from storage.queries.run_times import UNKNOWN, RunTimes, left_by_progress, read_run_times
from tests.support.stores import CANCELED, RETURNED, Bench


@pytest.mark.parametrize(
    ("progress", "elapsed", "left"),
    [
        ({"bytes_done": 25, "bytes_total": 100}, 10, 30),
        ({"counts": {"x": 1}, "steps_done": 3, "steps_total": 4}, 9, 3),
        ({"bytes_done": 100, "bytes_total": 100}, 10, 0),
        ({"bytes_done": 200, "bytes_total": 100}, 10, 0),
        ({"seconds_done": 0.0, "seconds_total": 600}, 1, 599),  # it counts time itself
        ({"seconds_done": 59.0, "seconds_total": 600}, 60, 540),
        ({"seconds_done": 30.0, "seconds_total": 600}, 60, 1140),  # seconds of a film
    ],
)
def test_the_rest_is_expected_to_be_as_fast_as_the_job_was_until_now(
    progress: Any, elapsed: float, left: float
) -> None:
    assert left_by_progress(progress, elapsed) == pytest.approx(left)


@pytest.mark.parametrize(
    "progress",
    [
        None,
        [],
        "half",
        {},
        {"done": 1, "total": 2},
        {"bytes_done": 0, "bytes_total": 100},
        {"bytes_done": 5},
        {"bytes_done": "5", "bytes_total": "10"},
        {"bytes_done": True, "bytes_total": True},
        {"bytes_done": -5, "bytes_total": 10},
        {"bytes_done": 5, "bytes_total": 0},
        {"bytes_done": 1e-300, "bytes_total": 1e300},
        {"bytes_done": 1, "bytes_total": 10**400},
        {"bytes_done": float("nan"), "bytes_total": 5},
        {"bytes_done": 1, "bytes_total": float("inf")},
        {"bytes_done": 1, "bytes_total": 10**12},
        {"seconds_done": 1, "seconds_total": 10**12},
    ],
    ids=str,
)
def test_a_progress_that_tells_nothing_gives_no_estimate(progress: Any) -> None:
    assert left_by_progress(progress, 3.0) == UNKNOWN


def test_a_job_without_progress_is_like_those_that_ran_for_longer_than_it() -> None:
    times = RunTimes({"a": [1, 10, 20]})
    assert times.usual("a") == pytest.approx(31 / 3)
    assert times.left("a", 0, None) == pytest.approx(31 / 3)
    assert times.left("a", 5, None) == 10
    assert times.left("a", 15, None) == 5
    assert times.left("a", 20, None) == UNKNOWN
    assert (times.usual("b"), times.left("b", 1, None)) == (UNKNOWN, UNKNOWN)


def test_progress_counts_for_more_than_the_usual_time() -> None:
    progress = json.loads('{"seconds_done": 9, "seconds_total": 600}')
    assert RunTimes({"a": [1]}).left("a", 10, progress) == 590


def test_running_jobs_tell_how_long_their_type_runs_if_none_has_ended() -> None:
    times, progress = RunTimes({"a": [1]}), {"seconds_done": 9, "seconds_total": 600}
    for type in ("a", "b"):
        times.left(type, 10, progress)
    assert (times.usual("a"), times.usual("b")) == (1, 600)


def test_the_last_ends_count_without_canceled_jobs(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_times, "RECENT", 3)
    runner, database = bench.runner(), bench.store.database
    for seconds in (9, 1, 2):
        bench.enqueue("a")
        fence = runner.claim_one()
        bench.clock.forward(seconds)
        runner.claims.complete(fence, "1", RETURNED)
    bench.jobs.cancel(bench.enqueue("a"))  # it never ran
    canceled = bench.enqueue("a")
    fence = runner.claim_one()
    bench.jobs.cancel(canceled)
    runner.claims.confirm_cancel(fence, CANCELED)
    bench.enqueue("a", delay=10**6)
    if database.postgresql:  # a server that knows how small tables are reads them in any order
        database.execute("ANALYZE job, event")
    assert read_run_times(database).usual("a") == 1.5


def test_run_times_are_searched_among_a_bounded_number_of_events(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_times, "MAX_EVENTS", 3)
    runner, database = bench.runner(), bench.store.database
    bench.enqueue("a")
    fence = runner.claim_one()
    bench.clock.forward(4)
    runner.claims.complete(fence, "1", RETURNED)
    usual = []
    for _ in range(2):
        bench.enqueue("b", delay=10**6)
        usual.append(read_run_times(database).usual("a"))
        bench.enqueue("b", delay=10**6)
    assert usual == [4, UNKNOWN]
