"""PostgreSQL fails over to a standby: the programs follow by themselves, and no job is lost."""

import signal
from pathlib import Path

import pytest

from tests.support.programs import Service, running_service
from tests.support.servers import postgres
from tests.support.skipping import skip
from tests.support.waiting import wait_for

FIRST, SECOND = "127.0.41.1", "127.0.41.2"
SLEEP = {"type": "sleep", "payload": {"seconds": 0.1}}


def submitted(service: Service) -> str | None:
    """Submit a job; return its id, or None while the store does not answer."""
    status, answer = service.call("POST", "/jobs", SLEEP)
    assert status in (202, 503), answer
    return answer["job_id"] if status == 202 else None


def succeeded(service: Service, job_id: str) -> bool:
    """Whether a job has succeeded. A thread whose connection was lost answers 503 once."""
    status, job = service.call("GET", f"/jobs/{job_id}")
    assert status in (200, 503), job
    assert job["status"] in ("queued", "running", "succeeded", 503), job
    return bool(job["status"] == "succeeded")


@pytest.mark.heavy
@pytest.mark.timeout(150)
def test_the_programs_follow_a_failover_to_the_standby_and_lose_no_job(tmp_path: Path) -> None:
    if lack := postgres.missing():
        skip(lack)
    with (
        postgres.running_server(address=FIRST) as primary,
        primary.standby(SECOND) as standby,
    ):
        name = primary.create_database()
        # The standby comes first: only target_session_attrs leads past it.
        hosts = f"{SECOND}:5432,{FIRST}"
        url = f"postgresql://tests@{hosts}/{name}?target_session_attrs=read-write"
        with running_service(url, tmp_path) as service:
            worker = service.worker()
            ended = submitted(service)
            assert ended
            service.result(ended)
            waiting = [submitted(service) for _ in range(20)]
            primary.stop(signal.SIGQUIT)
            wait_for(lambda: submitted(service) is None, timeout=30)
            standby.promote()
            last = wait_for(lambda: submitted(service), timeout=60)
            for each in filter(None, [ended, *waiting, last]):
                wait_for(lambda each=each: succeeded(service, each), timeout=60)  # type: ignore[misc]
            assert [worker.stop(), service.listener.stop()] == [0, 0]
