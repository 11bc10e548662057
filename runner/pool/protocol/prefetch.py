"""How many calls may wait at a keeper behind the one that runs (prefetching).

While calls are short, a keeper that had to ask for each next call would be idle most of the time.
"""

MAX_EXPECTED_WAIT_SECONDS = 0.02
"""How long a prefetched call may be expected to wait, judging by the duration of recent calls."""
MAX_WAIT_SECONDS = 0.25
"""A prefetched call that has waited this long is taken back: a call before it turned out long."""
MAX_PREFETCH = 64
"""The maximum number of prefetched calls for each slot."""
MAX_PREFETCH_TOTAL = 512
"""The maximum for all slots: claiming and submitting more calls takes longer than they may wait."""
_NEWEST_WEIGHT = 0.3
"""The weight of the newest call in the moving average."""


class PrefetchDepth:
    """Derives the number of calls to prefetch from the duration of recent calls.

    A long call takes effect at once. Short calls lower the estimate gradually, by an exponential
    moving average.
    """

    def __init__(self, slots: int = 1) -> None:
        self._expected_seconds = MAX_EXPECTED_WAIT_SECONDS
        self._max_depth = min(MAX_PREFETCH, MAX_PREFETCH_TOTAL // slots)

    def record(self, seconds: float) -> None:
        """Record the duration of a call."""
        average = self._expected_seconds + _NEWEST_WEIGHT * (seconds - self._expected_seconds)
        self._expected_seconds = max(seconds, average)

    def depth(self) -> int:
        """Return how many calls may wait behind one that runs."""
        # The running call is one of the calls that fit.
        fit = int(MAX_EXPECTED_WAIT_SECONDS / max(self._expected_seconds, 1e-6))
        return max(0, min(self._max_depth, fit - 1))
