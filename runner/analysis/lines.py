"""Which lines have matches: how many, the first and the last, samples, and lines by time.

A window's matches come as positions; the lines among them are numbered together at the end of the
window, from its end to its start, so that each newline is counted once however many patterns.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from runner.analysis.histogram import Histogram
from runner.analysis.patterns import Literal, Regex
from runner.analysis.primitives import count_newlines
from runner.analysis.tally import Tally
from runner.analysis.window import Window

NEVER = 1 << 62
"""Offset of the next line, while the end of the present one is not seen."""


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
        self.resume = 0
        self.next_line = 0


class Lines:
    """The lines of a window that moves on."""

    def __init__(self, window: Window, options: LineOptions) -> None:
        self._window, self._options = window, options
        self._scratch = memoryview(bytearray(len(window.buffer)))
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
        self.note(search.tally, begun)

    def note(self, tally: Tally, begun: list[int]) -> None:
        """Note lines with a match, by the first match on each."""
        if not begun:
            return
        if not tally.matching_lines:
            self._noted.append((begun[0], True, tally))
        self._noted.append((begun[-1], False, tally))
        tally.matching_lines += len(begun)
        if self._options.each:
            for at in begun:
                self._look_at(tally, at)

    def _look_at(self, tally: Tally, at: int) -> None:
        time_of, samples = self._options.time_of, self._options.samples
        if time_of is None and len(tally.samples) >= samples:
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

    def end(self) -> None:
        """Count the window's lines, and number those that were noted."""
        window, new = self._window, slice(self._window.start, self._window.end)
        self._newlines += count_newlines(window.view[new], self._scratch[new])
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
