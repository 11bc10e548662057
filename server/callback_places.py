"""Shares out the places of callbacks under way: a host that keeps them all waiting leaves some to
others. Imports nothing of ours."""

from collections import Counter

AT_ONCE = 16
"""Callbacks under way."""
_MOST = 12
"""Of these, to one host."""
_FEW = 2
"""The same of a host that has not answered the last time."""
_SOON, _LATER = 1.0, 10.0


class Places:
    """Who has them. A host is a name with its port."""

    def __init__(self) -> None:
        self._taken: Counter[str] = Counter()
        self._silent: set[str] = set()

    @property
    def free(self) -> int:
        """How many nobody has."""
        return AT_ONCE - self._taken.total()

    def take(self, host: str) -> float:
        """Take one for a host; 0, or in how many seconds to try again, if it has enough."""
        is_silent = host in self._silent
        if self._taken[host] >= (_FEW if is_silent else _MOST):
            return _LATER if is_silent else _SOON
        self._taken[host] += 1
        return 0.0

    def give_back(self, host: str, answered: bool) -> None:
        """A host has answered, whatever that was, or not."""
        self._taken[host] -= 1
        (self._silent.discard if answered else self._silent.add)(host)
