"""A helper process: a child of this process that works on parts, and never outlives it.

    helper ──progress──────▶  any number of times
           ──done: size────▶
           ──result────────▶  read once there is room for it, while the next part is under way

Fork must be safe here: make one in a process with one thread.
"""

import ctypes
import os
import signal
from collections.abc import Callable, Iterable, Iterator
from multiprocessing.connection import Connection, Pipe
from typing import Any

from runner.analysis.input.errors import HelperError
from runner.analysis.input.progress import Far, ThrottledProgress

_PR_SET_PDEATHSIG = 1
_prctl = ctypes.CDLL(None).prctl  # looked up before there are helpers, not by each

Progress = Callable[[Far], None]
"""Takes how far the part is, which is picklable. It may be called often: that costs next to
nothing."""
Work = Callable[[int, Progress], bytes]
"""Does one part, given its number, and tells its progress."""


class Helper:
    """The process, seen from its parent."""

    def __init__(self, work: Work, parts: Iterable[int]) -> None:
        """`parts` are iterated over in the helper."""
        self.part = -1
        self.done = False  # with its part, whose result waits to be read
        self.result_bytes = 0
        self.ended = False
        self._pipe, theirs = Pipe(duplex=False)
        parent = os.getpid()
        self._pid = os.fork()
        if not self._pid:
            _be_helper(work, parts, theirs, parent)
        theirs.close()

    def fileno(self) -> int:
        """Readable when there is a message, or a result."""
        return self._pipe.fileno()

    def hear(self) -> Iterator[tuple[int, Any]]:
        """Its next message: a part and its progress, or that it is done with it, or has left.

        Raises HelperError.
        """
        try:
            kind, self.part, content = self._pipe.recv()
        except (EOFError, OSError):
            self._leave()
            return
        if kind == "failed":
            raise HelperError(f"part {self.part} failed: {content}")
        if kind == "done":
            self.done, self.result_bytes = True, content
        else:
            yield self.part, content

    def result(self) -> bytes:
        """The result of the part that it is done with. Raises HelperError."""
        try:
            result = self._pipe.recv_bytes()
        except (EOFError, OSError) as error:
            raise HelperError(f"a helper process died with part {self.part}") from error
        self.done = False
        return result

    def kill(self) -> None:
        """End it, whatever it does."""
        self._pipe.close()
        if not self.ended:
            os.kill(self._pid, signal.SIGKILL)  # not yet waited for, so the id is still its own

    def wait(self) -> None:
        """Wait for its end."""
        if not self.ended:
            os.waitpid(self._pid, 0)

    def _leave(self) -> None:
        """It has closed its pipe: for want of parts, or else it is dead."""
        _, status = os.waitpid(self._pid, 0)
        self.ended = True
        if status:
            raise HelperError(f"a helper process died ({os.waitstatus_to_exitcode(status)})")


def _be_helper(work: Work, parts: Iterable[int], pipe: Connection, parent: int) -> None:
    """All the life of a helper; never returns."""
    status = 1
    try:
        _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent's, which ends us
        if os.getppid() == parent:  # else it died before it could take us along
            _serve(work, parts, pipe)
            status = 0
    finally:
        os._exit(status)


def _serve(work: Work, parts: Iterable[int], pipe: Connection) -> None:
    for part in parts:
        result = _done(work, part, pipe)
        pipe.send(("done", part, len(result)))
        pipe.send_bytes(result)
        del result  # before the next one comes into being


def _done(work: Work, part: int, pipe: Connection) -> bytes:
    try:
        return work(part, ThrottledProgress(lambda far: pipe.send(("progress", part, far))))
    except Exception as error:  # told as text, since not all errors can be pickled
        pipe.send(("failed", part, f"{type(error).__name__}: {error}"))
        raise
