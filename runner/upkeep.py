"""What a runner does now and then: renew, rescue, prune."""

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from storage import retention
from storage.database import Database
from storage.liveness import Liveness
from storage.rescue import Rescuer
from storage.store import now_ms
from storage.uploads import Uploads

RESCUE_SECONDS = 0.5
PRUNE_SECONDS = 60.0
SWEEP_SECONDS = 3600.0


@dataclass
class Chore:
    """A piece of upkeep. `work` tells whether there is more of it to be done at once."""

    work: Callable[[], bool]
    pause: float
    due_at: float = 0.0


class Upkeep:
    """Runs each piece of upkeep when it is due."""

    def __init__(
        self,
        database: Database,
        uploads: Uploads,
        liveness: Liveness,
        rescuer: Rescuer,
        retention_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ):
        self._database = database
        self._uploads = uploads
        self._liveness = liveness
        self._rescuer = rescuer
        self._retention_ms = round(retention_seconds * 1000)
        self._clock = clock
        self._chores = [
            Chore(self._rescue, RESCUE_SECONDS),
            Chore(self._prune, PRUNE_SECONDS),
            Chore(self._sweep, SWEEP_SECONDS),
        ]

    def run(self) -> None:
        """Do what is due. Raises StoreError; what failed is due again after its pause."""
        self._liveness.renew()
        now = self._clock()
        for chore in self._chores:
            if chore.due_at <= now:
                chore.due_at = now + chore.pause
                if chore.work():
                    chore.due_at = now

    def _rescue(self) -> bool:
        self._rescuer.rescue()
        return False

    def _prune(self) -> bool:
        """Delete a batch of final jobs whose time is over; there may be more."""
        pruned, unused = retention.prune(self._database, now_ms() - self._retention_ms)
        for upload_id in unused:
            self._uploads.delete(upload_id)
        return pruned == retention.BATCH

    def _sweep(self) -> bool:
        """Delete files that no job needs: left by a listener that died, or by a failed commit."""
        self._uploads.drop_abandoned()
        for upload_id in retention.unknown(self._database, self._uploads.old()):
            self._uploads.delete(upload_id)
        return False


class Heartbeat:
    """A file whose time says that the runner's loop turns; for health checks on its own host."""

    STALE_SECONDS = 30.0
    BEAT_SECONDS = 1.0

    def __init__(self, folder: Path, host: str):
        self._path = folder / f"{host}.alive"
        self._folder = folder
        self._next_at = 0.0

    def beat(self) -> None:
        """Say that the loop turns; once a second is enough, however fast it does."""
        now = time.monotonic()
        if now < self._next_at:
            return
        self._next_at = now + self.BEAT_SECONDS
        with contextlib.suppress(OSError):  # a full disk must not stop the loop
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
