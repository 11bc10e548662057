"""What the commands print."""

import sys
import time


def show(line: str) -> None:
    """Print `line` as a result, on standard output."""
    sys.stdout.write(f"{line}\n")


class Progress:
    """Prints progress lines on a terminal, at most one per second."""

    def __init__(self) -> None:
        self._next_at = time.monotonic() + 1
        self._is_terminal = sys.stderr.isatty()

    def __call__(self, line: str) -> None:
        """Print a line if the last one is at least a second old."""
        if self._is_terminal and time.monotonic() >= self._next_at:
            self._next_at = time.monotonic() + 1
            sys.stderr.write(f"{line}\n")
