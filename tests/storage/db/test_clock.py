"""The time of jobs: setting a clock neither rescues a job, nor loses or delays one."""

import time

import pytest

from storage.db import clock
from storage.db.clock import (
    ClockSetBackDetector,
    DatabaseClock,
    clock_of,
    machine_clock,
    steady_now,
)
from storage.liveness.clock_set_back import reschedule
from storage.records.job import StoreUnavailable
from tests.support.stores import RAISED, Bench, Clock

HOUR = 3600


def test_a_store_on_postgresql_uses_the_clock_of_the_database(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask = clock_of(bench.store.database)
    if not bench.store.database.postgresql:
        assert ask is machine_clock
        return
    before = machine_clock()
    monkeypatch.setattr(time, "time_ns", lambda: 0)
    assert before - 1000 < ask() < before + 60_000


def test_the_database_clock_is_extrapolated_between_two_queries(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not bench.store.database.postgresql:
        pytest.skip("only where the database has a clock of its own")
    ask = DatabaseClock(bench.store.database)
    first, now = ask(), steady_now()
    monkeypatch.setattr(clock, "steady_now", lambda: now + 5)
    assert first + 4000 < ask() <= first + 6000
    monkeypatch.setattr(clock, "steady_now", lambda: now + 60)
    assert ask() < first + 30_000  # queried again


def test_a_clock_set_back_is_detected_and_a_clock_set_forward_is_not() -> None:
    at = Clock()
    set_back = ClockSetBackDetector(at)
    assert not set_back.was_set_back()
    at.forward(HOUR)
    assert not set_back.was_set_back()
    at.forward(-2)
    assert set_back.was_set_back()
    assert not set_back.was_set_back()


def test_a_worker_can_start_while_the_database_clock_is_unavailable() -> None:
    def cannot_be_asked() -> int:
        raise StoreUnavailable("the server is restarting")

    set_back = ClockSetBackDetector(cannot_be_asked)
    with pytest.raises(StoreUnavailable):
        set_back.was_set_back()


def test_after_a_clock_was_set_back_no_job_waits_for_the_old_time(bench: Bench) -> None:
    runner = bench.runner()
    bench.enqueue()
    runner.claims.retry(runner.claim_one(), RAISED, delay_ms=2000)
    bench.enqueue()
    again = bench.enqueue()
    bench.clock.forward(1)
    bench.jobs.cancel(again)
    bench.jobs.retry(again)
    bench.clock.forward(-HOUR)
    assert runner.claims.claim(5) == []
    assert reschedule(bench.store.database, bench.clock(), 60_000, 3_600_000) == 3
    assert len(runner.claims.claim(5)) == 3


def test_a_requested_run_at_and_a_backoff_are_not_rescheduled(bench: Bench) -> None:
    runner = bench.runner()
    bench.enqueue()
    runner.claims.retry(runner.claim_one(), RAISED, delay_ms=60_000)
    asked = bench.enqueue(run_at=bench.clock() + HOUR * 1000)
    delayed = bench.enqueue(delay=HOUR)
    assert bench.job(asked).run_at == bench.job(delayed).run_at
    assert reschedule(bench.store.database, bench.clock(), 60_000, 3_600_000) == 0
