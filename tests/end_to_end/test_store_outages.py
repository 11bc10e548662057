"""The store fails while the programs run. Both programs recover, and no job is lost."""

import itertools
import os
import signal
import threading
import time
import urllib.error
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from storage.open import open_store
from storage.settings.settings import Settings
from tests.storage.test_unusable_stores import locked_by_another_tool
from tests.support.programs import Program, Service, running_service
from tests.support.servers import postgres
from tests.support.waiting import wait_for

LOCKED_SECONDS = float(os.environ.get("LOCKED_SECONDS", "10"))
"""How long another program locks the store. More than a minute has been tried, too."""
LEASE_SECONDS = "9"
"""Shorter than LOCKED_SECONDS, so the lease must be renewed while jobs cannot be read."""
RESTARTS = 3
SLEEP = {"type": "sleep", "payload": {"seconds": 0}}


@pytest.fixture
def service(database_url: str, tmp_path: Path) -> Iterator[Service]:
    with running_service(database_url, tmp_path) as service:
        yield service


def cpu_seconds(program: Program) -> float:
    """The CPU time of a program itself, without its child processes."""
    times = psutil.Process(program.process.pid).cpu_times()
    return float(times.user + times.system)


@contextmanager
def no_program_is_busy(*programs: Program) -> Iterator[None]:
    """Fail if a program is busy for most of the time, because it retries without a pause."""
    before, began_at = [cpu_seconds(each) for each in programs], time.monotonic()
    yield
    seconds = time.monotonic() - began_at
    used = [cpu_seconds(each) - start for each, start in zip(programs, before, strict=True)]
    assert max(used) < seconds / 2, (used, seconds)


@pytest.mark.heavy
@pytest.mark.timeout(60 + 2 * LOCKED_SECONDS)
def test_the_programs_wait_for_a_store_that_another_program_locks(service: Service) -> None:
    worker = service.worker(LEASE_SECONDS=LEASE_SECONDS)
    job_id = service.submit(payload={"seconds": LOCKED_SECONDS})  # so that the lease matters
    service.wait_for_status(job_id, "running")
    store = open_store(Settings.read(service.environ))
    with (
        locked_by_another_tool(store.database),
        no_program_is_busy(worker, service.listener),
    ):
        until = time.monotonic() + LOCKED_SECONDS
        while time.monotonic() < until:
            assert service.call("POST", "/jobs", SLEEP)[0] == 503
    store.close()
    job = service.result(job_id)
    assert (job["status"], job["attempt"]) == ("succeeded", 1)
    assert service.result(service.submit(payload={"seconds": 0}))["status"] == "succeeded"
    assert (worker.stop(), service.listener.stop()) == (0, 0)


@pytest.mark.heavy
@pytest.mark.sqlite
def test_a_damaged_database_takes_no_job_until_it_is_restored_and_all_programs_are_restarted(
    service: Service, tmp_path: Path
) -> None:
    worker = service.worker()
    job_id = service.submit(payload={"seconds": 4})
    service.wait_for_status(job_id, "running")
    file = tmp_path / "jobs.db"
    with no_program_is_busy(worker, service.listener), damaged(file, service):
        wait_for(lambda: service.call("GET", f"/jobs/{job_id}")[0] == 503, timeout=20)
        wait_for(lambda: damage_lines(worker), timeout=20)
        for _ in range(5):
            assert_is_refused(service)
    assert_is_refused(service)
    for program in (worker, service.listener):
        (line,) = damage_lines(program)
        assert "malformed" in line["reason"]
        assert (line["level"], program.stop()) == ("ERROR", 0)
    restarted = another_listener(service)
    service.worker()
    assert restarted.result(job_id)["status"] == "succeeded"
    assert restarted.result(restarted.submit(payload={"seconds": 0}))["status"] == "succeeded"


def assert_is_refused(service: Service) -> None:
    """Assert that a listener takes no job and no upload, on any path, and is not ready."""
    told = "the database is damaged: its operator must restore a copy and restart the service"
    for path in ("/jobs", "/jobs?wait=1", "/jobs?wait=01.0"):
        status, problem = service.call("POST", path, SLEEP)
        assert (status, problem["code"], problem["detail"]) == (503, "store_damaged", told), path
    with pytest.raises(urllib.error.HTTPError, match="503"):
        service.upload(b"text", {"patterns": ["a"]})
    assert service.call("GET", "/readyz")[0] == 503


def damage_lines(program: Program) -> list[dict[str, Any]]:
    """All lines about the store that a program has logged."""
    lines = program.lines()
    return [each for each in lines if "reason" in each and "control group" not in each["message"]]


@contextmanager
def damaged(file: Path, service: Service) -> Iterator[None]:
    """Overwrite a database file in place, except its header, and restore it at the end."""
    store = open_store(Settings.read(service.environ))
    store.database.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # else it would be read from the WAL
    store.close()
    content = file.read_bytes()
    try:
        write_in_place(file, content[:100] + b"\xff" * (len(content) - 100))
        yield
    finally:
        write_in_place(file, content)


def write_in_place(file: Path, content: bytes) -> None:
    # Closing a file drops the POSIX locks of its own process only, so the programs keep theirs.
    with file.open("r+b") as target:
        target.write(content)


@pytest.fixture
def server() -> Iterator[postgres.PostgresServer]:
    """A PostgreSQL server for this test alone."""
    lack = postgres.missing()
    if lack is not None:
        pytest.skip(lack)
    with postgres.running_server() as server:
        yield server


@pytest.mark.heavy
@pytest.mark.parametrize("number", [signal.SIGQUIT, signal.SIGINT], ids=["crash", "stop"])
def test_no_job_is_lost_while_the_database_server_restarts_repeatedly_under_load(
    server: postgres.PostgresServer, tmp_path: Path, number: signal.Signals
) -> None:
    with server.new_database() as url, running_service(url, tmp_path) as service:
        workers = [service.worker() for _ in range(2)]
        other = another_listener(service)
        streams = [Stream(each, tmp_path / str(at)) for at, each in enumerate((service, other))]
        for _ in range(RESTARTS):
            seen = [stream.ended() for stream in streams]
            wait_for_more(lambda: [stream.ended() for stream in streams], seen, 5)
            refused = [stream.refused for stream in streams]
            server.stop(number)
            wait_for_more(lambda: [stream.refused for stream in streams], refused, 1)
            server.start()
        for stream in streams:
            stream.stop()
            stream.check()
        programs = [*workers, service.listener, other.listener]
        assert [program.stop() for program in programs] == [0] * 4


def another_listener(service: Service) -> Service:
    """A second listener of the same service."""
    listener = service.program("server")
    port = listener.logged("listening")["port"]
    return replace(service, listener=listener, base_url=f"http://127.0.0.1:{port}")


def wait_for_more(counts: Callable[[], list[int]], before: list[int], more: int) -> None:
    """Wait until each count has grown by `more`."""
    wait_for(lambda: all(now >= b + more for now, b in zip(counts(), before, strict=True)), 30)


class Stream:
    """Submits jobs from a thread, one after another. Each job adds a line to its own file."""

    def __init__(self, service: Service, folder: Path):
        self._service = service
        self._notes = folder / "notes"
        self._notes.mkdir(parents=True)
        self._statuses: dict[Path, tuple[int, Any]] = {}
        self.refused = 0
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._submit)
        self._thread.start()

    def ended(self) -> int:
        """How many jobs have run to their end."""
        return len(list(self._notes.iterdir()))

    def stop(self) -> None:
        """Stop submitting."""
        self._stopping.set()
        self._thread.join()

    def check(self) -> None:
        """Check that each job that was stored ran once: all accepted ones, maybe uncertain ones."""
        for file, (status, answer) in self._statuses.items():
            assert status in (202, 503), answer
            job_id = answer.get("job_id")
            if status == 202:
                assert self._service.result(job_id)["attempt"] == 1
            there = job_id and self._service.call("GET", f"/jobs/{job_id}")[0] == 200
            if there:
                assert self._service.result(job_id)["status"] == "succeeded"
            assert (file.read_text() if file.exists() else "") == ("ran\n" if there else "")

    def _submit(self) -> None:
        for number in itertools.count():
            file = self._notes / str(number)
            payload = {"notes": str(file), "seconds": 0.1}
            document = {"type": "steps", "payload": payload}
            self._statuses[file] = self._service.call("POST", "/jobs", document)
            self.refused += self._statuses[file][0] == 503
            if self._stopping.wait(0.03):
                return
