"""`jobservice queues` and its subcommands."""

import contextlib
import re

import pytest

from tests.support.jobs_command import JobsCommand
from tests.support.paths import ROOT
from tests.support.programs import Service


def test_a_queue_is_created_changed_and_deleted(jobs: JobsCommand, service: Service) -> None:
    created = jobs.run("queues", "create", "gpu", "--max-running", "2")
    assert (created.code, created.out) == (0, "gpu  open, limit 2\n")
    assert jobs.run("queues", "pause", "gpu", "default").out.splitlines()[0] == (
        "gpu  paused, limit 2"
    )
    assert jobs.run("queues", "resume", "gpu", "default").out == (
        "gpu  open, limit 2\ndefault  open, no limit\n"
    )
    assert jobs.run("queues", "limit", "gpu", "none").out == "gpu  open, no limit\n"
    assert jobs.run("queues", "limit", "gpu", "4", "--json").items[0]["max_running"] == 4
    rows = [line.split() for line in jobs.run("queues").out.splitlines()]
    assert rows[0] == ["QUEUE", "RUNNING", "LIMIT", "QUEUED", "OLDEST", "STATE"]
    assert ["gpu", "0", "4", "0", "open"] in rows
    names = [item["name"] for item in jobs.run("queues", "--json").items]
    assert names == ["default", "gpu"]
    assert jobs.run("queues", "delete", "gpu").out == "gpu  deleted\n"
    assert [queue["name"] for queue in service.call("GET", "/queues")[1]["items"]] == ["default"]


def test_an_existing_queue_is_not_created_again(jobs: JobsCommand) -> None:
    done = jobs.run("queues", "create", "default")
    assert (done.code, done.out) == (1, "")
    assert "there is a queue 'default' already" in done.err


@pytest.mark.heavy
def test_of_two_creations_at_once_one_fails(jobs: JobsCommand) -> None:
    limits = ("1", "2")
    with contextlib.ExitStack() as stack:
        both = [
            stack.enter_context(jobs.started("queues", "create", "both", "--max-running", limit))
            for limit in limits
        ]
        codes = [process.wait(40) for process in both]
    assert sorted(codes) == [0, 1]
    (queue,) = [each for each in jobs.run("queues", "--json").items if each["name"] == "both"]
    assert str(queue["max_running"]) == limits[codes.index(0)]
    assert jobs.run("queues", "delete", "both").code == 0


def test_errors_of_the_service_are_reported(jobs: JobsCommand) -> None:
    assert jobs.run("queues", "pause", "unknown").code == 1
    assert jobs.run("queues", "delete", "default").code == 1
    assert jobs.run("queues", "limit", "default", "many").code == 2


def test_the_slots_wanted_are_printed(jobs: JobsCommand, service: Service) -> None:
    jobs.run("queues", "create", "wanted", "--max-running", "2")
    for _ in range(3):
        service.submit(payload={"seconds": 600}, queue="wanted", delay=60)
    assert jobs.run("queues", "scale", "wanted", "--per-worker", "3").out == "0\n"
    soon = ("queues", "scale", "wanted", "--within", "5m")
    lines = [line.split() for line in jobs.run(*soon).out.splitlines()]
    assert lines[0] == ["QUEUE", "WANTED", "RUNNING", "DUE"]
    assert lines[1] == ["wanted", "2", "0", "3"]
    assert lines[2][:3] == ["2", "slots", "wanted,"]
    assert jobs.run(*soon, "--per-worker", "2").out == "1\n"
    assert jobs.run(*soon, "--json").items[0]["slots_wanted"] == 2
    assert jobs.run("queues", "scale", "none").code == 2
    jobs.run("cancel", "--queue", "wanted", "--yes")


@pytest.mark.heavy
def test_the_examples_of_the_page_about_autoscaling_run(jobs: JobsCommand) -> None:
    text = (ROOT / "docs/autoscaling.md").read_text()
    script = "\n".join(re.findall(r"^```sh\n(.*?)^```$", text, re.M | re.S))
    done = jobs.shell(f"set -eu\n{script}")
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines()[-1].startswith("docker service scale --detach job_worker=")
