"""Checks of a deployment by `docker compose up` whose small volume is full (P10)."""

import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.support.waiting import wait_for
from tests.system.docker.client import Client, outcomes
from tests.system.docker.compose import Compose
from tests.system.docker.engine import complaints, docker, python

FILES = ("tests/system/docker/files/small_volume.yml",)
RUNNING_SECONDS = 4.0
WARNINGS_A_SECOND = 4.0
"""Most warnings that a worker may log: it polls the store every second and after job events."""

FILL = """
import errno, os
file = os.open('/data/filler', os.O_WRONLY | os.O_CREAT | os.O_APPEND)
for size in (2**20, 2**12, 1):
    try:
        while True:
            os.write(file, bytes(size))
    except OSError as error:
        assert error.errno == errno.ENOSPC, error
"""
MAKE_ROOM = "import os; os.unlink('/data/filler')"
SIZE = "import os; found = os.statvfs('/data'); print(found.f_frsize * found.f_blocks)"


def services_with_a_small_volume_start(compose: Compose) -> str:
    compose.up()
    sizes = {python(each, SIZE) for each in _containers(compose)}
    assert sizes == {str(32 * 2**20)}, sizes
    return "32 MB"


def a_full_volume_refuses_jobs_loses_none_and_stops_nothing(compose: Compose) -> str:
    """Jobs end and become due while the volume is full. All succeed once there is space again."""
    one, other = compose.listeners()
    (worker,) = compose.containers("worker")
    starts = _starts(compose)
    accepted = [one.sleep(RUNNING_SECONDS) for _ in range(3)]
    for job_id in accepted:
        one.running(job_id)
    accepted += [other.sleep(0) for _ in range(5)]
    with _full(compose):
        began_at, before = time.monotonic(), _warnings(worker)
        last = _submit_until_refused(one) + _submit_until_refused(other)
        assert _refusal_of_a_file(one) == 507
        # No response shows that a job has ended while its end cannot be stored, so wait by time.
        wait_for(lambda: time.monotonic() > began_at + RUNNING_SECONDS + 1, timeout=60)
        assert [each.is_well() for each in (one, other)] == [True, True]
        seconds, count = time.monotonic() - began_at, _warnings(worker) - before
        assert count <= WARNINGS_A_SECOND * seconds + len(last), (count, seconds)
    for job_id in accepted + last:
        job = one.final(job_id)
        assert (job["status"], outcomes(job)) == ("succeeded", ["returned"]), job
    wait_for(lambda: [_submit(each)[0] for each in (one, other)] == [202, 202], timeout=30)
    assert _starts(compose) == starts
    return f"{len(accepted + last)} accepted, {count} warnings in {seconds:.0f} s"


def a_worker_that_starts_on_a_full_volume_waits_for_room(compose: Compose) -> None:
    """Its predecessor was killed during a job, which runs again once there is space."""
    one, _ = compose.listeners()
    (worker,) = compose.containers("worker")
    job_id = one.sleep(3)
    one.running(job_id)
    docker("kill", "--signal", "KILL", worker)
    with _full(compose):
        lines = len(_log(worker))
        docker("start", worker)
        wait_for(lambda: len(_log(worker)) > lines, timeout=30)
        started = _starts(compose)
    job = one.final(job_id)
    assert (job["status"], outcomes(job)) == ("succeeded", ["lost", "returned"]), job
    assert _starts(compose) == started


def removing_the_small_volume_leaves_nothing(compose: Compose) -> None:
    compose.remove()
    assert _containers(compose) == []


def _containers(compose: Compose) -> list[str]:
    services = ("listener", "worker")
    return [each for name in services for each in compose.containers(name, everything=True)]


def _starts(compose: Compose) -> list[str]:
    """The start time of each container. A later one means that its program had ended."""
    return [docker("inspect", "-f", "{{.State.StartedAt}}", id) for id in _containers(compose)]


@contextmanager
def _full(compose: Compose) -> Iterator[None]:
    """Fill the volume to its last byte for the duration of the block."""
    container = compose.containers("listener")[0]
    try:
        python(container, FILL)
        yield
    finally:
        python(container, MAKE_ROOM)


def _submit(listener: Client) -> tuple[int, str]:
    """Submit a job. Returns the status, and the job's id or the code of the problem."""
    document = {"type": "sleep", "payload": {"seconds": 0}}
    status, response = listener.call("POST", "/jobs", document)
    return status, response["job_id"] if status == 202 else response["code"]


def _submit_until_refused(listener: Client) -> list[str]:
    """Submit until one is refused. Returns the ids of those accepted before: the files of the store
    may have some space left."""
    accepted: list[str] = []

    def is_refused() -> bool:
        status, text = _submit(listener)
        if status == 202:
            accepted.append(text)
        else:
            assert (status, text) == (507, "disk_full")
        return status != 202

    wait_for(is_refused, timeout=60)
    return accepted


def _refusal_of_a_file(listener: Client) -> int:
    """Upload a file, which must be refused. Returns the status."""
    try:
        raise AssertionError(f"accepted: {listener.analyze(b'ERROR')}")
    except subprocess.CalledProcessError as error:
        return int(json.loads(error.stdout)["status"])


def _log(container: str) -> list[dict[str, Any]]:
    """The log of a container's program."""
    return [json.loads(line) for line in complaints("logs", container).splitlines()]


def _warnings(container: str) -> int:
    """The number of warnings and errors in a program's log."""
    return sum(line["level"] in ("WARNING", "ERROR") for line in _log(container))


CHECKS = (
    a_full_volume_refuses_jobs_loses_none_and_stops_nothing,
    a_worker_that_starts_on_a_full_volume_waits_for_room,
    removing_the_small_volume_leaves_nothing,
)
