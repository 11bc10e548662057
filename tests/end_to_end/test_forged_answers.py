"""Jobs whose process sends forged messages: each fails alone, and the service shows all jobs."""

from collections.abc import Iterator

import psutil
import pytest

from tests.support.programs import Program, Service, running_service

FORGERIES = [
    "memory of 2**63",
    "negative memory",
    "time of 1e300",
    "only a kind",
    "kind that is a list",
    "result that is no JSON",
    "result that is NaN",
    "surrogate in a result",
    "deep result",
    "integer beyond a double",
    "progress that is no JSON",
    "progress that is a list",
    "deep progress",
    "result of 96 MB",
    "NUL in an error",
    "wrong nonce",
]


@pytest.fixture
def service(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    settings = {
        "JOB_TYPES": "runner.job_types,tests.support.job_types.hostile",
        "CONCURRENCY_LIMIT": "2",
    }
    with running_service(database_url, tmp_path_factory.mktemp("forged"), **settings) as service:
        yield service


def family(worker: Program) -> set[int]:
    """The worker and its keepers."""
    process = psutil.Process(worker.process.pid)
    return {process.pid, *(child.pid for child in process.children())}


@pytest.mark.heavy
def test_forged_messages_fail_only_their_own_jobs(service: Service) -> None:
    worker = service.worker()
    neighbour = service.submit("sleep", {"seconds": 600})
    service.wait_for_status(neighbour, "running")
    before = family(worker)
    for name in FORGERIES:
        payload = {"do": "forge", "forgery": name}
        job = service.result(service.submit("attack", payload, max_retries=0))
        assert (job["status"], job["error"]["type"]) == ("failed", "InvalidMessage"), name
        status, page = service.call("GET", "/jobs?limit=100")
        assert (status, page["items"][0]["job_id"]) == (200, job["job_id"]), name
    assert service.job(neighbour)["attempt"] == 1
    assert family(worker) == before
    service.call("POST", f"/jobs/{neighbour}/cancel")


@pytest.mark.heavy
def test_a_second_answer_reaches_no_other_job(service: Service) -> None:
    service.worker(CONCURRENCY_LIMIT="1")
    submitted = [
        (service.submit("attack", {"do": "answer_twice"}), service.submit("sleep", {"seconds": 0}))
        for _ in range(10)
    ]
    for attack, job_id in submitted:
        assert service.result(attack)["result"] == "first"
        job = service.result(job_id)
        assert (job["status"], job["retry_count"]) == ("succeeded", 0)
        assert job["result"] != "second"


@pytest.mark.heavy
@pytest.mark.parametrize("do", ["close_channel", "flood_with_garbage", "send_nothing"])
def test_a_job_that_breaks_its_channel_fails_alone(service: Service, do: str) -> None:
    worker = service.worker()
    service.result(service.submit("sleep", {"seconds": 0}))
    before = family(worker)
    job = service.result(service.submit("attack", {"do": do}, max_retries=0))
    assert (job["status"], job["attempts"][-1]["outcome"]) == ("failed", "crashed")
    assert service.result(service.submit("sleep", {"seconds": 0}))["status"] == "succeeded"
    assert family(worker) == before
