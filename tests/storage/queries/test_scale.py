"""How many slots could be used now, on both databases."""

import re
from unittest.mock import patch

import pytest

from storage.liveness import runners
from storage.queries import scale
from storage.queries.scale import Scale, read_scale
from storage.records.job import NewJob
from storage.records.schedule import Missed, Overlap, ScheduleSettings, Timing, template_of
from storage.schedules.schedules import Schedules
from tests.storage.queries.test_query_plans import Plans
from tests.support.stores import RETURNED, Bench


def read(bench: Bench, *names: str, within: float = 0.0) -> Scale:
    """The scale of these queues, or of all."""
    store = bench.store
    given = frozenset(names) or None
    return read_scale(
        store.database, bench.clock, store.runners_folder, given, round(within * 1000)
    )


def of_queue(bench: Bench, name: str) -> tuple[int, int, int]:
    """Running jobs, due jobs and slots wanted of a queue."""
    (found,) = read(bench, name).queues
    return found.queue.running, found.due, found.slots_wanted


def test_running_and_due_jobs_want_slots(bench: Bench) -> None:
    assert read(bench).slots_wanted == 0
    for priority in (0, 5, 5):
        bench.enqueue(priority=priority)
    bench.enqueue(delay=60)
    assert of_queue(bench, "default") == (0, 3, 3)
    runner = bench.runner()
    fence = runner.claim_one()
    found = read(bench)
    assert (found.slots_wanted, found.slots, found.busy) == (3, 3, 1)
    assert of_queue(bench, "default") == (1, 2, 3)
    runner.claims.complete(fence, "1", RETURNED)
    assert read(bench).slots_wanted == 2
    assert [read(bench, within=seconds).slots_wanted for seconds in (59, 60)] == [2, 3]
    bench.clock.forward(60)
    assert read(bench).slots_wanted == 3


def test_limits_and_pauses_of_queues_cap_it(bench: Bench) -> None:
    bench.queues.put("two", max_running=2)
    bench.queues.put("held", paused=True)
    for _ in range(5):
        bench.enqueue(queue="two")
        bench.enqueue(queue="held")
    assert of_queue(bench, "two") == (0, 5, 2)
    assert of_queue(bench, "held") == (0, 5, 0)
    bench.runner({"two"}).claim_one()
    assert of_queue(bench, "two") == (1, 4, 2)
    bench.queues.change("two", max_running=0)
    assert of_queue(bench, "two") == (1, 4, 1)
    assert read(bench).slots_wanted == 1
    bench.queues.change("held", paused=False)
    assert read(bench).slots_wanted == 6


def test_held_jobs_want_no_slot(bench: Bench) -> None:
    first = bench.enqueue(concurrency_key="k", max_per_key=1)
    for _ in range(3):
        bench.enqueue(concurrency_key="k", max_per_key=1)
    bench.enqueue(after=(first,))
    assert read(bench).slots_wanted == 1


def test_a_schedule_that_is_due_wants_a_worker(bench: Bench) -> None:
    store = bench.store
    schedules = Schedules(store.database, store.wakeup, bench.clock, bench.jobs.add)
    template = template_of(NewJob("sleep", {}))
    settings = ScheduleSettings(
        "sleep", {}, Timing(None, 60, "UTC"), Missed.ONCE, Overlap.SKIP, False, None, {}, template,
        "{}",
    )  # fmt: skip
    schedules.put("s", settings, None, lambda stored: None)
    assert [read(bench, within=seconds).slots_wanted for seconds in (0, 30, 60)] == [0, 0, 1]
    bench.clock.forward(61)
    assert (read(bench).schedules, read(bench).slots_wanted) == (1, 1)


def test_only_the_chosen_queues_and_their_workers_count(bench: Bench) -> None:
    for name in ("a", "b"):
        bench.queues.put(name)
        bench.enqueue(queue=name)
    bench.enqueue()
    bench.runner({"a"})
    assert [each.queue.name for each in read(bench).queues] == ["a", "b", "default"]
    assert (read(bench, "a").slots_wanted, read(bench, "a").slots) == (1, 3)
    assert (read(bench, "b").slots_wanted, read(bench, "b").slots) == (1, 0)
    assert (read(bench, "a", "b").slots_wanted, read(bench, "none").slots_wanted) == (2, 0)
    bench.runner()
    assert (read(bench, "b").slots, read(bench).slots) == (3, 6)


def test_a_worker_that_hangs_has_no_slots(bench: Bench) -> None:
    bench.runner()
    with patch.object(runners, "STALE_SECONDS", -1):
        assert read(bench).slots == 0
    assert read(bench).slots == 3


def test_so_many_due_jobs_are_counted(bench: Bench) -> None:
    with patch.object(scale, "DUE_LIMIT", 3):
        for number in range(5):
            bench.enqueue(priority=number)
        assert of_queue(bench, "default") == (0, 3, 3)


def test_due_jobs_are_counted_by_an_index(bench: Bench) -> None:
    if bench.store.database.postgresql:
        pytest.skip("PostgreSQL's plans depend on statistics")
    for number in range(50):
        bench.enqueue(priority=number % 2)
    plans = Plans(bench)
    read(bench)
    found = {text: plan for text, plan in plans.found().items() if '"job"' in text}
    due = [plan for text, plan in found.items() if "run_at" in text and "COUNT" in text]
    assert any("job_unfinished (" in plan and "run_at<?" in plan for plan in due)
    whole = {text for text, plan in found.items() if re.search(r"SCAN (job|t1)\b", plan)}
    assert {text for text in whole if '"part"' not in text} == set()
