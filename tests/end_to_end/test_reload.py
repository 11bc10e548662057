"""`python -m server --with-worker --reload`: changed job types are used without a restart."""

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from server.start.reloading import snapshot, watched
from tests.support.paths import ROOT
from tests.support.programs import alive
from tests.support.type_folder import job_type
from tests.support.waiting import wait_for
from tests.support.warm_start import run_program

pytestmark = pytest.mark.sqlite
WAITS = "import os, time\n" + job_type(
    "waits",
    "\n        while not os.path.exists(PATH):\n            time.sleep(0.01)\n        return 'old'",
)


class Reloaded:
    """A running service that reloads job types, with a folder of them."""

    def __init__(self, folder: Path):
        self.types = folder / "job_types"
        self.types.mkdir()
        self.flag = self.types / "flag"
        (self.types / "waits.py").write_text(WAITS.replace("PATH", repr(str(self.flag))))
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.url = f"http://127.0.0.1:{free.getsockname()[1]}"
        given = {"DATA_DIR": str(folder / "data"), "LOG_FORMAT": "json", "PYTHONPATH": str(ROOT)}
        given |= {"HOST": "127.0.0.1", "PORT": self.url.rpartition(":")[2], "JOB_TYPES": ""}
        self.log = folder / "log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "server", "--with-worker", "--reload"],
                env={**os.environ, **given},
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.logged("service ready")

    def write(self, name: str, text: str) -> None:
        """Write a file as editors do, and wait until the types are reloaded."""
        count = self.count("job types reloaded")
        (self.types / "new").write_text(text)
        (self.types / "new").rename(self.types / name)
        wait_for(lambda: self.count("job types reloaded") > count, timeout=40)

    def count(self, message: str) -> int:
        return sum(line["message"] == message for line in self.lines())

    def logged(self, message: str) -> dict[str, Any]:
        def look() -> dict[str, Any] | None:
            assert self.process.poll() is None, self.log.read_text()
            return next((line for line in self.lines() if line["message"] == message), None)

        return wait_for(look, timeout=40)

    def lines(self) -> list[dict[str, Any]]:
        complete = self.log.read_text().rpartition("\n")[0]
        return [json.loads(line) for line in complete.splitlines() if line[:1] == "{"]

    def call(self, path: str, document: Any = None) -> Any:
        body = None if document is None else json.dumps(document).encode()
        request = urllib.request.Request(self.url + path, body)
        request.add_header("Content-Type", "application/json")
        request.add_header("Accept", "application/json")
        with urllib.request.urlopen(request, timeout=50) as answer:
            return json.loads(answer.read())

    def result(self, type: str) -> Any:
        job = self.call("/jobs?wait=40", {"type": type, "payload": {}})
        assert job["status"] == "succeeded", job
        return job["result"]


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Reloaded]:
    service = Reloaded(tmp_path)
    family = [psutil.Process(service.process.pid)]
    try:
        yield service
    finally:
        if alive(family[0]):
            family += family[0].children(recursive=True)
            service.process.kill()
        service.process.wait()
        wait_for(lambda: not any(map(alive, family)), timeout=20)


@pytest.mark.heavy
def test_a_new_job_type_is_used_while_a_job_goes_on_with_the_code_that_it_has(
    service: Reloaded,
) -> None:
    job_id = service.call("/jobs", {"type": "waits", "payload": {}})["job_id"]
    wait_for(lambda: service.call(f"/jobs/{job_id}")["status"] == "running")
    service.write("waits.py", job_type("waits", "return 'new'"))
    assert service.result("waits") == "new"
    service.flag.touch()
    job = service.call(f"/jobs/{job_id}?wait=40")
    assert (job["status"], job["attempt"], job["result"]) == ("succeeded", 1, "old")


@pytest.mark.heavy
def test_a_file_that_stops_working_is_reported_and_the_others_run(service: Reloaded) -> None:
    service.flag.touch()
    service.write("crop.py", "raise ValueError('no')\n")
    assert service.logged("a job type does not work")["file"] == "crop.py:1"
    assert service.call("/types")["broken"][0]["file"] == "crop.py"
    assert service.result("waits") == "old"


@pytest.mark.heavy
def test_a_stop_signal_after_a_reload_ends_all_programs(service: Reloaded) -> None:
    service.write("greet.py", job_type("greet", "return 1"))
    family = psutil.Process(service.process.pid).children(recursive=True)
    service.process.send_signal(signal.SIGTERM)
    assert service.process.wait(40) == 0
    wait_for(lambda: not any(map(alive, family)))


def test_python_files_of_all_subfolders_and_the_file_of_commands_are_watched(
    tmp_path: Path,
) -> None:
    (tmp_path / "types" / "more").mkdir(parents=True)
    commands = tmp_path / "commands.json"
    paths = watched({"JOB_TYPES_FOLDER": str(tmp_path / "types"), "COMMANDS_FILE": str(commands)})
    assert snapshot(paths) == {}
    for file in (tmp_path / "types" / "more" / "_shared.py", commands):
        before = snapshot(paths)
        file.write_text("{}")
        assert snapshot(paths) != before
    (tmp_path / "types" / "notes.txt").touch()
    assert len(snapshot(paths)) == 2


def test_reload_needs_both_programs() -> None:
    done = run_program("server", "--reload")
    assert (done.returncode, "--reload needs --with-worker" in done.stderr) == (2, True)
