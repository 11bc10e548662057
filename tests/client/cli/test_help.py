"""The help of `jobservice`: it fits on one screen, is complete, and loads little."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from typer.main import get_command

from jobservice.cli.main import ABOUT, app
from jobservice.cli.program import NAMES
from tests.support.jobs_command import JobsCommand
from tests.support.paths import ROOT

LATE = ("httpx", "rich", "asyncio", "webbrowser")


@pytest.fixture
def jobs(tmp_path: Path) -> JobsCommand:
    """The command without a service."""
    return JobsCommand("http://127.0.0.1:9", tmp_path)


def test_the_help_fits_on_one_screen_and_has_three_examples(jobs: JobsCommand) -> None:
    done = jobs.process("--help")
    lines = done.out.splitlines()
    assert (done.code, done.err) == (0, "")
    assert len(lines) <= 24
    assert max(map(len, lines)) <= 80
    assert len([line for line in lines if line.startswith("  jobservice ")]) == 3


def test_the_help_names_all_commands_and_options(jobs: JobsCommand) -> None:
    group = get_command(app)
    assert sorted(ABOUT) == sorted(group.commands)  # type: ignore[attr-defined]
    text = jobs.run("--help").out
    options = [option for each in group.params for option in each.opts]
    assert [each for each in [*ABOUT, *options] if each not in text] == []


@pytest.mark.parametrize("command", [*ABOUT, "queues pause", "schedules pause"])
def test_each_command_has_a_help_of_80_columns(jobs: JobsCommand, command: str) -> None:
    done = jobs.run(*command.split(), "--help")
    assert done.code == 0
    assert "Usage: jobservice " + command in done.out
    assert max(map(len, done.out.splitlines())) <= 80


@pytest.mark.parametrize("name", NAMES)
def test_the_command_is_installed_under_both_names(name: str, tmp_path: Path) -> None:
    """Bash, zsh and dash have a command `jobs` of their own, which hides the short name."""
    scripts = tomllib.loads((ROOT / "client/pyproject.toml").read_text())["project"]["scripts"]
    module, _, function = scripts[name].partition(":")
    script = tmp_path / name
    script.write_text(f"#!{sys.executable}\nfrom {module} import {function}\n{function}()\n")
    script.chmod(0o755)
    environ = {**os.environ, **JobsCommand("http://127.0.0.1:9", tmp_path).environ}
    for command in ([], ["list"]):
        done = subprocess.run(
            [script, *command, "--help"], env=environ, capture_output=True, text=True, check=True
        )
        assert f"Usage: {name} " in done.stdout
        assert f"  {name} list " in done.stdout


def test_without_a_command_the_help_goes_to_standard_error(jobs: JobsCommand) -> None:
    done = jobs.run()
    assert (done.code, done.out) == (2, "")
    assert done.err.strip() == jobs.run("--help").out.strip()


def test_an_unknown_command_gets_a_suggestion(jobs: JobsCommand) -> None:
    done = jobs.run("lst")
    assert done.code == 2
    assert "Did you mean 'list'?" in done.err


@pytest.mark.parametrize(
    ("command", "instead"), [("top", "list --status running"), ("config", "JOBS_URL")]
)
def test_a_removed_command_names_what_serves_instead(
    jobs: JobsCommand, command: str, instead: str
) -> None:
    done = jobs.run(command)
    assert done.code == 2
    assert f"the command {command} was removed" in done.err
    assert instead in done.err


def test_a_job_type_that_is_used_as_a_command_gets_the_command_that_submits_it(
    jobs: JobsCommand,
) -> None:
    done = jobs.process("slep")
    assert (done.code, done.out) == (2, "")
    assert "To submit a job: `jobservice submit sleep`" in done.err


def test_the_version_is_printed(jobs: JobsCommand) -> None:
    assert jobs.run("--version").out == "jobservice 1.0.0\n"


def test_the_help_loads_no_library_that_it_does_not_need(jobs: JobsCommand) -> None:
    code = "import sys, jobservice.cli.main; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **jobs.environ},
        capture_output=True,
        text=True,
        check=True,
    )
    assert set(LATE) & set(done.stdout.split()) == set()


@pytest.mark.timing
@pytest.mark.skipif(sys.platform == "win32", reason="only where os.times() counts children")
def test_the_help_comes_within_250_milliseconds_of_cpu_time(jobs: JobsCommand) -> None:
    def seconds() -> float:
        before = os.times()
        jobs.process("--help")
        after = os.times()
        return sum(after[2:4]) - sum(before[2:4])  # user and system time of the children

    assert min(seconds() for _ in range(5)) < 0.25
