"""A helper process: a child that scans ranges and never outlives its parent.

    helper ──progress──────▶  any number of times
           ──done: size────▶
           ──result────────▶  read when there is room, while the helper scans its next range

The parent forks, so it must be a process with a single thread.
"""

import ctypes
import os
import signal
from collections.abc import Callable, Iterable, Iterator
from multiprocessing.connection import Connection, Pipe
from typing import Any

from runner.analysis.input.errors import HelperError
from runner.analysis.input.progress import ReportProgress, ThrottledProgress

_PR_SET_PDEATHSIG = 1
_prctl = ctypes.CDLL(None).prctl  # looked up once, before any helper is forked

Work = Callable[[int, ReportProgress], bytes]
"""Scans the range with a given number, reports progress (any picklable object), and returns the
result."""


class Helper:
    """The parent's handle of one helper process."""

    def __init__(self, work: Work, numbers: Iterable[int]) -> None:
        """Fork the helper, which iterates over `numbers` and calls `work` with each."""
        self.number = -1
        self.done = False  # the helper has finished range `number`; its result can be read
        self.result_bytes = 0
        self.ended = False
        self._pipe, helper_pipe = Pipe(duplex=False)
        parent = os.getpid()
        self._pid = os.fork()
        if not self._pid:
            _run_helper(work, numbers, helper_pipe, parent)
        helper_pipe.close()

    def fileno(self) -> int:
        """The descriptor of the pipe, readable when there is a message or a result."""
        return self._pipe.fileno()

    def receive(self) -> Iterator[tuple[int, Any]]:
        """Read the next message; yield the number of a range and its progress, if it is progress.

        A "done" message sets `done` and `result_bytes`. The end of the pipe sets `ended`. Raises
        HelperError if the helper failed or died.
        """
        try:
            kind, self.number, content = self._pipe.recv()
        except (EOFError, OSError):
            self._reap()
            return
        if kind == "failed":
            raise HelperError(f"range {self.number} failed: {content}")
        if kind == "done":
            self.done, self.result_bytes = True, content
        else:
            yield self.number, content

    def result(self) -> bytes:
        """Read the result of the range that is done. Raises HelperError if the helper died."""
        try:
            result = self._pipe.recv_bytes()
        except (EOFError, OSError) as error:
            raise HelperError(f"a helper process died with range {self.number}") from error
        self.done = False
        return result

    def kill(self) -> None:
        """Close the pipe and kill the process, unless it has ended."""
        self._pipe.close()
        if not self.ended:
            os.kill(self._pid, signal.SIGKILL)  # not yet reaped, so the id cannot be reused

    def wait(self) -> None:
        """Reap the process, unless it has ended."""
        if not self.ended:
            os.waitpid(self._pid, 0)

    def _reap(self) -> None:
        """Reap a helper that closed its pipe: no range was left for it, or it died."""
        _, status = os.waitpid(self._pid, 0)
        self.ended = True
        if status:
            raise HelperError(f"a helper process died ({os.waitstatus_to_exitcode(status)})")


def _run_helper(work: Work, numbers: Iterable[int], pipe: Connection, parent: int) -> None:
    """Be the helper process until it exits; never returns."""
    status = 1
    try:
        _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which kills us
        if os.getppid() == parent:  # otherwise it died before prctl took effect
            _scan_all(work, numbers, pipe)
            status = 0
    finally:
        os._exit(status)


def _scan_all(work: Work, numbers: Iterable[int], pipe: Connection) -> None:
    for number in numbers:
        result = _scan(work, number, pipe)
        pipe.send(("done", number, len(result)))
        pipe.send_bytes(result)
        del result  # free it before the next range allocates its own


def _scan(work: Work, number: int, pipe: Connection) -> bytes:
    report = ThrottledProgress(lambda content: pipe.send(("progress", number, content)))
    try:
        return work(number, report)
    except Exception as error:  # sent as text, since not every exception can be pickled
        pipe.send(("failed", number, f"{type(error).__name__}: {error}"))
        raise
