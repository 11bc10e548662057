"""What a runner does now and then: rescue, prune, reschedule, note history."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from runner.pool.linux.work_folders import WorkPlace
from runner.supervisor import retry
from runner.supervisor.background import BackgroundTasks
from runner.supervisor.transaction_watch import LOOK_SECONDS, TransactionWatch
from storage.claiming.rescue import Rescuer
from storage.db.clock import ClockSetBackDetector
from storage.jobs import retention
from storage.liveness.liveness import Liveness
from storage.liveness.reschedule import BATCH, reschedule
from storage.open import Store
from storage.queries import history

log = logging.getLogger(__name__)

RESCUE_SECONDS = 0.5
PRUNE_SECONDS = 60.0
SWEEP_SECONDS = 3600.0
RESCHEDULE_SECONDS = 1.0
TIDY_SECONDS = 5.0


@dataclass
class MaintenanceTask:
    """A piece of upkeep. `work` tells whether there is more of it to be done at once."""

    work: Callable[[], bool]
    pause: float
    due_at: float = 0.0


def _is_left(chore: MaintenanceTask) -> bool:
    """Whether there is more to be done at once. Raises StoreError. While there are no descriptors
    or threads left, which jobs may have taken, nothing is done; the runner needs none to go on."""
    try:
        return chore.work()
    except (OSError, RuntimeError) as error:
        reason = f"{type(error).__name__}: {error}"
        log.warning("upkeep failed, it is tried again", extra={"reason": reason})
        return False


class Maintenance:
    """Runs each piece of upkeep when it is due."""

    def __init__(
        self,
        store: Store,
        liveness: Liveness,
        rescuer: Rescuer,
        work: WorkPlace,
        retention_seconds: float,
    ):
        self._store = store
        self._liveness = liveness
        self._rescuer = rescuer
        self._errands = BackgroundTasks(at_once=store.uploads.folder is not None)
        self._retention_ms = round(retention_seconds * 1000)
        self._set_back = ClockSetBackDetector(store.clock)
        self._to_reschedule = True  # the clock may have been set back while no runner looked
        self._chores = [
            MaintenanceTask(self._rescue, RESCUE_SECONDS),
            MaintenanceTask(self._prune, PRUNE_SECONDS),
            MaintenanceTask(self._sweep, SWEEP_SECONDS),
            MaintenanceTask(self._reschedule, RESCHEDULE_SECONDS),
            MaintenanceTask(self._note_history, history.STEP_SECONDS),
            MaintenanceTask(work.tidy, TIDY_SECONDS),
            MaintenanceTask(TransactionWatch(store.database).look, LOOK_SECONDS),
        ]

    def run(self) -> None:
        """Do what is due. Raises StoreError; what failed is due again after its pause."""
        now = time.monotonic()
        for chore in self._chores:
            if chore.due_at <= now:
                chore.due_at = now + chore.pause
                if _is_left(chore):
                    chore.due_at = now

    def close(self) -> None:
        """Begin with nothing more."""
        self._errands.close()

    def heed_news(self) -> None:
        """If another runner may have died, have its jobs rescued in the next run."""
        if self._liveness.has_news():
            self._chores[0].due_at = 0.0

    def _rescue(self) -> bool:
        self._rescuer.rescue()
        return False

    def _prune(self) -> bool:
        """Delete a batch of final jobs whose time is over; there may be more."""
        before = self._store.clock() - self._retention_ms
        pruned, unused = retention.prune(self._store.database, before)
        if unused:
            self._errands.do(partial(self._store.uploads.delete, unused))
        return pruned == retention.BATCH

    def _sweep(self) -> bool:
        """Delete files that no job needs: left by a listener that died, or by a failed commit."""
        unknown = partial(retention.unknown_uploads, self._store.database)
        self._errands.do(partial(self._store.uploads.sweep, unknown))
        return False

    def _note_history(self) -> bool:
        history.note(self._store.database, self._store.clock())
        return False

    def _reschedule(self) -> bool:
        """After the clock was set back, make a batch of jobs due; there may be more."""
        self._to_reschedule |= self._set_back.was_set_back()
        if not self._to_reschedule:
            return False
        longest_ms = round(retry.MAX_SECONDS * 1000)
        moved = reschedule(self._store.database, self._store.clock(), longest_ms)
        self._to_reschedule = moved == BATCH
        return self._to_reschedule
