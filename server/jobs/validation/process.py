"""The process that checks large and slow submissions, as the listener sees it.

It starts with the first of them, checks one at a time, and ends with the listener.
"""

from collections.abc import Sequence

from server.http.codes import Code
from server.http.problems import unavailable
from server.processes.child import ChildFailed, ChildProcess, ChildTooSlow
from storage.records.json_values import JsonValue

CHECK_SECONDS = 30.0
"""Time after which a check is given up. Those of the built-in job types take less than a second."""


class CheckFailed(Exception):
    """The check process could not check a submission. The message has the traceback."""


class CheckProcess:
    """Checks submissions in another process, which loads the job types of `packages`."""

    def __init__(self, packages: Sequence[str]):
        self._process = ChildProcess("check", "server.jobs.validation", packages)

    async def check(self, request: tuple[JsonValue, ...]) -> JsonValue:
        """Return the answer of `answer` in `server.jobs.validation.__main__` to `request`.

        Raises the Problem of an invalid submission, Problem 503 if the process fails twice or takes
        too long, and CheckFailed if it raises another exception.
        """
        try:
            answer = await self._process.ask(request, CHECK_SECONDS)
        except ChildTooSlow:
            detail = "the submission takes too long to check"
            raise unavailable(detail, Code.CHECK_FAILED) from None
        except ChildFailed:
            detail = "the submission could not be checked now, try again"
            raise unavailable(detail, Code.CHECK_FAILED) from None
        if isinstance(answer, Exception):
            raise answer
        return answer

    def close(self) -> None:
        """End the process and the thread. A check under way fails."""
        self._process.close()
