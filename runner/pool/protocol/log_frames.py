"""Frames in the pipe of a job process: they say which text is logged, and which is standard error.

    RS key "E" size US, then `size` bytes that Python code wrote to standard error
    RS key "L" time level head logger message fields size US, then `size` bytes of a log entry

RS and US are the control characters 1e and 1f; numbers are decimal, with spaces between them. All
other bytes are standard output. The key is random and known to one job process and its keeper: text
that a job prints, such as data of its users, is never taken for a frame. A job can write any frame
on purpose. It then says wrong things of its own output only, whose size is limited as ever.
"""

import re
import secrets
from typing import NamedTuple

from storage.records.output import Mark, Stream

START, END = b"\x1e", b"\x1f"
_MAX_HEADER = 100
"""More bytes than a header has."""
_NUMBERS = re.compile(
    rb"E([0-9]{1,9})\x1f|L([0-9]{1,13}) ([0-9]{1,3})" + rb" ([0-9]{1,9})" * 5 + rb"\x1f"
)


class OutputEnds(NamedTuple):
    """The write ends of the pipes of a job process; -1 if it prints to the output of the keeper."""

    stdout: int
    stderr: int
    key: bytes
    """The key of its frames."""


def new_key() -> bytes:
    """Return the key of a new job process."""
    return secrets.token_hex(6).encode()


def stderr_header(key: bytes, size: int) -> bytes:
    """Return the header of text that is written to standard error."""
    return b"%s%sE%d%s" % (START, key, size, END)


def entry_header(key: bytes, mark: Mark, size: int) -> bytes:
    """Return the header of a log entry; the position of the mark does not count."""
    return b"%s%sL%s%s" % (START, key, b"%d %d %d %d %d %d %d" % (*mark[2:], size), END)


class Frame(NamedTuple):
    """A header that was read: the mark of its text at position 0, and the size of the text."""

    mark: Mark
    size: int
    length: int
    """The size of the header."""


class FrameFinder:
    """Finds frames in the bytes of one pipe."""

    def __init__(self, key: bytes) -> None:
        self._begin = START + key

    def find(self, data: bytes, start: int) -> tuple[int, Frame | None]:
        """Return where the next frame begins in `data` from `start` on, and its header.

        Without a frame, returns the size of `data`. If `data` ends within what may be a header,
        returns where that begins, and None.
        """
        at = start
        while (at := data.find(self._begin, at)) >= 0:
            match = _NUMBERS.match(data, at + len(self._begin))
            if match is not None:
                return at, self._frame(match, match.end() - at)
            if len(data) - at < _MAX_HEADER and END not in data[at:]:
                return at, None
            at += 1
        tail = data.rfind(START, max(start, len(data) - len(self._begin) + 1))
        if tail >= 0 and self._begin.startswith(data[tail:]):
            return tail, None
        return len(data), None

    def _frame(self, match: re.Match[bytes], length: int) -> Frame:
        if match[1] is not None:
            return Frame(Mark(0, Stream.STDERR, 0), int(match[1]), length)
        time, level, *sizes, size = map(int, match.groups()[1:])
        return Frame(Mark(0, Stream.LOG, time, level, *sizes), size, length)
