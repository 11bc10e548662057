"""A worker that fires schedules keeps another one from firing them at the same time."""

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from storage.records.job import NewJob
from storage.schedules.firing import Firer
from storage.schedules.schedules import Schedules
from storage.store import JobStore
from tests.storage.schedules.test_firing import MINUTE, START, nominal_times, settings
from tests.support.stores import Bench
from tests.support.waiting import wait_for

WAITING = "SELECT COUNT(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"


# SQLite has one writer at a time anyway.
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_second_worker_waits_and_then_finds_nothing_due(bench: Bench) -> None:
    store = bench.store
    jobs = JobStore(store.database, store.wakeup, bench.clock)
    schedules = Schedules(store.database, store.wakeup, bench.clock, jobs.add)
    schedules.put("s", settings(), None, lambda stored: None)
    bench.clock.forward(60)
    second: list[Future[bool]] = []
    came: list[int] = []

    def of_second(new: Sequence[NewJob], woken: list[str]) -> Sequence[Any]:
        came.append(len(new))
        return jobs.add(new, woken)

    def count_waiting() -> int:
        return int(store.database.execute(WAITING).fetchone()[0])

    def fire_second() -> bool:
        try:
            return Firer(store.database, store.wakeup, bench.clock, of_second).fire()
        finally:
            store.database.engine.close()

    with ThreadPoolExecutor(1) as thread:

        def of_first(new: Sequence[NewJob], woken: list[str]) -> Sequence[Any]:
            second.append(thread.submit(fire_second))
            wait_for(lambda: came or bench.elsewhere(count_waiting))
            return jobs.add(new, woken)

        Firer(store.database, store.wakeup, bench.clock, of_first).fire()
        assert second[0].result(20) is False
    assert came == []
    assert nominal_times(bench) == [START + MINUTE]
