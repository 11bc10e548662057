"""A fair lock for writers of all programs on a machine. Imports nothing of ours.

SQLite allows one writer at a time. A writer that finds the database busy sleeps and retries: the
one that retries at the right moment goes first, and another may starve. This lock queues writers in
the kernel with flock, with a timeout. It only provides fairness; SQLite itself prevents concurrent
writes.
"""

import _thread
import fcntl
import os
import threading
import time
from pathlib import Path


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

    def acquire(self, seconds: float) -> bool:
        """Wait for the lock, and return False on timeout.

        Raises OSError if its file cannot be opened.
        """
        deadline = time.monotonic() + seconds
        if not self._threads.acquire(timeout=seconds):
            return False
        try:
            acquired = self._acquire_file_lock(deadline)
        except BaseException:
            self._threads.release()
            raise
        if acquired:
            self._owner = threading.get_ident()
        else:
            self._threads.release()
        return acquired

    def release(self) -> None:
        """Release the lock, if this thread holds it."""
        if self._owner != threading.get_ident():
            return
        self._owner = None
        with self._state:
            self._held = False
            fcntl.flock(self._open(), fcntl.LOCK_UN)
        self._threads.release()

    def close(self) -> None:
        """Close the file, unless a helper thread still waits for it."""
        with self._state:
            if self._file is not None and not self._waiting:
                os.close(self._file)
                self._file = None

    def _acquire_file_lock(self, deadline: float) -> bool:
        with self._state:
            file = self._open()
            if not self._waiting:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    self._held = True
                except BlockingIOError:
                    self._start_waiting(file)
            self._wanted = True
            self._state.wait_for(lambda: not self._waiting, max(0.0, deadline - time.monotonic()))
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
