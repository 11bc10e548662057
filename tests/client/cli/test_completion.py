"""Completion in real shells: names of commands, and values that the service knows."""

import contextlib
import shutil
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from jobservice import Client
from jobservice.cli import completion
from jobservice.cli.completion import SECONDS
from jobservice.cli.program import NAMES
from tests.support.jobs_command import JobsCommand, Terminal
from tests.support.programs import Service

SHELLS = {
    "bash": (["bash", "--noprofile", "-i"], ".bashrc", ""),
    "zsh": (["zsh", "-i"], ".zshrc", "autoload -Uz compinit; compinit -u -D\n"),
}
"""The interactive command of each shell, its file of settings, and what that has from the start."""


@contextlib.contextmanager
def shell(jobs: JobsCommand, name: str, lines: str = "", **environ: str) -> Iterator[Terminal]:
    """Install the completion in a shell as a user does, and start the shell again."""
    if shutil.which(name) is None:
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


@pytest.mark.heavy
@pytest.mark.parametrize("name", SHELLS)
def test_a_shell_completes_commands_and_what_the_service_knows(
    jobs: JobsCommand, service: Service, client: Client, name: str
) -> None:
    job = client.submit("sleep", {"seconds": 0})
    with shell(jobs, name, JOBS_URL=service.base_url) as terminal:
        terminal.type("jobservice expl\t")
        terminal.expect("jobservice explain ")
        terminal.type("\x15jobservice show ")
        press_tab_until(terminal, f"{job.id[:-1]}", job.id)
        terminal.type("\x15jobservice submit ")
        press_tab_until(terminal, "slee", "submit sleep ")
        terminal.type("\x15jobservice list --status failed,canc\t")
        terminal.expect("failed,canceled ")


def press_tab_until(terminal: Terminal, word: str, completed: str) -> None:
    """Type a word, and press Tab until the service has answered in time."""
    terminal.type(word)
    end = time.monotonic() + 20
    while completed not in terminal.text:
        assert time.monotonic() < end, terminal.text
        terminal.type("\t")
        with contextlib.suppress(AssertionError):
            terminal.expect(completed, 3 * SECONDS)


def complete(jobs: JobsCommand, words: str, **environ: str) -> list[str]:
    """The words that Bash is offered for the last of these words."""
    number = str(len(words.split(" ")) - 1)
    asked = {"_JOBSERVICE_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": number}
    done = jobs.run(**asked, **environ)
    assert done.err == ""
    return done.out.split()


@pytest.fixture
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for the service for longer, on a machine that is busy with other tests."""
    monkeypatch.setattr(completion, "SECONDS", 20.0)


@pytest.mark.usefixtures("patience")
@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("jobservice submit sl", ["sleep"]),
        ("jobservice list --type an", ["analyze"]),
        ("jobservice watch --status s", ["succeeded"]),
        ("jobservice list -s queued,", ["running", "succeeded", "failed", "canceled"]),
        ("jobservice queues pause ", ["default"]),
    ],
)
def test_values_are_offered(jobs: JobsCommand, words: str, expected: list[str]) -> None:
    found = complete(jobs, words)
    assert [each.removeprefix("queued,") for each in found] == expected


@pytest.mark.usefixtures("patience")
def test_the_schedules_are_offered(jobs: JobsCommand, client: Client) -> None:
    client.schedules.put("nightly", "sleep", {"seconds": 0}, cron="@yearly")
    for command in ("schedules pause", "list --schedule"):
        assert complete(jobs, f"jobservice {command} ni") == ["nightly"]
    client.schedules.delete("nightly")


@pytest.mark.usefixtures("patience")
@pytest.mark.parametrize("command", ["show", "logs -f", "wait", "cancel", "diff", "open", "lines"])
def test_ids_of_new_jobs_are_offered(jobs: JobsCommand, client: Client, command: str) -> None:
    job = client.submit("sleep", {"seconds": 0})
    assert complete(jobs, f"jobservice {command} ")[0] == job.id
    assert complete(jobs, f"jobservice {command} {job.id[:-1]}") == [job.id]


@pytest.mark.usefixtures("patience")
@pytest.mark.parametrize(
    "place", ["jobservice --url URL submit sl", "jobservice submit --url URL sl"]
)
def test_the_named_service_is_asked(jobs: JobsCommand, service: Service, place: str) -> None:
    words = place.replace("URL", service.base_url)
    assert complete(jobs, words, JOBS_URL="http://127.0.0.1:9") == ["sleep"]


@pytest.mark.timing
def test_a_service_that_does_not_answer_delays_a_shell_for_a_second(jobs: JobsCommand) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        complete(jobs, "jobservice submit ")  # imports the client
        begin = time.monotonic()
        assert complete(jobs, "jobservice submit ", JOBS_URL=url) == []
        assert time.monotonic() - begin < SECONDS + 1
    assert complete(jobs, "jobservice submit ", JOBS_URL=url) == []
    assert complete(jobs, "jobservice submit ", JOBS_URL="", JOBS_PROFILE="prod") == []


@pytest.mark.heavy
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


@pytest.mark.heavy
@pytest.mark.parametrize("started_as", NAMES)
@pytest.mark.parametrize("variable", ["_JOBSERVICE_COMPLETE", "_JOBS_COMPLETE"])
def test_each_name_answers_both_variables(tmp_path: Path, started_as: str, variable: str) -> None:
    jobs = JobsCommand("http://127.0.0.1:9", tmp_path)
    words = f"COMP_WORDS='{started_as} expl' COMP_CWORD=1"
    done = jobs.shell(f"{words} {variable}=complete_bash env {started_as}")
    assert done.out.split() == ["explain"]


@pytest.mark.heavy
@pytest.mark.parametrize("shell_name", ["bash", "zsh", "fish"])
def test_the_script_of_another_shell_is_shown(tmp_path: Path, shell_name: str) -> None:
    marks = {"bash": "COMP_WORDS", "zsh": "#compdef", "fish": "complete --command"}
    jobs = JobsCommand("http://127.0.0.1:9", tmp_path)
    done = jobs.shell(f"jobservice --show-completion {shell_name}")
    assert marks[shell_name] in done.out, done
