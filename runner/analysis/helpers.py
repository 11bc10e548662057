"""Helper processes: children of this process that work on numbered parts, and never outlive it.

    parent ──part number──▶ helper          one pipe a helper, both ways
           ◀──progress──────                any number of times
           ◀──done: size────
           ◀──result────────                read once there is room for it; then the next part

Fork must be safe here: call it from a process with one thread. A helper that fails or dies is a
HelperError for the whole; all are killed and waited for before `run_parts` is left.
"""

import ctypes
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection, Pipe, wait
from typing import Any

from runner.analysis.errors import HelperError

HELD_BYTES = 4 << 20
"""Results that came before their turn have no more memory; helpers keep theirs, and wait."""

_PR_SET_PDEATHSIG = 1

Progress = Callable[[Any], None]
Work = Callable[[int, Progress], bytes]
"""Does one part, given its number, and tells its progress."""


def run_parts(
    work: Work,
    parts: int,
    helpers: int,
    progress: Callable[[int, Any], None],
    take: Callable[[int, bytes], None],
) -> None:
    """Do all parts in `helpers` processes.

    `progress` gets the number of a part and what its helper tells, which is picklable; `take` gets
    its number and result, in the order of the parts, as soon as it is its turn. Raises HelperError.
    """
    waiting = iter(range(parts))
    crew: list[_Helper] = []
    results = _InOrder(take)
    try:
        for _ in range(min(helpers, parts)):
            crew.append(_Helper(work))
            crew[-1].give(waiting)
        while results.turn < parts:
            for part, content in _messages(crew):
                progress(part, content)
            while any(map(results.receive, crew)):
                pass  # what was taken has made room for others
            for helper in crew:
                if helper.part is None:
                    helper.give(waiting)
    finally:
        _end(crew)


def _end(crew: Sequence["_Helper"]) -> None:
    """Kill all, and only then wait: they free their memory at the same time."""
    for helper in crew:
        helper.kill()
    for helper in crew:
        helper.wait()


def _messages(crew: Sequence["_Helper"]) -> Iterator[tuple[int, Any]]:
    """Wait for messages; the progress that is told, with the part that it is about."""
    busy = {helper.pipe: helper for helper in crew if helper.part is not None and not helper.done}
    for pipe in wait(list(busy)):
        yield from busy[pipe].hear()  # type: ignore[index]


class _InOrder:
    """Takes results in the order of the parts, and holds some that come too early."""

    def __init__(self, take: Callable[[int, bytes], None]) -> None:
        self.turn = 0
        self._take = take
        self._held: dict[int, bytes] = {}
        self._held_bytes = 0

    def receive(self, helper: "_Helper") -> bool:
        """Receive the result of a helper that is done, if there is room; whether it was."""
        part = helper.part
        if part is None or not helper.done:
            return False
        if part != self.turn and self._held_bytes + helper.result_bytes > HELD_BYTES:
            return False
        self._held[part] = helper.result()
        self._held_bytes += len(self._held[part])
        while self.turn in self._held:
            result = self._held.pop(self.turn)
            self._held_bytes -= len(result)
            self._take(self.turn, result)
            self.turn += 1
        return True


class _Helper:
    def __init__(self, work: Work) -> None:
        self.part: int | None = None
        self.done = False  # with its part, whose result it has still
        self.result_bytes = 0
        self.pipe, theirs = Pipe()
        parent = os.getpid()
        self._pid = os.fork()
        if not self._pid:
            self.pipe.close()
            _be_helper(work, theirs, parent)
        theirs.close()

    def give(self, waiting: Iterator[int]) -> None:
        """Give it the next part, if there is one."""
        self.part, self.done = next(waiting, None), False
        if self.part is not None:
            try:
                self.pipe.send(self.part)
            except OSError as error:
                raise HelperError("a helper process died") from error

    def hear(self) -> Iterator[tuple[int, Any]]:
        """Its next message: its part and progress, or that it is done. Raises HelperError."""
        assert self.part is not None  # only busy helpers are listened to
        kind, content = self._received(self.pipe.recv)
        if kind == "failed":
            raise HelperError(f"part {self.part} failed: {content}")
        if kind == "done":
            self.done, self.result_bytes = True, content
        else:
            yield self.part, content

    def result(self) -> bytes:
        """The result of its part, after which it is ready for another. Raises HelperError."""
        result: bytes = self._received(self.pipe.recv_bytes)
        self.part = None
        return result

    def _received(self, receive: Callable[[], Any]) -> Any:
        try:
            return receive()
        except (EOFError, OSError) as error:
            raise HelperError(f"the helper process of part {self.part} died") from error

    def kill(self) -> None:
        """End it, whatever it does."""
        self.pipe.close()
        os.kill(self._pid, signal.SIGKILL)  # not yet waited for, so the id is still its own

    def wait(self) -> None:
        """Wait for its end."""
        os.waitpid(self._pid, 0)


def _be_helper(work: Work, pipe: Connection, parent: int) -> None:
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


def _serve(work: Work, pipe: Connection) -> None:
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
        pipe.send(("done", len(result)))
        pipe.send_bytes(result)
        del result  # before the next one comes into being
