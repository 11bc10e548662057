"""Helper processes: children of this process that work on numbered parts, and never outlive it.

    parent ──part number──▶ helper          one pipe a helper, both ways
           ◀──progress──────                any number of times
           ◀──done: result──                then it is given the next part

Fork must be safe here: call it from a process with one thread. A helper that fails or dies is a
HelperError for the whole; all are killed and waited for before `run_parts` is left.
"""

import ctypes
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection, Pipe, wait
from typing import Any, TypeVar

from runner.analysis.errors import HelperError

_PR_SET_PDEATHSIG = 1

R = TypeVar("R")
Progress = Callable[[Any], None]
Work = Callable[[int, Progress], R]
"""Does one part, given its number, and tells its progress."""


def run_parts(
    work: Work[R], parts: int, helpers: int, progress: Callable[[int, Any], None]
) -> list[R]:
    """Do all parts in `helpers` processes; the results in the order of the parts.

    `progress` gets the number of a part and what its helper tells, picklable like the results.
    Raises HelperError.
    """
    results: dict[int, R] = {}
    waiting = iter(range(parts))
    crew: list[_Helper] = []
    try:
        for _ in range(min(helpers, parts)):
            crew.append(_Helper(work))
            crew[-1].give(waiting)
        while len(results) < parts:
            for part, kind, content in _messages(crew):
                if kind == "done":
                    results[part] = content
                else:
                    progress(part, content)
            for helper in crew:
                if helper.part is None:
                    helper.give(waiting)
    finally:
        for helper in crew:
            helper.end()
    return [results[part] for part in range(parts)]


def _messages(crew: Sequence["_Helper"]) -> Iterator[tuple[int, str, Any]]:
    """Wait for messages; all that are there, with the part that they are about."""
    busy = {helper.pipe: helper for helper in crew if helper.part is not None}
    for pipe in wait(list(busy)):
        yield busy[pipe].receive()  # type: ignore[index]


class _Helper:
    def __init__(self, work: Work[Any]) -> None:
        self.part: int | None = None
        self.pipe, theirs = Pipe()
        parent = os.getpid()
        self._pid = os.fork()
        if not self._pid:
            self.pipe.close()
            _be_helper(work, theirs, parent)
        theirs.close()

    def give(self, waiting: Iterator[int]) -> None:
        """Give it the next part, if there is one."""
        self.part = next(waiting, None)
        if self.part is not None:
            try:
                self.pipe.send(self.part)
            except OSError as error:
                raise HelperError("a helper process died") from error

    def receive(self) -> tuple[int, str, Any]:
        """Its next message, with its part. Raises HelperError."""
        part = self.part
        assert part is not None  # only busy helpers are listened to
        try:
            kind, content = self.pipe.recv()
        except (EOFError, OSError) as error:
            raise HelperError(f"the helper process of part {part} died") from error
        if kind == "failed":
            raise HelperError(f"part {part} failed: {content}")
        if kind == "done":
            self.part = None
        return part, kind, content

    def end(self) -> None:
        """Kill it, and wait for that."""
        self.pipe.close()
        os.kill(self._pid, signal.SIGKILL)  # not yet waited for, so the id is still its own
        os.waitpid(self._pid, 0)


def _be_helper(work: Work[Any], pipe: Connection, parent: int) -> None:
    """All the life of a helper; never returns."""
    status = 1
    try:
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent's, which ends us
        if os.getppid() == parent:  # else it died before it could take us along
            _serve(work, pipe)
            status = 0
    finally:
        os._exit(status)


def _serve(work: Work[Any], pipe: Connection) -> None:
    while True:
        try:
            part = pipe.recv()
        except EOFError:
            return
        try:
            result = work(part, lambda content: pipe.send(("progress", content)))
        except Exception as error:  # told as text, since not all errors can be pickled
            pipe.send(("failed", f"{type(error).__name__}: {error}"))
            return
        pipe.send(("done", result))
