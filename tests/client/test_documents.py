from datetime import UTC, datetime
from typing import Any

import pytest

from jobservice.documents import AttemptData, ErrorData, read_job, read_queue, total

DOCUMENT: dict[str, Any] = {
    "job_id": "01a2107d-08cc-73f5-a3eb-bdc8e70382e5",
    "type": "analyze",
    "status": "failed",
    "payload": {"patterns": ["ERROR"]},
    "error": {"type": "ValueError", "message": "no", "hint": "of a later release"},
    "created_at": "2026-11-25T02:15:59.402Z",
    "finished_at": None,
    "upload": {"name": "app.log", "size": 49, "sha256": "ab"},
    "attempts": [
        {
            "attempt": 1,
            "runner": "host-1",
            "started_at": "2026-11-25T02:15:59.500Z",
            "error": {"type": "ValueError", "message": "no"},
            "last_lines": ["a", "b"],
            "new_field": 1,
        }
    ],
    "new_field": {"of": "a later release"},
}


def test_a_job_is_read_with_its_times_and_unknown_fields_are_kept() -> None:
    job = read_job(DOCUMENT)
    assert job.created_at == datetime(2026, 11, 25, 2, 15, 59, 402000, UTC)
    assert job.finished_at is None
    assert job.error == ErrorData("ValueError", "no")
    assert job.upload is not None
    assert job.upload.size == 49
    assert job.raw["new_field"] == {"of": "a later release"}
    (attempt,) = job.attempts
    assert isinstance(attempt, AttemptData)
    assert attempt.last_lines == ("a", "b")
    assert attempt.started_at == datetime(2026, 11, 25, 2, 15, 59, 500000, UTC)


@pytest.mark.parametrize(
    ("status", "is_final"), [("queued", False), ("running", False), ("canceled", True)]
)
def test_a_short_document_is_a_job_too(status: str, is_final: bool) -> None:
    job = read_job({"job_id": "a", "status": status})
    assert job.is_final is is_final
    assert not job.has_end
    assert (job.type, job.queue, job.attempts) == ("", "default", ())


def test_only_a_whole_document_of_an_ended_job_has_its_end() -> None:
    assert read_job(DOCUMENT).has_end
    assert not read_job({**DOCUMENT, "status": "running"}).has_end


def test_a_queue_is_read() -> None:
    queue = read_queue({"name": "gpu", "paused": True, "paused_at": "2026-11-25T02:15:59.402Z"})
    assert queue.paused_at == datetime(2026, 11, 25, 2, 15, 59, 402000, UTC)
    assert queue.max_running is None


def test_the_calls_of_a_bulk_change_are_added_up() -> None:
    calls: list[dict[str, Any]] = [
        {"matched": 1000, "changed": 998, "dry_run": False, "next": "x"},
        {"matched": 5, "changed": 5, "dry_run": False, "next": None},
    ]
    done = total(calls)
    assert (done.matched, done.changed, done.dry_run) == (1005, 1003, False)
