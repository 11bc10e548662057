"""A client of the HTTP API that needs only the standard library."""

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
    """Send a request from this process. Raises OSError without a response."""
    # Imported here, because the source of this function also runs inside containers.
    import urllib.error
    import urllib.request

    headers = {"Content-Type": "application/json"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    request = urllib.request.Request(url, body.encode() or None, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=20) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def exchange_inside(container: str) -> Exchange:
    """A function like `exchange` that sends requests from inside a container."""
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
        """Send a request. Returns the status and the JSON of the response."""
        body = "" if document is None else json.dumps(document)
        status, text = self._send(method, self.url + path, body)
        return status, json.loads(text)

    def is_well(self) -> bool:
        """Whether the listener and its store respond."""
        try:
            status, document = self.call("GET", "/healthz")
            return status == 200 and document["status"] == "ok"
        except OSError:
            return False

    def submit(self, type: str, payload: Any, **options: Any) -> str:
        """Submit a job. Returns its id."""
        status, accepted = self.call("POST", "/jobs", {"type": type, "payload": payload, **options})
        assert status == 202, accepted
        return str(accepted["job_id"])

    def sleep(self, seconds: float, **options: Any) -> str:
        """Submit a job that sleeps. Returns its id."""
        return self.submit("sleep", {"seconds": seconds}, **options)

    def analyze(self, log: bytes) -> str:
        """Upload a log for an `analyze` job, with curl as in the README. Returns the job's id.

        Raises CalledProcessError if the job was not acknowledged.
        """
        with tempfile.NamedTemporaryFile(suffix=".log") as file:
            Path(file.name).write_bytes(log)
            payload = 'payload={"patterns": ["ERROR","WARN"]}'
            form = ("type=analyze", payload, f"filename=@{file.name};filename=app.log")
            options = [option for field in form for option in ("-F", field)]
            command = ["curl", "-sS", "--fail-with-body", "--max-time", "60", *options]
            done = subprocess.run(
                [*command, f"{self.url}/jobs"], capture_output=True, text=True, check=True
            )
        return str(json.loads(done.stdout)["job_id"])

    def job(self, job_id: str) -> dict[str, Any]:
        """The current state of a job."""
        status, job = self.call("GET", f"/jobs/{job_id}")
        assert status == 200, job
        return dict(job)

    def jobs(self, query: str = "limit=500") -> list[dict[str, Any]]:
        """The jobs that match a query, newest first."""
        status, page = self.call("GET", f"/jobs?{query}")
        assert status == 200, page
        return list(page["items"])

    def running(self, job_id: str) -> dict[str, Any]:
        """Wait until a job runs and has reported progress. Returns the job."""
        return self._job_once(job_id, lambda job: job["status"] == "running" and job["progress"])

    def final(self, job_id: str, timeout: float = 30) -> dict[str, Any]:
        """Wait until a job is final. Returns the job."""
        return self._job_once(job_id, lambda job: job["status"] in FINAL, timeout)

    def cancel(self, job_id: str) -> tuple[int, Any]:
        """Cancel a job."""
        return self.call("POST", f"/jobs/{job_id}/cancel")

    def _job_once(
        self, job_id: str, condition: Callable[[dict[str, Any]], Any], timeout: float = 20
    ) -> dict[str, Any]:
        def matching_job() -> dict[str, Any] | None:
            job = self.job(job_id)
            return job if condition(job) else None

        return wait_for(matching_job, timeout)


def outcomes(job: dict[str, Any]) -> list[str]:
    """The outcomes of a job's attempts."""
    return [attempt["outcome"] for attempt in job["attempts"]]
