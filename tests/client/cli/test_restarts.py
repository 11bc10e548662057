"""Commands survive restarts of the listener in the middle of an upload, a wait or a stream."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from jobservice.cli.output.progress import JobProgress
from tests.support.client_restarts import connections, restart
from tests.support.jobs_command import JobsCommand
from tests.support.programs import Service
from tests.support.waiting import wait_for

LINES = "line 0\nline 1\nline 2\n"


@pytest.fixture
def jobs(listener: Service, tmp_path: Path) -> JobsCommand:
    """The command `jobservice`, for a listener that a test may restart."""
    return JobsCommand(listener.base_url, tmp_path)


@contextmanager
def begun(jobs: JobsCommand, listener: Service, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Start a command that follows something, and wait until it does.

    Its first connection asks whether the service is there, and its second one follows.
    """
    with jobs.started(*arguments) as process:
        wait_for(lambda: connections(listener) >= 2)
        yield process


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Wait for the end of a command; return its exit code and its output."""
    out, err = process.communicate(timeout=40)
    assert err == ""
    return process.returncode, out


def test_an_upload_begins_again_and_is_one_job(
    jobs: JobsCommand, listener: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "app.log"
    log.write_bytes(b"one ERROR\n" * 500_000)
    seen: list[int] = []

    def uploaded(progress: JobProgress, sent: int, total: int | None) -> None:
        assert total == log.stat().st_size
        if sent > total / 2 and 0 not in seen[1:]:
            restart(listener)
            listener.worker()
        seen.append(sent)

    monkeypatch.setattr(JobProgress, "uploaded", uploaded)
    done = jobs.run("analyze", str(log), "-p", "ERROR", "--json")
    assert (done.code, done.document["result"]["counts"]) == (0, {"ERROR": 500_000})
    assert seen.count(0) == 2
    items = listener.call("GET", "/jobs")[1]["items"]
    assert [item["job_id"] for item in items] == [done.document["job_id"]]


@pytest.mark.heavy
@pytest.mark.parametrize("kill", [True, False], ids=["killed", "stopped"])
def test_waits_go_on(jobs: JobsCommand, listener: Service, kill: bool) -> None:
    job_id = listener.submit("sleep", {"seconds": 0})
    submit = ("submit", "sleep", "seconds=0", "--wait")
    with begun(jobs, listener, "wait", job_id) as waiting, jobs.started(*submit) as submitting:
        wait_for(lambda: connections(listener) >= 4)
        restart(listener, kill)
        listener.worker()
        assert ended(waiting) == (0, f"{job_id}  succeeded\n")
        code, out = ended(submitting)
        assert (code, json.loads(out)) == (0, {"slept": 0})
    assert len(listener.call("GET", "/jobs")[1]["items"]) == 2


@pytest.mark.heavy
@pytest.mark.parametrize("kill", [True, False], ids=["killed", "stopped"])
def test_output_and_changes_have_no_gap_and_no_repetition(
    jobs: JobsCommand, listener: Service, kill: bool
) -> None:
    job_id = listener.submit("talk", {"lines": 3, "then": "sleep"})
    with (
        begun(jobs, listener, "logs", "-f", job_id) as logs,
        jobs.started("watch", job_id, "--json") as watch,
    ):
        wait_for(lambda: connections(listener) >= 4)
        restart(listener, kill)
        listener.worker()
        assert logs.stdout is not None
        assert "".join(logs.stdout.readline() for _ in range(3)) == LINES
        restart(listener, kill)
        listener.call("POST", f"/jobs/{job_id}/cancel")
        assert ended(logs) == (0, "")
        code, out = ended(watch)
    events = [json.loads(line) for line in out.splitlines()]
    assert code == 3
    assert events[-1]["event"] == "end"
    ids = [each["id"] for each in events if each["event"] == "status"]
    assert ids == sorted(set(ids))
    shown = [each["data"]["status"] for each in events if each["event"] == "status"]
    assert (shown[0], shown[-1]) == ("queued", "canceled")
    output = [each["data"]["text"] for each in events if each["event"] == "log"]
    assert "".join(output) == LINES
