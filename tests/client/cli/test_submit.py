"""`jobservice submit`: payloads, results and exit codes."""

import json
import threading
from pathlib import Path
from uuid import uuid4

import pytest

from tests.support.jobs_command import JobsCommand
from tests.support.named_pipes import make_named_pipe
from tests.support.programs import Service, uuids


def test_a_submission_prints_the_id_and_nothing_else(jobs: JobsCommand, service: Service) -> None:
    done = jobs.run("submit", "sleep", "seconds=0")
    assert (done.code, done.err) == (0, "")
    assert uuids(done.out) == [done.out.strip()]
    assert service.result(done.out.strip())["payload"] == {"seconds": 0}


def test_wait_prints_the_result(jobs: JobsCommand) -> None:
    done = jobs.run("submit", "sleep", "seconds=0.1", "--wait")
    assert (done.code, json.loads(done.out), done.err) == (0, {"slept": 0.1}, "")


def test_the_payload_is_merged_from_files_standard_input_and_values(
    jobs: JobsCommand, service: Service, tmp_path: Path
) -> None:
    file = tmp_path / "options.json"
    file.write_text('{"lines": 9, "then": "return"}')
    done = jobs.run("submit", "talk", f"@{file}", "-", stdin='{"lines": 2}')
    assert service.job(done.out.strip())["payload"] == {"lines": 2, "then": "return"}


def test_values_are_json_where_possible(jobs: JobsCommand, service: Service) -> None:
    values = ["lines=3", "then=not json: {"]
    job = service.job(jobs.run("submit", "talk", *values).out.strip())
    assert job["payload"] == {"lines": 3, "then": "not json: {"}
    text = jobs.run("submit", "talk", "lines=3", 'then="3"').out.strip()
    assert service.job(text)["payload"] == {"lines": 3, "then": "3"}


def test_what_is_no_payload_is_a_usage_error(jobs: JobsCommand, tmp_path: Path) -> None:
    (tmp_path / "list.json").write_text("[]")
    for argument, reason in [
        ("seconds", "neither key=value, @file.json nor -"),
        (f"@{tmp_path}/none.json", "No such file"),
        (f"@{tmp_path}/list.json", "not a JSON object"),
        ("-", "not JSON"),
    ]:
        done = jobs.run("submit", "sleep", argument)
        assert (done.code, done.out) == (2, "")
        assert reason in done.err


def test_options_of_the_job_are_sent(jobs: JobsCommand, service: Service) -> None:
    arguments = ["--priority", "-5", "--timeout", "2m", "--delay", "1h", "--max-retries", "0"]
    job = service.job(jobs.run("submit", "sleep", "seconds=0", *arguments).out.strip())
    assert (job["priority"], job["timeout"], job["max_retries"]) == (-5, 120, 0)
    assert job["run_at"] > job["created_at"]


def test_a_duration_needs_a_known_unit(jobs: JobsCommand) -> None:
    done = jobs.run("submit", "sleep", "seconds=0", "--delay", "1w")
    assert done.code == 2
    assert "'1w' is not a duration such as 90, 1.5, 30s, 5m, 2h or 1d" in done.err


def test_the_same_key_gives_the_same_job(jobs: JobsCommand) -> None:
    key = ("--idempotency-key", "nightly-2030-01-31")
    first = jobs.run("submit", "sleep", "seconds=0", *key)
    assert jobs.run("submit", "sleep", "seconds=0", *key).out == first.out


def test_a_file_is_uploaded(jobs: JobsCommand, tmp_path: Path) -> None:
    file = tmp_path / "app.log"
    file.write_text("ERROR\nok\n")
    done = jobs.run("submit", "analyze", 'patterns=["ERROR"]', "--file", str(file), "--wait")
    assert json.loads(done.out)["counts"] == {"ERROR": 1}
    piped = jobs.run(
        "submit", "analyze", 'patterns=["ok"]', "--file", "-", "--wait", stdin="ok ok\n"
    )
    assert json.loads(piped.out)["counts"] == {"ok": 2}


def test_a_fifo_is_opened_once(jobs: JobsCommand, tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    make_named_pipe(fifo)
    writer = threading.Thread(target=fifo.write_bytes, args=[b"ERROR\n"], daemon=True)
    writer.start()
    done = jobs.run("submit", "analyze", 'patterns=["ERROR"]', "--file", str(fifo), "--wait")
    assert json.loads(done.out)["counts"] == {"ERROR": 1}
    writer.join()


def test_a_file_that_lacks_is_named_by_its_option(jobs: JobsCommand) -> None:
    done = jobs.run("submit", "analyze", 'patterns=["x"]')
    assert "--file: " in done.err
    assert "give a PATH, or --upload ID" in done.err
    taken = jobs.run("submit", "sleep", "seconds=0", "--file", __file__)
    assert "--file: the job type sleep does not take a file" in taken.err
    unknown = jobs.run("submit", "analyze", 'patterns=["x"]', "--upload", str(uuid4()))
    assert "begin one with `jobservice upload FILE`" in unknown.err


def test_a_file_that_cannot_be_read_is_a_usage_error(jobs: JobsCommand, tmp_path: Path) -> None:
    done = jobs.run("submit", "analyze", "--file", str(tmp_path / "none.log"))
    assert (done.code, "No such file" in done.err) == (2, True)
    assert jobs.run("submit", "analyze", "--file", str(tmp_path)).code == 2


def test_a_failed_job_gives_exit_code_1_and_its_reason(jobs: JobsCommand, service: Service) -> None:
    done = jobs.run("submit", "hopeless", f"notes={service.folder / 'notes'}", "--wait")
    assert (done.code, done.out) == (1, "")
    assert "failed: NotRetryable: it will never work" in done.err


def test_a_wait_that_is_too_short_gives_exit_code_124(jobs: JobsCommand, service: Service) -> None:
    done = jobs.run("submit", "sleep", "seconds=60", "--wait-timeout", "0.2")
    assert (done.code, done.out) == (124, "")
    (job_id,) = set(uuids(done.err))
    assert jobs.run("cancel", job_id).code == 0


def test_an_invalid_submission_names_code_field_and_request(jobs: JobsCommand) -> None:
    done = jobs.run("submit", "sleep", "seconds=-1")
    assert (done.code, done.out) == (2, "")
    assert "code invalid_request, field payload.seconds, request id " in done.err
    as_json = jobs.run("submit", "sleep", "seconds=-1", "--json")
    error = json.loads(as_json.err)["error"]
    assert error["code"] == "invalid_request"
    assert error["field"] == "payload.seconds"
    assert error["request_id"]


@pytest.mark.heavy
def test_an_unreachable_service_gives_exit_code_4(jobs: JobsCommand, tmp_path: Path) -> None:
    unreachable = JobsCommand("http://127.0.0.1:9", tmp_path)
    for arguments in (["submit", "sleep"], ["submit", "sleep", "--wait"]):
        done = unreachable.run(*arguments)
        assert (done.code, done.out) == (4, "")
        assert "no response from http://127.0.0.1:9" in done.err


def test_json_is_one_document(jobs: JobsCommand) -> None:
    stored = jobs.run("submit", "sleep", "seconds=0", "--json").document
    assert set(stored) == {"job_id", "status"}
    final = jobs.run("submit", "sleep", "seconds=0", "--wait", "--json").document
    assert (final["status"], final["result"]) == ("succeeded", {"slept": 0})
    assert jobs.run("--json", "submit", "sleep", "seconds=0").document["status"] == "queued"


def test_a_dry_run_submits_nothing(jobs: JobsCommand) -> None:
    done = jobs.run("submit", "sleep", "seconds=0", "--tag", "tried", "--dry-run")
    assert (done.code, done.err) == (0, "")
    assert "Nothing was submitted" in done.out
    assert "expected to start at once" in done.out
    document = json.loads(jobs.run("--json", "submit", "sleep", "seconds=0", "--dry-run").out)
    assert document["dry_run"]["position"] == 1
    assert jobs.run("list", "--tag", "tried", "--ids").out == ""
    done = jobs.run("submit", "sleep", "seconds=-1", "--dry-run")
    assert (done.code, "payload.seconds" in done.err) == (2, True)
    assert jobs.run("submit", "sleep", "--dry-run", "--wait").code == 2
