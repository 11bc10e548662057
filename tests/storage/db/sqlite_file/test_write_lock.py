"""Writers on SQLite wait in one queue, each with its own timeout."""

import contextlib
import fcntl
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from storage.db import timeouts
from storage.db.sqlite_file.write_lock import WriteLock
from storage.records.job import StoreUnavailable, StoreUnusable
from tests.storage.test_open import is_waited_for
from tests.support.programs import has_open, running_service
from tests.support.stores import Bench, open_bench
from tests.support.waiting import wait_for

HOLD = "import fcntl, sys, time; file = open(sys.argv[1], 'w'); fcntl.flock(file, fcntl.LOCK_EX)"
HOLD += "; print('held', flush=True); time.sleep(600)"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "jobs.db-writer"


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with open_bench(f"sqlite:///{tmp_path / 'jobs.db'}", tmp_path) as bench:
        yield bench


@pytest.fixture
def other(path: Path) -> Iterator[WriteLock]:
    """The lock as another program has it."""
    lock = WriteLock(path)
    yield lock
    lock.release()
    lock.close()


def is_free(path: Path) -> bool:
    """Return whether the lock can be acquired at once."""
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


def test_a_writer_waits_until_the_other_releases_the_lock(path: Path, other: WriteLock) -> None:
    assert other.acquire(1)
    mine = WriteLock(path)
    with ThreadPoolExecutor(1) as thread:
        waiting = thread.submit(mine.acquire, 10)
        wait_for(lambda: is_waited_for(path))
        other.release()
        assert waiting.result(10)
        assert not is_free(path)
        thread.submit(mine.release).result()
    assert is_free(path)
    mine.close()


def test_a_waiter_that_timed_out_does_not_keep_the_lock(path: Path, other: WriteLock) -> None:
    assert other.acquire(1)
    mine = WriteLock(path)
    assert not mine.acquire(0.05)
    other.release()
    wait_for(lambda: not is_waited_for(path))
    third = WriteLock(path)
    assert third.acquire(5)
    third.release()
    third.close()
    mine.close()


def test_a_waiter_that_timed_out_and_tries_again_keeps_waiting(
    path: Path, other: WriteLock
) -> None:
    assert other.acquire(1)
    mine = WriteLock(path)
    assert not mine.acquire(0.05)
    with ThreadPoolExecutor(1) as thread:
        waiting = thread.submit(mine.acquire, 10)
        other.release()
        assert waiting.result(10)
        thread.submit(mine.release).result()
    mine.close()


def test_threads_of_one_program_exclude_each_other(other: WriteLock) -> None:
    assert other.acquire(1)
    with ThreadPoolExecutor(1) as thread:
        assert not thread.submit(other.acquire, 0.05).result()
        thread.submit(other.release).result()  # it has none, and takes none away
        assert not thread.submit(other.acquire, 0).result()


def test_the_lock_of_a_killed_program_is_free(path: Path, other: WriteLock) -> None:
    command = [sys.executable, "-c", HOLD, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        assert not is_free(path)
        holder.send_signal(signal.SIGKILL)
    assert other.acquire(5)


def test_a_program_stopped_while_waiting_does_not_block_others(
    path: Path, other: WriteLock
) -> None:
    assert other.acquire(1)
    command = [sys.executable, "-c", HOLD, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as waiting:
        wait_for(lambda: is_waited_for(path))
        waiting.send_signal(signal.SIGSTOP)
        wait_for(lambda: psutil.Process(waiting.pid).status() == psutil.STATUS_STOPPED)
        other.release()
        assert other.acquire(5)
        other.release()
        waiting.send_signal(signal.SIGCONT)
        assert waiting.stdout is not None
        assert waiting.stdout.readline() == b"held\n"
        waiting.kill()


def test_a_change_times_out_waiting_for_the_lock_and_a_query_does_not_wait(
    bench: Bench, other: WriteLock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timeouts, "BUSY_SECONDS", 0.1)
    job_id = bench.enqueue()
    assert other.acquire(1)
    with pytest.raises(StoreUnavailable, match="others have been writing"):
        bench.enqueue()
    assert bench.job(job_id).status == "queued"
    other.release()
    assert bench.enqueue()


@pytest.mark.heavy
def test_the_lock_is_released_however_the_transaction_ends(bench: Bench, path: Path) -> None:
    database = bench.store.database
    bench.enqueue()
    assert is_free(path)
    with contextlib.suppress(ZeroDivisionError), database.transaction():
        assert not is_free(path)
        raise ZeroDivisionError
    assert is_free(path)
    stranger = database.raw_connection()
    stranger.execute("BEGIN EXCLUSIVE")
    with pytest.raises(StoreUnavailable, match="locked"):
        bench.enqueue()
    stranger.close()
    assert is_free(path)


def test_no_other_program_writes_during_a_transaction(bench: Bench) -> None:
    database = bench.store.database
    stranger = database.raw_connection()
    stranger.execute("PRAGMA busy_timeout = 0")
    with database.transaction(), pytest.raises(Exception, match="locked"):
        stranger.execute("UPDATE counter SET value = value")
    stranger.close()


def test_a_deleted_or_replaced_file_is_not_written_to(bench: Bench, tmp_path: Path) -> None:
    bench.enqueue()
    file, aside = tmp_path / "jobs.db", tmp_path / "aside"
    file.rename(aside)
    with pytest.raises(StoreUnusable, match="deleted or replaced"):
        bench.enqueue()
    assert not file.exists()
    file.write_bytes(aside.read_bytes())
    with pytest.raises(StoreUnusable, match="deleted or replaced"):
        bench.enqueue()
    aside.rename(file)
    assert bench.enqueue()


def test_keepers_and_job_processes_do_not_inherit_the_lock(tmp_path: Path, path: Path) -> None:
    with running_service(f"sqlite:///{tmp_path / 'jobs.db'}", tmp_path) as service:
        worker = service.worker()
        service.result(service.submit(payload={"seconds": 0}))
        own, *others = worker.family()
        assert has_open(own, path)
        assert len(others) >= 2
        assert [each for each in others if has_open(each, path)] == []
