"""Runs the scans of ranges in processes of their own, and hands on the results in order.

    this process ──number of a range──▶ helper
                 ◀──progress────────── any number of times
                 ◀──result, or error──

This process hands out the ranges and takes the results, both in order. It forks the helpers, so it
must have a single thread. A helper never outlives this process, which only Linux can promise.
"""

import ctypes
import os
import signal
import sys
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection, Pipe, wait
from typing import Any

from loganalysis.read.errors import HelperError

assert sys.platform == "linux"

RANGES_AHEAD = 2
"""Ranges, for each helper, that are handed out while the first of them is scanned. Results that
arrive before the first one are held in memory."""

_PR_SET_PDEATHSIG = 1
_prctl = ctypes.CDLL(None).prctl  # looked up once, before any helper is forked

_Work = Callable[[int, Callable[[object], None]], bytes]
"""Scans the range with a given number, reports progress (any picklable object) to a function, and
returns the result."""

_OnProgress = Callable[[int, Any], None]
_OnResult = Callable[[int, bytes], None]


def run_ranges(
    work: _Work, count: int, processes: int, on_progress: _OnProgress, on_result: _OnResult
) -> None:
    """Call `work` for the ranges 0 to `count` - 1 in up to `processes` helper processes.

    `on_progress` gets the number of a range and its progress. `on_result` gets the number of a
    range and its result, in the order of the ranges and as early as that allows. Raises
    HelperError if a helper fails or dies. No helper is left when this function returns.
    """
    helpers: list[_Helper] = []
    try:
        for _ in range(min(processes, count)):
            helpers.append(_Helper(work))
        _distribute(helpers, count, on_progress, on_result)
    finally:
        for helper in helpers:  # all of them before waiting for any: they free memory in parallel
            helper.kill()
        for helper in helpers:
            helper.wait()


def _distribute(
    helpers: Sequence["_Helper"], count: int, on_progress: _OnProgress, on_result: _OnResult
) -> None:
    by_pipe: dict[Any, _Helper] = {helper.pipe: helper for helper in helpers}
    idle, results = list(helpers), dict[int, bytes]()
    begun = done = 0
    while done < count:
        while idle and begun < min(count, done + RANGES_AHEAD * len(helpers)):
            idle.pop().begin(begun)
            begun += 1
        for pipe in wait(by_pipe):
            helper = by_pipe[pipe]
            is_result, number, content = helper.receive()
            if is_result:
                results[number] = content
                idle.append(helper)
            else:
                on_progress(number, content)
        while done in results:
            on_result(done, results.pop(done))
            done += 1


class _Helper:
    """This process's handle of one helper process."""

    def __init__(self, work: _Work) -> None:
        self.pipe, helper_pipe = Pipe()
        self._ended = False
        parent = os.getpid()
        self._pid = os.fork()
        if not self._pid:
            _run_helper(work, helper_pipe, parent)
        helper_pipe.close()

    def begin(self, number: int) -> None:
        """Let the helper, which is idle, scan a range. Raises HelperError if it died."""
        try:
            self.pipe.send(number)
        except OSError:
            raise self._death() from None

    def receive(self) -> tuple[bool, int, Any]:
        """Read the next message: whether it is a result, the number of the range, the content.

        Raises HelperError if the helper failed or died.
        """
        try:
            kind, number, content = self.pipe.recv()
        except (EOFError, OSError):
            raise self._death() from None
        if kind == "failed":
            raise HelperError(f"range {number} failed: {content}")
        return kind == "result", number, content

    def kill(self) -> None:
        """Close the pipe and kill the process, unless it has ended."""
        self.pipe.close()
        if not self._ended:
            os.kill(self._pid, signal.SIGKILL)  # not yet reaped, so the id cannot be reused

    def wait(self) -> None:
        """Reap the process, unless it has ended."""
        if not self._ended:
            os.waitpid(self._pid, 0)

    def _death(self) -> HelperError:
        """Reap the helper, which closed its pipe, and return the error."""
        _, status = os.waitpid(self._pid, 0)
        self._ended = True
        return HelperError(f"a helper process died ({os.waitstatus_to_exitcode(status)})")


def _run_helper(work: _Work, pipe: Connection, parent: int) -> None:
    """Be the helper process until it is killed; never returns."""
    try:
        _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which kills us
        while os.getppid() == parent:  # otherwise it died before prctl took effect
            _scan(work, pipe.recv(), pipe)
    finally:
        os._exit(1)


def _scan(work: _Work, number: int, pipe: Connection) -> None:
    try:
        result = work(number, lambda content: pipe.send(("progress", number, content)))
        pipe.send(("result", number, result))
    except Exception as error:  # sent as text, since not every exception can be pickled
        pipe.send(("failed", number, f"{type(error).__name__}: {error}"))
        raise
