"""Jobs of commands in a real service: their outcome, their end, and what they may do."""

import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from runner.pool.linux import landlock, seccomp
from tests.support.programs import Program, Service, running_service
from tests.support.servers.s3 import Bucket
from tests.support.waiting import wait_for

SECRET = "0123456789abcdef"
COMMANDS: dict[str, Any] = {
    "lines": {"argv": ["wc", "-l"], "stdin": "upload", "stdout": "json"},
    "echo": {
        "summary": "Echoes a word.",
        "argv": ["echo", "{word}"],
        "parameters": {"word": {"type": "text", "example": "hello"}},
        "stdout": "text",
    },
    "nap": {
        "argv": ["sh", "-c", "setsid sleep 1000 & sleep 1001; echo {note}"],
        "parameters": {"note": {"type": "integer", "default": 1}},
        "defaults": {"max_retries": 0, "timeout": 3600},
    },
    "short-nap": {"argv": ["sleep", "1002"], "defaults": {"timeout": 0.5, "max_retries": 0}},
    "exit": {
        "argv": ["sh", "-c", "echo why >&2; exit {code}"],
        "parameters": {"code": {"type": "integer", "minimum": 0, "maximum": 255}},
        "exit_codes": {"3": "failed", "4": "succeeded"},
        "defaults": {"backoff": 0.01},
    },
    "read": {
        "argv": ["cat", "{path}"],
        "parameters": {"path": {"type": "text"}},
        "stdout": "text",
        "exit_codes": {"other": "failed"},
    },
    "environment": {"argv": ["env"], "stdout": "text"},
    "left": {"argv": ["sh", "-c", "sleep 1003 &"]},
    "sort": {
        "argv": ["sh", "-c", "sort > sorted.txt; wc -l < sorted.txt > count.txt"],
        "stdin": "upload",
        "files": ["*.txt"],
    },
    "no-network": {
        "argv": ["python3", "-c", "import socket; socket.create_connection(('127.0.0.1', 9))"],
        "network": False,
        "isolation": "fresh",
        "exit_codes": {"other": "failed"},
    },
    "talk": {"argv": ["sh", "-c", "for n in 1 2 3; do echo out $n; echo err $n >&2; done"]},
    "missing": {"argv": ["no-such-program"]},
    "broken": {"argv": ["echo", "{word"]},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("commands")


@pytest.fixture(scope="module")
def service(folder: Path) -> Iterator[Service]:
    file, secret = folder / "commands.json", folder / "secret"
    file.write_text(json.dumps(COMMANDS, indent=1))
    secret.write_text(SECRET)
    settings = {
        "COMMANDS_FILE": str(file),
        "COOKIE_SECRET_FILE": str(secret),
        "JOB_TYPES": "",
        "JOB_WRITE_PATHS": "",
    }
    with running_service("", folder, **settings) as service:
        yield service


@pytest.fixture(scope="module")
def worker(service: Service) -> Program:
    return service.worker(CONCURRENCY_LIMIT="2")


def sleepers(worker: Program, *seconds: str) -> list[psutil.Process]:
    """The processes below the worker that sleep for so long."""
    found = []
    for process in worker.family():
        try:
            command = process.cmdline()
        except psutil.NoSuchProcess:
            continue
        if command[:1] == ["sleep"] and command[1] in seconds:
            found.append(process)
    return found


def test_a_command_runs_with_values_of_a_client(service: Service, worker: Program) -> None:
    job = service.result(service.submit("echo", {"word": "$(id); `id` *"}))
    assert (job["status"], job["result"]) == ("succeeded", "$(id); `id` *\n")


def test_a_command_reads_the_upload_of_its_job(service: Service, worker: Program) -> None:
    job = service.result(service.upload(b"a\nb\n", {}, "lines"))
    assert (job["status"], job["result"]) == ("succeeded", 2)


@pytest.mark.parametrize(
    ("payload", "field", "detail"),
    [
        ({"word": "-n"}, "payload.word", "it must not begin with -, or the program would take it"),
        ({}, "payload.word", "it is required"),
        ({"word": 5}, "payload.word", 'it must be a text, for example "hello"'),
        ({"word": "a", "shell": "b"}, "payload.shell", "unknown field"),
    ],
)
def test_a_value_that_a_command_does_not_take_is_refused(
    service: Service, payload: dict[str, Any], field: str, detail: str
) -> None:
    status, problem = service.call("POST", "/jobs", {"type": "echo", "payload": payload})
    assert status == 422
    (error,) = problem["errors"]
    assert error["field"] == field
    assert detail in error["detail"]


def test_a_command_without_its_file_is_refused(service: Service) -> None:
    status, problem = service.call("POST", "/jobs", {"type": "lines", "payload": {}})
    assert status == 422
    assert "the job type lines needs a file" in problem["errors"][0]["detail"]


def test_a_cancel_ends_the_program_and_all_that_it_has_started(
    service: Service, worker: Program
) -> None:
    job_id = service.submit("nap")
    wait_for(lambda: len(sleepers(worker, "1000", "1001")) == 2, 20)
    running = sleepers(worker, "1000", "1001")
    assert service.call("POST", f"/jobs/{job_id}/cancel")[0] == 200
    assert service.result(job_id)["status"] == "canceled"
    wait_for(lambda: not any(each.is_running() for each in running))


def test_the_timeout_that_a_command_declares_ends_its_program(
    service: Service, worker: Program
) -> None:
    job = service.result(service.submit("short-nap"))
    assert (job["status"], job["error"]["type"], job["timeout"]) == ("failed", "TimedOut", 0.5)
    assert sleepers(worker, "1002") == []


def test_what_a_program_leaves_behind_is_killed(service: Service, worker: Program) -> None:
    job = service.result(service.submit("left"))
    assert (job["status"], job["result"]) == ("succeeded", {"exit_code": 0})
    wait_for(lambda: not sleepers(worker, "1003"))


def test_the_files_that_a_program_makes_are_stored_with_the_job(
    service: Service, worker: Program
) -> None:
    job = service.result(service.upload(b"b\na\n", {}, "sort"))
    assert (job["status"], job["files"]) == ("succeeded", 2)
    assert job["result"] == {"exit_code": 0, "files": ["count.txt", "sorted.txt"]}


def test_output_is_marked_with_its_stream(service: Service, worker: Program) -> None:
    job_id = service.submit("talk")
    assert service.result(job_id)["status"] == "succeeded"
    for stream, word in (("stdout", "out"), ("stderr", "err")):
        url = f"{service.base_url}/jobs/{job_id}/logs?stream={stream}"
        with urllib.request.urlopen(url, timeout=30) as answer:
            assert answer.read().decode() == "".join(f"{word} {n}\n" for n in (1, 2, 3))


@pytest.mark.skipif(not seccomp.is_supported(), reason="this kernel has no filter of system calls")
def test_a_command_without_network_cannot_use_it(service: Service, worker: Program) -> None:
    job = service.result(service.submit("no-network"))
    assert job["status"] == "failed"
    assert "PermissionError" in job["error"]["message"]


@pytest.mark.parametrize(
    ("code", "status", "attempts"), [(0, "succeeded", 1), (4, "succeeded", 1), (3, "failed", 1)]
)
def test_exit_codes_decide_the_outcome(
    service: Service, worker: Program, code: int, status: str, attempts: int
) -> None:
    job = service.result(service.submit("exit", {"code": code}))
    assert (job["status"], job["attempt"]) == (status, attempts)


def test_other_exit_codes_are_retried_and_the_error_has_the_last_line_of_output(
    service: Service, worker: Program
) -> None:
    job = service.result(service.submit("exit", {"code": 5}, max_retries=1))
    assert (job["status"], job["attempt"]) == ("failed", 2)
    assert job["error"]["type"] == "CommandFailed"
    assert job["error"]["message"] == "sh exited with code 5: why"
    assert [each["traceback"] for each in job["attempts"]] == [None, None]


@pytest.mark.skipif(
    landlock.abi_version() < landlock.MIN_ABI, reason="this kernel does not confine processes"
)
def test_a_program_can_read_neither_the_database_nor_secrets(
    service: Service, worker: Program, folder: Path
) -> None:
    for name in ("data/jobs.db", "secret"):
        job = service.result(service.submit("read", {"path": str(folder / name)}))
        assert (job["status"], job["result"]) == ("failed", None)
        reasons = ("Permission denied", "No such file")  # the latter in a mount namespace
        assert any(reason in job["error"]["message"] for reason in reasons)


def test_a_program_has_the_environment_of_jobs_only(service: Service, worker: Program) -> None:
    job = service.result(service.submit("environment"))
    names = {line.partition("=")[0] for line in job["result"].splitlines()}
    assert {"HOME", "PATH"} <= names
    assert not {name for name in names if name.endswith("_FILE")}
    assert SECRET not in job["result"]


def test_commands_are_among_the_job_types(service: Service) -> None:
    status, document = service.call("GET", "/types/echo")
    assert status == 200
    assert (document["origin"], document["summary"]) == ("commands", "Echoes a word.")
    assert (document["upload"], document["isolation"]) == ("none", "caller")
    assert document["payload_schema"]["properties"]["word"]["examples"] == ["hello"]
    assert service.call("GET", "/types/lines")[1]["upload"] == "required"
    assert service.call("GET", "/types/nap")[1]["defaults"] == {"max_retries": 0, "timeout": 3600}
    assert service.call("GET", "/types/no-network")[1]["network"] is False
    assert [each["file"] for each in service.call("GET", "/types")[1]["broken"]] == [
        "commands.json"
    ]


def test_commands_are_described_in_the_document_of_the_api(service: Service) -> None:
    schemas = service.call("GET", "/openapi.json")[1]["components"]["schemas"]
    assert schemas["EchoJobRequest"]["description"] == "Echoes a word."
    assert schemas["EchoPayload"]["required"] == ["word"]


def test_a_command_that_is_wrong_is_reported_by_listener_and_worker(
    service: Service, worker: Program
) -> None:
    line = json.dumps(COMMANDS, indent=1).splitlines().index(' "broken": {') + 1
    for program in (service.listener, worker):
        logged = [each for each in program.lines() if each["message"] == "a job type does not work"]
        (found,) = (each for each in logged if each["file"] == f"commands.json:{line}")
        assert "a { must be doubled" in found["reason"]
        assert "docs/commands.md" in found["remedy"]


def test_a_worker_without_the_program_says_so(service: Service, worker: Program) -> None:
    job = service.result(service.submit("missing", max_retries=3))
    assert (job["status"], job["attempt"]) == ("failed", 1)
    assert "this worker has no program 'no-such-program'" in job["error"]["message"]
    assert "install it where the worker runs" in job["error"]["message"]
    logged = [each for each in worker.lines() if each["message"] == "a job type does not work"]
    assert any("no-such-program" in each["reason"] for each in logged)


@pytest.mark.heavy
def test_a_command_reads_a_file_in_a_bucket(tmp_path: Path, bucket: Bucket) -> None:
    file = tmp_path / "commands.json"
    commands = {
        "count": {"argv": ["wc", "-c"], "stdin": "upload", "stdout": "json"},
        "copy": {"argv": ["cp", "{upload}", "copy.txt"], "upload_as": "in.txt", "files": ["*.txt"]},
    }
    file.write_text(json.dumps(commands))
    settings = {**bucket.settings, "COMMANDS_FILE": str(file), "JOB_TYPES": ""}
    content = b"0123456789" * 1_000_000
    with running_service("", tmp_path, **settings) as service:
        service.worker()
        job_id, other = (service.upload(content, {}, name) for name in commands)
        assert service.result(job_id)["result"] == len(content)
        assert service.result(other)["result"] == {"exit_code": 0, "files": ["copy.txt"]}
        url = f"{service.base_url}/jobs/{other}/files/copy.txt"
        with urllib.request.urlopen(url, timeout=30) as answer:
            assert answer.read() == content
