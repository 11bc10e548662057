"""A window that moves over data of any size. Knows nothing of patterns.

    view   [ kept | new .................... | rest ]
           0      start                      end    filled

The new bytes end with a newline if they contain one; the rest stays until its line is complete. The
kept bytes are the last ones before `start`, which were searched before: a literal may begin there.
A line longer than the window is cut, and then `ends_mid_line` is true. The cuts are at the same
bytes of the line wherever the line lies in the file.

A window is either a part of a mapped file, or a buffer that data is read into.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import stringzilla

from loganalysis.read.errors import SourceError
from loganalysis.read.mapped import MappedFile

LINE_HEAD_BYTES = 1000
"""The number of bytes at the start of a line that samples and times are taken from."""


class Reader(Protocol):
    """A stream of bytes: a file, or decompressed or decoded data."""

    @property
    def is_valid(self) -> bool:
        """Whether the bytes read so far are known to be valid UTF-8."""

    def readinto(self, buffer: memoryview, /) -> int:
        """Write the next bytes into the buffer and return their number; 0 at the end."""


@dataclass(frozen=True)
class WindowSizes:
    """Sizes in bytes. A window takes `new` bytes at once; a line is cut at `max_line`, not less.

    Of the old bytes, `kept` remain, or `kept_mid_line` (not less) if the last line was cut. `head`
    bytes at the start of a line can be read by `line_at`; 0 for LINE_HEAD_BYTES.
    """

    new: int
    max_line: int
    kept: int
    kept_mid_line: int
    head: int = 0

    @property
    def max_bytes(self) -> int:
        """The size of the largest possible window."""
        return self.kept_mid_line + self.max_line


class WindowPart(NamedTuple):
    """Some lines of a window: the bytes from `start` to `end` of its view."""

    view: memoryview
    text: stringzilla.Str
    start: int
    end: int
    starts_mid_line: bool


class Window(ABC):
    """Moves over a source. `view` and `text` show the same bytes and are valid until `advance`.

    `text` is a stringzilla.Str, which is searched about ten times as fast as bytes.
    """

    view: memoryview
    text: stringzilla.Str

    def __init__(self, sizes: WindowSizes) -> None:
        self._sizes = sizes
        self._head_bytes = sizes.head or LINE_HEAD_BYTES
        self.base = 0
        self.start = self.end = self._filled = 0
        self.ends_mid_line = False
        self.starts_mid_line = False
        self._at_end = False
        self._failure: OSError | SourceError | None = None
        self._line_head = b""

    @property
    def max_bytes(self) -> int:
        """The size of the largest possible window."""
        return self._sizes.max_bytes

    def advance(self) -> bool:
        """Move to the next bytes; return False if there are none.

        An OSError or SourceError of the source is raised after all data before it was shown.
        """
        self._move()
        self._fill(self.start + self._sizes.new)
        limit = min(self._filled, self.start + self._sizes.new)
        self.end = self.text.rfind(b"\n", self.start, limit) + 1
        if not self.end:
            self._fill(self.start + self._sizes.max_line)
            self.end = self.text.find(b"\n", self.start, self._filled) + 1 or self._filled
        elif self._at_end and limit == self._filled:
            self.end = self._filled
        new = self.end > self.start
        if self._failure and not new:
            raise self._failure
        self.ends_mid_line = self.view[self.end - 1] != 10 if new else self.starts_mid_line
        return new

    def part(self, start: int, end: int) -> WindowPart:
        """The lines between two positions; the first may begin in the window before."""
        starts_mid_line = self.starts_mid_line and start == self.start
        return WindowPart(self.view, self.text, start, end, starts_mid_line)

    def line_at(self, at: int) -> bytes:
        """The head of the line at a position, without its newline."""
        begin = self.text.rfind(b"\n", 0, at) + 1
        end = self.text.find(b"\n", at, self.end)
        end = min(self.end if end < 0 else end, begin + self._head_bytes)
        if begin:
            return bytes(self.view[begin:end])
        return (self._line_head + self.view[:end])[: self._head_bytes]

    def _move(self) -> None:
        kept = self._sizes.kept_mid_line if self.ends_mid_line else self._sizes.kept
        keep_from = max(self.end - kept, 0)
        self._line_head = self._line_head_before(keep_from)
        self.starts_mid_line = self.ends_mid_line
        self._drop(keep_from)
        self.base += keep_from
        self.start = self.end - keep_from

    def _line_head_before(self, at: int) -> bytes:
        """The head of the line at a position, up to that position."""
        begin = self.text.rfind(b"\n", 0, at) + 1
        start = self._line_head if not begin else b""
        return (start + self.view[begin : min(at, begin + self._head_bytes)])[: self._head_bytes]

    @abstractmethod
    def _drop(self, size: int) -> None:
        """Remove `size` bytes from the start of the view."""

    @abstractmethod
    def _fill(self, goal: int) -> None:
        """Extend the view up to position `goal`, or to the end of the data."""


class ReadWindow(Window):
    """A window in a buffer of its own, which the source fills."""

    def __init__(self, source: Reader, sizes: WindowSizes) -> None:
        super().__init__(sizes)
        self._source = source
        buffer = bytearray(sizes.max_bytes)
        self.view, self.text = memoryview(buffer), stringzilla.Str(buffer)

    def _drop(self, size: int) -> None:
        self._filled -= size
        self.view[: self._filled] = self.view[size : size + self._filled]

    def _fill(self, goal: int) -> None:
        while not self._at_end and self._filled < goal:
            try:
                read = self._source.readinto(self.view[self._filled : goal])
            except (OSError, SourceError) as error:
                read, self._failure = 0, error
            self._filled += read
            self._at_end = not read


class MappedWindow(Window):
    """A window that shows a part of the mapped file itself."""

    def __init__(self, file: MappedFile, sizes: WindowSizes) -> None:
        super().__init__(sizes)
        self._file = file
        self._set_view(memoryview(b""))

    def _set_view(self, view: memoryview) -> None:
        self.view, self.text, self._filled = view, stringzilla.Str(view), len(view)

    def _drop(self, size: int) -> None:
        self._set_view(self.view[size:])

    def _fill(self, goal: int) -> None:
        there = self._file.size
        goal = min(goal, there - self.base)
        try:
            if goal > self._filled:
                self._set_view(self._file.view(self.base, self.base + goal))
        except OSError as error:
            self._failure, there = error, self.base + self._filled
        done = self.base + self._filled
        self._at_end = done >= there
        if there < self._file.expected_size and self._at_end and not self._failure:
            self._failure = SourceError("the file was cut while it was read", done, done)
