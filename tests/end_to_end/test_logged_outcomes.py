"""The log of a worker names the outcomes of attempts as the API does, and says what follows."""

import signal
from pathlib import Path
from typing import Any

import pytest

from tests.support.programs import Program, running_service
from tests.support.waiting import wait_for


@pytest.mark.heavy
def test_killed_attempts_are_logged_as_canceled_or_released(tmp_path: Path) -> None:
    with running_service("", tmp_path) as service:
        worker = service.worker(DRAIN_SECONDS="0")
        canceled = service.submit("sleep", {"seconds": 60})
        service.wait_for_status(canceled, "running")
        service.call("POST", f"/jobs/{canceled}/cancel")
        assert worker.logged("job ended")["outcome"] == "canceled"
        released = service.submit("sleep", {"seconds": 60})
        service.wait_for_status(released, "running")
        worker.process.send_signal(signal.SIGTERM)
        wait_for(lambda: worker.process.poll() == 0)
        assert [(line["job_id"], line["outcome"]) for line in ended_in(worker)] == [
            (canceled, "canceled"),
            (released, "released"),
        ]
        outcomes = [service.job(each)["attempts"][0]["outcome"] for each in (canceled, released)]
        assert outcomes == ["canceled", "released"]


@pytest.mark.heavy
def test_the_log_says_for_a_failed_attempt_whether_a_retry_follows(tmp_path: Path) -> None:
    with running_service("", tmp_path) as service:
        worker = service.worker()
        notes = {"notes": str(tmp_path / "notes")}
        options = {"max_retries": 1, "backoff": [0.25]}
        ids = [service.submit(each, notes, **options) for each in ("flaky", "hopeless", "crash")]
        for each in ids:
            service.wait_for_status(each, "succeeded", "failed")
        ends = wait_for(lambda: e if len(e := ended_in(worker)) == 5 else None)
    of_each = [[line.get("next") for line in ends if line["job_id"] == each] for each in ids]
    retry = "retry 1 of 1 in 0.25 s"
    assert of_each == [[retry, None], ["no retry"], [retry, "no retry"]]


def ended_in(worker: Program) -> list[dict[str, Any]]:
    """The lines about the ends of attempts."""
    return [line for line in worker.lines() if line["message"] == "job ended"]
