"""A window that moves over a file of any size. Knows nothing of patterns.

    view   [ kept | new .................... | rest ]
           0      start                      end    filled

New bytes end with a newline if there is one in them; the rest waits for its line's end. What is
kept is old: the last bytes before `start`, for literals that began there. A line longer than the
window is cut (`cut` tells that the new bytes end in the middle of one), at the same bytes of the
line wherever it lies in the file.

A window is a part of a mapped file, or a buffer that is read into.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Protocol

from runner.analysis.input.mapped import MappedFile
from runner.analysis.input.primitives import Text, text_of
from runner.analysis.input.source import SourceError

HEAD_BYTES = 1000
"""The first bytes of a line, which is what is shown of it."""


class WindowSource(Protocol):
    """Where bytes come from: a file, or what is decompressed; see source.Source."""

    def readinto(self, buffer: memoryview, /) -> int | None:
        """Write the next bytes into the buffer and tell how many; 0 at the end."""

    def mapped(self) -> MappedFile | None:
        """The file to take bytes from instead, if there is one."""

    def passed(self, data: memoryview, ascii: bool, /) -> None:
        """Note bytes that were taken from the mapped file, and whether they are known as ASCII."""


@dataclass(frozen=True)
class Sizes:
    """In bytes. A window takes `new` at once; a line is cut at `longest`, no less than that.

    Of the old bytes, `kept` stay, and `kept_of_cut`, no fewer, after a line that was cut.
    """

    new: int
    longest: int
    kept: int
    kept_of_cut: int

    @property
    def most(self) -> int:
        """No window is larger."""
        return self.kept_of_cut + self.longest


class Window(ABC):
    """Over all that a source gives. `view` and `text` are the same bytes, till the next move."""

    view: memoryview
    text: Text

    def __init__(self, source: WindowSource, sizes: Sizes) -> None:
        self._source, self._sizes = source, sizes
        self.base = 0
        self.start = self.end = self._filled = 0
        self.cut = False
        self.continues = False
        self._at_end = False
        self._failure: OSError | SourceError | None = None
        self._head = b""

    @property
    def most(self) -> int:
        """No window has more bytes."""
        return self._sizes.most

    def advance(self) -> bool:
        """Move to the next bytes; False if there are none.

        An OSError or SourceError is raised once all that was read before it was moved over.
        """
        self._move()
        self._fill(self.start + self._sizes.new)
        limit = min(self._filled, self.start + self._sizes.new)
        self.end = self.text.rfind(b"\n", self.start, limit) + 1
        if not self.end:
            self._fill(self.start + self._sizes.longest)
            self.end = self.text.find(b"\n", self.start, self._filled) + 1 or self._filled
        elif self._at_end and limit == self._filled:
            self.end = self._filled
        new = self.end > self.start
        if self._failure and not new:
            raise self._failure
        self.cut = self.view[self.end - 1] != 10 if new else self.continues
        return new

    def pass_on(self, ascii: bool = False) -> None:  # noqa: B027  the source knows what it gave
        """Tell the source of what was new, or of its end, once that was searched: the processor's
        caches have it then. `ascii`: whether it is known to be that."""

    def line_at(self, at: int) -> bytes:
        """The head of the line that a position is in, without its newline."""
        begin = self.text.rfind(b"\n", 0, at) + 1
        end = self.text.find(b"\n", at, self.end)
        end = min(self.end if end < 0 else end, begin + HEAD_BYTES)
        start = self._head if not begin else b""
        return (start + self.view[begin:end])[:HEAD_BYTES]

    def _move(self) -> None:
        kept = self._sizes.kept_of_cut if self.cut else self._sizes.kept
        keep_from = max(self.end - kept, 0)
        self._head = self._before(keep_from)
        self.continues = self.cut
        self._drop(keep_from)
        self.base += keep_from
        self.start = self.end - keep_from

    def _before(self, at: int) -> bytes:
        """What comes before a position on its line, but no more than the head of it."""
        begin = self.text.rfind(b"\n", 0, at) + 1
        start = self._head if not begin else b""
        return (start + self.view[begin : min(at, begin + HEAD_BYTES)])[:HEAD_BYTES]

    @abstractmethod
    def _drop(self, size: int) -> None:
        """Let so many bytes go at the beginning."""

    @abstractmethod
    def _fill(self, goal: int) -> None:
        """Get bytes up to that position, if there are so many."""


class ReadWindow(Window):
    """In a buffer of its own."""

    def __init__(self, source: WindowSource, sizes: Sizes) -> None:
        super().__init__(source, sizes)
        buffer = bytearray(sizes.most)
        self.view, self.text = memoryview(buffer), text_of(buffer)

    def _drop(self, size: int) -> None:
        self._filled -= size
        self.view[: self._filled] = self.view[size : size + self._filled]

    def _fill(self, goal: int) -> None:
        while not self._at_end and self._filled < goal:
            try:
                read = self._source.readinto(self.view[self._filled : goal])
            except (OSError, SourceError) as error:
                read, self._failure = 0, error
            self._filled += read or 0
            self._at_end = not read


class MappedWindow(Window):
    """In the file itself."""

    def __init__(self, source: WindowSource, sizes: Sizes, file: MappedFile) -> None:
        super().__init__(source, sizes)
        self._file, self._size, self._passed = file, file.size, 0
        self._show(memoryview(b""))

    def _show(self, view: memoryview) -> None:
        self.view, self.text, self._filled = view, text_of(view), len(view)

    def _drop(self, size: int) -> None:
        self._show(self.view[size:])

    def _fill(self, goal: int) -> None:
        there = self._file.size
        goal = min(goal, there - self.base)
        try:
            if goal > self._filled:
                self._show(self._file.part(self.base, self.base + goal))
        except OSError as error:
            self._failure, there = error, self.base + self._filled
        done = self.base + self._filled
        self._at_end = done >= there
        if there < self._size and self._at_end and not self._failure:
            self._failure = SourceError("the file was cut while it was read", done, done)

    def pass_on(self, ascii: bool = False) -> None:
        """As Window.pass_on."""
        new = self.view[self._passed - self.base : self.end]
        if new or self._at_end:
            self._source.passed(new, ascii)
            self._passed += len(new)
