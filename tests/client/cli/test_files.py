"""`jobservice download`."""

import hashlib
from pathlib import Path

import pytest

from tests.support.jobs_command import JobsCommand
from tests.support.programs import Service

CONTENT = b"one ERROR\n"


@pytest.fixture(scope="module")
def job_id(service: Service) -> str:
    """The id of a job with a file."""
    return service.upload(CONTENT, {"patterns": ["ERROR"]})


def test_the_file_of_a_job_is_written(jobs: JobsCommand, job_id: str, tmp_path: Path) -> None:
    done = jobs.run("download", job_id, "--upload", "-o", str(tmp_path))
    assert (done.code, done.out) == (0, f"{tmp_path / 'app.log'}\n")
    assert (tmp_path / "app.log").read_bytes() == CONTENT
    named = jobs.run("download", job_id[:8], "--upload", "-o", str(tmp_path / "b"), "--json")
    digest = hashlib.sha256(CONTENT).hexdigest()
    assert named.document == {"path": str(tmp_path / "b"), "size": 10, "sha256": digest}


def test_the_file_goes_to_standard_output(jobs: JobsCommand, job_id: str) -> None:
    assert jobs.process("download", job_id, "--upload", "-o", "-").out == CONTENT.decode()


def test_errors_are_one_line(
    service: Service, jobs: JobsCommand, job_id: str, tmp_path: Path
) -> None:
    assert "--upload" in jobs.run("download", job_id).err
    existing = tmp_path / "app.log"
    existing.write_bytes(b"mine")
    refused = jobs.run("download", job_id, "--upload", "-o", str(tmp_path))
    assert refused.code == 1
    assert "exists already" in refused.err
    assert existing.read_bytes() == b"mine"
    no_folder = jobs.run("download", job_id, "--upload", "-o", str(tmp_path / "no" / "a"))
    assert (no_folder.code, "No such file or directory" in no_folder.err) == (1, True)
    sleeping = service.submit("sleep", {"seconds": 0})
    no_file = jobs.run("download", sleeping, "--upload", "-o", str(tmp_path / "c"))
    assert (no_file.code, "file_not_found" in no_file.err) == (1, True)
