"""The log of a worker names the outcomes of attempts as the API does."""

import signal
from pathlib import Path

from tests.support.programs import running_service
from tests.support.waiting import wait_for


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
        ended = [line for line in worker.lines() if line["message"] == "job ended"]
        assert [(line["job_id"], line["outcome"]) for line in ended] == [
            (canceled, "canceled"),
            (released, "released"),
        ]
        outcomes = [service.job(each)["attempts"][0]["outcome"] for each in (canceled, released)]
        assert outcomes == ["canceled", "released"]
