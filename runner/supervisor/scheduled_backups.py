"""Makes backups at an interval, each in a process of its own: `python -m storage backup`.

All workers look whether a backup is due. The place of backups has a lock, and the process looks
again when it holds that: so exactly one worker makes each backup.
"""

import logging
import subprocess
import time
from dataclasses import dataclass

from storage.db.backups_made import read_backups
from storage.db.clock import Clock
from storage.db.database import Database
from storage.records.our_modules import module_command

log = logging.getLogger(__name__)

RETRY_SECONDS = 600.0
"""How long a worker waits after a backup that could not be made, or that another one makes."""
_END_SECONDS = 2.0


@dataclass(frozen=True)
class BackupPlan:
    """Where backups are made, how often, and how many are kept."""

    place: str
    interval_seconds: float
    keep: int


class ScheduledBackups:
    """Starts the process when a backup is due, and notes its end."""

    def __init__(self, plan: BackupPlan, database: Database, clock: Clock):
        self._plan = plan
        self._database = database
        self._clock = clock
        self._process: subprocess.Popen[bytes] | None = None
        self._not_before = 0.0

    def check(self) -> None:
        """Start a backup if one is due. Raises StoreError, and OSError if no process starts."""
        if self._process is not None:
            if self._process.poll() is None:
                return
            if self._process.returncode:
                self._not_before = time.monotonic() + RETRY_SECONDS
            self._process = None
        if time.monotonic() >= self._not_before and self._is_due():
            self._process = subprocess.Popen(
                self._command(), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
            )

    def _is_due(self) -> bool:
        last_at = read_backups(self._database).last_at
        if last_at is None:
            return True
        return self._clock() - last_at >= self._plan.interval_seconds * 1000

    def _command(self) -> list[str]:
        plan = self._plan
        given = ("--to", plan.place, "--keep", str(plan.keep))
        scheduled = ("--scheduled", str(plan.interval_seconds))
        return module_command("storage", "backup", *given, *scheduled)

    def close(self) -> None:
        """End the process. The next backup uses what it has copied."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(_END_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
