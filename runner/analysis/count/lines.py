"""Which lines have matches: how many, the first and the last, samples, and lines by time.

A window's matches come as positions; the lines among them are numbered together at the end of the
window, from its end to its start, so that each newline is counted once however many patterns.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from runner.analysis.count.histogram import Histogram
from runner.analysis.count.tally import Tally
from runner.analysis.input.primitives import Text, count_newlines, splits, starts_of
from runner.analysis.input.window import Window
from runner.analysis.match.patterns import Literal, Regex

NEVER = 1 << 62
"""Offset of the next line, while the end of the present one is not seen."""

_SCRATCH_BYTES = 128 << 10


@dataclass(frozen=True)
class LineOptions:
    """What is wanted of lines: `samples` of them for each pattern, and how many by time.

    `time_of` takes a line's first bytes and gives its time or None; `unit` and `max_buckets` are
    those of each pattern's histogram.
    """

    samples: int = 0
    time_of: Callable[[bytes], float | None] | None = None
    unit: str = "minute"
    max_buckets: int = 10_000

    @property
    def each(self) -> bool:
        """Whether anything is asked of each matching line."""
        return self.samples > 0 or self.time_of is not None


class Search:
    """A pattern with its tally, and where its next match and next line may begin (offsets)."""

    def __init__(self, pattern: Literal | Regex) -> None:
        self.tally = Tally()
        self.text = pattern.text if isinstance(pattern, Literal) else b""
        self.overlaps = isinstance(pattern, Literal) and pattern.overlaps_itself
        self.has_newline = b"\n" in self.text
        self.resume = 0
        self.next_line = 0


class Lines:
    """The lines of a window that moves on."""

    def __init__(self, window: Window, options: LineOptions) -> None:
        self._window, self._options = window, options
        self._scratch = memoryview(bytearray(_SCRATCH_BYTES))
        self._noted: list[tuple[int, bool, Tally]] = []
        self._newlines = 0

    @property
    def count(self) -> int:
        """The newlines so far, and one more for a last line without one."""
        return self._newlines + self._window.cut

    def begin(self, searches: Iterable[Search]) -> None:
        """Where a cut line goes on in a new window, see where it ends."""
        window = self._window
        if not window.continues:
            return
        newline = window.text.find(b"\n", window.start, window.end)
        if newline >= 0:
            for search in searches:
                search.next_line = min(search.next_line, window.base + newline + 1)

    def begun(self, search: Search, starts: Iterable[int]) -> None:
        """Take a pattern's matches (positions in the buffer), from left to right."""
        find, base, end = self._window.text.find, self._window.base, self._window.end
        next_line, begun = search.next_line - base, []
        for at in starts:
            if at >= next_line:
                begun.append(at)
                next_line = find(b"\n", at, end) + 1 or NEVER
        search.next_line = base + next_line if next_line < NEVER - base else NEVER
        if not begun:
            return
        self._note(search.tally, len(begun), begun[0], begun[-1])
        if self._options.each:
            for at in begun:
                self.look_at(search.tally, at)

    def split(self, search: Search, text: Text, at: int) -> None:
        """Find a literal from `at` on, many matches a call, and take and count them.

        A line ends between two matches if there is a newline in what the text is split into.
        """
        window, size = self._window, len(search.text)
        for pieces, since in splits(text, search.text, at, window.end):
            search.tally.count += len(pieces) - 1
            after = window.end - len(pieces[-1])
            if self.looks_at_each(search.tally):
                self.begun(search, starts_of(pieces, since, size))
            else:
                self._take_pieces(search, pieces, since + len(pieces[0]), after - size)
            search.resume = window.base + after

    def _take_pieces(self, search: Search, pieces: Sequence[Any], first: int, last: int) -> None:
        """Take the matches between these pieces, the first and last of which are told."""
        window, between = self._window, pieces[1:-1]
        new = len(between) if search.has_newline else sum([b"\n" in piece for piece in between])
        new += window.base + first >= search.next_line
        newline = window.text.find(b"\n", last, window.end)
        search.next_line = NEVER if newline < 0 else window.base + newline + 1
        if new:
            self._note(search.tally, new, first, last)

    def looks_at_each(self, tally: Tally) -> bool:
        """Whether each of the pattern's lines is to be looked at, from now on."""
        return self._options.time_of is not None or len(tally.samples) < self._options.samples

    def _note(self, tally: Tally, lines: int, first: int, last: int) -> None:
        """Note so many lines with a match, by positions on the first and the last of them."""
        if not tally.matching_lines:
            self._noted.append((first, True, tally))
        self._noted.append((last, False, tally))
        tally.matching_lines += lines

    def look_at(self, tally: Tally, at: int) -> None:
        """Take a sample or the time, if wanted, of the line that a position is in."""
        time_of, samples = self._options.time_of, self._options.samples
        if not self.looks_at_each(tally):
            return
        line = self._window.line_at(at)
        if len(tally.samples) < samples:
            tally.samples.append(line)
        if time_of is None:
            return
        when = time_of(line)
        if when is None:
            tally.undated += 1
        else:
            if tally.histogram is None:
                tally.histogram = Histogram(self._options.unit, self._options.max_buckets)
            tally.histogram.add(when)

    def end(self, newlines: int | None = None) -> None:
        """Number the lines that were noted; count them all, if `newlines` does not tell how many
        there are up to the end of the window."""
        window, new = self._window, slice(self._window.start, self._window.end)
        if newlines is None:
            newlines = self._newlines + count_newlines(window.view[new], self._scratch)
        self._newlines = newlines
        line, to = self._newlines + 1, window.end
        self._noted.sort(key=lambda noted: noted[0], reverse=True)
        for at, first, tally in self._noted:
            line -= window.text.count(b"\n", at, to)
            to = at
            if first:
                tally.first_line = line
            else:
                tally.last_line = max(line, tally.last_line or 0)
        self._noted.clear()
