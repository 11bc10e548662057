"""A window that moves over a file of any size, in one buffer. Knows nothing of patterns.

    buffer   [ kept | new .................... | rest ]
             0      start                      end    filled

New bytes end with a newline if there is one in them; the rest waits for its line's end. What is
kept is old: the last bytes before `start`, for literals that began there. A line longer than the
window is cut (`cut` tells that the new bytes end in the middle of one), at the same bytes of the
line wherever it lies in the file.
"""

from typing import Protocol

from runner.analysis.primitives import text_of

HEAD_BYTES = 1000
"""The first bytes of a line, which is what is shown of it."""


class Source(Protocol):
    """Where bytes come from: a file, or what is decompressed."""

    def readinto(self, buffer: memoryview, /) -> int | None:
        """Write the next bytes into the buffer and tell how many; 0 at the end."""


class Window:
    """`size` is what is read at once, in bytes; a line is cut at `longest`, no less than that."""

    def __init__(self, size: int, longest: int, keep_always: int, keep_cut: int) -> None:
        """`keep_always`: how many old bytes stay; `keep_cut`: how many after a cut line."""
        self._size, self._longest = size, longest
        self._keeps = (keep_always, max(keep_always, keep_cut))
        self.buffer = bytearray(self._keeps[1] + longest)
        self.view = memoryview(self.buffer)
        self.text = text_of(self.buffer)
        self.base = 0
        self.start = self.end = self._filled = 0
        self.cut = False
        self.continues = False
        self._at_end = False
        self._head = b""

    def advance(self, source: Source) -> bool:
        """Move to the next bytes; False if there are none."""
        self._move()
        self._fill(source, self._size)
        limit = min(self._filled, self.start + self._size)
        self.end = self.text.rfind(b"\n", self.start, limit) + 1
        if not self.end:
            self._fill(source, self._longest)
            self.end = self.text.find(b"\n", self.start, self._filled) + 1 or self._filled
        elif self._at_end and limit == self._filled:
            self.end = self._filled
        new = self.end > self.start
        self.cut = self.buffer[self.end - 1] != 10 if new else self.continues
        return new

    def _move(self) -> None:
        keep_from = max(self.end - self._keeps[self.cut], 0)
        self._head = self._before(keep_from)
        self.continues = self.cut
        size = self._filled - keep_from
        self.view[:size] = self.view[keep_from : self._filled]
        self.base += keep_from
        self.start, self._filled = self.end - keep_from, size

    def _before(self, at: int) -> bytes:
        """What comes before a position on its line, but no more than the head of it."""
        begin = self.text.rfind(b"\n", 0, at) + 1
        start = self._head if not begin else b""
        return (start + self.buffer[begin : min(at, begin + HEAD_BYTES)])[:HEAD_BYTES]

    def _fill(self, source: Source, size: int) -> None:
        goal = self.start + size
        while not self._at_end and self._filled < goal:
            read = source.readinto(self.view[self._filled : goal])
            self._filled += read or 0
            self._at_end = not read

    def line_at(self, at: int) -> bytes:
        """The head of the line that a position is in, without its newline."""
        begin = self.text.rfind(b"\n", 0, at) + 1
        end = self.text.find(b"\n", at, self.end)
        end = min(self.end if end < 0 else end, begin + HEAD_BYTES)
        start = self._head if not begin else b""
        return (start + self.buffer[begin:end])[:HEAD_BYTES]
