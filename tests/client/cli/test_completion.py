"""Completion in real shells: names of commands, and values that the service knows."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from jobservice.cli.program import NAMES
from tests.support.jobs_command import JobsCommand, Terminal

SHELLS = {
    "bash": (["bash", "--noprofile", "-i"], ".bashrc", ""),
    "zsh": (["zsh", "-i"], ".zshrc", "autoload -Uz compinit; compinit -u -D\n"),
}
"""The interactive command of each shell, its file of settings, and what that has from the start."""


@contextmanager
def shell(jobs: JobsCommand, name: str, lines: str = "", **environ: str) -> Iterator[Terminal]:
    """Install the completion in a shell as a user does, and start the shell again."""
    if shutil.which(name) is None:
        assert not os.environ.get("CI"), f"{name} is not installed"
        pytest.skip(f"{name} is not installed")
    program, settings, begin = SHELLS[name]
    home = {"HOME": str(jobs.folder), "PATH": jobs.search_path(), "ZDOTDIR": str(jobs.folder)}
    file = jobs.folder / settings
    file.write_text(begin)
    with jobs.program_on_terminal(program, **home) as terminal:
        terminal.type("PS1='ready> '\r")
        terminal.expect(r"\nready> |\rready> ")
        terminal.type("jobservice --install-completion; exit\r")
        assert terminal.end() == 0, terminal.text
    file.write_text(file.read_text() + f"PS1='ready> '\n{lines}")
    with jobs.program_on_terminal(program, **home, **environ) as terminal:
        terminal.expect("ready> ")
        yield terminal


@pytest.mark.parametrize("name", SHELLS)
def test_a_shell_completes_commands(tmp_path: Path, name: str) -> None:
    jobs = JobsCommand("http://127.0.0.1:9", tmp_path)
    with shell(jobs, name) as terminal:
        terminal.type("jobservice expl\t")
        terminal.expect("jobservice explain ")


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("bash", "enable -n jobs\ncomplete -o default -F _jobservice_completion jobs\n"),
        ("zsh", "disable jobs\ncompdef jobs=jobservice\n"),
    ],
)
def test_a_shell_completes_the_short_name(tmp_path: Path, name: str, lines: str) -> None:
    """zsh has a completion `_jobs` of its own."""
    jobs = JobsCommand("http://127.0.0.1:9", tmp_path)
    with shell(jobs, name, lines) as terminal:
        terminal.type("jobs expl\t")
        terminal.expect("jobs explain ")


@pytest.mark.parametrize("started_as", NAMES)
@pytest.mark.parametrize("variable", ["_JOBSERVICE_COMPLETE", "_JOBS_COMPLETE"])
def test_each_name_answers_both_variables(tmp_path: Path, started_as: str, variable: str) -> None:
    jobs = JobsCommand("http://127.0.0.1:9", tmp_path)
    words = f"COMP_WORDS='{started_as} expl' COMP_CWORD=1"
    done = jobs.shell(f"{words} {variable}=complete_bash env {started_as}")
    assert done.out.split() == ["explain"]
