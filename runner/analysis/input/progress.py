"""Throttled progress reports. Imports nothing of ours."""

import time
from collections.abc import Callable
from typing import Any

REPORT_SECONDS = 0.1

GetProgress = Callable[[], Any]
"""Returns the current progress. Called only when it is about to be reported."""

ReportProgress = Callable[[GetProgress], None]
"""Takes a function that returns the current progress. Cheap enough to be called for each window."""


class ThrottledProgress:
    """A ReportProgress that passes progress on at most ten times a second."""

    def __init__(
        self, report: Callable[[Any], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._report, self._clock = report, clock
        self._next = clock() + REPORT_SECONDS

    def __call__(self, get_progress: GetProgress) -> None:
        """Report the current progress if the last report is old enough."""
        now = self._clock()
        if now >= self._next:
            self._next = now + REPORT_SECONDS
            self._report(get_progress())
