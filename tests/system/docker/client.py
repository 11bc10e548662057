"""A client of the HTTP API, with the standard library only."""

import inspect
import json
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.support.waiting import wait_for
from tests.system.docker.engine import python

FINAL = ("succeeded", "failed", "canceled")
Exchange = Callable[[str, str, str], tuple[int, str]]
"""Sends method, URL and body, and returns status and body."""


def exchange(method: str, url: str, body: str, token: str = "") -> tuple[int, str]:
    """Send a request from here. Raises OSError if there is no answer."""
    # Imported in here, since the source of this function also runs inside containers.
    import urllib.error
    import urllib.request

    headers = {"Content-Type": "application/json"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    request = urllib.request.Request(url, body.encode() or None, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def exchange_inside(container: str) -> Exchange:
    """Send requests from inside a container."""
    program = inspect.getsource(exchange) + (
        "import json, sys\nprint(json.dumps(exchange(*sys.argv[1:])))"
    )

    def relay(method: str, url: str, body: str) -> tuple[int, str]:
        try:
            status, text = json.loads(python(container, program, method, url, body))
        except subprocess.CalledProcessError as error:
            raise ConnectionError(error.stderr) from error
        return status, text

    return relay


class Client:
    """A client of one listener."""

    def __init__(self, url: str, send: Exchange = exchange):
        self.url = url
        self._send = send

    def call(self, method: str, path: str, document: Any = None) -> tuple[int, Any]:
        """Status and JSON of an answer."""
        body = "" if document is None else json.dumps(document)
        status, text = self._send(method, self.url + path, body)
        return status, json.loads(text)

    def is_well(self) -> bool:
        """Whether the listener and its store answer."""
        try:
            return self.call("GET", "/healthz") == (200, {"status": "ok"})
        except OSError:
            return False

    def submit(self, type: str, payload: Any, **options: Any) -> str:
        """Submit a job; its id."""
        status, answer = self.call("POST", "/jobs", {"type": type, "payload": payload, **options})
        assert status == 202, answer
        return str(answer["job_id"])

    def sleep(self, seconds: float, **options: Any) -> str:
        """Submit a job that sleeps; its id."""
        return self.submit("sleep", {"seconds": seconds}, **options)

    def analyze(self, log: bytes) -> str:
        """Submit a log to be analyzed, with curl as the README does; the job's id.

        Raises CalledProcessError if it was not acknowledged.
        """
        with tempfile.NamedTemporaryFile(suffix=".log") as file:
            Path(file.name).write_bytes(log)
            payload = 'payload={"patterns": ["ERROR","WARN"]}'
            form = ("type=analyze", payload, f"filename=@{file.name};filename=app.log")
            options = [option for field in form for option in ("-F", field)]
            command = ["curl", "-sS", "--fail-with-body", "--max-time", "60", *options]
            answer = subprocess.run(
                [*command, f"{self.url}/jobs"], capture_output=True, text=True, check=True
            )
        return str(json.loads(answer.stdout)["job_id"])

    def job(self, job_id: str) -> dict[str, Any]:
        """The job as it is now."""
        status, job = self.call("GET", f"/jobs/{job_id}")
        assert status == 200, job
        return dict(job)

    def jobs(self, query: str = "limit=500") -> list[dict[str, Any]]:
        """The newest jobs."""
        status, page = self.call("GET", f"/jobs?{query}")
        assert status == 200, page
        return list(page["items"])

    def running(self, job_id: str) -> dict[str, Any]:
        """The job, once it runs and has reported progress."""
        return self._job_once(job_id, lambda job: job["status"] == "running" and job["progress"])

    def final(self, job_id: str, timeout: float = 30) -> dict[str, Any]:
        """The job, once it is final."""
        return self._job_once(job_id, lambda job: job["status"] in FINAL, timeout)

    def cancel(self, job_id: str) -> tuple[int, Any]:
        """Cancel a job."""
        return self.call("POST", f"/jobs/{job_id}/cancel")

    def _job_once(
        self, job_id: str, condition: Callable[[dict[str, Any]], Any], timeout: float = 20
    ) -> dict[str, Any]:
        def look() -> dict[str, Any] | None:
            job = self.job(job_id)
            return job if condition(job) else None

        return wait_for(look, timeout)


def outcomes(job: dict[str, Any]) -> list[str]:
    """How the attempts of a job ended."""
    return [attempt["outcome"] for attempt in job["attempts"]]
