"""`jobservice schedules` and its subcommands."""

import pytest

from tests.support.jobs_command import JobsCommand
from tests.support.programs import Service


@pytest.mark.heavy
def test_a_schedule_is_put_listed_shown_and_deleted(jobs: JobsCommand, service: Service) -> None:
    options = ("--priority", "3", "--tag", "nightly", "--missed", "skip")
    cron = ("--cron", "30 2 * * *", "--timezone", "Europe/Berlin")
    put = jobs.run("schedules", "put", "nightly", "sleep", "seconds=0", *cron, *options)
    assert (put.code, put.err) == (0, "")
    assert put.out.startswith("nightly  30 2 * * * Europe/Berlin, next at 20")
    every = jobs.run("schedules", "put", "poll", "sleep", "seconds=0", "--every", "2h", "--paused")
    assert every.out == "poll  every 2 h, paused\n"
    _, document = service.call("GET", "/schedules/nightly")
    assert (document["payload"], document["missed"]) == ({"seconds": 0}, "skip")
    assert document["options"] == {"priority": 3, "tags": ["nightly"]}
    lines = jobs.run("schedules").out.splitlines()
    assert lines[0].split() == ["SCHEDULE", "TYPE", "FIRES", "NEXT", "STATE"]
    assert [line.split()[0] for line in lines[1:]] == ["nightly", "poll"]
    assert lines[2].split() == ["poll", "sleep", "every", "2", "h", "paused"]
    shown = jobs.run("schedules", "show", "nightly").out
    assert "fires     30 2 * * * Europe/Berlin\n" in shown
    assert 'options   {"priority": 3, "tags": ["nightly"]}\n' in shown
    listed = jobs.run("schedules", "list", "--json").items
    assert [each["name"] for each in listed] == ["nightly", "poll"]
    assert jobs.run("schedules", "show", "poll", "--json").document["every"] == 7200
    assert jobs.run("schedules", "delete", "nightly", "poll").out == (
        "nightly  deleted\npoll  deleted\n"
    )
    assert service.call("GET", "/schedules")[1]["schedules"] == []


def test_schedules_are_paused_resumed_and_run(jobs: JobsCommand, service: Service) -> None:
    jobs.run("schedules", "put", "a", "sleep", "seconds=0", "--cron", "@yearly")
    assert jobs.run("schedules", "pause", "a").out == "a  @yearly UTC, paused\n"
    ran = jobs.run("schedules", "run", "a")
    assert service.result(ran.out.strip())["schedule"] == "a"
    assert jobs.run("schedules", "resume", "a").out.startswith("a  @yearly UTC, next at 20")
    row = jobs.run("schedules", "show", "a").out.splitlines()[-1].split()
    assert row[2:5] == ["submitted", "succeeded", ran.out.strip()]
    assert jobs.run("schedules", "run", "a", "--json").document["status"] == "queued"
    assert jobs.run("list", "--schedule", "a", "--ids").out.splitlines()[-1] == ran.out.strip()
    assert f"schedule  a, due at {row[0]} {row[1]}\n" in jobs.run("show", ran.out.strip()).out
    assert jobs.run("schedules", "delete", "a").code == 0


def test_errors_name_options_and_commands(jobs: JobsCommand) -> None:
    wrong = jobs.run("schedules", "put", "a", "sleep", "seconds=0", "--cron", "30 2 * *")
    assert (wrong.code, wrong.out) == (2, "")
    assert "--cron: cron has 4 fields" in wrong.err
    options = ("--every", "60", "--priority", "1000")
    wrong = jobs.run("schedules", "put", "a", "sleep", "seconds=0", *options)
    assert "jobservice: --priority: " in wrong.err
    assert jobs.run("schedules", "put", "a", "sleep", "seconds=0", "--every", "x").code == 2
    missing = jobs.run("schedules", "pause", "a", "b")
    assert missing.code == 1
    assert missing.err.count("`jobservice schedules` lists all") == 2
    put = ("schedules", "put", "a", "sleep", "seconds=0", "--every", "1d")
    assert jobs.run(*put, "--new").code == 0
    again = jobs.run(*put, "--new")
    assert (again.code, again.out) == (1, "")
    assert "there is a schedule 'a' already" in again.err
    assert jobs.run("schedules", "delete", "a").code == 0
