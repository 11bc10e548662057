"""docs/tutorial.md: its lines run in their order, and do what the page says."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.jobs_command import JobsCommand
from tests.support.paths import ROOT
from tests.support.programs import Service, running_service
from tests.support.waiting import wait_for

pytestmark = [pytest.mark.sqlite, pytest.mark.timeout(180)]  # each test starts seven programs

PAGE = (ROOT / "docs/tutorial.md").read_text()
BLOCKS = re.findall(r"^```sh\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
ELSEWHERE = ("make run\n", "python3 -m venv")
"""What other tests do: tests/test_make.py, and the tests of the client's wheel."""


RUN, FETCH, WRONG, CANCEL = [each for each in BLOCKS if not each.startswith(ELSEWHERE)]


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    """A service with the job type of the page."""
    (code,) = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    (tmp_path / "job_types").mkdir()
    (tmp_path / "job_types/redact.py").write_text(code)
    environ = {"JOB_TYPES_FOLDER": str(tmp_path / "job_types"), "JOB_TYPES": ""}
    with running_service("", tmp_path, **environ) as service:
        service.worker(**environ)
        yield service


@pytest.fixture
def jobs(service: Service, tmp_path: Path) -> JobsCommand:
    """The command, in the folder of the reader."""
    return JobsCommand(service.base_url, tmp_path)


@pytest.mark.heavy
def test_a_file_goes_in_and_a_file_comes_out(jobs: JobsCommand) -> None:
    done = jobs.shell(RUN)
    assert done.code == 0, done.err
    assert json.loads(done.out) == {"files": ["redacted.txt"]}
    fetched = jobs.shell(FETCH)
    assert fetched.code == 0, fetched.err
    assert fetched.out.endswith("ask ***\nor ***\nor nobody\n")


@pytest.mark.heavy
def test_a_wrong_payload_is_refused_and_a_job_is_canceled(
    service: Service, jobs: JobsCommand, tmp_path: Path
) -> None:
    (tmp_path / "mail.txt").write_text("ask ann@example.org\nor bob@example.org\nor nobody\n")
    refused = jobs.shell(WRONG)
    assert "payload.by: it must be a text" in refused.err
    assert refused.out.startswith("exit code ")
    submit, show, cancel = CANCEL.splitlines(keepends=True)
    job_id = jobs.shell(f"{submit}echo $ID").out.strip()
    wait_for(lambda: service.job(job_id)["progress"] == {"lines_done": 1, "lines_total": 3})
    ended = jobs.shell(f"ID={job_id}\n{show}{cancel}")
    assert ended.code == 0, ended.err
    assert '{"lines_done": 1, "lines_total": 3}' in ended.out
    service.wait_for_status(job_id, "canceled")
