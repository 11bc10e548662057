"""`jobservice audit`."""

import re

import pytest

from jobservice import Client
from tests.support.jobs_command import JobsCommand
from tests.support.paths import ROOT


@pytest.mark.heavy
def test_who_has_canceled_a_job_is_told(jobs: JobsCommand, client: Client) -> None:
    job = client.submit("sleep", {"seconds": 600}, delay=600)
    assert jobs.run("cancel", job.id).code == 0
    head, row = jobs.run("audit", job.id[-8:]).out.splitlines()
    assert head.split() == ["TIME", "CALLER", "ADDRESS", "ACTION", "KIND", "SUBJECT", "DETAIL"]
    assert row.split()[2:] == ["127.0.0.1", "cancel", "job", job.id]
    (item,) = jobs.run("audit", job.id, "--json").items
    assert (item["action"], item["subject"]) == ("cancel", job.id)
    assert jobs.run("audit", job.id, "--action", "retry").out == ""
    assert len(jobs.run("audit", "--limit", "1", "--since", "1h", "--json").items) == 1
    assert jobs.run("audit", job.id, "--before", "1h", "--json").items == []
    assert jobs.run("audit", job.id, "--all", "--kind", "job", "--json").items == [item]


def test_other_subjects_are_named_as_they_are(jobs: JobsCommand) -> None:
    assert jobs.run("queues", "create", "feed").code == 0  # four hexadecimal digits
    assert jobs.run("queues", "delete", "feed").code == 0
    items = jobs.run("audit", "feed", "--json").items
    assert [each["action"] for each in items] == ["delete queue", "put queue"]


def test_a_part_of_several_ids_names_the_jobs(jobs: JobsCommand, client: Client) -> None:
    ids = [client.submit("sleep", {"seconds": 0}).id for _ in range(2)]
    done = jobs.run("audit", ids[0][:4])
    assert (done.code, done.out) == (2, "")
    assert f"several jobs have an id that begins or ends with {ids[0][:4]}" in done.err
    assert jobs.run("audit", ids[0][:4], "--kind", "queue").code == 0


def test_an_action_that_is_never_recorded_is_refused(jobs: JobsCommand) -> None:
    done = jobs.run("audit", "--action", "nope")
    assert (done.code, done.out) == (2, "")
    assert "action: unknown action; the known ones are" in done.err
    assert "put queue" in done.err


def test_a_wrong_time_is_named_with_its_option(jobs: JobsCommand) -> None:
    done = jobs.run("audit", "--since", "2030-13-01")
    assert done.code == 2
    assert "--since" in done.err


@pytest.mark.heavy
def test_the_examples_of_the_page_run(jobs: JobsCommand) -> None:
    (script,) = re.findall(r"^```sh\n(.*?)^```$", (ROOT / "docs/audit.md").read_text(), re.M | re.S)
    done = jobs.shell(f"set -eu\n{script}")
    assert (done.code, done.err) == (0, "")
    assert "cancel" in done.out
    assert (jobs.folder / "audit.jsonl").read_text().startswith('{"id"')
