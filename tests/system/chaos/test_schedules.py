"""Firings that come twice, or not at all, and jobs that overlap are found."""

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from storage.db.models import ScheduleRow
from storage.records.job import NewJob
from storage.schedules.firing import Firer
from tests.support.stores import Bench
from tests.support.waiting import wait_for
from tests.system.chaos.history import Change
from tests.system.chaos.schedules import Fired, check_schedules, start, stop

WAITING = "SELECT COUNT(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"

NEW = Change("insert", "a", "queued", 0, None, 0, 1, False, 1)
FIRST = Fired("skip-1", 1000, "submitted", "a")
SECOND = Fired("skip-1", 2000, "skipped", None)
THIRD = Fired("skip-1", 3000, "submitted", "b")
JOBS = {"a": ("skip-1", 1000), "b": ("skip-1", 3000)}
RUNNING = replace(NEW, status="running", attempt=1, version=2)
DONE = replace(NEW, status="succeeded", attempt=1, version=3)
NEXT = replace(NEW, job_id="b", version=4)
CHANGES = [NEW, RUNNING, DONE, NEXT]


def broken(*firings: Fired, jobs: dict[str, tuple[str, int]] | None = None) -> list[str]:
    found = check_schedules(firings, JOBS if jobs is None else jobs, CHANGES)
    return [each.text for each in found]


def test_each_time_once_passes() -> None:
    assert broken(FIRST, SECOND, THIRD) == []


def test_a_time_that_comes_twice_is_found() -> None:
    assert "follows" in broken(FIRST, FIRST, SECOND, THIRD)[0]


def test_a_time_that_is_lost_is_found_unless_it_was_missed() -> None:
    assert "were lost" in broken(FIRST, THIRD)[0]
    assert broken(FIRST, replace(SECOND, outcome="missed"), THIRD) == []


def test_a_job_without_a_firing_is_found() -> None:
    assert "differ" in broken(FIRST, SECOND)[0]
    assert "differ" in broken(FIRST, SECOND, THIRD, jobs={"a": ("skip-1", 1000)})[0]


def test_jobs_that_overlap_are_found() -> None:
    changes = [NEW, NEXT, RUNNING]
    (found,) = check_schedules([FIRST, SECOND, THIRD], JOBS, changes)
    assert "was submitted beside" in found.text
    other = replace(RUNNING, job_id="b", version=5)
    texts = [each.text for each in check_schedules([FIRST, SECOND, THIRD], JOBS, [*changes, other])]
    assert "runs beside" in texts[1]


# SQLite has one writer at a time anyway.
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_schedules_stay_paused_though_a_worker_was_firing_them(bench: Bench) -> None:
    store = bench.store
    start(store)
    bench.clock.forward(10)
    stopped: list[Future[None]] = []

    def stop_elsewhere() -> None:
        try:
            stop(store)
        finally:
            store.database.engine.close()

    def is_waiting() -> bool:
        return bool(store.database.execute(WAITING).fetchone()[0])

    with ThreadPoolExecutor(1) as thread:

        def stop_meanwhile(new: Sequence[NewJob], woken: list[str]) -> Sequence[Any]:
            stopped.append(thread.submit(stop_elsewhere))
            wait_for(lambda: stopped[0].done() or bench.elsewhere(is_waiting))
            return bench.jobs.add(new, woken)

        Firer(store.database, store.wakeup, bench.clock, stop_meanwhile).fire()
        stopped[0].result(20)
    times = {row["next_at"] for row in store.database.rows(ScheduleRow.select())}
    assert times == {None}
