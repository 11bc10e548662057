"""`jobservice failures` and its subcommands."""

from uuid import uuid4

import pytest

from jobservice import Client
from tests.support.jobs_command import JobsCommand


@pytest.fixture
def tag(client: Client) -> str:
    """The tag of two jobs that have timed out."""
    tag = uuid4().hex
    options = {"timeout": 0.02, "max_retries": 0, "tags": [tag]}
    jobs = [client.submit("sleep", {"seconds": 60}, **options) for _ in range(2)]  # type: ignore[arg-type]
    client.wait_all(jobs, 30)
    return tag


@pytest.mark.heavy
def test_failures_are_listed_and_retried(jobs: JobsCommand, client: Client, tag: str) -> None:
    done = jobs.run("failures", "list", "--tag", tag, "--since", "1h")
    head, row = (line.split() for line in done.out.splitlines())
    assert head == ["FAILURE", "JOBS", "TYPE", "ERROR", "FIRST", "LAST", "MESSAGE"]
    failure = row[0]
    assert row[1:4] == ["2", "sleep", "TimedOut"]
    assert jobs.run("failures", "--tag", tag).out == done.out
    (item,) = jobs.run("failures", "--tag", tag, "--json").items
    assert (item["failure"], item["count"]) == (failure, 2)
    listed = jobs.run("list", "--failure", failure, "--tag", tag, "--json").items
    assert {job["job_id"] for job in listed} == {*item["job_ids"]}
    assert jobs.run("list", "--tag", tag, "--ended-before", "2020-01-01", "--json").items == []
    assert len(jobs.run("list", "--tag", tag, "--ended-after", "2020-01-01", "--json").items) == 2
    dry = jobs.run("failures", "retry", failure, "--tag", tag, "--dry-run")
    assert (dry.code, dry.out) == (0, "2 jobs would be changed\n")
    retried = jobs.run("failures", "retry", failure, "--tag", tag, "--since", "1h", "--yes")
    assert (retried.code, retried.out) == (0, "2 of 2 jobs changed\n")
    assert {job.data.client_retries for job in client.list(tag=tag)} == {1}
    client.wait_all(client.list(tag=tag), 30)


def test_a_retry_asks_first(jobs: JobsCommand, tag: str) -> None:
    (item,) = jobs.run("failures", "--tag", tag, "--json").items
    done = jobs.run("failures", "retry", item["failure"], "--tag", tag)
    assert done.code == 2
    assert "use --yes or --dry-run" in done.err
    done = jobs.run("retry", "--failure", item["failure"], "--tag", tag)
    assert done.code == 2


def test_what_is_neither_a_duration_nor_a_time_is_named_with_its_option(jobs: JobsCommand) -> None:
    for command in (["list"], ["retry", "3f9a0c1d2b4e5f60", "--dry-run"]):
        done = jobs.run("failures", *command, "--since", "24x")
        assert (done.code, done.out) == (2, "")
        assert "--since" in done.err
        assert "'24x' is neither a duration such as 30m, 24h" in done.err
        assert jobs.run("failures", *command, "--since", "2030-01-31").code == 0


def test_groups_that_are_not_shown_are_mentioned(jobs: JobsCommand, client: Client) -> None:
    tag = uuid4().hex
    options = {"timeout": 0.02, "max_retries": 0, "tags": [tag]}
    found = [client.submit("sleep", {"seconds": 60}, **options)]  # type: ignore[arg-type]
    found.append(client.submit("analyze", {"patterns": ["x"]}, file=b"", **options, wait=20))  # type: ignore[arg-type]
    client.wait_all(found, 30)
    groups = jobs.run("failures", "--tag", tag, "--json").items
    done = jobs.run("failures", "--tag", tag, "--limit", "1")
    assert ("1 group more" in done.err) == (len(groups) == 2)


def test_wrong_options_are_named(jobs: JobsCommand) -> None:
    done = jobs.run("failures", "--since", "yesterday")
    assert done.code == 2
    assert "since" in done.err
    done = jobs.run("failures", "retry", "x", "--yes")
    assert done.code == 2
    assert "failure" in done.err
    assert jobs.run("failures", "retry").code == 2
