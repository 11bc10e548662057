"""Two executions of one job at the same time are found: a violation that is planted."""

import json
from collections.abc import Iterator
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest

from runner.job_types.registry.loader import load
from tests.support.waiting import wait_for
from tests.system.chaos import job_types
from tests.system.chaos.__main__ import executions_in
from tests.system.chaos.checker import check
from tests.system.chaos.history import AttemptChange, Change, History

JOB = "0190-a"
ENTRY = "tests.system.chaos.job_types"


def execute(attempt: int, seconds: float) -> None:
    """Run an attempt of the job, as a job process does."""
    payload = {"seconds": seconds, "again": seconds, "fails": 0, "child": "none"}
    request = {"job_id": JOB, "attempt": attempt, "type": "chaos", "payload": payload}
    load([ENTRY])(json.dumps({**request, "upload": None}), lambda progress: None)


@pytest.fixture
def first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[BaseProcess]:
    """A process in which the first attempt of the job runs."""
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    job_types.lock_path(tmp_path, "").mkdir()
    process = get_context("fork").Process(target=execute, args=(1, 600.0))
    process.start()
    wait_for(lambda: bool(executions_in(tmp_path)))
    yield process
    process.kill()
    process.join()


def recorded(folder: Path) -> History:
    """The history of a job that was claimed twice, with the executions that really took place."""
    new = Change("insert", JOB, "queued", 0, None, 0, 1, False, 1)
    claims = [AttemptChange("insert", JOB, number, "A") for number in (1, 2)]
    return History([new, *claims], executions_in(folder))


def test_an_execution_beside_a_running_one_breaks_p3(first: BaseProcess, tmp_path: Path) -> None:
    with pytest.raises(Exception, match="runs twice at the same time"):
        execute(2, 0.0)
    assert "P3" in {violation.promise for violation in check(recorded(tmp_path))}


def test_an_execution_after_a_killed_one_breaks_nothing(first: BaseProcess, tmp_path: Path) -> None:
    first.kill()
    first.join()
    execute(2, 0.0)
    assert "P3" not in {violation.promise for violation in check(recorded(tmp_path))}
