"""Finds processes and threads that a call has left running."""

import contextlib
import os

from runner.pool.linux import proc

_READ_BYTES = 65536


class StrayProcesses:
    """Checks after each call whether the job process or this process, its keeper, has strays.

    Keeps the files in /proc open, because opening them for each check costs more than reading.
    """

    def __init__(self, pid: int):
        """`pid` is the job process. Raises OSError."""
        self._pid = pid
        self._files = contextlib.ExitStack()
        with contextlib.ExitStack() as opened:
            self._threads = _open(opened, f"/proc/{pid}/task")
            self._children_of_job_process = _open_children(opened, pid)
            self._children_of_keeper = _open_children(opened, os.getpid())
            self._files = opened.pop_all()

    def exist(self) -> bool:
        """Return whether the job process has a second thread or a child, or the keeper another
        child, such as a daemon that it has adopted."""
        # The job process comes first. A daemon moves from it to the keeper, so that the reverse
        # order could miss one.
        return (
            os.fstat(self._threads).st_nlink != 3  # ".", ".." and one thread
            or bool(_children(self._children_of_job_process, self._pid))
            or _children(self._children_of_keeper, os.getpid()) != [self._pid]
        )

    def close(self) -> None:
        """Close the files."""
        self._files.close()


def _open(opened: contextlib.ExitStack, path: str) -> int:
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    opened.callback(os.close, file)
    return file


def _open_children(opened: contextlib.ExitStack, pid: int) -> int | None:
    """Open the list of children of a single-threaded process; None if the kernel has none."""
    if not proc.has_children_file():
        return None
    return _open(opened, f"/proc/{pid}/task/{pid}/children")


def _children(file: int | None, pid: int) -> list[int]:
    if file is None:
        return proc.children_by_scan(pid)
    with contextlib.suppress(ProcessLookupError):
        return [int(child) for child in os.pread(file, _READ_BYTES, 0).split()]
    return []
