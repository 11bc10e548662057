"""A writer that waits for long says who holds the write lock, and what the holder is doing."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from storage.db import timeouts
from storage.db.sqlite_file import lock_holder, write_lock
from storage.db.sqlite_file.lock_holder import COMMIT, LockNote, describe
from storage.db.sqlite_file.write_lock import WriteLock
from storage.records.job import StoreUnavailable
from tests.support.api import Client
from tests.support.stores import Bench, open_bench
from tests.support.waiting import wait_for

TRANSACTION = """
import sys, time
from storage.db.database import Database
from storage.db.database import open_engine
database = Database(open_engine(sys.argv[1]))
with database.transaction():
    database.next_version()
    print("held", flush=True)
    time.sleep(600)
"""
MESSAGE = "a change waits for the write lock of the database"


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'jobs.db'}"


@pytest.fixture
def bench(database_url: str, tmp_path: Path) -> Iterator[Bench]:
    with open_bench(database_url, tmp_path) as bench:
        yield bench


@pytest.fixture
def lock(tmp_path: Path) -> Iterator[WriteLock]:
    lock = WriteLock(tmp_path / "jobs.db-writer")
    yield lock
    lock.release()
    lock.close()


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timeouts, "BUSY_SECONDS", 0.6)
    monkeypatch.setattr(write_lock, "EXPLAIN_SECONDS", 0.2)


@contextmanager
def holding(code: str, argument: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program that holds the lock."""
    command = [sys.executable, "-c", code, argument]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as program:
        assert program.stdout is not None
        assert program.stdout.readline() == b"held\n"
        try:
            yield program
        finally:
            program.kill()


def holders(caplog: pytest.LogCaptureFixture) -> list[str]:
    """The holders that waiting writers have logged."""
    return [vars(record)["holder"] for record in caplog.records if record.message == MESSAGE]


@pytest.mark.heavy
def test_a_long_wait_logs_and_reports_what_the_holder_is_doing(
    bench: Bench, database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    with holding(TRANSACTION, database_url) as program:
        with pytest.raises(StoreUnavailable) as error:
            bench.enqueue()
        (logged,) = holders(caplog)
        for text in (logged, str(error.value)):
            assert f"process {program.pid} on " in text
            assert "and is running its statements for " in text
            assert "; it sleeps" in text
    assert bench.enqueue()
    assert len(holders(caplog)) == 1


@pytest.mark.heavy
def test_a_stopped_holder_is_recognized(
    bench: Bench, database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    with holding(TRANSACTION, database_url) as program:
        program.send_signal(signal.SIGSTOP)
        wait_for(lambda: psutil.Process(program.pid).status() == psutil.STATUS_STOPPED)
        with pytest.raises(StoreUnavailable, match="it is stopped by a signal"):
            bench.enqueue()


def test_a_short_wait_logs_nothing(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(3):
        bench.enqueue()
    assert holders(caplog) == []


def test_a_holder_in_another_container_is_named_by_its_note(
    lock: WriteLock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert lock.acquire(1)
    lock.note.step(COMMIT)
    monkeypatch.setattr(lock_holder, "namespace_of_pids", lambda: 1)
    told = described(tmp_path)
    assert told.startswith(f"process {os.getpid()} in another container ({os.uname().nodename}) ")
    assert "and is committing for 0." in told
    assert ";" not in told


def test_nothing_is_claimed_of_a_holder_that_no_source_names(
    lock: WriteLock, tmp_path: Path
) -> None:
    assert described(tmp_path).startswith("the holder is unknown")
    assert lock.acquire(1)
    lock.release()
    assert described(tmp_path).startswith("the holder is unknown")


def test_a_holder_that_has_died_is_recognized(
    tmp_path: Path, database_url: str, bench: Bench
) -> None:
    with holding(TRANSACTION, database_url):
        pass
    assert described(tmp_path).endswith("; it has died")


def described(folder: Path) -> str:
    """The description of the holder that a waiter would give now."""
    note = LockNote(folder / "jobs.db-writer.holder")
    try:
        return describe(note)
    finally:
        note.close()


def test_a_holder_that_waits_for_another_tool_is_recognized(bench: Bench, lock: WriteLock) -> None:
    assert lock.acquire(1)  # and it has not begun its transaction yet
    with pytest.raises(StoreUnavailable, match="waiting for a lock of SQLite itself"):
        bench.enqueue()


def test_a_wait_for_another_thread_of_the_program_is_explained(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    with ThreadPoolExecutor(1) as thread, bench.store.database.transaction():
        waiting = thread.submit(bench.enqueue)
        told = f"process {os.getpid()} on .* is running its statements"
        with pytest.raises(StoreUnavailable, match=told):
            waiting.result(20)
    assert len(holders(caplog)) == 1


def test_a_program_logs_the_holder_once_for_all_its_waiting_threads(
    lock: WriteLock,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(write_lock, "EXPLAIN_SECONDS", 0.4)
    assert lock.acquire(1)
    mine = WriteLock(tmp_path / "jobs.db-writer")
    with ThreadPoolExecutor(4) as threads:
        assert not any(threads.map(mine.acquire, [0.7] * 4))
    mine.close()
    assert len(holders(caplog)) == 1


@pytest.mark.parametrize("kind", ["folder", "empty", "garbage"])
def test_the_lock_works_whatever_lies_in_the_place_of_the_note(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "jobs.db-writer"
    note = Path(f"{path}.holder")
    if kind == "folder":
        note.mkdir()
    else:
        note.write_bytes(b"" if kind == "empty" else b"\xff" * 999)
    one, other = WriteLock(path), WriteLock(path)
    assert described(tmp_path)
    assert one.acquire(1)
    assert not other.acquire(0.3)
    assert ("process " in other.describe_holder()) == (kind != "folder")
    one.release()
    assert other.acquire(1)
    other.release()
    one.close()
    other.close()


@pytest.mark.gen_test
async def test_the_log_and_not_the_response_names_the_holder(
    client: Client, bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    lock = WriteLock(Path(f"{bench.store.database.engine.database}-writer"))
    assert lock.acquire(1)
    problem = await client.post("/jobs", {"type": "sleep", "payload": {"seconds": 0}}, status=503)
    lock.release()
    lock.close()
    assert "process" not in str(problem)
    reasons = [vars(record).get("reason", "") for record in caplog.records]
    assert any(f"process {os.getpid()} on " in reason for reason in reasons)


@pytest.mark.timing
def test_a_step_costs_less_than_a_microsecond(lock: WriteLock) -> None:
    assert lock.acquire(1)
    best = 1.0
    for _ in range(20):
        began = time.perf_counter()
        for _ in range(1000):
            lock.note.step(COMMIT)
        best = min(best, (time.perf_counter() - began) / 1000)
    assert best < 1e-6
