"""Errors of the command: their exit codes, their words, and as JSON."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from jobservice.cli.exits import in_commands
from tests.support.jobs_command import JobsCommand


@pytest.mark.parametrize("url", ["ftp://localhost", "http://", "http://localhost:port"])
@pytest.mark.parametrize("how", ["option", "variable"])
def test_what_is_no_address_is_a_usage_error(tmp_path: Path, url: str, how: str) -> None:
    jobs = JobsCommand(url if how == "variable" else "http://127.0.0.1:9", tmp_path)
    done = jobs.run("list", *(["--url", url] if how == "option" else []))
    assert done.code == 2
    assert f"{url!r} is not an address such as http://localhost:5000" in done.err


@pytest.mark.heavy
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["list", "--wrong", "--json"], "No such option"),
        (["--json", "wrong"], "No such command 'wrong'"),
        (["submit", "--json"], "Missing argument 'TYPE'"),
        (["submit", "sleep", "seconds", "--json"], "neither key=value, @file.json nor -"),
        (["list", "--limit", "0", "--json"], "0 is not in the range"),
        (["queues", "limit", "gpu", "two", "--json"], "neither a whole number nor none"),
    ],
)
def test_usage_errors_are_json_with_json(
    jobs: JobsCommand, arguments: list[str], message: str
) -> None:
    done = jobs.process(*arguments)
    assert (done.code, done.out) == (2, "")
    error = json.loads(done.err)["error"]
    assert message in error["message"]
    assert error["exit_code"] == 2


@pytest.mark.heavy
def test_json_leaves_exit_codes_as_they_are(jobs: JobsCommand) -> None:
    assert jobs.process("list", "--json").code == 0
    assert jobs.process("show", "0" * 32, "--json").code == 1


@pytest.mark.parametrize(
    ("detail", "said"),
    [
        ("created_after: it must be a time", "--after: it must be a time"),
        ("payload.timeout: it must be a number", "payload.timeout: it must be a number"),
        ("PUT /queues/NAME creates one", "`jobservice queues create NAME` creates one"),
        ("PUT /queues/a.b-1 makes one", "`jobservice queues create a.b-1` makes one"),
        ("`GET /queues` lists them", "`jobservice queues` lists them"),
        ("cancel it first: POST /jobs/6af1/cancel", "cancel it first: `jobservice cancel 6af1`"),
        ("ask with GET /jobs/ID", "ask with `jobservice show ID`"),
        (
            "missed: missed: all submits several jobs at once, of which overlap: skip skips all but"
            " the first: use overlap: queue, or missed: once",
            "--missed all submits several jobs at once, of which --overlap skip skips all but"
            " the first: use --overlap queue, or --missed once",
        ),
        (
            'cron: give cron, for example "30 2 * * *", or every, in seconds, for example 3600',
            "give --cron '30 2 * * *', or --every 1h",
        ),
        (
            'unique: it needs a unique_key, for example "unique_key": "sync:customer:42"',
            "--unique: it needs --unique-key, for example --unique-key sync:customer:42",
        ),
        (
            'on_failure: it needs jobs to wait for, for example "after": ["01a2"]',
            "--on-failure: it needs jobs to wait for, for example --after 01a2",
        ),
        (
            "body: give either run_at or delay, not both",
            "give either --run-at or --delay, not both",
        ),
        (
            'line 2 of a.jsonl: unique: it needs a unique_key, for example "unique_key": "a"',
            'line 2 of a.jsonl: unique: it needs a unique_key, for example "unique_key": "a"',
        ),
        (
            "delay: it must be before expires_at, 2030-01-31T12:00:00Z, or it never starts",
            "--delay: it must be before --expires-at, 2030-01-31T12:00:00Z, or it never starts",
        ),
        ("every: give either cron or every, not both", "give either --cron or --every, not both"),
        ("options.every: it must be at most 31622400", "--every: it must be at most 366d"),
        ("every: it must be a whole number", "--every: it must be a number of whole seconds"),
        ("priority: it must be at most 100", "--priority: it must be at most 100"),
        (
            "tags[0]: a tag must be text; keep_for: it must be at most 316224000",
            "--tag: a tag must be text; --keep-for: it must be at most 3660d",
        ),
        (
            "expires_in: it must be above the delay of 3600.0 s, or the job would never start",
            "--expires-in: it must be above the delay of 1h, or the job would never start",
        ),
        (
            "delay: it must be before 2030-01-31T12:00:00Z",
            "--delay: it must be before 2030-01-31T12:00:00Z",
        ),
    ],
)
def test_errors_speak_of_commands_and_options(detail: str, said: str) -> None:
    assert in_commands(detail) == said


def test_errors_of_the_service_name_options(jobs: JobsCommand) -> None:
    submit = ("submit", "sleep", "seconds=0")
    assert "--unique-key sync:customer:42" in jobs.run(*submit, "--unique", "final").err
    assert "--keep-for: it must be at most 3660d" in jobs.run(*submit, "--keep-for", "40000d").err
    assert "--finish-by: " in jobs.run(*submit, "--finish-by", "soon").err
    put = ("schedules", "put", "a", "sleep", "seconds=0")
    assert "give --cron '30 2 * * *', or --every 1h" in jobs.run(*put).err
    wrong = jobs.run(*put, "--every", "5m", "--missed", "all")
    assert wrong.err.startswith("jobservice: --missed all submits several jobs at once, of which")
    assert "use --overlap queue" in wrong.err
    queued = jobs.run(*submit, "--delay", "1h").out.strip()
    both = jobs.run("change", queued, "--delay", "1h", "--run-at", "2030-01-31")
    assert "give either --run-at or --delay" in both.err
    assert "`jobservice failures list` calls" in jobs.run("list", "--failure", "zz").err


def test_errors_as_json_name_commands_too(jobs: JobsCommand) -> None:
    error = json.loads(jobs.run("schedules", "show", "nope", "--json").err)["error"]
    assert "`jobservice schedules` lists all (schedule_not_found" in error["message"]


def test_hints_of_the_service_name_commands(jobs: JobsCommand) -> None:
    assert "--after: " in jobs.run("list", "--after", "yesterday").err
    done = jobs.run("queues", "pause", "unknown")
    assert "`jobservice queues create NAME` creates one" in done.err


def test_ctrl_c_during_the_imports_shows_no_traceback(jobs: JobsCommand) -> None:
    code = """
import sys, types
class Interrupting:
    def find_spec(self, name, *rest):
        if name == "typer":
            raise KeyboardInterrupt
sys.meta_path.insert(0, Interrupting())
from jobservice.cli.__main__ import main
main()
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=jobs.process_environ(),
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (130, "")
