"""The command on a terminal: progress, colors, questions, Ctrl-C."""

import re
import signal
from pathlib import Path

import pytest

from tests.support.jobs_command import JobsCommand
from tests.support.programs import Service, uuids
from tests.support.waiting import wait_for


def running(service: Service, type: str) -> str:
    """The id of the running job of a type, or an empty text."""
    items = service.call("GET", f"/jobs?type={type}&status=running")[1]["items"]
    return str(items[0]["job_id"]) if items else ""


@pytest.mark.heavy
def test_progress_is_shown_and_removed(jobs: JobsCommand) -> None:
    with jobs.terminal("submit", "sleep", "seconds=1.5", "--wait") as terminal:
        terminal.expect("sleep +(queued|running)")
        assert terminal.end() == 0
    assert '"slept": 1.5' in terminal.text


def test_upload_and_scan_have_bars(jobs: JobsCommand, tmp_path: Path) -> None:
    (tmp_path / "app.log").write_bytes(b"2030-01-31 ERROR disk full\n" * 400_000)
    with jobs.terminal("analyze", "app.log", "-p", "ERROR") as terminal:
        terminal.expect("app.log +upload")
        terminal.expect("ERROR +400,000 +400,000")
        assert terminal.end() == 0
    assert "\x1b[36m" in terminal.raw  # the bar of the table


@pytest.mark.heavy
@pytest.mark.parametrize("name", ["burst", "the burst at the end of the log, with a long name"])
def test_a_curve_fits_the_terminal_up_to_its_end(
    jobs: JobsCommand, tmp_path: Path, name: str
) -> None:
    lines = [f"2030-01-31T{n // 60:02}:{n % 60:02}:00Z quiet\n" for n in range(1440)]
    (tmp_path / "app.log").write_text("".join(lines) + f"2030-01-31T23:59:59Z {name}\n" * 9)
    with jobs.terminal("analyze", "app.log", "-p", name, "--histogram", "auto") as terminal:
        assert terminal.end() == 0
    heading, total, burst = re.search("OVER TIME(?:.*\n){3}", terminal.text)[0].splitlines()[:3]  # type: ignore[index]
    assert "each, from 2030-01-31" in heading
    assert total.startswith("all lines")
    assert re.fullmatch(r"\S.* +9 +█ *", burst)
    assert len(burst.rstrip()) <= 80
    assert len(total.rstrip().split("  ")[-1]) > 20


@pytest.mark.heavy
@pytest.mark.parametrize("environ", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_colors_can_be_switched_off(
    jobs: JobsCommand, service: Service, environ: dict[str, str]
) -> None:
    service.result(service.submit("sleep", {"seconds": 0}))
    with jobs.terminal("list", **environ) as terminal:
        assert terminal.end() == 0
    assert "succeeded" in terminal.text
    assert re.search(r"\x1b\[[0-9;]*3[0-7]m", terminal.raw) is None


def test_a_list_fits_the_terminal_and_shortens_ids(jobs: JobsCommand, service: Service) -> None:
    job_id = service.upload(b"x", {"patterns": ["x"]})
    service.result(job_id)
    with jobs.terminal("list") as terminal:
        assert terminal.end() == 0
    assert job_id[-8:] in terminal.text
    assert job_id not in terminal.text
    assert "\x1b[32m" in terminal.raw
    assert max(map(len, terminal.text.splitlines())) <= 80


def test_ctrl_c_asks_and_cancels(jobs: JobsCommand, service: Service) -> None:
    with jobs.terminal("submit", "sleep", "seconds=60", "--wait") as terminal:
        terminal.expect("running")
        job_id = running(service, "sleep")
        terminal.interrupt()
        terminal.expect(rf"Cancel job {job_id}\? \[y/N\]")
        terminal.type("y\n")
        assert terminal.end() == 3
    assert service.job(job_id)["status"] == "canceled"


@pytest.mark.heavy
@pytest.mark.parametrize("answer", ["n\n", "\n"])
def test_ctrl_c_leaves_the_job_if_the_answer_is_not_yes(
    jobs: JobsCommand, service: Service, answer: str
) -> None:
    with jobs.terminal("submit", "sleep", "seconds=60", "--wait") as terminal:
        terminal.expect("running")
        job_id = running(service, "sleep")
        terminal.interrupt()
        terminal.expect("Cancel job")
        terminal.type(answer)
        terminal.expect(f"jobservice watch {job_id}")
        assert terminal.end() == 130
    assert service.job(job_id)["status"] == "running"
    assert jobs.run("cancel", job_id).code == 0


def test_a_second_ctrl_c_leaves_the_job(jobs: JobsCommand, service: Service) -> None:
    with jobs.terminal("submit", "sleep", "seconds=60", "--wait") as terminal:
        terminal.expect("running")
        job_id = running(service, "sleep")
        terminal.interrupt()
        terminal.expect("Cancel job")
        terminal.interrupt()
        assert terminal.end() == 130
    assert jobs.run("cancel", job_id).code == 0


def test_ctrl_c_without_a_terminal_leaves_the_job(jobs: JobsCommand, service: Service) -> None:
    with jobs.started("submit", "talk", "lines=0", "then=sleep", "--wait") as process:
        job_id = wait_for(lambda: running(service, "talk"))
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
        assert (process.returncode, out) == (130, "")
    assert f"job {job_id} goes on; follow it with: jobservice watch {job_id}" in err
    assert service.job(job_id)["status"] == "running"
    assert jobs.run("cancel", job_id).code == 0


def test_ctrl_c_during_an_analysis_asks_as_well(
    jobs: JobsCommand, service: Service, tmp_path: Path
) -> None:
    (tmp_path / "app.log").write_text("ERROR\n")
    service.call("PATCH", "/queues/default", {"paused": True})
    try:
        with jobs.terminal("analyze", "app.log", "-p", "ERROR") as terminal:
            terminal.expect("queued")
            terminal.interrupt()
            (job_id,) = set(uuids(terminal.expect(r"Cancel job \S+\?")))
            terminal.type("y\n")
            assert terminal.end() == 3
    finally:
        service.call("PATCH", "/queues/default", {"paused": False})
    assert service.job(job_id)["status"] == "canceled"


@pytest.mark.heavy
def test_many_jobs_are_changed_after_a_question(jobs: JobsCommand, service: Service) -> None:
    job_id = service.submit("note", {"notes": "unused"}, delay=60)
    for answer, status in (("n\n", "queued"), ("y\n", "canceled")):
        with jobs.terminal("cancel", "--type", "note") as terminal:
            terminal.expect(r"Cancel 1 job\? \[y/N\]")
            terminal.type(answer)
            assert terminal.end() == (1 if status == "queued" else 0)
        assert service.job(job_id)["status"] == status


def test_a_failed_job_gets_a_hint(jobs: JobsCommand) -> None:
    with jobs.terminal("submit", "exit", "--max-retries", "0", "--wait") as terminal:
        assert terminal.end() == 1
    assert "failed" in terminal.text
    assert "show 01" in terminal.text


def test_warnings_and_errors_of_a_job_have_colors(jobs: JobsCommand, service: Service) -> None:
    job_id = service.submit("talk", {"lines": 1, "then": "log"})
    service.result(job_id)
    with jobs.terminal("logs", job_id) as terminal:
        assert terminal.end() == 0
    assert "line 0\n" in terminal.text.replace("\r", "")
    assert "\x1b[33m" in terminal.raw
    assert "\x1b[31m" in terminal.raw


@pytest.mark.heavy
def test_an_unreachable_service_gets_a_hint(jobs: JobsCommand) -> None:
    with jobs.terminal("list", JOBS_URL="http://127.0.0.1:9") as terminal:
        assert terminal.end() == 4
    assert "Name another service with --url or JOBS_URL" in terminal.text
