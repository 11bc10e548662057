"""A worker's sign of life for health checks on its own host. Imports nothing of ours."""

import contextlib
import os
import time
from pathlib import Path


class Heartbeat:
    """A file whose time says that the runner's loop turns; for health checks on its own host."""

    STALE_SECONDS = 30.0
    BEAT_SECONDS = 5.0

    def __init__(self, folder: Path, host: str):
        self._path = folder / f"{host}.alive"
        self._folder = folder
        self._next_at = 0.0

    def beat(self) -> None:
        """Say that the loop turns; now and then is enough, however fast it does."""
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
        """Whether a runner of this host has said so lately."""
        try:
            return time.time() - self._path.stat().st_mtime < self.STALE_SECONDS
        except FileNotFoundError:
            return False

    def stop(self) -> None:
        """Say no more."""
        self._path.unlink(missing_ok=True)
