"""Programs of this release on the expanded schema of the next one: an update, then a rollback."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.newer_release import EXPAND, NAME, OLDEST, release_with, update_schema
from tests.support.programs import Service, running_service

READY = {"status": "ready", "runners": 1, "stale_runners": []}
LOG = b"ERROR one\nWARN two\n" * 1000


def use_everything(service: Service) -> None:
    """Submit, run, retry, cancel, list, explain and delete jobs, and change a queue."""
    limit = {"max_running": 2, "paused": False}
    assert service.call("PUT", "/queues/side", limit)[0] in (200, 201)
    short = service.submit("sleep", {"seconds": 0}, queue="side", max_retries=2)
    assert service.result(short)["status"] == "succeeded"
    log = service.upload(LOG, {"patterns": ["ERROR"]})
    assert service.result(log)["result"]["counts"] == {"ERROR": 1000}
    running = service.submit("sleep", {"seconds": 600})
    service.wait_for_status(running, "running")
    later = service.submit("sleep", {"seconds": 0}, delay=600)
    for job_id in (running, later):
        assert service.call("POST", f"/jobs/{job_id}/cancel")[0] == 200
        assert service.job(job_id)["status"] == "canceled"
    assert service.call("POST", f"/jobs/{later}/retry")[0] == 202
    assert service.result(later)["status"] == "succeeded"
    assert listed(service, "status=succeeded") == {short, log, later}
    assert listed(service, "status=canceled") == {running}
    for path in (f"/jobs/{running}/explain", "/overview", "/overview/history", "/queues"):
        assert service.call("GET", path)[0] == 200, path
    for job_id in (short, log, running, later):
        assert service.call("DELETE", f"/jobs/{job_id}")[0] == 204
    assert service.call("DELETE", "/queues/side")[0] == 204
    assert listed(service, "limit=100") == set()


def listed(service: Service, query: str) -> set[str]:
    """The ids of the jobs that a query finds."""
    status, page = service.call("GET", f"/jobs?{query}")
    assert status == 200, page
    return {str(job["job_id"]) for job in page["items"]}


def readiness(service: Service) -> tuple[int, Any]:
    """Status and document of /readyz."""
    return service.call("GET", "/readyz")


@pytest.mark.heavy
def test_running_and_new_programs_work_after_a_newer_release_has_migrated(
    empty_database_url: str, tmp_path: Path
) -> None:
    with running_service(empty_database_url, tmp_path) as service:
        first = service.worker()
        use_everything(service)
        with release_with(tmp_path, EXPAND, OLDEST):
            update_schema(empty_database_url, service.folder / "data")
        assert readiness(service) == (200, READY)
        use_everything(service)
        assert first.stop() == 0
        second = service.worker()
        (said,) = [line for line in second.lines() if "newer schema" in line["message"]]
        assert said["migrations"] == [NAME]
        listener = service.program("server")
        port = listener.logged("listening")["port"]
        other = Service(tmp_path, service.environ, listener, f"http://127.0.0.1:{port}")
        assert readiness(other) == (200, READY)
        use_everything(other)
        assert [program.stop() for program in (second, listener, service.listener)] == [0, 0, 0]
