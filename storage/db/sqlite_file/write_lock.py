"""A fair lock for writers of all programs on a machine.

SQLite allows one writer at a time. A writer that finds the database busy sleeps and retries: the
one that retries at the right moment goes first, and another may starve. This lock queues writers in
the kernel with flock, with a timeout. It only provides fairness; SQLite itself prevents concurrent
writes. A writer that waits for long logs what the holder is doing.
"""

import _thread
import fcntl
import logging
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

from storage.db.sqlite_file.lock_holder import NONE, LockNote, describe

log = logging.getLogger(__name__)

EXPLAIN_SECONDS = 1.0
"""A writer that has waited for so long logs why; a program logs this once in that time."""


class WriteLock:
    """An flock on a file, held by one thread of one program at a time.

    flock has no timeout, so a helper thread waits for it. If the thread that wanted the lock has
    given up meanwhile, the helper releases the lock, or passes it to the next thread that wants it.
    """

    def __init__(self, path: Path):
        self._path = path
        self._file: int | None = None
        self._threads = threading.Lock()
        self._owner: int | None = None
        self._state = threading.Condition()
        self._waiting = self._wanted = self._held = False
        self.note = LockNote(Path(f"{path}.holder"))
        """The holder writes here what it is doing."""
        self._explain_at = 0.0

    def acquire(self, seconds: float) -> bool:
        """Wait for the lock, and return False on timeout.

        Raises OSError if its file cannot be opened.
        """
        began_at = time.monotonic()
        if not self._wait_patiently(lambda s: self._threads.acquire(timeout=s), began_at, seconds):
            return False
        try:
            acquired = self._acquire_file_lock(began_at, seconds)
        except BaseException:
            self._threads.release()
            raise
        if acquired:
            self._owner = threading.get_ident()
            self.note.hold()
        else:
            self._threads.release()
        return acquired

    def release(self) -> None:
        """Release the lock, if this thread holds it."""
        if self._owner != threading.get_ident():
            return
        self._owner = None
        self.note.step(NONE)
        with self._state:
            self._held = False
            fcntl.flock(self._open(), fcntl.LOCK_UN)
        self._threads.release()

    def close(self) -> None:
        """Close the files, unless a helper thread still waits for the lock."""
        with self._state:
            if self._file is not None and not self._waiting:
                os.close(self._file)
                self._file = None
                self.note.close()

    def describe_holder(self) -> str:
        """Return who holds the lock and what the holder is doing."""
        return describe(self.note)

    def _wait_patiently(
        self, wait: Callable[[float], bool], began_at: float, seconds: float
    ) -> bool:
        """Wait until `seconds` have passed; log who holds the lock after EXPLAIN_SECONDS.

        `wait` waits for some seconds, and returns whether it has succeeded.
        """
        passed = time.monotonic() - began_at
        if passed < EXPLAIN_SECONDS < seconds:
            if wait(EXPLAIN_SECONDS - passed):
                return True
            self._explain(EXPLAIN_SECONDS)
        return wait(max(0.0, began_at + seconds - time.monotonic()))

    def _explain(self, seconds: float) -> None:
        if (now := time.monotonic()) >= self._explain_at:
            self._explain_at = now + EXPLAIN_SECONDS
            extra = {"seconds": seconds, "holder": self.describe_holder()}
            log.warning("a change waits for the write lock of the database", extra=extra)

    def _acquire_file_lock(self, began_at: float, seconds: float) -> bool:
        with self._state:
            file = self._open()
            if not self._waiting:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    self._held = True
                except BlockingIOError:
                    self._start_waiting(file)
            self._wanted = True
            self._wait_patiently(
                lambda s: self._state.wait_for(lambda: not self._waiting, s), began_at, seconds
            )
            self._wanted = False
            return self._held

    def _start_waiting(self, file: int) -> None:
        try:
            # Not a threading.Thread, whose start waits until the new thread is scheduled.
            _thread.start_new_thread(self._wait, (file,))
        except RuntimeError as error:  # the system allows no further thread
            raise OSError(str(error)) from error
        self._waiting = True

    def _wait(self, file: int) -> None:
        fcntl.flock(file, fcntl.LOCK_EX)
        with self._state:
            self._waiting = False
            self._held = self._wanted
            if not self._wanted:
                fcntl.flock(file, fcntl.LOCK_UN)
            self._state.notify_all()

    def _open(self) -> int:
        if self._file is None:
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        return self._file
