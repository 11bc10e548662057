"""A worker wakes when a schedule is due, fires it and runs its job."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from runner.supervisor import supervisor
from storage.records.filters import Filters
from storage.records.job import Job
from storage.records.schedule import Missed, Overlap, ScheduleSettings, Timing
from storage.schedules.schedules import Schedules
from tests.support.workers import Worker, open_worker

pytestmark = pytest.mark.sqlite


@pytest.fixture
def worker(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Worker]:
    """A worker that does not look for jobs now and then: something must wake it."""
    monkeypatch.setattr(supervisor, "POLL_SECONDS", 3600.0)
    monkeypatch.setattr(supervisor, "IDLE_POLL_SECONDS", 3600.0)
    with open_worker(database_url, tmp_path) as worker:
        yield worker


def put(worker: Worker) -> None:
    store, timing = worker.store, Timing(None, 3, "UTC")
    settings = ScheduleSettings(
        "sleep",
        {"seconds": 0},
        timing,
        Missed.ONCE,
        Overlap.SKIP,
        False,
        None,
        {},
        "{}",
        '{"seconds":0}',
    )
    schedules = Schedules(store.database, store.wakeup, store.clock, worker.jobs.add)
    schedules.put("s", settings, None, lambda stored: None)


@pytest.mark.heavy
def test_an_idle_worker_fires_a_new_schedule_and_runs_its_jobs(worker: Worker) -> None:
    worker.turn_until(lambda: worker.supervisor.is_registered)
    put(worker)

    def ended() -> list[Job]:
        jobs = worker.jobs.list(Filters(schedule="s"), 9).jobs
        return [job for job in jobs if job.status == "succeeded"]

    worker.turn_until(lambda: len(ended()) >= 1)
