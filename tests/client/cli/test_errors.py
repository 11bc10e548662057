"""Errors of the command: their exit codes, their words, and as JSON."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from jobservice.cli.wording import in_commands
from tests.support.jobs_command import JobsCommand


@pytest.mark.parametrize("url", ["ftp://localhost", "http://", "http://localhost:port"])
@pytest.mark.parametrize("how", ["option", "variable"])
def test_what_is_no_address_is_a_usage_error(tmp_path: Path, url: str, how: str) -> None:
    jobs = JobsCommand(url if how == "variable" else "http://127.0.0.1:9", tmp_path)
    done = jobs.run("list", *(["--url", url] if how == "option" else []))
    assert done.code == 2
    assert f"{url!r} is not an address such as http://localhost:5000" in done.err


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


def test_json_leaves_exit_codes_as_they_are(jobs: JobsCommand) -> None:
    assert jobs.process("list", "--json").code == 0
    assert jobs.process("show", "0" * 32, "--json").code == 1


@pytest.mark.parametrize(
    ("detail", "said"),
    [
        ("created_after: it must be a time", "--after: it must be a time"),
        ("payload.timeout: it must be a number", "payload.timeout: it must be a number"),
        ("PUT /queues/NAME creates one", "`jobservice queues create NAME` creates one"),
        ("`GET /queues` lists them", "`jobservice queues` lists them"),
        ("cancel it first: POST /jobs/6af1/cancel", "cancel it first: `jobservice cancel 6af1`"),
        ("ask with GET /jobs/ID", "ask with `jobservice show ID`"),
    ],
)
def test_errors_speak_of_commands_and_options(detail: str, said: str) -> None:
    assert in_commands(detail) == said


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
from jobservice.cli.start import main
main()
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=jobs.process_environ(),
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (130, "")
