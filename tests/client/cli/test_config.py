"""Which service a command talks to."""

from pathlib import Path

import pytest

from jobservice.cli import config
from jobservice.cli.exits import CommandError
from tests.support.jobs_command import JobsCommand

BOTH = {"JOBS_URL": "http://environ", "JOBS_TOKEN": "secret"}


@pytest.fixture(autouse=True)
def _without_profiles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))


@pytest.mark.parametrize(
    ("url", "environ", "expected"),
    [
        ("http://option", BOTH, ("http://option", "secret")),
        (None, BOTH, ("http://environ", "secret")),
        ("http://option", {}, ("http://option", None)),
        (None, {}, ("http://localhost:5000", None)),
    ],
)
def test_the_more_explicit_name_of_a_service_wins(
    url: str | None, environ: dict[str, str], expected: tuple[str, str | None]
) -> None:
    found = config.address(url, environ)
    assert (found.url, found.token) == expected


@pytest.mark.parametrize("url", ["ftp://host", "http://"])
def test_a_service_needs_a_real_address(url: str) -> None:
    for given, environ in ((url, {}), (None, {"JOBS_URL": url})):
        with pytest.raises(CommandError, match="is not an address"):
            config.address(given, environ)


def test_addresses_do_not_show_their_token() -> None:
    assert "secret" not in repr(config.Address("http://host", "secret"))


@pytest.mark.parametrize("environ", [{"JOBS_PROFILE": "prod"}, {}])
def test_a_profile_of_an_earlier_release_is_an_error_that_names_the_variables(
    tmp_path: Path, environ: dict[str, str]
) -> None:
    jobs = JobsCommand("", tmp_path)
    if not environ:
        jobs.config.parent.mkdir()
        jobs.config.write_text('{"default": "prod", "profiles": {"prod": {"url": "http://x"}}}')
    done = jobs.run("list", **environ)
    assert (done.code, done.out) == (2, "")
    assert "there are no profiles any more: set JOBS_URL and JOBS_TOKEN" in done.err
    assert str(jobs.config) in done.err
    assert config.address("http://named", environ).url == "http://named"
