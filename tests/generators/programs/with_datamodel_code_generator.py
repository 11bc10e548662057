"""Uses the models of datamodel-code-generator, which are in the module `models`."""

import json
import os
import sys
import urllib.error
import urllib.request
from typing import Any
from uuid import uuid4

from models import (
    AnalyzePayload,
    ChangedDocument,
    JobDocument,
    JobRequest,
    PageDocument,
    PatternObject,
    ProblemDocument,
    SleepJobRequest,
    SleepPayload,
    Status,
)


def call(method: str, path: str, body: bytes | None = None, kind: str = "application/json") -> Any:
    """Send a request, and return the response as text."""
    request = urllib.request.Request(os.environ["JOBS_URL"] + path, body, method=method)
    request.add_header("Authorization", f"Bearer {os.environ['JOBS_TOKEN']}")
    request.add_header("Content-Type", kind)
    with urllib.request.urlopen(request, timeout=60) as response:
        return response.read()


def submit(seconds: float, query: str = "") -> JobDocument:
    """Submit a job."""
    job = JobRequest(SleepJobRequest(type="sleep", payload=SleepPayload(seconds=seconds)))
    return JobDocument.model_validate_json(
        call("POST", f"/jobs{query}", job.model_dump_json(exclude_none=True).encode())
    )


def upload(log: bytes) -> Any:
    """Submit a job with a file; return its counts."""
    options = PatternObject(pattern="WARN", ignore_case=True)
    payload = AnalyzePayload(patterns=["ERROR", options]).model_dump_json(exclude_none=True)
    parts = {"type": "analyze", "payload": payload}
    body = "".join(
        f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in parts.items()
    ).encode()
    head = b'--x\r\nContent-Disposition: form-data; name="filename"; filename="app.log"\r\n\r\n'
    answer = call(
        "POST",
        "/jobs/upload?wait=30",
        body + head + log + b"\r\n--x--\r\n",
        "multipart/form-data; boundary=x",
    )
    analyzed = JobDocument.model_validate_json(answer)
    assert analyzed.status == Status.succeeded
    return analyzed.model_dump()["result"]["counts"]


def main() -> None:
    """Submit, wait, upload, list and cancel."""
    ended, waiting = submit(0, "?wait=30"), submit(600)
    assert (ended.status, waiting.status) == (Status.succeeded, Status.queued)
    with open("app.log", "rb") as log:
        assert upload(log.read()) == {"ERROR": 2, "WARN": 1}
    page = PageDocument.model_validate_json(call("GET", "/jobs?status=succeeded&limit=1"))
    assert len(page.items) == 1
    assert page.next
    found = PageDocument.model_validate_json(call("GET", f"/jobs?id={ended.job_id}&id={uuid4()}"))
    assert len(found.unknown or []) == 1
    changed = ChangedDocument.model_validate_json(call("POST", f"/jobs/{waiting.job_id}/cancel"))
    assert changed.status == Status.canceled
    job = JobDocument.model_validate_json(call("GET", f"/jobs/{waiting.job_id}"))
    assert job.status == Status.canceled
    try:
        call("GET", f"/jobs/{uuid4()}")
    except urllib.error.HTTPError as error:
        problem = ProblemDocument.model_validate(json.load(error))
        assert (problem.status, str(problem.code)) == (404, "job_not_found")
    sys.stdout.write("done\n")


if __name__ == "__main__":
    main()
