"""A service whose job types are files in a folder. One of them does not work."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.programs import Program, Service, running_service
from tests.support.type_folder import job_type
from tests.support.waiting import wait_for

pytestmark = pytest.mark.sqlite
LATE = "import shared\n" + job_type("late", "import much_later; return much_later.WORD")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "own_types"
    folder.mkdir()
    (folder / "shared.py").write_text("WORD = 'shared'\n")
    (folder / "late.py").write_text(LATE)
    (folder / "much_later.py").write_text("WORD = 'hello'\n")
    (folder / "broken.py").write_text("\nraise ValueError('no')\n")
    return folder


@pytest.fixture
def service(folder: Path, tmp_path: Path) -> Iterator[Service]:
    with running_service("", tmp_path, JOB_TYPES_FOLDER=str(folder), JOB_TYPES="") as service:
        yield service


def reported(program: Program) -> list[list[str]]:
    program.logged("a job type does not work")
    lines = [each for each in program.lines() if each["message"] == "a job type does not work"]
    return [[line[name] for name in ("file", "reason", "remedy")] for line in lines]


@pytest.mark.heavy
def test_job_types_of_a_folder_run_and_a_broken_one_is_reported(service: Service) -> None:
    remedy = "correct this line: it runs when the file is imported, before there is a job"
    expected = [["broken.py:2", "ValueError: no", remedy]]
    worker = service.worker()
    assert reported(service.listener) == expected
    assert reported(worker) == expected
    job = service.result(service.submit("late"))
    assert job["result"] == "hello", job["error"]


def test_a_large_payload_of_such_a_type_is_checked_in_the_check_process(service: Service) -> None:
    status, problem = service.call("POST", "/jobs", {"type": "late", "payload": {"x": "x" * 20000}})
    assert (status, problem["errors"][0]["field"]) == (422, "payload.x")


def test_a_submission_of_a_broken_type_is_refused_with_the_reason(service: Service) -> None:
    status, problem = service.call("POST", "/jobs", {"type": "broken", "payload": {}})
    assert (status, problem["errors"][0]["field"]) == (422, "type")
    detail = problem["errors"][0]["detail"]
    assert detail.startswith("this job type does not work: broken.py:2: ValueError: no; correct")


def test_a_job_whose_type_is_broken_only_in_the_worker_fails_with_the_reason(
    service: Service, folder: Path
) -> None:
    (folder / "late.py").write_text("import os\n1 / 0\n")
    service.worker()
    job_id = service.submit("late")
    job = wait_for(lambda: service.wait_for_status(job_id, "failed"))
    assert job["error"]["type"] == "NotRetryable"
    expected = "the job type 'late' does not work in this worker: late.py:2: ZeroDivisionError"
    assert job["error"]["message"].startswith(expected)
