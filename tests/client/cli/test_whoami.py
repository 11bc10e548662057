"""`jobservice whoami`."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.jobs_command import JobsCommand
from tests.support.programs import running_service

TOKEN = "jst_eve-0123456789"


@pytest.fixture
def with_quotas(tmp_path: Path) -> Iterator[JobsCommand]:
    """The command for a service whose caller has quotas."""
    tokens = f"eve:submit@default queued=1000 bytes=20MB requests=0.01:{TOKEN}"
    with running_service("", tmp_path, API_TOKENS=tokens) as service:
        command = JobsCommand(service.base_url, tmp_path)
        command.environ["JOBS_TOKEN"] = TOKEN
        yield command


def test_the_caller_is_shown_with_its_quotas(with_quotas: JobsCommand) -> None:
    lines = with_quotas.run("whoami").out.splitlines()
    assert dict(line.split(maxsplit=1) for line in lines) == {
        "service": with_quotas.url,
        "name": "eve",
        "role": "submit in default",
        "queued": "0 of 1,000 jobs",
        "bytes": "0 B of 20 MiB",
        "requests": "0.01 per second (1 of 20 at once are used)",
    }
    document = with_quotas.run("whoami", "--json").document
    assert document["quotas"]["requests"]["limit"] == 0.01


def test_without_tokens_everybody_is_an_admin(jobs: JobsCommand) -> None:
    lines = jobs.run("whoami").out.splitlines()
    assert lines[1:] == ["name     (the service asks for no token)", "role     admin"]
