"""docs/recipes.md: scripts and programs, run as they stand there (proxies: test_proxies.py)."""

import functools
import http.server
import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from playwright.sync_api import Browser, expect

from tests.support.callers import API_TOKENS, token
from tests.support.paths import ROOT
from tests.support.programs import Service, running_service
from tests.support.recipes import recipe, replaced, require_program

LOG = "ERROR disk full\nWARN disk slow\nERROR ERROR twice\n"


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    """A service with tokens and a worker."""
    with running_service("", tmp_path, API_TOKENS=API_TOKENS) as service:
        service.token = token("ada")
        service.worker()
        yield service


def run(
    service: Service,
    folder: Path,
    *command: str,
    ends_with: int = 0,
    environ: Mapping[str, str] = {},
) -> subprocess.CompletedProcess[str]:
    require_program("jq", "jq")
    given = {"JOBS_URL": service.base_url, "JOBS_TOKEN": service.token, **environ}
    answer = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, **given},
        capture_output=True,
        text=True,
        timeout=50,
    )
    assert answer.returncode == ends_with, answer
    return answer


def jobs_of(service: Service) -> list[dict[str, Any]]:
    status, page = service.call("GET", "/jobs")
    assert status == 200
    items: list[dict[str, Any]] = page["items"]
    return items


def test_a_shell_script_uploads_waits_and_prints_the_counts(
    service: Service, tmp_path: Path
) -> None:
    *_, script = recipe("From a shell script", "sh")
    (tmp_path / "count-errors").write_text(script)
    (tmp_path / "app.log").write_text(LOG)
    (tmp_path / "a;b,c d.log").write_text(LOG)
    for name in ("app.log", "a;b,c d.log"):
        answer = run(service, tmp_path, "sh", "count-errors", name)
        assert json.loads(answer.stdout) == {"ERROR": 3, "WARN": 1}
    assert [job["upload"]["name"] for job in jobs_of(service)] == ["a;b,c d.log", "app.log"]
    (tmp_path / "archive.log").write_bytes(b"PK\x03\x04" + bytes(100))
    answer = run(service, tmp_path, "sh", "count-errors", "archive.log", ends_with=1)
    assert answer.returncode == 1
    assert json.loads(answer.stderr)["type"]


@pytest.mark.heavy
def test_shell_scripts_use_the_command_jobs(service: Service, tmp_path: Path) -> None:
    count, several, _ = recipe("From a shell script", "sh")
    (tmp_path / "count-errors").write_text(count)
    (tmp_path / "nightly-import").write_text(several)
    (tmp_path / "app.log").write_text(LOG)
    command = tmp_path / "bin" / "jobservice"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m jobservice.cli "$@"\n')
    command.chmod(0o755)
    path = f"{command.parent}:{os.environ['PATH']}"
    environ = {"PATH": path, "PYTHONPATH": str(ROOT / "client")}
    answer = run(service, tmp_path, "sh", "count-errors", "app.log", environ=environ)
    assert answer.stdout == "ERROR: 3\nWARN: 1\n"
    (tmp_path / "archive.log").write_bytes(b"PK\x03\x04" + bytes(100))
    run(service, tmp_path, "sh", "count-errors", "archive.log", ends_with=1, environ=environ)
    answer = run(service, tmp_path, "sh", "nightly-import", environ=environ)
    assert answer.stdout.splitlines()[-1] == "imported"
    service.call("PATCH", "/queues/default", {"paused": True})
    (tmp_path / "nightly-import").write_text(replaced(several, ("10m", "0.1"), ("%F", "%s")))
    answer = run(service, tmp_path, "sh", "nightly-import", ends_with=1, environ=environ)
    assert [line.split()[1] for line in answer.stdout.splitlines()] == ["canceled"] * 2


def test_a_nightly_job_is_submitted_once_however_often_the_script_runs(
    service: Service, tmp_path: Path
) -> None:
    (line,) = recipe("Nightly job with cron", "crontab")
    (script,) = recipe("Nightly job with cron", "sh")
    (tmp_path / "nightly-report").write_text(script)
    (tmp_path / "nightly-report").chmod(0o755)
    schedule = re.fullmatch(r"(?:[\d*]+ ){5}\w+ (.*)\n", line)
    assert schedule
    command = replaced(
        schedule[1],
        ("http://localhost:5000", service.base_url),
        ("/usr/local/bin/", f"{tmp_path}/"),
    )
    for _ in range(2):
        run(service, tmp_path, "sh", "-c", command)  # as cron does
    (job,) = jobs_of(service)
    assert (job["type"], job["max_retries"], job["timeout"]) == ("sleep", 5, 3600)


@pytest.mark.heavy
def test_only_the_worker_of_the_gpus_takes_jobs_of_their_queue(tmp_path: Path) -> None:
    put, on_gpus, on_others, submit = recipe("GPU queue", "sh")
    with running_service("", tmp_path) as service:
        runners = {}
        for name, command in (("gpu", on_gpus), ("others", on_others)):
            *settings, python, option, module = command.split()
            assert [python, option, module] == [".venv/bin/python", "-m", "runner"]
            given = dict(each.split("=") for each in settings)
            worker = service.worker(**{**given, "CONCURRENCY_LIMIT": "1"})
            runners[name] = worker.logged("ready")["runner"]
        run(service, tmp_path, "sh", "-ec", put)
        assert service.call("GET", "/queues/gpu")[1]["max_running"] == 2
        job = json.loads(run(service, tmp_path, "sh", "-ec", submit).stdout)
        assert job["status"] == "succeeded"
        assert [each["runner"] for each in job["attempts"]] == [runners["gpu"]]
        other = service.result(service.submit(payload={"seconds": 0}))
        assert other["attempts"][0]["runner"] == runners["others"]


@pytest.mark.heavy
def test_a_python_program_submits_and_waits(service: Service, tmp_path: Path) -> None:
    with_client, alone = recipe("From Python", "python")
    for program, said in ((with_client, ""), (alone, "succeeded ")):
        (tmp_path / "submit.py").write_text(program)
        environ = {"PYTHONPATH": str(ROOT / "client")} if program == with_client else {}
        answer = run(service, tmp_path, sys.executable, "submit.py", environ=environ)
        assert answer.stdout == f"{said}{{'slept': 0.1}}\n"


@pytest.mark.heavy
def test_a_workflow_of_github_submits_waits_and_shows_the_counts(
    service: Service, tmp_path: Path
) -> None:
    (text,) = recipe("From GitHub Actions", "yaml")
    (job,) = yaml.safe_load(text)["jobs"].values()
    assert job["env"]["JOBS_TOKEN"] == "${{ secrets.JOBS_TOKEN }}"
    summary = tmp_path / "summary"
    given = {"GITHUB_RUN_ID": "4711", "GITHUB_JOB": "count", "GITHUB_STEP_SUMMARY": str(summary)}
    for _ in range(2):  # the run is started again
        for step in job["steps"]:
            run(service, tmp_path, "bash", "-eo", "pipefail", "-c", step["run"], environ=given)
    assert summary.read_text() == "ERROR: 1\nWARN: 1\n" * 2
    assert len(jobs_of(service)) == 1


def test_a_page_of_another_origin_uploads_and_follows_a_job(
    browser: Browser, tmp_path: Path
) -> None:
    (text,) = recipe("From a browser", "html")
    folder = tmp_path / "page"
    folder.mkdir()
    handler = functools.partial(QuietHandler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as pages:
        origin = f"http://127.0.0.1:{pages.server_port}"
        threading.Thread(target=pages.serve_forever, daemon=True).start()
        with running_service("", tmp_path, CORS_ORIGINS=origin) as service:
            service.worker()
            html = replaced(text, ("http://localhost:5000", service.base_url))
            (folder / "index.html").write_text(html)
            page = browser.new_page()
            page.goto(origin)
            log = {"name": "app.log", "mimeType": "text/plain", "buffer": LOG.encode()}
            page.locator("input").set_input_files(log)  # type: ignore[arg-type]
            page.get_by_role("button", name="Count errors").click()
            expect(page.locator("pre")).to_have_text('{"ERROR":3,"WARN":1}')
            page.close()
        pages.shutdown()


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    """Serves files, and logs nothing."""

    def log_message(self, format: str, *args: Any) -> None:
        """Do nothing."""
