"""Profiles, and which service a command talks to."""

import json
import os
from pathlib import Path

import pytest

from jobservice.cli import config
from jobservice.cli.exits import CommandError
from tests.support.jobs_command import JobsCommand

PROD = "https://jobs.example.org"


@pytest.fixture
def jobs(tmp_path: Path) -> JobsCommand:
    """The command, without a service in its environment."""
    command = JobsCommand("", tmp_path)
    return command


def test_a_profile_is_stored_for_its_owner_only(jobs: JobsCommand) -> None:
    done = jobs.run("config", "set", "prod", "--url", PROD, "--token", "-", stdin="secret\n")
    assert (done.code, done.out) == (0, "")
    assert jobs.config.stat().st_mode & 0o777 == 0o600
    assert json.loads(jobs.config.read_text()) == {
        "default": "prod",
        "profiles": {"prod": {"url": PROD, "token": "secret"}},
    }
    assert os.listdir(jobs.config.parent) == ["config.json"]


def test_tokens_are_never_shown(jobs: JobsCommand) -> None:
    jobs.run("config", "set", "prod", "--url", PROD, "--token", "-", stdin="secret\n")
    for arguments in (["config"], ["config", "--json"]):
        done = jobs.run(*arguments)
        assert PROD in done.out
        assert "secret" not in done.out + done.err
    assert jobs.run("config", "--json").document["profiles"]["prod"]["has_token"] is True


def test_a_token_on_the_command_line_is_refused(jobs: JobsCommand) -> None:
    done = jobs.run("config", "set", "prod", "--url", PROD, "--token", "secret")
    assert done.code == 2
    assert "use `--token -`, which reads standard input" in done.err
    assert not jobs.config.exists()


def test_a_token_that_others_can_read_is_refused(jobs: JobsCommand) -> None:
    jobs.run("config", "set", "prod", "--url", PROD, "--token", "-", stdin="secret\n")
    jobs.config.chmod(0o640)
    done = jobs.run("list")
    assert (done.code, done.out) == (2, "")
    assert "other users can read it: run `chmod 600" in done.err
    assert "secret" not in done.err


def test_a_file_without_tokens_may_be_readable(jobs: JobsCommand) -> None:
    jobs.run("config", "set", "local", "--url", "http://127.0.0.1:9")
    jobs.config.chmod(0o644)
    assert jobs.run("config").code == 0


def test_a_new_address_does_not_get_the_old_token(jobs: JobsCommand) -> None:
    jobs.run("config", "set", "prod", "--url", PROD, "--token", "-", stdin="secret\n")
    jobs.run("config", "set", "prod", "--url", "https://other.example.org")
    assert "token" not in json.loads(jobs.config.read_text())["profiles"]["prod"]


def test_profiles_are_used_and_removed(jobs: JobsCommand) -> None:
    for name in ("one", "two"):
        jobs.run("config", "set", name, "--url", f"http://{name}.example.org")
    assert jobs.run("config", "use", "two").code == 0
    assert jobs.run("config", "--json").document["current"]["origin"] == "profile two"
    assert jobs.run("config", "remove", "two").code == 0
    assert jobs.run("config", "--json").document["default"] is None
    unknown = jobs.run("config", "use", "two")
    assert unknown.code == 2
    assert "there is no profile 'two'; known profiles: one" in unknown.err


@pytest.mark.parametrize("text", ["", "[]", '{"profiles": {"prod": {"address": 1}}}'])
def test_a_damaged_file_is_named(jobs: JobsCommand, text: str) -> None:
    jobs.config.parent.mkdir()
    jobs.config.write_text(text)
    done = jobs.run("config")
    assert done.code == 2
    assert f"{jobs.config} is not a file of profiles" in done.err


def test_a_profile_needs_a_real_address(jobs: JobsCommand) -> None:
    assert jobs.run("config", "set", "prod").code == 2
    assert jobs.run("config", "set", "prod", "--url", "jobs.example.org").code == 2
    assert jobs.run("config", "set", "prod", "--url", PROD, "--token", "-", stdin="\n").code == 2


@pytest.fixture
def profiles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file with the profiles prod, which is the default, and test, without a token."""
    file = tmp_path / "config.json"
    monkeypatch.setenv("JOBS_CONFIG", str(file))
    by_name = {
        "prod": config.Profile(PROD, "of prod"),
        "test": config.Profile("http://test.example.org"),
    }
    config.save(file, config.Profiles(by_name, "prod"))


BOTH = {"JOBS_URL": "http://environ", "JOBS_TOKEN": "of environ", "JOBS_PROFILE": "test"}


@pytest.mark.parametrize(
    ("url", "profile", "environ", "expected"),
    [
        ("http://option", None, BOTH, ("http://option", "of environ")),
        (None, "prod", BOTH, (PROD, "of prod")),
        (None, "test", BOTH, ("http://test.example.org", "of environ")),
        (None, None, BOTH, ("http://environ", "of environ")),
        (None, None, {"JOBS_PROFILE": "test"}, ("http://test.example.org", None)),
        (None, None, {}, (PROD, "of prod")),
        ("http://option", None, {}, ("http://option", None)),
    ],
)
@pytest.mark.usefixtures("profiles")
def test_the_more_explicit_name_of_a_service_wins(
    url: str | None, profile: str | None, environ: dict[str, str], expected: tuple[str, str | None]
) -> None:
    found = config.address(url, profile, environ)
    assert (found.url, found.token) == expected


def test_without_any_name_it_is_the_local_service(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JOBS_CONFIG", str(tmp_path / "none.json"))
    assert config.address(None, None, {}).url == "http://localhost:5000"
    with pytest.raises(CommandError):
        config.address("http://option", "prod", {})


def test_addresses_do_not_show_their_token() -> None:
    assert "secret" not in repr(config.Address(PROD, "secret", "--url"))
    assert "secret" not in repr(config.Profile(PROD, "secret"))


def test_a_file_that_is_named_and_missing_is_a_usage_error(jobs: JobsCommand) -> None:
    done = jobs.run("list")
    assert done.code == 2
    assert f"there is no file {jobs.config}, which JOBS_CONFIG names" in done.err
