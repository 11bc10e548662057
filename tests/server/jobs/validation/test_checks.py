"""Large and slow submissions are checked in another process, with the same answers."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from tornado.ioloop import IOLoop

from server.auth.callers import UNRESTRICTED
from server.jobs.validation import process
from server.jobs.validation.received import Received
from server.jobs.validation.submission import SMALL_BYTES
from server.start.app import App
from tests.support.api import Client, open_app
from tests.support.stores import Bench
from tests.support.waiting import until

TYPES = "runner.job_types,tests.support.job_types.checks"
PADDING = b" " * SMALL_BYTES
SLEEP = b'{"type": "sleep", "payload": {"seconds": 0}}'
REGEX = {"patterns": [{"pattern": "a+", "regex": True}]}
pytestmark = [pytest.mark.gen_test, pytest.mark.sqlite]
"""Starting a check process takes seconds on a busy machine."""


@pytest.fixture
def app(bench: Bench, io_loop: IOLoop) -> Iterator[App]:
    """The application, with job types that are slow to check."""
    with open_app(bench, io_loop, job_types=TYPES) as application:
        yield application


def held(folder: Path, check: str, **more: object) -> dict[str, Any]:
    """A submission whose check does as named."""
    return {"type": "held", "payload": {"check": check, "folder": str(folder), **more}}


def checkers(folder: Path) -> list[int]:
    """The processes that have checked payloads with this folder."""
    return [int(file.name.rpartition("-")[2]) for file in folder.glob("checked-by-*")]


@pytest.mark.heavy
@pytest.mark.parametrize(
    ("body", "status"),
    [
        (SLEEP, 202),
        (SLEEP.replace(b"0", b"-1"), 422),
        (SLEEP.replace(b"0", b"NaN"), 400),
        (b'{"type": "sleep", "payload": {"seconds": [[[1, {"a": 1, "a": 2}]]]}}', 400),
        (b'{"type": "nope", "payload": {}}', 422),
        (b'{"type": {}, "payload": []}', 422),
        (b'{"type": "analyze", "payload": {"patterns": 5}}', 422),
        (b'{"type": "analyze", "payload": {"patterns": [{"regex": true, "pattern": "("}]}}', 422),
        (b'{"type": "sleep", "payload": {"seconds": 0}, "run_at": "2030-01-01T00:00:00Z"}', 202),
        (b"[]", 422),
        (b'"\xff"', 400),
        (b"{]", 400),
    ],
)
async def test_a_large_body_gets_the_same_answer_as_a_small_one(
    client: Client, body: bytes, status: int
) -> None:
    small = await client.post("/jobs", body, status)
    large = await client.post("/jobs", body + PADDING, status)
    for answer in (small, large):
        for name in ("job_id", "request_id"):
            answer.pop(name, None)
    assert large == small


async def test_a_large_body_has_the_payload_and_the_key_of_a_small_one(
    client: Client, tmp_path: Path
) -> None:
    folder = tmp_path / 'ä "'
    folder.mkdir()
    payload = {"folder": str(folder), "check": "quick"}
    body = json.dumps({"type": "held", "payload": payload}).encode()
    headers = {"Content-Type": "application/json", "Idempotency-Key": "key"}
    answers = []
    for padding in (b"", PADDING):
        response = await client.fetch("/jobs", method="POST", body=body + padding, headers=headers)
        answers.append(json.loads(response.body))
    assert answers[0] == answers[1]
    job_id = (await client.post("/jobs", body + PADDING))["job_id"]
    assert list((await client.get(f"/jobs/{job_id}"))["payload"].items()) == list(payload.items())


async def test_a_form_with_a_large_field_gets_the_same_answer(client: Client) -> None:
    payload = json.dumps(REGEX).encode()
    for padding in (b"", PADDING):
        form: list[Any] = [("type", None, b"analyze"), ("payload", None, payload + padding)]
        await client.post_form([*form, ("filename", "a", b"x")])
        problem = await client.post_form(form, status=422)
        assert problem["errors"][0]["field"] == "filename"


async def test_other_requests_are_answered_while_a_submission_is_checked(
    client: Client, tmp_path: Path
) -> None:
    large = json.dumps({**held(tmp_path, "held"), "max_retries": 0}).encode() + PADDING
    waiting = [
        asyncio.ensure_future(client.post("/jobs", held(tmp_path, "held"))),
        asyncio.ensure_future(client.post("/jobs", large)),
    ]
    await until(lambda: bool(checkers(tmp_path)))
    await client.get("/healthz")
    await client.post("/jobs", SLEEP)
    assert not any(each.done() for each in waiting)
    (tmp_path / "released").touch()
    for each in waiting:
        assert (await each)["status"] == "queued"
    assert os.getpid() not in checkers(tmp_path)
    assert len(checkers(tmp_path)) == 1


async def test_only_what_its_job_type_calls_slow_leaves_the_process(
    client: Client, tmp_path: Path
) -> None:
    await client.post("/jobs", held(tmp_path, "quick"))
    assert checkers(tmp_path) == [os.getpid()]
    await client.post("/jobs", held(tmp_path, "quick", slow=True), status=422)
    assert len(checkers(tmp_path)) == 2


async def test_a_large_body_leaves_the_process(client: Client, tmp_path: Path) -> None:
    await client.post("/jobs", json.dumps(held(tmp_path, "quick")).encode() + PADDING)
    assert checkers(tmp_path)
    assert os.getpid() not in checkers(tmp_path)


async def test_regexes_are_compiled_in_the_other_process(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def compile_here(*_: object) -> None:
        raise AssertionError("compiled in the listener")

    monkeypatch.setattr("loganalysis.match.patterns.CompiledRegex", compile_here)
    body = {"type": "analyze", "payload": REGEX}
    problem = await client.post("/jobs", body, status=422)
    assert [error["field"] for error in problem["errors"]] == ["filename"]


@pytest.mark.heavy
async def test_a_killed_check_process_is_replaced(client: Client, tmp_path: Path) -> None:
    await client.post("/jobs", held(tmp_path, "slow"))
    (first,) = checkers(tmp_path)
    os.kill(first, signal.SIGKILL)
    await client.post("/jobs", held(tmp_path, "slow"))
    assert len(checkers(tmp_path)) == 2


@pytest.mark.heavy
async def test_a_check_that_kills_its_process_twice_gets_a_503(
    client: Client, tmp_path: Path
) -> None:
    waiting = asyncio.ensure_future(client.post("/jobs", held(tmp_path, "held"), status=503))
    for number in (1, 2):
        await until(lambda count=number: len(checkers(tmp_path)) == count)  # type: ignore[misc]
        for pid in checkers(tmp_path):
            if psutil.pid_exists(pid):
                os.kill(pid, signal.SIGKILL)
    assert "could not be checked" in (await waiting)["detail"]
    await client.post("/jobs", SLEEP + PADDING)


@pytest.mark.heavy
async def test_a_check_that_takes_too_long_gets_a_503(
    client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await client.post("/jobs", SLEEP + PADDING)  # starts the process
    monkeypatch.setattr(process, "CHECK_SECONDS", 0.2)
    problem = await client.post("/jobs", held(tmp_path, "held"), status=503)
    assert "too long" in problem["detail"]
    monkeypatch.undo()
    await client.post("/jobs", SLEEP + PADDING)


@pytest.mark.heavy
@pytest.mark.parametrize("slow", [False, True], ids=["here", "in-the-check-process"])
@pytest.mark.parametrize(
    ("check", "error"),
    [("broken", "RuntimeError: the check is broken"), ("exits", "SystemExit: 2")],
)
async def test_a_payload_over_which_its_job_type_trips_gets_a_422(
    client: Client, tmp_path: Path, check: str, error: str, slow: bool
) -> None:
    job = held(tmp_path, check, slow=slow)
    detail = f"the job type held cannot check it: {error}"
    problem = await client.post("/jobs", job, status=422)
    assert problem["errors"] == [{"field": "payload", "detail": detail, "code": "invalid"}]
    problem = await client.post("/jobs/batch", {"jobs": [job]}, status=422)
    assert problem["errors"] == [{"field": "[0].payload", "detail": detail, "code": "invalid"}]
    await client.post("/jobs", SLEEP + PADDING)


@pytest.mark.parametrize("slow", [False, True], ids=["here", "in-the-check-process"])
async def test_the_log_has_the_traceback_of_a_check_that_fails(
    client: Client,
    tmp_path: Path,
    slow: bool,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    await client.post("/jobs", held(tmp_path, "broken", slow=slow), status=422)
    printed = capfd.readouterr().err if slow else caplog.text
    assert "a job type cannot check a payload" in printed
    assert "in _hold" in printed


async def test_a_job_type_that_trips_when_it_is_asked_whether_it_is_slow_is_slow(
    client: Client, tmp_path: Path
) -> None:
    await client.post("/jobs", held(tmp_path, "quick", slow="exits"), status=422)
    assert os.getpid() not in checkers(tmp_path)


@pytest.mark.parametrize("path", ["/jobs/cancel", "/jobs/retry", "/queues/some"])
async def test_other_bodies_are_small(client: Client, path: str) -> None:
    method = "PUT" if path.startswith("/queues") else "POST"
    headers = {"Content-Type": "application/json"}
    body = b"{}" + PADDING
    response = await client.fetch(path, method=method, body=body, headers=headers)
    assert response.code == 413


def test_the_check_process_ends_with_the_listener(bench: Bench, io_loop: IOLoop) -> None:
    started = subprocess.Popen(
        [sys.executable, "-m", "server.jobs.validation", "runner.job_types"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with started:
        assert started.stdin
        started.stdin.close()
        assert started.wait() == 0


@pytest.mark.heavy
def test_closing_the_listener_ends_its_check_process(
    bench: Bench, io_loop: IOLoop, tmp_path: Path
) -> None:
    with open_app(bench, io_loop, job_types=TYPES) as app:
        body = json.dumps(held(tmp_path, "slow")).encode()
        io_loop.run_sync(lambda: app.submissions.check(Received(body), UNRESTRICTED))
        (pid,) = checkers(tmp_path)
        assert psutil.pid_exists(pid)
    assert not psutil.pid_exists(pid)
