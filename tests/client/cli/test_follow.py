"""`jobservice watch`, `jobservice logs` and `jobservice wait`."""

import threading

import pytest

from jobservice import Event
from jobservice.cli.commands.follow import about, print_event
from jobservice.cli.output.console import Output
from tests.support.jobs_command import JobsCommand
from tests.support.programs import Service, uuids
from tests.support.waiting import wait_for


@pytest.mark.heavy
def test_each_change_of_a_job_is_a_line_until_its_end(jobs: JobsCommand, service: Service) -> None:
    gate = service.folder / f"gate of {jobs.folder.name}"
    job_id = service.submit("gated", {"notes": str(service.folder / "notes"), "gate": str(gate)})
    with jobs.started("watch", job_id) as process:
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            lines.append(line)
            if "running" in line:
                gate.touch()
        assert process.wait(20) == 0
    assert [line.split()[1] for line in lines][-2:] == ["running", "succeeded"]


def test_a_running_job_shows_its_attempt_and_no_old_error() -> None:
    error = {"type": "Crashed", "message": "killed by SIGSEGV\nin detail"}
    change = {"status": "running", "attempt": 2, "runner": "vm-1", "error": error}
    assert about(change) == "attempt 2 on vm-1"
    assert about({**change, "status": "queued"}) == "Crashed: killed by SIGSEGV"
    assert about({**change, "status": "queued", "error": None}) == ""


def test_a_missed_deadline_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    change = {"job_id": "a", "type": "sleep", "status": "running"}
    missed = Event("deadline", {**change, "finish_by": "2030-01-31T12:00:00Z"})
    for event in (missed, Event("progress", change)):
        print_event(Output(), event, with_job=True)
    (line,) = capsys.readouterr().out.splitlines()
    assert "running    missed its deadline 2030-01-31" in line


def test_the_exit_code_tells_how_a_watched_job_ended(jobs: JobsCommand, service: Service) -> None:
    failed = service.submit("hopeless", {"notes": str(service.folder / "notes")})
    assert jobs.run("watch", failed).code == 1
    canceled = service.submit("sleep", {"seconds": 0}, delay=60)
    assert jobs.run("cancel", canceled).code == 0
    done = jobs.run("watch", canceled, "--json")
    assert done.code == 3
    assert [item["event"] for item in done.items] == ["status", "end"]


def test_changes_of_all_jobs_are_followed(jobs: JobsCommand, service: Service) -> None:
    submitted: list[str] = []
    lines: list[str] = []

    def is_followed() -> bool:
        submitted.append(service.submit("talk", {"lines": 0, "then": "return"}))
        service.result(submitted[-1])
        return bool(lines)

    with jobs.started("watch", "--type", "talk", "--status", "succeeded") as process:
        output = process.stdout
        assert output is not None

        def read() -> None:
            for line in output:
                lines.append(line)

        reader = threading.Thread(target=read)
        reader.start()
        wait_for(is_followed, timeout=30)
        process.terminate()
        reader.join()
    assert set(uuids("".join(lines))) <= set(submitted)
    assert all("succeeded" in line for line in lines)


def test_options_of_all_jobs_do_not_go_with_one(jobs: JobsCommand) -> None:
    assert jobs.run("watch", "01a2107d", "--type", "sleep").code == 2


def test_the_output_of_a_job_is_printed(jobs: JobsCommand, service: Service) -> None:
    job_id = service.submit("talk", {"lines": 3, "then": "return"})
    followed = jobs.run("logs", "-f", job_id)
    assert (followed.code, followed.out) == (0, "line 0\nline 1\nline 2\n")
    assert jobs.run("logs", job_id).out == followed.out
    assert jobs.run("logs", job_id, "--attempt", "1").out == followed.out
    items = jobs.run("logs", job_id, "--json").items
    assert items[0]["text"] == "line 0\n"
    assert (items[0]["job_id"], items[0]["stream"]) == (job_id, "stdout")


@pytest.mark.heavy
def test_log_entries_are_selected_by_their_level_and_stream(
    jobs: JobsCommand, service: Service
) -> None:
    job_id = service.submit("talk", {"lines": 1, "then": "log"})
    assert jobs.run("wait", job_id).code == 0
    warnings = jobs.run("logs", job_id, "--level", "warning").out
    assert 'WARNING job: no date\nin a row {"row":17}\n' in warnings
    assert "ValueError: invalid literal" in warnings
    assert "1 lines" not in warnings
    assert jobs.run("logs", job_id, "--stream", "stdout").out == "line 0\n"
    assert jobs.run("logs", "-f", job_id, "--level", "warning").out == warnings
    (error,) = jobs.run("logs", job_id, "-l", "error", "--json").items
    assert (error["level"], error["fields"]) == ("error", {"self": "x"})
    assert jobs.run("logs", job_id, "--level", "loud").code == 2


def test_the_ends_of_jobs_are_waited_for(jobs: JobsCommand, service: Service) -> None:
    ids = [service.submit("sleep", {"seconds": seconds}) for seconds in (0.3, 0)]
    done = jobs.run("wait", *ids)
    assert done.code == 0
    assert sorted(line.split() for line in done.out.splitlines()) == sorted(
        [job_id, "succeeded"] for job_id in ids
    )


def test_the_end_of_a_canceled_job_has_its_reason(jobs: JobsCommand, service: Service) -> None:
    first = service.submit("sleep", {"seconds": 0}, delay=60)
    second = service.submit("sleep", {"seconds": 0}, after=[first])
    jobs.run("cancel", first)
    done = jobs.run("wait", second)
    assert done.code == 3
    assert done.out.startswith(f"{second}  canceled  PredecessorFailed: ")
    assert jobs.run("wait", first).out == f"{first}  canceled\n"


def test_a_failed_job_counts_before_a_canceled_one(jobs: JobsCommand, service: Service) -> None:
    canceled = service.submit("sleep", {"seconds": 0}, delay=60)
    jobs.run("cancel", canceled)
    assert jobs.run("wait", canceled).code == 3
    failed = service.submit("hopeless", {"notes": str(service.folder / "notes")})
    done = jobs.run("wait", canceled, failed, "--json")
    assert done.code == 1
    assert {item["status"] for item in done.items} == {"failed", "canceled"}


def test_a_wait_names_its_jobs_by_ids_or_by_a_tag(jobs: JobsCommand, service: Service) -> None:
    assert jobs.run("wait").code == 2
    assert jobs.run("wait", service.submit("sleep", {"seconds": 0}), "--tag", "x").code == 2


def test_a_wait_ends_after_its_timeout(jobs: JobsCommand, service: Service) -> None:
    job_id = service.submit("sleep", {"seconds": 0}, delay=60)
    done = jobs.run("wait", job_id, "--timeout", "0.1s")
    assert (done.code, done.out) == (124, "")
    assert job_id in done.err
