"""A runner's periodic maintenance.

It fires schedules, rescues jobs of dead runners, cancels expired jobs, lets jobs go on that waited
for others, records missed deadlines, deletes old jobs, unused files and old entries of the audit
log, corrects times after the clock was set back, records history, warns of long-open transactions,
and starts backups.
"""

import logging
import math
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import partial

from runner.pool.linux.work_folders import RunnerFolder
from runner.supervisor.background import BackgroundTasks
from runner.supervisor.backoff import MAX_BACKOFF_SECONDS
from runner.supervisor.scheduled_backups import ScheduledBackups
from runner.supervisor.spans import AttemptSpans
from storage.claiming.rescue import Rescuer
from storage.db.clock import ClockSetBackDetector
from storage.db.database import Database
from storage.files.space_reserve import SpaceReserve
from storage.jobs.batch_rows import BatchSweep
from storage.jobs.deadlines import record_missed
from storage.jobs.expiry import cancel_all_expired
from storage.jobs.retention import Retention
from storage.liveness.clock_set_back import BATCH, reschedule
from storage.liveness.liveness import Liveness
from storage.open import Store
from storage.queries import history
from storage.queries.health import OpenTransaction, open_transactions
from storage.records.backoff import LONGEST_WAIT_SECONDS
from storage.records.job_file import ArtifactKey
from storage.schedules.firing import Firer
from storage.store import JobStore
from storage.sweeps import sweep_files_of_jobs, sweep_uploads
from storage.waiting.place_sweep import PlaceSweep
from storage.waiting.reactions import react_to_ended

log = logging.getLogger(__name__)

FIRE_SECONDS = 1.0
"""The longest time in which a busy runner does not look for schedules that are due."""
RESCUE_SECONDS = 0.5
EXPIRE_SECONDS = 1.0
ENDED_SECONDS = 1.0
PLACES_SECONDS = 1.0
PRUNE_SECONDS = 60.0
SWEEP_SECONDS = 3600.0
RESCHEDULE_SECONDS = 1.0
TIDY_SECONDS = 5.0
TRANSACTION_CHECK_SECONDS = 15.0
RESERVE_SECONDS = 60.0
BACKUP_SECONDS = 10.0
REPEAT_FACTOR = 10.0
"""The warning of an open transaction is repeated when its age has grown by this factor."""


@dataclass
class MaintenanceTask:
    """A periodic task. `run` does a bounded amount of work, and returns True if more is left.

    It may also return, as a float, the seconds until it has to run, which wakes the runner.
    """

    run: Callable[[], object]
    interval_seconds: float
    due_at: float = 0.0
    """When to run it next, in seconds of the monotonic clock."""
    wake_at: float = math.inf
    """When it has to run even if the runner has nothing else to do, by the same clock."""


class Maintenance:
    """Runs each maintenance task when it is due."""

    def __init__(
        self,
        store: Store,
        liveness: Liveness,
        rescuer: Rescuer,
        spans: AttemptSpans,
        work_place: RunnerFolder,
        retention: Retention,
        audit_keep_ms: int | None = None,
        backups: ScheduledBackups | None = None,
    ):
        """`audit_keep_ms` is how long entries of the audit log are kept; None for forever."""
        self._audit_keep_ms = audit_keep_ms
        self._store = store
        self._liveness = liveness
        self._rescuer = rescuer
        self._spans = spans
        self._background_tasks = BackgroundTasks(inline=store.uploads.folder is not None)
        self._file_tasks = BackgroundTasks(inline=False)
        """For the files that jobs leave: there can be a thousand of each job."""
        self._retention = retention
        self._clock_set_back = ClockSetBackDetector(store.clock)
        self._reserve = SpaceReserve(store.database.file)
        self._must_reschedule = True  # the clock may have been set back while no runner was running
        add_jobs = JobStore(store.database, store.wakeup, store.clock).add
        self._firer = Firer(store.database, store.wakeup, store.clock, add_jobs)
        self._fire_task = MaintenanceTask(self._fire, FIRE_SECONDS)
        self._places = PlaceSweep(store.database, store.wakeup, store.clock)
        self._rescue_task = MaintenanceTask(self._rescue, RESCUE_SECONDS)
        self._ended_task = MaintenanceTask(self._react_to_ended, ENDED_SECONDS)
        self._tasks = [
            self._rescue_task,
            self._fire_task,
            # Before the sweeps, which take long on a full disk.
            MaintenanceTask(self._reserve.fill, RESERVE_SECONDS),
            MaintenanceTask(self._expire, EXPIRE_SECONDS),
            self._ended_task,
            MaintenanceTask(self._record_missed, EXPIRE_SECONDS),
            MaintenanceTask(self._places.run, PLACES_SECONDS),
            MaintenanceTask(self._prune, PRUNE_SECONDS),
            MaintenanceTask(self._prune_audit_log, PRUNE_SECONDS),
            MaintenanceTask(BatchSweep(store.database).run, PRUNE_SECONDS),
            MaintenanceTask(self._sweep, SWEEP_SECONDS),
            MaintenanceTask(self._reschedule, RESCHEDULE_SECONDS),
            MaintenanceTask(self._record_history, history.STEP_SECONDS),
            MaintenanceTask(work_place.empty_trash, TIDY_SECONDS),
            MaintenanceTask(TransactionWatch(store.database).check, TRANSACTION_CHECK_SECONDS),
        ]
        self._backups = backups
        self._tasks += [MaintenanceTask(backups.check, BACKUP_SECONDS)] if backups else []

    def run(self) -> None:
        """Run the tasks that are due.

        Raises StoreError. A failed task is due again after its interval.
        """
        for task in self._tasks:
            began_at = time.monotonic()
            if task.due_at > began_at:
                continue
            task.due_at, task.wake_at = began_at + task.interval_seconds, math.inf
            result = _run_task(task)
            now = time.monotonic()
            if result is True:
                # It waits as long as it took, also for locks: so others get to write in between.
                task.due_at = task.wake_at = now + (now - began_at)
            elif isinstance(result, float):
                task.wake_at = now + result
                task.due_at = min(task.due_at, task.wake_at)

    def seconds_to_continue(self) -> float:
        """Return in how many seconds a task has to run; infinity if none has."""
        return min(task.wake_at for task in self._tasks) - time.monotonic()

    def close(self) -> None:
        """Discard the waiting background tasks, and end a backup that is being made."""
        self._background_tasks.close()
        self._file_tasks.close()
        if self._backups:
            self._backups.close()

    def check_deaths(self) -> None:
        """If another runner may have died, make the rescue of its jobs due now."""
        if self._liveness.runner_may_have_died():
            self._rescue_task.due_at = 0.0

    def check_ended(self) -> None:
        """A watched job has ended: make the reaction to that due now."""
        self._ended_task.due_at = 0.0

    def fill_places(self, keys: Collection[str]) -> None:
        """Jobs with these concurrency keys have started: give the next place of each key.

        Raises StoreError.
        """
        self._places.fill(keys)

    def check_schedules(self) -> None:
        """After a wake-up, look soon for schedules that are due: one may be new."""
        self._fire_task.wake_at = min(self._fire_task.wake_at, self._fire_task.due_at)

    def _fire(self) -> float:
        """Fire schedules that are due. Returns the seconds until the next one is; 0 for now."""
        seconds = self._firer.seconds_to_next()
        if seconds is not None and seconds <= 0:
            seconds = 0.0 if self._firer.fire() else self._firer.seconds_to_next()
        return math.inf if seconds is None else max(0.0, seconds)

    def _rescue(self) -> None:
        try:
            self._rescuer.rescue()
        finally:
            self._spans.send(self._rescuer.traced)

    def _expire(self) -> bool:
        """Cancel one batch of the jobs that have expired before they started."""
        store = self._store
        return cancel_all_expired(store.database, store.wakeup, store.clock())

    def _react_to_ended(self) -> bool:
        """Let what waits for jobs go on that have ended, a batch at a time."""
        store = self._store
        return react_to_ended(store.database, store.wakeup, store.clock)

    def _record_missed(self) -> bool:
        """Record one batch of the jobs that have missed their deadline."""
        store = self._store
        return record_missed(store.database, store.wakeup, store.clock())

    def _prune(self) -> bool:
        """Delete a few final jobs that have been kept for long enough."""
        _, unused = self._retention.prune(self._store.clock())
        if unused:
            have_files = any(isinstance(each, ArtifactKey) for each in unused)
            tasks = self._file_tasks if have_files else self._background_tasks
            tasks.submit(partial(self._store.delete_files, unused))
        return self._retention.has_more

    def _prune_audit_log(self) -> bool:
        """Delete a few entries of the audit log that have been kept for long enough."""
        if self._audit_keep_ms is None:
            return False
        return self._store.audit.delete_before(self._store.clock() - self._audit_keep_ms)

    def _sweep(self) -> None:
        """Delete files that belong to no job: a dead listener or a failed commit left them."""
        self._background_tasks.submit(partial(sweep_uploads, self._store))
        self._file_tasks.submit(partial(sweep_files_of_jobs, self._store))

    def _record_history(self) -> None:
        history.record_moment(self._store.database, self._store.clock())

    def _reschedule(self) -> bool:
        """After the clock was set back, make one batch of the delayed jobs due."""
        self._must_reschedule |= self._clock_set_back.was_set_back()
        if not self._must_reschedule:
            return False
        waits = round(MAX_BACKOFF_SECONDS * 1000), LONGEST_WAIT_SECONDS * 1000
        rescheduled = reschedule(self._store.database, self._store.clock(), *waits)
        self._firer.restart()
        self._must_reschedule = rescheduled == BATCH
        return self._must_reschedule


class TransactionWatch:
    """Warns of database transactions that are open for too long, of this or any other program.

    It warns once when a transaction becomes too old, and again each time that its age has grown by
    REPEAT_FACTOR. Only PostgreSQL reports open transactions.
    """

    def __init__(self, database: Database):
        self._database = database
        self._next_warning: dict[tuple[int, float], float] = {}
        """The age in seconds at which to warn again, by session and start of the transaction."""

    def check(self) -> None:
        """Log the warnings that are due. Raises StoreError."""
        old = {
            (transaction.pid, transaction.began_at): transaction
            for transaction in open_transactions(self._database)
            if transaction.too_old
        }
        due = {
            key: transaction
            for key, transaction in old.items()
            if transaction.seconds >= self._next_warning.get(key, 0)
        }
        for transaction in due.values():
            _warn(transaction)
        warned = {key: transaction.seconds * REPEAT_FACTOR for key, transaction in due.items()}
        ages = {**self._next_warning, **warned}
        self._next_warning = {key: age for key, age in ages.items() if key in old}


def _run_task(task: MaintenanceTask) -> object:
    """Run a task, and return what it returns. Raises StoreError.

    Jobs can use up all file descriptors or threads. Then the task fails and is retried later, while
    the main loop, which needs no new ones, goes on.
    """
    try:
        return task.run()
    except (OSError, RuntimeError) as error:
        reason = f"{type(error).__name__}: {error}"
        log.warning("maintenance failed, it will be retried", extra={"reason": reason})
        return None


def _warn(transaction: OpenTransaction) -> None:
    log.warning(
        "a transaction has been open for long, which slows claims down: end its session",
        extra={
            "pid": transaction.pid,
            "session": transaction.name,  # log records use "name" for the logger
            "idle": transaction.idle,
            "seconds": round(transaction.seconds, 1),
        },
    )
