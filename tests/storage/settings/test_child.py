"""Settings read by a child process, so that the worker does not load Pydantic."""

import json
import os
import pickle
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import NoReturn

import psutil
import pytest

from runner.config import RunnerSettings
from storage.settings.child import NoSettings, read_in_child
from tests.support.programs import running_service
from tests.support.waiting import wait_for

# A program forks before it has threads, but a test process has the threads of pytest-xdist.
pytestmark = pytest.mark.filterwarnings("ignore:.*is multi-threaded:DeprecationWarning")
GIVEN = {"DATABASE_URL": "postgresql://u:hidden@db/jobs", "QUEUES": "a,b", "DRAIN_SECONDS": "1.5"}


def exit_with(code: int | str) -> NoReturn:
    """Stands for a function that reads settings and exits."""
    sys.exit(code)


def be_killed() -> NoReturn:
    """Stands for a function that is killed while it reads settings."""
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


def test_settings_from_a_child_have_the_same_fields_and_properties() -> None:
    settings = RunnerSettings.read(GIVEN)
    settings_of_child = read_in_child(partial(RunnerSettings.read, GIVEN))
    names = [*RunnerSettings.model_fields, "program", "store_url", "uploads_folder", "traces"]
    for name in (*names, "job_type_packages", "queue_names", "job_env_names"):
        assert getattr(settings_of_child, name) == getattr(settings, name)


def test_settings_from_a_child_show_no_secret() -> None:
    assert "hidden" not in repr(read_in_child(partial(RunnerSettings.read, GIVEN)))


def test_settings_from_a_child_do_not_use_pydantic() -> None:
    settings_of_child = read_in_child(partial(RunnerSettings.read, GIVEN))
    assert b"pydantic" not in pickle.dumps(settings_of_child)


@pytest.mark.parametrize(("code", "same"), [(0, 0), (3, 3), ("it is wrong", 1)])
def test_a_program_exits_with_the_code_of_the_child(
    code: int | str, same: int, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as raised:
        read_in_child(partial(exit_with, code))
    assert raised.value.code == same
    assert capfd.readouterr().err.strip() == ("" if isinstance(code, int) else code)


def test_a_program_does_not_start_if_the_child_was_killed() -> None:
    with pytest.raises(NoSettings, match="the settings was killed by SIGKILL"):
        read_in_child(be_killed)


@pytest.mark.parametrize("style", ["json", "text"])
def test_a_worker_whose_settings_reader_is_killed_says_so_in_one_line(
    style: str, tmp_path: Path
) -> None:
    """The reader is killed as soon as it exists."""
    environ = {**os.environ, "DATA_DIR": str(tmp_path), "LOG_FORMAT": style}
    command = [sys.executable, "-m", "runner"]
    with subprocess.Popen(command, env=environ, stderr=subprocess.PIPE, text=True) as worker:
        process = psutil.Process(worker.pid)
        (reader,) = wait_for(process.children)
        reader.kill()
        assert worker.wait(30) == 1
        assert worker.stderr
        (line,) = worker.stderr.read().splitlines()
    reason = "cannot start: the process that reads the settings was killed by SIGKILL"
    assert (json.loads(line)["message"] if style == "json" else line) == reason


def test_a_worker_that_runs_jobs_has_not_loaded_pydantic(tmp_path: Path) -> None:
    with running_service(f"sqlite:///{tmp_path / 'jobs.db'}", tmp_path) as service:
        worker = service.worker()
        service.result(service.submit(payload={"seconds": 0}))
        maps = Path(f"/proc/{worker.process.pid}/maps").read_text()
    assert "uuid_utils" in maps
    assert "pydantic" not in maps
