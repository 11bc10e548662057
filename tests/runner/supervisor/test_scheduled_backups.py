"""A worker starts a backup when one is due, and ends it when the worker stops."""

import sys

import psutil
import pytest

from runner.supervisor.scheduled_backups import RETRY_SECONDS, BackupPlan, ScheduledBackups
from storage.db.backups_made import read_backups, record_backup, record_failed_backup
from tests.support.stores import Bench
from tests.support.waiting import wait_for

PLAN = BackupPlan("/none", 3600, 7)


class Backups(ScheduledBackups):
    """Starts a program of the test instead of a backup."""

    program = "import time; time.sleep(60)"
    started = 0

    def _command(self) -> list[str]:
        self.started += 1
        return [sys.executable, "-c", self.program]

    def ended(self) -> bool:
        """Whether the last program has ended."""
        return self._process is None or self._process.poll() is not None


def test_a_backup_is_due_without_one_and_an_interval_after_the_last(bench: Bench) -> None:
    backups = Backups(PLAN, bench.store.database, bench.clock)
    backups.program = "pass"
    backups.check()
    wait_for(backups.ended, 50)
    record_backup(bench.store.database, bench.clock())
    for seconds, started in ((0, 1), (3599, 1), (1, 2)):
        bench.clock.forward(seconds)
        backups.check()
        assert backups.started == started
    backups.close()


@pytest.mark.sqlite
def test_there_is_one_program_at_a_time_and_it_ends_with_the_worker(bench: Bench) -> None:
    backups = Backups(PLAN, bench.store.database, bench.clock)
    for _ in range(3):
        backups.check()
    assert backups.started == 1
    assert backups._process
    process = psutil.Process(backups._process.pid)
    backups.close()
    assert not process.is_running()


@pytest.mark.sqlite
def test_a_backup_that_failed_is_tried_again_later(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    backups = Backups(PLAN, bench.store.database, bench.clock)
    backups.program = "raise SystemExit(1)"
    backups.check()
    wait_for(backups.ended, 50)
    for _ in range(3):
        backups.check()
    assert backups.started == 1
    assert RETRY_SECONDS >= 60
    monkeypatch.setattr(backups, "_not_before", 0.0)
    backups.check()
    assert backups.started == 2
    backups.close()


def test_backups_are_counted_and_the_last_one_is_known(bench: Bench) -> None:
    database = bench.store.database
    assert read_backups(database).last_at is None
    record_backup(database, 5000)
    record_failed_backup(database)
    record_backup(database, 7000)
    found = read_backups(database)
    assert (found.last_at, found.succeeded, found.failed) == (7000, 2, 1)
