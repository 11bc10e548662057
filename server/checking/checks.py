"""Parses and checks submissions without blocking the event loop.

    submission ─┬─ small ─▶ parsed here ─┬─ quick to check ─▶ checked here
                │                        └─ slow, says its job type ─┐
                └─ large ────────────────────────────────────────────┴──▶ CheckProcess

Threads would not help: Python's json, Pydantic and RE2 hold the interpreter's lock.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from runner.job_types.base import JobType
from server.checking.process import CheckProcess
from server.documents.submission import CheckedSubmission, Received, check_submission, parse

SMALL_BYTES = 16 * 1024
"""The largest submission that is parsed in the event loop. The worst takes 10 ms."""


class SubmissionChecks:
    """Checks submissions against job types, which the check process finds in `packages`."""

    def __init__(
        self,
        job_types: Mapping[str, JobType[Any]],
        packages: Sequence[str],
        callback_hosts: Collection[str],
        cell: int | None,
    ):
        self._job_types = job_types
        self._settings = (callback_hosts, cell)
        self.process = CheckProcess(packages)

    async def check(self, received: Received) -> CheckedSubmission | None:
        """Parse and check a submission; None if it lacks fields that may still follow.

        Raises Problem 400 or 422, and 503 if that fails.
        """
        if _size(received.content) <= SMALL_BYTES:
            parsed = parse(received)
            if not self._is_slow(parsed[0]):
                return check_submission(received, parsed, self._job_types, *self._settings)
        return await self.process.check((received, *self._settings))

    def _is_slow(self, document: Any) -> bool:
        """Whether the job type says that the payload takes long to check."""
        name, payload = (
            (document.get("type"), document.get("payload"))
            if isinstance(document, dict)
            else (None, None)
        )
        job_type = self._job_types.get(name) if isinstance(name, str) else None
        if job_type is None or not isinstance(payload, dict):
            return False
        try:
            return job_type.is_slow_to_check(payload)
        except Exception:  # the payload is not checked yet, so the job type may trip over it
            return True


def _size(content: bytes | Mapping[str, bytes]) -> int:
    return len(content) if isinstance(content, bytes) else sum(map(len, content.values()))
