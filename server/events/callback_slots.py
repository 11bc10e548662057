"""Shares out the places of callbacks under way: hosts that do not answer leave most to others.
Imports nothing of ours."""

from collections import Counter

AT_ONCE = 16
"""Callbacks under way."""
_FEW = 2
"""Of these, to a host that has not answered the last time, or not yet."""
_SOON, _LATER = 1.0, 10.0


class CallbackSlots:
    """Who has them. A host is a name with its port."""

    def __init__(self) -> None:
        self._taken: Counter[str] = Counter()
        self._answers: dict[str, bool] = {}

    @property
    def free(self) -> int:
        """How many nobody has."""
        return AT_ONCE - self._taken.total()

    def take(self, host: str) -> float:
        """Take one for a host; 0, or in how many seconds to try again, if it has enough."""
        answers = self._answers.get(host)
        if not answers and self._taken[host] >= _FEW:
            return _SOON if answers is None else _LATER
        self._taken[host] += 1
        return 0.0

    def give_back(self, host: str, answered: bool) -> None:
        """A host has answered, whatever that was, or not."""
        self._taken[host] -= 1
        self._answers[host] = answered
