"""How `python -m storage transfer` reports invalid options, before it opens any database."""

from pathlib import Path

import pytest

from tests.support.warm_start import run_program

VALID_URL = "postgresql://nobody@127.0.0.1:1/none"


def refusal(*options: str) -> str:
    """Run the command with invalid options; return the error in its last line."""
    answer = run_program("storage", "transfer", *options)
    assert (answer.returncode, "Traceback" in answer.stderr) == (2, False), answer.stderr
    return answer.stderr.splitlines()[-1].partition("error: ")[2]


@pytest.mark.heavy
@pytest.mark.parametrize("option", ["--from", "--to"])
@pytest.mark.parametrize(
    ("url", "expected"),
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
def test_an_invalid_database_url_is_reported_with_its_option(
    option: str, url: str, expected: str
) -> None:
    other = "--to" if option == "--from" else "--from"
    assert refusal(option, url, other, VALID_URL).startswith(f"argument {option}: {expected}")


@pytest.mark.parametrize("option", ["--from", "--to"])
def test_a_folder_is_refused_as_a_database(option: str, tmp_path: Path) -> None:
    other = "--to" if option == "--from" else "--from"
    expected = refusal(option, f"sqlite:///{tmp_path}", other, VALID_URL)
    assert expected == f"argument {option}: {tmp_path} is a folder, not a file"


@pytest.mark.heavy
@pytest.mark.parametrize("rows", ["x", "0", "-1", "1.5", ""])
def test_an_invalid_batch_size_is_reported_with_the_allowed_values(rows: str) -> None:
    expected = refusal("--from", VALID_URL, "--to", VALID_URL, f"--batch={rows}")
    assert expected == "argument --batch: it must be a whole number, 1 or more"


@pytest.mark.heavy
def test_help_and_usage_work_with_invalid_settings() -> None:
    wrong = {"LOG_LEVEL": "loud", "DATABASE_URL": "mysql://x"}
    for arguments in (["--help"], ["transfer", "--help"], ["migrate", "--help"]):
        answer = run_program("storage", *arguments, **wrong)
        assert (answer.returncode, answer.stdout[:6]) == (0, "usage:")
    answer = run_program("storage", "transfer", **wrong)
    assert answer.returncode == 2
    assert "the following arguments are required: --from, --to" in answer.stderr
    both = ("--from", VALID_URL, "--to", VALID_URL)
    answer = run_program("storage", "transfer", *both, **wrong)
    assert (answer.returncode, "LOG_LEVEL=loud" in answer.stderr) == (1, True)
