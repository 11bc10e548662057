"""Jobs that attack the service. It keeps answering, and other jobs end in time."""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.loganalysis.test_open_source import COMPRESS
from tests.support.programs import Service, running_service
from tests.support.waiting import wait_for

pytestmark = pytest.mark.timing

MIB = 2**20
SETTINGS = {
    "JOB_TYPES": "runner.job_types,tests.support.job_types.hostile",
    "JOB_WRITE_PATHS": "",
    "CONCURRENCY_LIMIT": "2",
    "JOB_MEMORY_BYTES": str(128 * MIB),
    "JOB_FOLDER_BYTES": str(16 * MIB),
    "JOB_PROCESSES": "50",
    "CALLBACK_SECRET": "s3cret-s3cret-s3cret",
    "API_PASSWORD": "s3cret",
}
ANSWER_SECONDS = 15.0
"""Enough for a machine with two cores that runs other tests as well: an answer has taken six
seconds while a job forked thousands of processes."""


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with running_service("", tmp_path_factory.mktemp("attacks"), **SETTINGS) as service:
        service.worker()
        yield service


@contextmanager
def watched(service: Service) -> Iterator[None]:
    """Check that the service answers throughout the block, and that another job ends in time."""
    seconds: list[float] = []
    over = threading.Event()

    def ask() -> None:
        while not over.wait(0.05):
            asked_at = time.monotonic()
            assert service.call("GET", "/healthz")[0] == 200
            seconds.append(time.monotonic() - asked_at)

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        neighbour = service.submit("sleep", {"seconds": 0.5})
        yield
        assert service.result(neighbour)["status"] == "succeeded"
    finally:
        over.set()
        asking.join()
    assert seconds
    assert max(seconds) < ANSWER_SECONDS
    later = [service.submit("sleep", {"seconds": 0}) for _ in range(4)]  # in every slot
    assert {service.result(job_id)["status"] for job_id in later} == {"succeeded"}


def attack(service: Service, do: str) -> str:
    return service.submit("attack", {"do": do}, max_retries=0)


@pytest.mark.heavy
@pytest.mark.parametrize(
    ("do", "error", "names"),
    [
        ("eat_memory", "OutOfMemory", "JOB_MEMORY_BYTES"),
        ("fork", "ProcessesExceeded", "JOB_PROCESSES"),
        ("fill_folder", "FolderExceeded", "JOB_FOLDER_BYTES"),
    ],
)
def test_only_the_job_that_exceeds_a_limit_fails(
    service: Service, do: str, error: str, names: str
) -> None:
    with watched(service):
        job = service.result(attack(service, do))
    assert job["status"] == "failed"
    assert job["error"]["type"] == error
    assert names in job["error"]["message"]
    assert list(Path(job["progress"]["folder"]).glob("*")) == []


def test_a_job_that_ignores_all_signals_can_be_canceled(service: Service) -> None:
    with watched(service):
        job_id = attack(service, "ignore_signals")
        service.wait_for_status(job_id, "running")
        wait_for(lambda: service.job(job_id)["progress"])
        status, _ = service.call("POST", f"/jobs/{job_id}/cancel")
        assert status == 200
        assert service.job(job_id)["status"] == "canceled"


def test_a_job_that_prints_a_gigabyte_keeps_a_bounded_log(service: Service) -> None:
    with watched(service):
        job = service.result(attack(service, "print_much"), timeout=50)
    assert job["status"] == "succeeded"
    size = sum(file.stat().st_size for file in (service.folder / "data").glob("jobs.db*"))
    assert size < 32 * MIB
    assert max(file.stat().st_size for file in service.folder.glob("*.log")) < MIB


def test_a_job_finds_no_secrets(service: Service) -> None:
    found = service.result(attack(service, "look_around"))["result"]
    assert "s3cret" not in found["environ"]
    assert found["runner"] is (
        os.geteuid() == 0
    )  # only root may read the environment of the runner


def bomb(name: str, mebibytes: int) -> bytes:
    """A compressed file that expands to so many MiB of zeros, a thousand times its size or more."""
    return COMPRESS[name](bytes(16 * MIB)) * (mebibytes // 16)


@pytest.mark.heavy
@pytest.mark.parametrize("name", ["gzip", "zstd", "xz", "bzip2"])
def test_a_decompression_bomb_fails_with_its_progress_and_little_memory(
    service: Service, name: str
) -> None:
    with watched(service):
        job_id = service.upload(bomb(name, 20 * 1024), {"patterns": ["x"], "lines": False})
        job = service.result(job_id, timeout=50)
    assert job["status"] == "failed"
    assert "times its file" in job["error"]["message"]
    assert job["progress"]["counts"] == {"x": 0}
    (attempt,) = job["attempts"]
    assert attempt["peak_memory_bytes"] < 64 * 10**6


def test_the_analysis_of_a_decompression_bomb_can_be_canceled(service: Service) -> None:
    with watched(service):
        job_id = service.upload(bomb("bzip2", 64 * 1024), {"patterns": ["x"], "lines": False})
        service.wait_for_status(job_id, "running")
        asked_at = time.monotonic()
        assert service.call("POST", f"/jobs/{job_id}/cancel")[0] == 200
        assert time.monotonic() - asked_at < ANSWER_SECONDS
    assert service.job(job_id)["status"] == "canceled"


@pytest.mark.parametrize("regex", ["(a+)+$", "(a|aa)+$", "(a|a?)+b", "(.*a){20}b", "([a-z]+)*!"])
def test_a_regex_that_backtracks_exponentially_elsewhere_takes_linear_time(
    service: Service, regex: str
) -> None:
    content = (b"a" * 5000 + b"c\n") * 20
    with watched(service):
        payload = {"patterns": [{"pattern": regex, "regex": True}]}
        job = service.result(service.upload(content, payload))
    assert job["status"] == "succeeded"
    assert job["result"]["file"]["seconds"] < 2
