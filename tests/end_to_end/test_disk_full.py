"""A completely full disk: the programs lose nothing, and recover by themselves."""

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from storage.files.space_reserve import RESERVE_BYTES
from storage.open import open_store
from storage.settings.settings import Settings
from tests.support.disk.small_disks import KINDS, fill_disk, small_disk
from tests.support.programs import Program, Service, running_service
from tests.support.waiting import wait_for


@pytest.fixture(params=KINDS)
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "disk", request.param) as folder:
        yield folder


@pytest.fixture
def service(disk: Path, tmp_path: Path) -> Iterator[Service]:
    """Both programs on a small disk, with their logs on another. No watermark protects the disk."""
    with running_service("", tmp_path, DATA_DIR=str(disk / "data"), MIN_FREE_BYTES="0") as service:
        yield service


def failures(worker: Program) -> int:
    """How often the worker has logged that its store failed."""
    return sum("the store failed" in line["message"] for line in worker.lines())


def unfinished(service: Service) -> list[Any]:
    """The jobs that are queued or running."""
    return service.call("GET", "/jobs?status=queued,running")[1]["items"]  # type: ignore[no-any-return]


def submit_until_refused(service: Service) -> list[str]:
    """Submit jobs until one is refused, and return the ids of the accepted ones.

    A few can be accepted, because the files of the store can have free pages.
    """
    accepted = []
    while True:
        document = {"type": "sleep", "payload": {"seconds": 0}}
        status, answer = service.call("POST", "/jobs", document)
        if status == 202:
            accepted.append(answer["job_id"])
        else:
            assert status == 507, answer
            return accepted


@pytest.mark.heavy
def test_jobs_are_refused_and_none_is_lost_while_the_disk_is_full(
    service: Service, disk: Path
) -> None:
    worker = service.worker()
    for job_id in [service.submit(payload={"seconds": 0.5}) for _ in range(3)]:
        service.result(
            job_id
        )  # now each slot has its work folder, and needs no space for a new one
    running = [service.submit(payload={"seconds": 5}) for _ in range(2)]
    for job_id in running:
        service.wait_for_status(job_id, "running")
    queued = [service.submit(payload={"seconds": 0}) for _ in range(5)]
    used = sum(psutil.Process(worker.process.pid).cpu_times()[:2])
    began_at = time.monotonic()
    with fill_disk(disk):
        last = submit_until_refused(service)
        # On a busy machine, a checkpoint can make room for the results of all jobs.
        wait_for(lambda: failures(worker) >= 3 or not unfinished(service), timeout=30)
        assert service.call("GET", "/healthz")[0] == 200
        seconds = time.monotonic() - began_at
        busy = sum(psutil.Process(worker.process.pid).cpu_times()[:2]) - used
    assert busy < seconds / 2, (busy, seconds)
    for job_id in running + queued + last:
        job = service.result(job_id)
        assert (job["status"], job["attempt"]) == ("succeeded", 1), job["attempts"]
    assert service.result(service.submit(payload={"seconds": 0}))["status"] == "succeeded"
    assert (worker.stop(), service.listener.stop()) == (0, 0)


@pytest.mark.heavy
def test_jobs_can_be_canceled_while_the_disk_is_full(service: Service, disk: Path) -> None:
    worker = service.worker(CONCURRENCY_LIMIT="2")
    reserve = disk / "data" / "jobs.db-reserve"
    wait_for(lambda: reserve.exists() and reserve.stat().st_size == RESERVE_BYTES, 30)
    running = [service.submit(payload={"seconds": 600}) for _ in range(2)]
    for job_id in running:
        service.wait_for_status(job_id, "running")
    queued = [service.submit(payload={"seconds": 600}) for _ in range(12)]
    with fill_disk(disk):
        submit_until_refused(service)
        for job_id in queued[:2]:
            status, answer = service.call("POST", f"/jobs/{job_id}/cancel")
            assert (status, answer["status"]) == (200, "canceled"), answer
        for job_id in running:
            assert service.call("POST", f"/jobs/{job_id}/cancel")[0] in (200, 202)
        for job_id in running:
            service.wait_for_status(job_id, "canceled")
        status, answer = service.call("POST", "/jobs/cancel", {"all": True})
        assert (status, answer["changed"] >= 10) == (200, True), answer
        for job_id in queued:
            service.wait_for_status(job_id, "canceled")
    assert service.result(service.submit(payload={"seconds": 0}))["status"] == "succeeded"
    assert (worker.stop(), service.listener.stop()) == (0, 0)


@pytest.mark.heavy
@pytest.mark.parametrize("name", ["server", "runner"])
@pytest.mark.parametrize("is_new", [True, False])
def test_a_program_that_starts_on_a_full_disk_waits_for_room(
    disk: Path, tmp_path: Path, name: str, is_new: bool
) -> None:
    environ = {"DATA_DIR": str(disk / "data"), "PORT": "0", "HOST": "127.0.0.1"}
    if not is_new:
        open_store(Settings.read(environ), timeout=5).close()
        (disk / "data" / "work").mkdir()
    with fill_disk(disk):
        program = Program(name, tmp_path, environ)
        said = program.logged("cannot start yet, waiting")
        assert any(text in said["reason"] for text in ("No space", "full", "I/O")), said
    try:
        program.logged("listening" if name == "server" else "ready")
    finally:
        assert program.stop() == 0


@pytest.mark.heavy
def test_a_worker_that_starts_with_a_full_dev_shm_waits_for_room(tmp_path: Path) -> None:
    starter = ("unshare", "--user", "--map-root-user", "--mount")
    if subprocess.run([*starter, "true"], capture_output=True).returncode:
        pytest.skip("no process namespaces can be made here")
    fill = "mount -t tmpfs -o size=1m none /dev/shm; head -c 1M /dev/zero >/dev/shm/filler"
    environ = {"DATA_DIR": str(tmp_path / "data")}
    program = Program("runner", tmp_path, environ, (*starter, "sh", "-c", f'{fill}; exec "$@"', ""))
    try:
        said = program.logged("cannot start yet, waiting")
        assert "/dev/shm" in said["reason"], said
        Path("/proc", str(program.process.pid), "root", "dev/shm/filler").unlink()
        program.logged("ready")
    finally:
        assert program.stop() == 0
