"""Prints the results and the progress of the commands."""

import sys
import time

_EVERY_SECONDS = 0.2


def show(line: str) -> None:
    """Print `line` as a result, on standard output."""
    sys.stdout.write(f"{line}\n")


def warn(line: str) -> None:
    """Print a warning on standard error."""
    sys.stderr.write(f"warning: {line}\n")


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


class ProgressBar:
    """Shows on a terminal how far a command is, in one line that changes."""

    _WIDTH = 24

    def __init__(self) -> None:
        self._next_at = time.monotonic() + _EVERY_SECONDS
        self._is_terminal = sys.stderr.isatty()
        self._is_shown = False
        self._what, self._began_at, self._began_with = "", 0.0, 0

    def __call__(self, what: str, done: int, total: int) -> None:
        """Show what is done, of how much. Called as often as the caller likes."""
        now = time.monotonic()
        if what != self._what:
            self._what, self._began_at, self._began_with = what, now, done
        if not self._is_terminal or now < self._next_at:
            return
        self._next_at, self._is_shown = now + _EVERY_SECONDS, True
        part = min(1.0, done / total) if total else 1.0
        bar = "#" * round(part * self._WIDTH)
        rate = (done - self._began_with) / max(now - self._began_at, 0.001)
        left = (total - done) / rate if rate > 0 else 0
        sys.stderr.write(
            f"\r\033[K{what:<9} [{bar:<{self._WIDTH}}] {part:4.0%}  {size_text(done)} of "
            f"{size_text(total)}, {left // 60:.0f}:{left % 60:02.0f} left"
        )
        sys.stderr.flush()

    def clear(self) -> None:
        """Remove the line."""
        if self._is_shown:
            sys.stderr.write("\r\033[K")
            sys.stderr.flush()


def size_text(bytes: float) -> str:
    """Return a number of bytes for people, such as 1.5 GB."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if bytes < 1000:
            return f"{bytes:.0f} {unit}" if unit == "bytes" else f"{bytes:.1f} {unit}"
        bytes /= 1000
    return f"{bytes:.1f} TB"
