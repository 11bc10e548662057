"""The numbers of changes, which come out of one row: who has taken some holds up all who write."""

import threading
from typing import Any

from storage.models import VersionRow
from storage.places import place


class Numbers(threading.local):
    """Those that a thread's transaction has taken."""

    _last = 0
    _left: int | None = None

    def forget(self) -> None:
        """A new transaction has taken none."""
        self._left = None

    def take(self, last: int, count: int) -> None:
        """It has taken so many, up to the last."""
        self._last, self._left = last, count

    def next(self, count: int) -> int | None:
        """The last of the next `count`; None if so many are not left, or none was ever taken."""
        if self._left is None or count > self._left:
            return None
        self._left -= count
        return self._last - self._left


def advance_statement() -> Any:
    """Takes the next numbers: the last of so many."""
    count = place(VersionRow.value, "count")
    return VersionRow.update(value=VersionRow.value + count).returning(VersionRow.value)
