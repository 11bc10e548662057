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

    def is_fresh(self) -> bool:
        """Whether a worker on this host has touched the file within STALE_SECONDS."""
        try:
            return time.time() - self._path.stat().st_mtime < self.STALE_SECONDS
        except FileNotFoundError:
            return False

    def stop(self) -> None:
        """Remove the file."""
        self._path.unlink(missing_ok=True)
