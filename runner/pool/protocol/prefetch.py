"""How many calls may wait behind one that runs: while calls are short, a keeper that had to ask for
the next one would be idle for most of the time. Imports nothing of ours.
"""

LINE_SECONDS = 0.02
"""How long a call may have to wait behind others, if all take as long as those before."""
PATIENCE_SECONDS = 0.25
"""After how long it is taken out of the line, since one of those turned out to be long."""
MOST_AHEAD = 64
"""How many wait at most, for each slot."""
MOST_IN_ALL = 512
"""The same for all slots: to claim and hand out more takes longer than they are to wait."""
_WEIGHT = 0.3
"""Of the newest call in the mean."""


class PrefetchDepth:
    """How long calls have taken lately. One that took long counts at once, short ones slowly."""

    def __init__(self, slots: int = 1) -> None:
        self._seconds = LINE_SECONDS
        self._most = min(MOST_AHEAD, MOST_IN_ALL // slots)

    def note(self, seconds: float) -> None:
        """A call has taken so long."""
        mean = self._seconds + _WEIGHT * (seconds - self._seconds)
        self._seconds = max(seconds, mean)

    def ahead(self) -> int:
        """How many calls may wait behind one that runs."""
        fit = int(LINE_SECONDS / max(self._seconds, 1e-6))  # the one that runs is one of them
        return max(0, min(self._most, fit - 1))
