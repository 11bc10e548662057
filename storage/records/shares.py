"""How callers share what a limit of the whole service allows.

Each caller has at most half of what the others leave free: with 1,000, the first caller may have
500, and then the next one 250. So no caller can use up what the others need.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager


class NoRoom(Exception):
    """The limit of the service is reached, or the caller has its share: `own` is how many it has,
    None if the limit is reached."""

    def __init__(self, own: int | None = None):
        super().__init__(own)
        self.own = own

    def text(self, limit: int, what: str) -> str:
        """Say what there is no room for, such as "schedules"."""
        if self.own is None:
            return f"the service has {limit} {what}, which is the limit"
        return (
            f"you have {self.own} of the {limit} {what} that the service can have, and the rest is"
            " for other callers"
        )


def require_room(
    limit: int, used: int, own: int | None, error: type[NoRoom] = NoRoom, more: int = 1
) -> None:
    """Raise NoRoom if a caller may not have so many `more` of what all callers have `used` of.

    `own` is how many of these the caller has; None if it may use all that the others leave.
    """
    others = more - 1  # the last one needs room beside them
    if used + others >= limit:
        raise error
    if own is not None and own + others >= limit - used - others:
        raise error(own)


class Places:
    """Counts what callers have open at once, such as streams. For one thread."""

    def __init__(self) -> None:
        self.used = 0
        """Places that are taken, by all callers."""
        self._of: Counter[str] = Counter()

    @contextmanager
    def taken(self, limit: int, sharer: str | None) -> Iterator[None]:
        """Take a place in this block. `sharer` is the caller if it has only a share of the limit.
        Raises NoRoom."""
        require_room(limit, self.used, None if sharer is None else self._of[sharer])
        self.used += 1
        if sharer is not None:
            self._of[sharer] += 1
        try:
            yield
        finally:
            self.used -= 1
            if sharer is not None:
                self._of[sharer] -= 1
                self._of += Counter()  # forgets callers without places
