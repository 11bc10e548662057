"""A worker's heartbeat file, for health checks on its own host.

Imports no other module of this project.
"""

import contextlib
import os
import time
from pathlib import Path


class Heartbeat:
    """A file whose modification time shows that the worker's main loop is running."""

    STALE_SECONDS = 30.0
    BEAT_SECONDS = 5.0

    def __init__(self, folder: Path, host: str):
        self._path = folder / f"{host}.alive"
        self._folder = folder
        self._next_at = 0.0

    def beat(self) -> None:
        """Touch the file, at most once in BEAT_SECONDS; call it in every iteration of the loop."""
        now = time.monotonic()
        if now < self._next_at:
            return
        self._next_at = now + self.BEAT_SECONDS
        with contextlib.suppress(OSError):  # a full disk must not stop the loop
            try:
                os.utime(self._path)
            except FileNotFoundError:
                self._folder.mkdir(parents=True, exist_ok=True)
                self._path.touch()

    def problem(self) -> str | None:
        """The problem of the worker on this host; None if it has touched the file in time."""
        try:
            age = time.time() - self._path.stat().st_mtime
        except FileNotFoundError:
            return "no worker is running on this host"
        if age < self.STALE_SECONDS:
            return None
        return f"the worker's main loop has stood still for {age:.0f} s: it hangs or is stopped"

    def stop(self) -> None:
        """Remove the file."""
        self._path.unlink(missing_ok=True)
