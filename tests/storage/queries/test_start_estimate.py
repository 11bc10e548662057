"""The estimated start of a queued job."""

import json
from uuid import UUID

import pytest

from storage.queries.explain import explain
from storage.queries.run_times import UNKNOWN
from storage.queries.start_estimate import places_of, play
from tests.support.heartbeats import make_stale
from tests.support.stores import RETURNED, Bench, Holder

LONG = {"payload": {"seconds": 600}}


def estimate(bench: Bench, job_id: UUID) -> float | None:
    store = bench.store
    found = explain(store.database, bench.clock, store.runners_folder, job_id)
    assert found is not None
    return found.seconds


def run_one(bench: Bench, runner: Holder, seconds: float) -> None:
    """Run the next job for this many seconds."""
    fence = runner.claim_one()
    bench.clock.forward(seconds)
    runner.claims.complete(fence, "1", RETURNED)


def start(bench: Bench, runner: Holder, totals: list[float | None], **options: str) -> None:
    """Start a job for each total run time that it reports; with None, it reports nothing."""
    for total in totals:
        bench.enqueue(**options)
        (job,) = runner.claims.claim(1)
        if total is not None:
            progress = {"seconds_done": 0, "seconds_total": total}
            runner.claims.progress(job.fence, json.dumps(progress))


@pytest.mark.parametrize(
    ("slots", "ahead", "seconds"),
    [
        ([0], [], 0),
        ([5, 3], [], 3),
        ([5, 3], [10], 5),
        ([5, 3], [1, 1], 5),
        ([0, 0], [10, 10, 10], 10),
        ([UNKNOWN, 4], [], 4),
        ([UNKNOWN, 4], [2], 6),
        ([UNKNOWN, UNKNOWN], [], UNKNOWN),
        ([4], [UNKNOWN], UNKNOWN),
        ([4, 9], [UNKNOWN], 9),
        ([], [], UNKNOWN),
    ],
)
def test_a_job_takes_the_slot_that_is_free_first(
    slots: list[float], ahead: list[float], seconds: float
) -> None:
    assert play(slots, [(each, False) for each in ahead], None) == seconds


def test_a_job_of_a_limited_queue_also_needs_a_place() -> None:
    assert play([0, 0], [], [7]) == 7
    assert play([9], [], [7]) == 9
    assert play([0, 0, 0], [(5, True)], [7, 20]) == 12
    assert play([0, 0, 0], [(5, False)], [7, 20]) == 7
    assert play([0], [], []) == UNKNOWN


def test_places_become_free_as_running_jobs_end() -> None:
    assert places_of(3, [5.0]) == [5, 0, 0]
    assert places_of(2, [9.0, 5.0]) == [5, 9]
    assert places_of(1, [9.0, 5.0, 7.0]) == [9]
    assert places_of(0, []) == []


def test_a_job_behind_long_ones_starts_when_their_progress_lets_expect_it(bench: Bench) -> None:
    runner = bench.runner()
    bench.enqueue()
    run_one(bench, runner, 0.1)  # jobs of this type used to be short
    start(bench, runner, [600, 600, 600])
    mine = bench.enqueue()
    assert estimate(bench, mine) == pytest.approx(600)
    bench.clock.forward(4)
    assert estimate(bench, mine) == pytest.approx(596)


def test_the_first_slot_of_all_runners_that_becomes_free_counts(bench: Bench) -> None:
    start(bench, bench.runner(), [600, 500, 400])
    start(bench, bench.runner(), [300, 200, 100])
    ids = [bench.enqueue() for _ in range(3)]
    assert [estimate(bench, each) for each in ids] == pytest.approx([100, 200, 300])


def test_nothing_is_estimated_if_nothing_is_known(bench: Bench) -> None:
    runner = bench.runner()
    start(bench, runner, [None, None, None])
    first, second = bench.enqueue(), bench.enqueue()
    assert estimate(bench, first) is None
    more = bench.runner()
    assert estimate(bench, first) == 0.0
    assert estimate(bench, second) == 0.0
    make_stale(bench, more, 95)
    assert estimate(bench, first) is None


def test_a_job_that_runs_for_longer_than_all_before_it_ends_at_an_unknown_time(
    bench: Bench,
) -> None:
    runner = bench.runner()
    bench.enqueue()
    run_one(bench, runner, 5)
    start(bench, runner, [None, None, None])
    mine = bench.enqueue()
    assert estimate(bench, mine) == pytest.approx(5)
    bench.clock.forward(6)
    assert estimate(bench, mine) is None


def test_a_full_queue_has_a_place_when_its_jobs_end(bench: Bench) -> None:
    bench.queues.put("gpu", max_running=2)
    runner = bench.runner()
    start(bench, runner, [50, 80], queue="gpu")
    first, second = bench.enqueue(queue="gpu"), bench.enqueue(queue="gpu")
    other = bench.enqueue()
    assert estimate(bench, first) == pytest.approx(50)
    assert estimate(bench, second) == pytest.approx(80)
    assert estimate(bench, other) == 0.0


def test_jobs_of_a_paused_queue_and_of_queues_that_other_runners_take_do_not_count(
    bench: Bench,
) -> None:
    for name in ("gpu", "cpu"):
        bench.queues.put(name)
    start(bench, bench.runner({"gpu"}), [None, None, None], queue="gpu")
    bench.runner({"cpu"})
    for _ in range(3):
        bench.enqueue(queue="gpu", priority=1)
    mine = bench.enqueue(queue="cpu")
    assert estimate(bench, mine) == 0.0
    bench.queues.put("cpu", paused=True)
    assert estimate(bench, mine) is None


def test_a_job_that_is_due_later_starts_when_it_is_due_and_a_slot_is_free(bench: Bench) -> None:
    runner = bench.runner()
    soon, late = bench.enqueue(delay=30), bench.enqueue(delay=700)
    assert [estimate(bench, each) for each in (soon, late)] == [30, 700]
    start(bench, runner, [600, 500, 400])
    assert [estimate(bench, each) for each in (soon, late)] == pytest.approx([400, 700])
    start(bench, bench.runner(), [None])
    assert estimate(bench, soon) == 30


def test_a_canceled_job_makes_room_at_once(bench: Bench) -> None:
    runner = bench.runner()
    start(bench, runner, [600, 500, 400])
    mine = bench.enqueue()
    (job, *_) = runner.claims.held()
    bench.jobs.cancel(job.id)
    assert estimate(bench, mine) == 0.0


@pytest.mark.parametrize(
    "progress", ["7", "[]", '{"a_done": 1, "a_total": 1e308}', '{"parts_done": "x"}']
)
def test_a_strange_progress_breaks_nothing(bench: Bench, progress: str) -> None:
    runner = bench.runner()
    start(bench, runner, [None, None, None])
    for job in runner.claims.held():
        runner.claims.progress(job.fence, progress)
    bench.clock.forward(1)
    assert estimate(bench, bench.enqueue()) is None
