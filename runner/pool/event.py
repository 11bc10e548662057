"""An eventfd that is readable while a condition is true."""

import contextlib
import os
from collections.abc import Callable


class EventFd:
    """A file descriptor to wait on, set by any thread and updated by its owner's thread."""

    def __init__(self) -> None:
        """Create an event that is not set. Raises OSError."""
        self._descriptor = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._is_set = False

    def fileno(self) -> int:
        """Return the descriptor."""
        return self._descriptor

    def set(self) -> None:
        """Make the descriptor readable. May be called in any thread."""
        self._is_set = True
        os.eventfd_write(self._descriptor, 1)

    def update(self, condition: Callable[[], bool]) -> None:
        """Make the descriptor readable if the condition is true, and not readable otherwise."""
        if self._is_set and not condition():
            with contextlib.suppress(BlockingIOError):
                os.eventfd_read(self._descriptor)
            self._is_set = False
        # Checked again after the read: another thread may have made the condition true meanwhile.
        if not self._is_set and condition():
            self.set()

    def close(self) -> None:
        """Close the descriptor."""
        os.close(self._descriptor)
