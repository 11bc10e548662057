"""Both programs by one command, `python -m server --with-worker`, as `make run` starts them."""

import contextlib
import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from server.start.with_worker import Both, both_environ
from storage.settings.env_file import read_environ
from tests.support.paths import ROOT
from tests.support.programs import alive
from tests.support.waiting import wait_for

COMMAND = [sys.executable, "-m", "server", "--with-worker"]


@dataclass
class Command:
    """A running command, with its output in a file."""

    process: subprocess.Popen[bytes]
    log: Path

    def text(self) -> str:
        return self.log.read_text()

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.text().splitlines() if line[:1] == "{"]

    def ready(self) -> dict[str, Any]:
        """Wait for the line that both programs are ready."""

        def look() -> dict[str, Any] | None:
            assert self.process.poll() is None, self.text()
            return next((line for line in self.lines() if line["message"] == "service ready"), None)

        return wait_for(look, timeout=30)

    def program(self, module: str) -> psutil.Process:
        """The process of a program."""
        children = psutil.Process(self.process.pid).children()
        (found,) = [each for each in children if each.cmdline()[-2:] == ["-m", module]]
        return found

    def post(self, path: str, document: object) -> dict[str, Any]:
        url = self.ready()["url"]
        body = json.dumps(document).encode()
        request = urllib.request.Request(url + path, body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=30) as response:
            found: dict[str, Any] = json.loads(response.read())
        return found


def environ(folder: Path, **others: str) -> dict[str, str]:
    given = {"DATA_DIR": str(folder / "data"), "PORT": "0", "LOG_FORMAT": "json"}
    return {**os.environ, **given, "PYTHONPATH": str(ROOT), **others}


@contextmanager
def running(folder: Path, starter: tuple[str, ...] = (), **others: str) -> Iterator[Command]:
    log = folder / "both.log"
    with log.open("wb") as file:
        process = subprocess.Popen(
            [*starter, *COMMAND],
            env=environ(folder, **others),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            start_new_session=True,
        )
    family: list[psutil.Process] = []
    try:
        both = Command(process, log)
        both.ready()
        family = psutil.Process(process.pid).children(recursive=True)
        yield both
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        process.wait()
        wait_for(lambda: not any(map(alive, family)), timeout=20)


@pytest.mark.heavy
def test_one_command_runs_jobs_and_says_when_it_is_ready(tmp_path: Path) -> None:
    with running(tmp_path) as both:
        ready = both.ready()
        assert ready["status"] == "3 slots, data in ./data"
        assert ready["url"].startswith("http://localhost:")
        job = both.post("/jobs?wait=20", {"type": "sleep", "payload": {"seconds": 0}})
        assert job["status"] == "succeeded"
        assert sum("up to date" in line["message"] for line in both.lines()) == 1
        both.process.terminate()
        assert both.process.wait(20) == 0


@pytest.mark.heavy
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_stop_signal_drains_the_worker_and_ends_both_with_0(
    number: signal.Signals, tmp_path: Path
) -> None:
    listening = ("env", "--default-signal=HUP")  # pytest may run below nohup, which ignores it
    with running(tmp_path, listening) as both:
        job = both.post("/jobs", {"type": "sleep", "payload": {"seconds": 1}})
        wait_for(lambda: running_jobs(both) == 1)
        both.process.send_signal(number)
        assert both.process.wait(20) == 0
        ended = [line for line in both.lines() if line["message"] == "job ended"]
        stopped = [line["program"] for line in both.lines() if line["message"] == "stopped"]
    assert sorted(stopped) == ["listener", "worker"]
    assert [line["job_id"] for line in ended] == [job["job_id"]]


@pytest.mark.heavy
def test_the_programs_get_one_signal_for_one_ctrl_c(tmp_path: Path) -> None:
    """A terminal sends SIGINT to its whole foreground group. Two would end the drain at once."""
    with running(tmp_path, DRAIN_SECONDS="20") as both:
        job = both.post("/jobs", {"type": "sleep", "payload": {"seconds": 2}})
        wait_for(lambda: running_jobs(both) == 1)
        os.killpg(both.process.pid, signal.SIGINT)
        assert both.process.wait(20) == 0
        (ended,) = [line for line in both.lines() if line["message"] == "job ended"]
    assert (ended["job_id"], ended["outcome"]) == (job["job_id"], "returned")


def running_jobs(both: Command) -> int:
    with urllib.request.urlopen(both.ready()["url"] + "/jobs?status=running", timeout=9) as answer:
        return len(json.loads(answer.read())["items"])


@pytest.mark.heavy
def test_a_second_signal_ends_the_drain(tmp_path: Path) -> None:
    with running(tmp_path, DRAIN_SECONDS="600") as both:
        both.post("/jobs", {"type": "sleep", "payload": {"seconds": 600}})
        wait_for(lambda: running_jobs(both) == 1)
        both.process.terminate()
        wait_for(lambda: any(line["message"] == "draining" for line in both.lines()))
        both.process.terminate()
        assert both.process.wait(20) == 0


@pytest.mark.parametrize(
    ("code", "exit_code"), [(0, 0), (-signal.SIGTERM, 0), (-signal.SIGKILL, 137), (3, 3)]
)
def test_a_program_that_our_signal_meets_at_its_end_has_not_failed(
    code: int, exit_code: int
) -> None:
    """Python forgets its handlers at its end, so a second signal kills it then."""
    both = Both.__new__(Both)
    both.exit_code, both._is_stopping = 0, True
    both._handle_end("worker", code)
    assert both.exit_code == exit_code


@pytest.mark.heavy
@pytest.mark.parametrize(("module", "other"), [("server", "runner"), ("runner", "server")])
def test_when_one_program_dies_the_other_is_stopped_and_the_command_fails(
    module: str, other: str, tmp_path: Path
) -> None:
    with running(tmp_path) as both:
        survivor = both.program(other)
        both.program(module).kill()
        assert both.process.wait(20) == 128 + signal.SIGKILL
        assert not alive(survivor)
        (said,) = [line for line in both.lines() if "has ended" in line["message"]]
    assert said["level"] == "ERROR"


@pytest.mark.heavy
def test_a_program_that_ends_unasked_is_a_failure_even_with_code_0(tmp_path: Path) -> None:
    with running(tmp_path) as both:
        both.program("runner").terminate()
        assert both.process.wait(20) == 1


@pytest.mark.heavy
def test_a_program_that_cannot_start_says_why_and_ends_the_other(tmp_path: Path) -> None:
    answer = subprocess.run(
        COMMAND,
        env=environ(tmp_path, CONCURRENCY_LIMIT="none", LOG_FORMAT="text"),
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert answer.returncode == 1
    assert "CONCURRENCY_LIMIT=none" in answer.stderr
    assert "the worker has ended, so the service stops" in answer.stderr
    assert "Traceback" not in answer.stderr


@pytest.mark.heavy
def test_both_programs_end_when_the_command_is_killed(tmp_path: Path) -> None:
    with running(tmp_path) as both:
        programs = [both.program("server"), both.program("runner")]
        both.process.kill()
        both.process.wait()
        wait_for(lambda: not any(map(alive, programs)), timeout=20)


@pytest.mark.heavy
def test_orphans_are_reaped_by_the_first_process_of_a_container(tmp_path: Path) -> None:
    """In a process namespace of its own, the command is the first process."""
    probe = ("unshare", "--user", "--map-root-user", "--pid", "--fork", "--mount-proc")
    if subprocess.run([*probe, "true"], capture_output=True).returncode:
        pytest.skip("no process namespaces can be made here")
    with running(tmp_path, starter=(*probe, "--kill-child")) as both:
        (first,) = psutil.Process(both.process.pid).children()
        orphan = ["nsenter", "--target", str(first.pid), "--pid", "--mount", "--user"]
        subprocess.run([*orphan, "sh", "-c", "(sleep 0.2) & exit"], check=True, timeout=10)
        wait_for(lambda: "sleep" not in [each.name() for each in first.children()])
        first.terminate()
        assert both.process.wait(20) == 0


@pytest.mark.heavy
def test_on_a_terminal_ctrl_c_ends_make_with_0(tmp_path: Path) -> None:
    """`make` would end with an error if it got the signal as well."""
    (tmp_path / "Makefile").write_text(f"run:\n\t@exec {' '.join(COMMAND)}\n")
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(tmp_path)
        given = environ(tmp_path, LOG_FORMAT="text")
        given.pop("MAKELEVEL", None)  # `make test` sets it, and make would name its folder
        os.execvpe("make", ["make", "run"], given)
    before_ready, *_ = read_until(terminal, b"Ctrl-C stops").decode().partition("Ready: ")
    assert re.fullmatch(r"\S+ \S+ INFO +the schema of the database .*\r\n", before_ready)
    os.write(terminal, b"\x1a\x03")  # Ctrl-Z, which is ignored, and Ctrl-C
    said = read_until(terminal, b"")
    _, status = os.waitpid(pid, 0)
    os.close(terminal)
    assert os.waitstatus_to_exitcode(status) == 0, said
    assert b"Error" not in said


def read_until(terminal: int, text: bytes) -> bytes:
    """Read from a terminal until a text, or its end."""
    said = b""
    deadline = time.monotonic() + 40
    while not text or text not in said:
        assert time.monotonic() < deadline, said
        if not select.select([terminal], [], [], 1)[0]:
            continue
        try:
            piece = os.read(terminal, 4096)
        except OSError:  # the other side is closed
            break
        if not piece:
            break
        said += piece
    assert text in said, said
    return said


def test_settings_can_stand_in_a_file_and_the_environment_overrides_them(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text(
        "# a comment\n\nPORT=8000\nexport API_TOKENS='ci:admin:a#b c'\nLOG_LEVEL=\"DEBUG\"\n x\n"
    )
    assert read_environ(file) == {
        "PORT": "8000",
        "API_TOKENS": "ci:admin:a#b c",
        "LOG_LEVEL": "DEBUG",
    }
    found = both_environ({"PORT": "9000", "DRAIN_SECONDS": ""}, file)
    assert (found["PORT"], found["LOG_LEVEL"], found["DRAIN_SECONDS"]) == ("9000", "DEBUG", "5")
    assert both_environ({"DRAIN_SECONDS": "60"}, file)["DRAIN_SECONDS"] == "60"
    assert read_environ(tmp_path / "nothing") == {}


def test_the_module_itself_says_how_both_programs_are_started() -> None:
    command = [sys.executable, "-m", "server.start.with_worker"]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert answer.returncode == 1
    assert answer.stderr == "start both programs with: python -m server --with-worker\n"
