"""A descriptor to wait on that is readable exactly while there is news. Imports nothing of ours."""

import contextlib
import os
from collections.abc import Callable


class EventFd:
    """Rings until it is matched with there being no news."""

    def __init__(self) -> None:
        """Raises OSError."""
        self._event = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._rings = False

    def fileno(self) -> int:
        """The descriptor."""
        return self._event

    def ring(self) -> None:
        """There is news. In any thread."""
        self._rings = True
        os.eventfd_write(self._event, 1)

    def match(self, has_news: Callable[[], bool]) -> None:
        """Ring if there is news, and only then."""
        if self._rings and not has_news():
            with contextlib.suppress(BlockingIOError):
                os.eventfd_read(self._event)
            self._rings = False
        # Looked at after the reading: what another thread has noted meanwhile counts.
        if not self._rings and has_news():
            self.ring()

    def close(self) -> None:
        """Free the descriptor."""
        os.close(self._event)
