"""The signals that stop a program. Imports nothing of ours, since a program imports it first."""

import os
import signal
import sys

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class StopSignals:
    """Counts SIGTERM and SIGINT, in a handler that does nothing else.

    A program creates it before it imports anything large: until then, a signal ends it with an
    error.
    """

    def __init__(self) -> None:
        self._read, self._write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._count = 0
        for number in STOP_SIGNALS:
            signal.signal(number, self._handle)

    def fileno(self) -> int:
        """A file descriptor, readable while there are signals that `take` has not counted."""
        return self._read

    def received(self) -> bool:
        """Whether there are signals that `take` has not counted."""
        return self._count > 0

    def take(self) -> int:
        """Return the number of signals since the last call."""
        count, self._count = self._count, 0
        if count:
            os.read(self._read, 4096)
        return count

    def exit_if_received(self) -> None:
        """Exit with code 0 after a signal. For a program that has not begun its work."""
        if self.received():
            sys.exit(0)

    def _handle(self, number: int, frame: object) -> None:
        self._count += 1
        os.write(self._write, b"s")
