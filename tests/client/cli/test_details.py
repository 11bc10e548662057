"""`jobservice show`, `jobservice explain` and `jobservice open`."""

import re
import stat
from pathlib import Path

import pytest

from tests.support.jobs_command import JobsCommand
from tests.support.programs import Service


@pytest.mark.heavy
def test_a_job_is_shown_with_its_attempts_and_result(jobs: JobsCommand, service: Service) -> None:
    job_id = service.submit("sleep", {"seconds": 0.1}, priority=3)
    service.result(job_id)
    done = jobs.run("show", job_id)
    assert done.code == 0
    shown = dict(line.split(maxsplit=1) for line in done.out.splitlines() if line[:1].islower())
    assert shown["job"] == job_id
    assert shown["status"] == "succeeded"
    assert shown["queue"] == "default, priority 3"
    assert shown["payload"] == '{"seconds": 0.1}'
    assert "1  returned" in done.out
    assert '"slept": 0.1' in done.out


def test_a_failed_job_is_shown_with_its_traceback_and_last_lines(
    jobs: JobsCommand, service: Service
) -> None:
    failed = service.submit("flaky", {"notes": str(service.folder / "notes")}, max_retries=0)
    service.result(failed)
    done = jobs.run("show", failed)
    assert done.code == 0
    assert done.out.count("ValueError: not the first time") == 1
    assert "Traceback" in done.out
    crashed = service.submit("talk", {"lines": 3, "then": "crash"}, max_retries=0)
    service.result(crashed)
    assert "last lines of output:\n  line 0\n  line 1\n  line 2\n" in jobs.run("show", crashed).out


def test_the_result_of_an_analysis_is_shown_as_a_table(jobs: JobsCommand, service: Service) -> None:
    job_id = service.upload(b"ERROR\n", {"patterns": ["ERROR"]})
    service.result(job_id)
    out = jobs.run("show", job_id).out
    assert "app.log, 6 B" in out
    assert "PATTERN  COUNT  LINES" in out


def test_json_is_the_document_of_the_service(jobs: JobsCommand, service: Service) -> None:
    job_id = service.submit("sleep", {"seconds": 0})
    service.result(job_id)
    assert jobs.run("show", job_id, "--json").document == service.job(job_id)


def test_a_job_that_is_not_there_is_an_error(jobs: JobsCommand) -> None:
    done = jobs.run("show", "01a2107d-08cc-73f5-a3eb-bdc8e70382e5")
    assert (done.code, done.out) == (1, "")
    assert "code job_not_found" in done.err


def test_it_is_explained_why_a_job_does_not_run(jobs: JobsCommand, service: Service) -> None:
    job_id = service.submit("sleep", {"seconds": 0}, delay=3600)
    done = jobs.run("explain", job_id)
    assert done.code == 0
    assert done.out.startswith(f"{job_id} is queued\n")
    assert "it does not run before 20" in done.out
    assert not re.search(r"\dT\d", done.out), "all times are those of this machine"
    document = jobs.run("explain", job_id, "--json").document
    assert [reason["code"] for reason in document["reasons"]] == ["not_due"]


def browser(folder: Path, exit_code: int) -> str:
    """A program that stands for a browser, and notes the address."""
    program = folder / "browser"
    program.write_text(f'#!/bin/sh\necho "$1" > {folder}/opened\nexit {exit_code}\n')
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return f"{program} %s"


@pytest.mark.heavy
def test_the_page_of_a_job_is_opened(jobs: JobsCommand, service: Service, tmp_path: Path) -> None:
    job_id = service.submit("sleep", {"seconds": 0})
    done = jobs.process("open", job_id, BROWSER=browser(tmp_path, 0))
    address = f"{service.base_url}/ui/jobs/{job_id}\n"
    assert (done.code, done.out) == (0, address)
    assert (tmp_path / "opened").read_text() == address
    assert jobs.process("open", BROWSER=browser(tmp_path, 0)).out == f"{service.base_url}/\n"


def test_without_a_browser_the_address_is_printed(jobs: JobsCommand, tmp_path: Path) -> None:
    done = jobs.process("open", "--json", BROWSER=browser(tmp_path, 1), PATH=str(tmp_path))
    assert (done.code, done.document["opened"]) == (1, False)


def test_an_unknown_job_is_not_opened(jobs: JobsCommand, tmp_path: Path) -> None:
    done = jobs.process("open", "0" * 32, BROWSER=browser(tmp_path, 0))
    assert (done.code, done.out) == (1, "")
    assert "there is no job" in done.err
    assert not (tmp_path / "opened").exists()


def test_an_ended_job_needs_no_explanation(jobs: JobsCommand, service: Service) -> None:
    job_id = service.submit("sleep", {"seconds": 0})
    service.result(job_id)
    assert jobs.run("explain", job_id).out == f"{job_id} has ended: succeeded\n"


def test_a_job_in_a_paused_queue_has_no_position(jobs: JobsCommand, service: Service) -> None:
    service.call("PUT", "/queues/resting", {"paused": True})
    job_id = service.submit("sleep", {"seconds": 0}, queue="resting")
    out = jobs.run("explain", job_id).out
    assert "the queue resting has been paused since" in out
    assert "position" not in out
