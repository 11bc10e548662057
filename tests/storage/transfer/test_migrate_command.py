"""What `python -m storage migrate` says of wrong options, before it looks at any database."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

RIGHT = "postgresql://nobody@127.0.0.1:1/none"


def run(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "storage", *arguments]
    return subprocess.run(
        command, env={**os.environ, **environ}, capture_output=True, text=True, timeout=30
    )


def refusal(*options: str) -> str:
    """What the last line says of options that are refused as such."""
    answer = run("migrate", *options)
    assert (answer.returncode, "Traceback" in answer.stderr) == (2, False), answer.stderr
    return answer.stderr.splitlines()[-1].partition("error: ")[2]


@pytest.mark.parametrize("option", ["--from", "--to"])
@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("postgresql://[::1/x", "it cannot be read as an address"),
        ("sqlite://[", "it cannot be read as an address"),
        ("postgresql://db:port/x", "it cannot be read as an address"),
        ("foo", "it must start with sqlite:/// or postgresql://"),
        ("", "it must start with sqlite:/// or postgresql://"),
        ("sqlite://", "a database in memory would be lost"),
        ("sqlite://data/jobs.db", "use three slashes before a relative path"),
    ],
)
def test_a_wrong_address_of_a_database_is_told_with_its_option(
    option: str, url: str, told: str
) -> None:
    other = "--to" if option == "--from" else "--from"
    assert refusal(option, url, other, RIGHT).startswith(f"argument {option}: {told}")


@pytest.mark.parametrize("option", ["--from", "--to"])
def test_a_folder_is_told_from_a_file(option: str, tmp_path: Path) -> None:
    other = "--to" if option == "--from" else "--from"
    told = refusal(option, f"sqlite:///{tmp_path}", other, RIGHT)
    assert told == f"argument {option}: {tmp_path} is a folder, not a file"


@pytest.mark.parametrize("rows", ["x", "0", "-1", "1.5", ""])
def test_a_wrong_number_of_rows_is_told_with_what_is_allowed(rows: str) -> None:
    told = refusal("--from", RIGHT, "--to", RIGHT, f"--batch={rows}")
    assert told == "argument --batch: it must be a whole number, 1 or more"


def test_help_and_usage_are_told_in_a_wrong_environment() -> None:
    wrong = {"LOG_LEVEL": "loud", "DATABASE_URL": "mysql://x"}
    for arguments in (["--help"], ["migrate", "--help"]):
        answer = run(*arguments, **wrong)
        assert (answer.returncode, answer.stdout[:6]) == (0, "usage:")
    answer = run("migrate", **wrong)
    assert answer.returncode == 2
    assert "the following arguments are required: --from, --to" in answer.stderr
    answer = run("migrate", "--from", RIGHT, "--to", RIGHT, **wrong)
    assert (answer.returncode, "LOG_LEVEL=loud" in answer.stderr) == (1, True)
