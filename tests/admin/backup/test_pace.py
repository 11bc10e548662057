"""How a backup leaves time to others."""

import os
import subprocess
from pathlib import Path

import pytest

from admin.backup.create import create
from admin.backup.destinations import pace as module
from admin.backup.destinations.archive import NewArchive
from admin.backup.destinations.chunks import Stored
from admin.backup.destinations.destination import BackupPlace
from admin.backup.destinations.folder import FolderPlace
from admin.backup.destinations.opening import open_new
from admin.backup.destinations.pace import Pace, seconds_without_processor
from storage.db import sqlite
from storage.settings.settings import Settings
from tests.support.stores import open_bench
from tests.support.waiting import wait_for

PIECES = 5


class Clock:
    """A clock that only sleeping and working move, in seconds."""

    def __init__(self) -> None:
        self.now = self.without_processor = 0.0
        self.slept: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


class CountedPace(Pace):
    """Counts its rests."""

    def __init__(self) -> None:
        super().__init__(share=1)
        self.rests = 0

    def rest(self) -> None:
        self.rests += 1


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(module, "time", made)
    monkeypatch.setattr(module, "seconds_without_processor", lambda: made.without_processor)
    return made


def test_a_rest_is_as_long_as_the_share_says(clock: Clock) -> None:
    pace = Pace(share=0.2)
    pace.rest()
    for worked in (0.010, 0.002):
        clock.now += worked
        pace.rest()
    assert clock.slept == pytest.approx([0, 0.040, 0.008])


def test_waiting_for_others_is_not_work(clock: Clock) -> None:
    pace = Pace(share=0.2)
    pace.rest()
    clock.now += 30
    pace.skip()
    clock.now += 0.001
    pace.rest()
    assert clock.slept == pytest.approx([0, 0.004])


def test_waiting_for_a_processor_is_not_work(clock: Clock) -> None:
    pace = Pace(share=0.2)
    pace.rest()
    for without_processor in (0.100, 0.111):  # the latter if it waits between the two readings
        clock.now += 0.110
        clock.without_processor += without_processor
        pace.rest()
    assert clock.slept == pytest.approx([0, 0.040, 0])


def test_the_kernel_tells_how_long_a_thread_waits_for_a_processor() -> None:
    others = [subprocess.Popen(["sh", "-c", "while :; do :; done"]) for _ in range(2)]
    allowed = os.sched_getaffinity(0)
    try:
        for pid in (0, *(each.pid for each in others)):
            os.sched_setaffinity(pid, {min(allowed)})
        before = seconds_without_processor()
        wait_for(lambda: sum(range(10**6)) and seconds_without_processor() > before + 0.01)
    finally:
        os.sched_setaffinity(0, allowed)
        for each in others:
            each.kill()
            each.wait()


def test_no_rest_is_longer_than_a_second(clock: Clock) -> None:
    pace = Pace(share=0.2)
    pace.rest()
    clock.now += 60
    pace.rest()
    assert clock.slept == [0, 1]


def test_a_share_of_one_never_sleeps(clock: Clock) -> None:
    BackupPlace.pace.rest()
    assert clock.slept == []


@pytest.mark.parametrize("kind", [FolderPlace, NewArchive])
def test_a_place_rests_after_each_piece_of_a_file(tmp_path: Path, kind: type[FolderPlace]) -> None:
    pace = CountedPace()
    place = kind(tmp_path / "backup", pace)
    with place.lock():
        place.write("files/ab/abc", [bytes(300_000)] * PIECES)
        assert pace.rests >= PIECES


def test_a_chunk_of_a_database_is_compressed_with_rests(tmp_path: Path) -> None:
    pace = CountedPace()
    place = FolderPlace(tmp_path, pace)
    with place.lock():
        Stored(place).chunk(bytes(1024**2))
        assert pace.rests >= 1024**2 // (128 * 1024)


@pytest.mark.parametrize("name", ["backups", "backup.tar.zst", "s3://bucket/backups"])
@pytest.mark.parametrize("pace", ["", "0.5"])
def test_a_backup_works_a_fifth_of_the_time_or_as_the_setting_says(
    tmp_path: Path, clock: Clock, name: str, pace: str
) -> None:
    settings = Settings.read({"BACKUP_PACE": pace})
    place = open_new(name if "://" in name else str(tmp_path / name), settings)
    place.pace.rest()
    clock.now += 0.1
    place.pace.rest()
    rest = 0.1 if pace or "://" in name else 0.4
    assert clock.slept == pytest.approx([0, rest])


@pytest.mark.parametrize("has_wal", [True, False], ids=["with a WAL", "without a WAL"])
def test_no_time_is_left_to_others_while_a_database_without_a_wal_keeps_writers_off(
    tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch, has_wal: bool
) -> None:
    monkeypatch.setattr(sqlite, "has_wal_reset_fix", lambda version: has_wal)
    place = FolderPlace(tmp_path / "backups", Pace(share=0.2))
    during = list[bool]()

    def progress(what: str, done: int, total: int) -> None:
        if what == "database":
            before = len(clock.slept)
            place.pace.rest()
            during.append(len(clock.slept) > before)

    with open_bench(f"sqlite:///{tmp_path / 'data/jobs.db'}", tmp_path) as bench, place.lock():
        bench.enqueue()
        create(bench.store.database, bench.store.uploads, place, progress)
    assert set(during) == {has_wal}
