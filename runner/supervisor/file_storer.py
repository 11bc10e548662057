"""Threads that store the files of attempts.

Storing may wait for a disk or for the network. The main loop has a lease to renew, so it never
waits for that.
"""

import contextlib
import logging
import os
import time
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from functools import partial
from queue import SimpleQueue
from threading import Lock, Thread

from runner.files.folder import FileLimits
from runner.files.names import InvalidFiles
from runner.files.store import Aborted, store_files
from runner.pool.linux.work_folders import RunnerFolder
from storage.files.artifacts import Artifacts, FindUnusedFiles
from storage.records.attempt_outcome import AttemptOutcome
from storage.records.job import Job, StoreError, StoreFull, StoreUnavailable
from storage.records.job_file import ArtifactKey, JobFile

log = logging.getLogger(__name__)

_THREADS = 4
"""How many jobs store files at once. In a bucket, each holds up to three parts in memory."""
_RETRY_SECONDS = (1.0, 5.0, 15.0, 30.0, 60.0)
"""The waits before the storage is tried again, if it is not available."""


class _State(Enum):
    STORING = auto()
    DONE = auto()
    ABORTED = auto()


@dataclass(eq=False)
class Storing:
    """The files of one attempt, from the end of its call until they are stored."""

    job: Job
    call_id: str
    outcome: AttemptOutcome
    folder: int
    """The descriptor of the folder that has them. Its thread closes it."""
    files: Sequence[JobFile] = ()
    _state: _State = _State.STORING
    _lock: Lock = field(default_factory=Lock)

    def abort(self) -> bool:
        """Let the thread stop, and delete what it has stored. Returns False if it is done."""
        return self._change(_State.ABORTED)

    def end(self) -> bool:
        """Note that the thread is done. Returns False if its files are not needed any more."""
        return self._change(_State.DONE)

    def is_aborted(self) -> bool:
        """Return whether the files are not needed any more."""
        return self._state is _State.ABORTED

    def _change(self, state: _State) -> bool:
        with self._lock:
            if self._state is _State.STORING:
                self._state = state
            return self._state is state


class FileStorer:
    """Stores the files of attempts in threads. Its methods are for the main thread."""

    def __init__(
        self,
        artifacts: Artifacts,
        work_place: RunnerFolder,
        limits: FileLimits,
        find_unused: FindUnusedFiles,
    ):
        """`find_unused` may raise StoreError."""
        self._artifacts = artifacts
        self._find_unused = find_unused
        self._work_place = work_place
        self._limits = limits
        self._waiting: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._done: SimpleQueue[Storing] = SimpleQueue()
        self._threads: list[Thread] = []
        self._event = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        weakref.finalize(self, os.close, self._event)  # not before the last thread has ended

    def fileno(self) -> int:
        """Return a descriptor that is readable while `take_done` has something to return."""
        return self._event

    def begin(self, job: Job, call_id: str, outcome: AttemptOutcome) -> Storing:
        """Begin to store the files that a call has left.

        Raises OSError if their folder cannot be opened.
        """
        storing = Storing(job, call_id, outcome, self._work_place.open_kept(call_id))
        self._waiting.put(partial(self._store, storing))
        self._start_thread()
        return storing

    def take_done(self) -> list[Storing]:
        """Return the finished ones. Their `files` are stored, or their `outcome` is an error."""
        with contextlib.suppress(BlockingIOError):
            os.eventfd_read(self._event)
        done = []
        while not self._done.empty():
            done.append(self._done.get())
        for storing in done:
            self.discard(storing.call_id)
        if not self._waiting.empty():
            self._start_thread()  # if that was refused before
        return done

    def notify(self) -> None:
        """Make the descriptor readable."""
        os.eventfd_write(self._event, 1)

    def discard(self, call_id: str) -> None:
        """Delete the files that a call has left, which are stored or not needed."""
        self._work_place.discard_kept(call_id)
        self._work_place.empty_trash()

    def delete_unused(self, keys: Sequence[ArtifactKey]) -> None:
        """Delete these stored files, except files that have a row or whose attempts still run.

        If the store fails now, they are left to a sweep.
        """
        try:
            unused = self._find_unused(set(keys))
        except StoreError as error:
            log.warning("files of jobs are left to a sweep", extra={"reason": str(error)})
            return
        self._waiting.put(partial(self._artifacts.delete, unused))
        self._start_thread()

    def close(self) -> None:
        """Let the threads end after what they do now. Does not wait for them."""
        for _ in self._threads:
            self._waiting.put(None)

    def _start_thread(self) -> None:
        self._threads = [thread for thread in self._threads if thread.is_alive()]
        if len(self._threads) < _THREADS:
            thread = Thread(target=self._run, name="files", daemon=True)
            try:
                thread.start()
            except RuntimeError as error:  # too many threads: tried again later
                log.warning("no thread for files of jobs", extra={"reason": str(error)})
            else:
                self._threads.append(thread)

    def _run(self) -> None:
        while (task := self._waiting.get()) is not None:
            task()

    def _store(self, storing: Storing) -> None:
        try:
            self._store_patiently(storing)
        except Aborted:
            return
        except BaseException as error:
            storing.outcome = failed(storing.outcome, error)
            if not isinstance(error, InvalidFiles | StoreError | OSError):
                log.exception("files of a job could not be stored")
        finally:
            os.close(storing.folder)
        if storing.end():
            self._done.put(storing)
            self.notify()
        else:
            self._artifacts.delete([file.key for file in storing.files])

    def _store_patiently(self, storing: Storing) -> None:
        """Store the files; try again while the storage is not available."""
        job = storing.job
        for wait in (*_RETRY_SECONDS, None):
            try:
                storing.files = store_files(
                    self._artifacts,
                    storing.folder,
                    job.id,
                    job.attempt,
                    self._limits,
                    storing.is_aborted,
                )
                return
            except StoreUnavailable as error:
                if wait is None:
                    raise
                extra = {"job_id": str(job.id), "reason": str(error), "seconds": wait}
                log.warning("files of a job cannot be stored, trying again", extra=extra)
            _wait(wait, storing.is_aborted)


def _wait(seconds: float, is_aborted: Callable[[], bool]) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if is_aborted():
            raise Aborted
        time.sleep(0.05)


def failed(outcome: AttemptOutcome, error: BaseException) -> AttemptOutcome:
    """Return the outcome of a call that has returned, but whose files could not be stored."""
    name, retryable = "FilesNotStored", True
    if isinstance(error, InvalidFiles):
        name, retryable = "InvalidFiles", False
    elif isinstance(error, StoreFull):
        name = "DiskFull"
    reason = error.strerror if isinstance(error, OSError) else str(error)
    message = f"the files of the job were not stored: {reason or type(error).__name__}"
    return outcome._replace(
        kind="raised",
        result=None,
        error_type=name,
        error_message=message,
        retryable=retryable,
        has_files=False,
    )
