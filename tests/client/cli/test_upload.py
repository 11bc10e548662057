"""`jobservice upload`, and `submit --upload`."""

import json
import os
from pathlib import Path
from unittest.mock import patch

import pytest

from jobservice import ConnectionFailed
from tests.support.jobs_command import JobsCommand

CONTENT = os.urandom(300_000)


@pytest.fixture
def path(tmp_path: Path) -> str:
    file = tmp_path / "big.log"
    file.write_bytes(CONTENT)
    return str(file)


def test_an_uploaded_file_is_used_by_a_job(jobs: JobsCommand, path: str) -> None:
    upload_id = jobs.run("upload", path).out.strip()
    job = jobs.run("submit", "analyze", 'patterns=["x"]', "--upload", upload_id, "--wait", "--json")
    assert job.document["upload"]["size"] == len(CONTENT)
    state = jobs.run("upload", path, "--resume", upload_id, "--json").document
    assert (state["upload_id"], state["offset"]) == (upload_id, len(CONTENT))


def test_uploads_are_listed_and_deleted(jobs: JobsCommand, path: str) -> None:
    ids = [jobs.run("upload", path).out.strip() for _ in range(2)]
    assert all(id in jobs.run("uploads").out for id in ids)
    lines = jobs.run("uploads", "--json").out.splitlines()
    assert [json.loads(line)["upload_id"] for line in lines][-2:] == ids
    assert jobs.run("uploads", "delete", ids[0]).code == 0
    assert ids[0] not in jobs.run("uploads").out
    assert jobs.run("uploads", "delete", ids[0]).code == 1


def test_another_file_than_the_one_that_was_begun_is_refused(
    jobs: JobsCommand, path: str, tmp_path: Path
) -> None:
    upload_id = jobs.run("upload", path).out.strip()
    other = tmp_path / "other.log"
    other.write_bytes(bytes(len(CONTENT)))
    found = jobs.run("upload", str(other), "--resume", upload_id)
    assert found.code == 1
    assert "other.log has changed since the upload was begun" in found.err


def test_errors_name_options(jobs: JobsCommand, path: str) -> None:
    found = jobs.run("submit", "analyze", 'patterns=["x"]', "--upload", "abc")
    assert found.code == 2
    assert "--upload: it must be the id of a resumable upload" in found.err
    found = jobs.run("submit", "analyze", "--upload", "abc", "--file", path)
    assert "give either --file or --upload" in found.err
    found = jobs.run("upload", "-")
    assert "standard input cannot be sent again" in found.err
    found = jobs.run("upload", path, "--resume", "none")
    assert "there is no such upload" in found.err


@pytest.mark.parametrize("path", ["/dev/zero", "/proc/self/status"])
def test_a_file_without_a_size_is_refused_with_a_command_that_sends_it(
    jobs: JobsCommand, path: str
) -> None:
    found = jobs.run("upload", path)
    assert found.code == 2
    assert f"{path} has no size, so an upload of it cannot continue" in " ".join(found.err.split())


def test_a_file_in_proc_is_sent_as_a_stream(jobs: JobsCommand) -> None:
    command = ("submit", "analyze", 'patterns=["Name:"]', "--file", "/proc/self/status", "--wait")
    job = jobs.run(*command, "--json").document
    assert job["upload"]["size"] > 100
    assert job["status"] == "succeeded"


@pytest.mark.parametrize(
    ("error", "code"), [(KeyboardInterrupt(), 130), (ConnectionFailed("no response"), 4)]
)
def test_an_upload_that_ends_early_tells_how_to_go_on(
    jobs: JobsCommand, path: str, error: BaseException, code: int
) -> None:
    with patch("jobservice._sync.uploads.Uploads._send_rest", side_effect=error):
        found = jobs.run("upload", path)
    assert found.code == code
    command = found.err.partition("Go on with: jobservice ")[2].splitlines()[0]
    assert jobs.run(*command.split()).code == 0


def test_a_file_that_the_service_has_is_not_sent_again(jobs: JobsCommand, tmp_path: Path) -> None:
    path = tmp_path / "own.log"
    path.write_bytes(os.urandom(1000))
    command = ("submit", "analyze", 'patterns=["x"]', "--file", str(path), "--by-hash")
    first = jobs.run(*command).out.strip()
    with patch("jobservice.requests.job_requests.Form", side_effect=AssertionError("it is sent")):
        second = jobs.run(*command, "--wait", "--json").document
    assert second["job_id"] != first
    assert second["upload"]["name"] == "own.log"


@pytest.mark.parametrize(
    "arguments",
    [("--file", "-", "--by-hash"), ("--by-hash",), ("--file", "a", "--file", "b", "--by-hash")],
)
def test_only_one_file_has_a_hash(jobs: JobsCommand, arguments: tuple[str, ...]) -> None:
    found = jobs.run("submit", "analyze", 'patterns=["x"]', *arguments)
    assert (found.code, "--by-hash needs one --file" in found.err) == (2, True)


def test_a_dry_run_has_no_hash(jobs: JobsCommand, path: str) -> None:
    found = jobs.run("submit", "analyze", "--file", path, "--by-hash", "--dry-run")
    assert (found.code, "leave out --by-hash" in found.err) == (2, True)
