"""Writers take turns, over all programs on a machine. Imports nothing of ours.

SQLite has one writer at a time, and one that finds it busy sleeps and looks again: who comes just
when it is free goes first, and somebody may never get in. Here they wait in the kernel's queue for
an flock, with a bound. It is there for fairness alone; that nobody writes at once is up to SQLite.
"""

import _thread
import fcntl
import os
import threading
import time
from pathlib import Path


class WriteLock:
    """An flock on a file, for one thread of one program at a time.

    An flock cannot be waited for with a bound, so a thread does that. If whoever asked has gone in
    the meantime, it gives the lock back, or hands it to the next one who asks.
    """

    def __init__(self, path: Path):
        self._path = path
        self._file: int | None = None
        self._threads = threading.Lock()
        self._owner: int | None = None
        self._state = threading.Condition()
        self._asking = self._wanted = self._held = False

    def take(self, seconds: float) -> bool:
        """Wait for the lock; False if it was not free in time. Raises OSError without its file."""
        deadline = time.monotonic() + seconds
        if not self._threads.acquire(timeout=seconds):
            return False
        try:
            taken = self._take_from_others(deadline)
        except BaseException:
            self._threads.release()
            raise
        if taken:
            self._owner = threading.get_ident()
        else:
            self._threads.release()
        return taken

    def give_back(self) -> None:
        """Let the next one write, if this thread has the lock."""
        if self._owner != threading.get_ident():
            return
        self._owner = None
        with self._state:
            self._held = False
            fcntl.flock(self._open(), fcntl.LOCK_UN)
        self._threads.release()

    def close(self) -> None:
        """Free the descriptor, if nobody asks any more."""
        with self._state:
            if self._file is not None and not self._asking:
                os.close(self._file)
                self._file = None

    def _take_from_others(self, deadline: float) -> bool:
        with self._state:
            file = self._open()
            if not self._asking:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    self._held = True
                except BlockingIOError:
                    self._ask(file)
            self._wanted = True
            self._state.wait_for(lambda: not self._asking, max(0.0, deadline - time.monotonic()))
            self._wanted = False
            return self._held

    def _ask(self, file: int) -> None:
        try:
            # Not a threading.Thread, whose start waits for another turn of the scheduler.
            _thread.start_new_thread(self._wait, (file,))
        except RuntimeError as error:  # no more threads are to be had
            raise OSError(str(error)) from error
        self._asking = True

    def _wait(self, file: int) -> None:
        fcntl.flock(file, fcntl.LOCK_EX)
        with self._state:
            self._asking = False
            self._held = self._wanted
            if not self._wanted:
                fcntl.flock(file, fcntl.LOCK_UN)
            self._state.notify_all()

    def _open(self) -> int:
        if self._file is None:
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        return self._file
