import json
from types import SimpleNamespace
from typing import Any

import pytest

from jobservice.documents import read_job
from jobservice.errors import ApiError, JobCanceled, WaitTimeout, read_problem, read_retry_after

PROBLEM = {
    "type": "/docs/errors#invalid_request",
    "title": "The request is invalid",
    "status": 422,
    "code": "invalid_request",
    "detail": "payload.seconds: it must be at least 0",
    "request_id": "6b1f0a93c2d84e57",
    "errors": [{"field": "payload.seconds", "detail": "it must be at least 0", "code": "x"}],
}


def test_an_error_has_all_that_the_problem_document_tells() -> None:
    error = read_problem(422, "", {"retry-after": "3"}, json.dumps(PROBLEM).encode())
    assert (error.status, error.code, error.title) == (422, "invalid_request", PROBLEM["title"])
    assert error.detail == PROBLEM["detail"]
    assert error.field == "payload.seconds"
    assert error.errors == PROBLEM["errors"]
    assert error.request_id == "6b1f0a93c2d84e57"
    assert error.retry_after == 3
    assert str(error) == (
        "payload.seconds: it must be at least 0"
        " (invalid_request, status 422, request 6b1f0a93c2d84e57)"
    )


@pytest.mark.parametrize(
    ("status", "headers", "body", "text"),
    [
        (502, {"content-type": "text/html"}, b"<html>", "Bad (HTTP 502)"),
        (502, {"content-type": "text/plain"}, b"no backend\n", "no backend (HTTP 502)"),
        (500, {"x-request-id": "7"}, b"[1]", "Bad (HTTP 500, request 7)"),
        (404, {}, b"<html>", "Bad: is this the address of a Job Service? (HTTP 404)"),
        (404, {"x-request-id": "7"}, b"", "Bad (HTTP 404, request 7)"),
        (
            301,
            {"location": "https://jobs"},
            b"",
            "the address redirects to https://jobs: use that one (HTTP 301)",
        ),
    ],
)
def test_a_response_of_somebody_else_becomes_an_error_as_well(
    status: int, headers: dict[str, str], body: bytes, text: str
) -> None:
    error = read_problem(status, "Bad", headers, body)
    assert (error.status, error.code, error.field) == (status, None, None)
    assert str(error) == text


@pytest.mark.parametrize(
    ("header", "seconds"), [("7", 7), ("-1", 0), ("soon", None), ("", None), (None, None)]
)
def test_retry_after_is_read(header: str | None, seconds: float | None) -> None:
    assert read_retry_after(header) == seconds


def test_a_canceled_job_says_why_unless_its_error_is_that_of_an_attempt() -> None:
    error = {"type": "PredecessorFailed", "message": "the job 7 failed"}
    document: dict[str, Any] = {"job_id": "1", "status": "canceled", "error": error}
    canceled = JobCanceled(SimpleNamespace(id="1", data=read_job(document)))
    assert str(canceled) == "job 1 was canceled: PredecessorFailed: the job 7 failed"
    assert canceled.error is not None
    assert canceled.error.type == "PredecessorFailed"
    document["canceled_by"] = "ann"
    document["attempts"] = [{"attempt": 1, "runner": "a", "error": error}]
    canceled = JobCanceled(SimpleNamespace(id="1", data=read_job(document)))
    assert (str(canceled), canceled.error) == ("job 1 was canceled by ann", None)


def test_an_error_as_text_names_calls_and_arguments_of_python() -> None:
    detail = "input.from: there is no job 7; GET /queues lists all"
    error = ApiError(422, {"status": 422, "code": "invalid_request", "detail": detail})
    assert error.detail == detail
    assert str(error).startswith("input_from: there is no job 7; client.queues() lists all")


def test_a_timeout_of_a_wait_is_a_timeout_error() -> None:
    error = WaitTimeout("too late", ["job"])
    assert isinstance(error, TimeoutError)
    assert error.job == "job"
    assert WaitTimeout("too late").job is None
    assert str(error) == "too late"
