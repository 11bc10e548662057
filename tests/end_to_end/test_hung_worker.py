"""A worker whose main loop hangs is ended, and another one runs its jobs."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.support.programs import Program, Service, alive, running_service
from tests.support.waiting import wait_for

HANG = """
import ctypes, pathlib
from runner import __main__ as program, worker
from runner.supervisor.maintenance import Maintenance

run = Maintenance.run

def hang_once_the_file_exists(self):
    while pathlib.Path({gate!r}).exists():
        ctypes.PyDLL(None).pause()  # holds the interpreter's lock, so that no thread can run
    run(self)

if __name__ == "__main__":
    Maintenance.run = hang_once_the_file_exists
    worker.WATCHDOG_SECONDS = 5.0
    program.main()
"""


class HangingWorker(Program):
    """A worker that hangs once the file `gate` exists. Its lock keeps all its threads waiting."""

    def __init__(self, service: Service, gate: Path, **environ: str):
        self.name, self.log, self._family = "runner", service.folder / "hanging.log", []
        code = HANG.format(gate=str(gate))
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", code],
                env={**os.environ, **service.environ, **environ},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )


@pytest.fixture
def service(database_url: str, tmp_path: Path) -> Iterator[Service]:
    with running_service(database_url, tmp_path) as service:
        yield service


@pytest.mark.heavy
def test_a_hung_worker_is_ended_and_its_jobs_run_again_without_using_a_retry(
    service: Service, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    hanging = HangingWorker(service, gate, LEASE_SECONDS="12")
    try:
        hanging.logged("ready")
        job_id = service.submit(payload={"seconds": 3}, max_retries=0)
        service.wait_for_status(job_id, "running")
        family = hanging.family()
        gate.touch()
        assert hanging.process.wait(30) == -signal.SIGKILL
        wait_for(lambda: not any(map(alive, family)))
    finally:
        for process in hanging.family():
            if alive(process):
                process.kill()
        hanging.process.wait()
    (said,) = [line for line in hanging.lines() if "hangs" in line["message"]]
    assert (said["level"], said["worker"]) == ("CRITICAL", hanging.process.pid)
    assert said["seconds"] >= 5
    assert "hang_once_the_file_exists" in said["stacks"]
    service.worker()
    job = service.result(job_id)
    assert (job["status"], job["retry_count"], job["loss_count"]) == ("succeeded", 0, 1)


@pytest.mark.heavy
def test_a_worker_that_is_only_stopped_goes_on_with_its_jobs(service: Service) -> None:
    worker = service.worker(**{"runner.worker.WATCHDOG_SECONDS": "5", "LEASE_SECONDS": "60"})
    job_id = service.submit(payload={"seconds": 2})
    service.wait_for_status(job_id, "running")
    process = psutil.Process(worker.process.pid)
    process.suspend()
    watchdog = next(each for each in process.children() if each.name() == "fork-server")
    before = watchdog.num_ctx_switches().voluntary
    # It checks every half second, so this takes longer than WATCHDOG_SECONDS.
    wait_for(lambda: watchdog.num_ctx_switches().voluntary >= before + 15, timeout=40)
    process.resume()
    job = service.result(job_id)
    assert (job["status"], job["attempt"]) == ("succeeded", 1)
    assert worker.stop() == 0
