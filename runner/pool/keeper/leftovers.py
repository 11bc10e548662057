"""Whether a call has left anything running. Imports nothing of ours but the pool's."""

import contextlib
import os

from runner.pool.linux import proc

_READ_BYTES = 65536


class StrayProcesses:
    """Looks at a job process and at the keeper, which is this process.

    Keeps the kernel's files open: it looks after each call, and opening costs more than reading.
    """

    def __init__(self, pid: int):
        """`pid` is the job process. Raises OSError."""
        self._pid = pid
        self._files = contextlib.ExitStack()
        with contextlib.ExitStack() as opened:
            self._threads = _open(opened, f"/proc/{pid}/task")
            self._below_it = _open_children(opened, pid)
            self._below_keeper = _open_children(opened, os.getpid())
            self._files = opened.pop_all()

    def found(self) -> bool:
        """Whether there is a thread in the job process, or a process below it or the keeper, which
        adopts daemons. All that a call has used may have ended: then there is nothing."""
        # In this order: a daemon goes from the process to the keeper, and would be missed else.
        return (
            os.fstat(self._threads).st_nlink != 3  # the folder, its parent, and one thread
            or bool(_children(self._below_it, self._pid))
            or _children(self._below_keeper, os.getpid()) != [self._pid]
        )

    def close(self) -> None:
        """Close the files."""
        self._files.close()


def _open(opened: contextlib.ExitStack, path: str) -> int:
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    opened.callback(os.close, file)
    return file


def _open_children(opened: contextlib.ExitStack, pid: int) -> int | None:
    """The file that lists the children of a process with one thread; not all kernels have it."""
    if not proc.kernel_tells_children():
        return None
    return _open(opened, f"/proc/{pid}/task/{pid}/children")


def _children(file: int | None, pid: int) -> list[int]:
    if file is None:
        return proc.children_by_scan(pid)
    with contextlib.suppress(ProcessLookupError):
        return [int(child) for child in os.pread(file, _READ_BYTES, 0).split()]
    return []
