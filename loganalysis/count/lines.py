"""Matching lines: how many, the first and the last, samples, and their number over time.

The search yields positions of matches in a window. Their lines are numbered together after the
window was searched, from its start to its end, so that each newline is counted once, no matter how
many patterns there are.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from loganalysis.count.line_marks import LineMarks
from loganalysis.count.result import PatternResult
from loganalysis.read.window import Window
from loganalysis.times.histogram import Histogram

_HEAD_BYTES = 4096  # of a window, for the time of its mark
UNKNOWN_LINE_END = 1 << 62
"""Offset of the next line while the end of the current line has not been seen."""


@dataclass(frozen=True)
class LineOptions:
    """Data to collect from matching lines, besides their number.

    `samples` is the number of lines kept for each pattern. `time_of` takes the first bytes of a
    line and returns its time or None; `unit` and `max_buckets` are for each pattern's histogram.
    `mark_time` returns the time of a line for its mark; without it, there are no marks.
    """

    samples: int = 0
    time_of: Callable[[bytes], float | None] | None = None
    unit: str = "minute"
    max_buckets: int = 10_000
    mark_time: Callable[[bytes], float | None] | None = None

    @property
    def reads_each_line(self) -> bool:
        """Whether the text of matching lines is read, for samples or times."""
        return self.samples > 0 or self.time_of is not None


class PatternState:
    """A pattern's result, and the offset where its next matching line may begin."""

    def __init__(self) -> None:
        self.result = PatternResult()
        self.next_line = 0


class Lines:
    """Counts, numbers and reads the lines of a moving window."""

    def __init__(self, window: Window, options: LineOptions) -> None:
        self._window, self._options = window, options
        self._unnumbered: list[tuple[int, bool, PatternResult]] = []
        """Positions in matching lines of this window that get their numbers at its end. The bool
        tells whether it is the first matching line of the pattern, or else its last so far."""
        self._newlines = 0
        self.marks = LineMarks()

    @property
    def count(self) -> int:
        """Number of lines so far, including a last line without a newline."""
        return self._newlines + self._window.ends_mid_line

    def start_window(self, states: Iterable[PatternState]) -> None:
        """Add a mark or, if the window starts within a line, find the end of that line."""
        window, mark_time = self._window, self._options.mark_time
        if not window.starts_mid_line:
            if mark_time is not None:
                head = bytes(
                    window.view[window.start : min(window.start + _HEAD_BYTES, window.end)]
                )
                at = window.base + window.start
                self.marks.add(at, self._newlines + 1, head, mark_time)
            return
        newline = window.text.find(b"\n", window.start, window.end)
        if newline >= 0:
            for state in states:
                state.next_line = min(state.next_line, window.base + newline + 1)

    def add_matches(self, state: PatternState, starts: Iterable[int]) -> list[int]:
        """Add a pattern's matches, as ascending positions in the window's view.

        Returns the matches that are the first in their line.
        """
        find, base, end = self._window.text.find, self._window.base, self._window.end
        next_line, first_matches = state.next_line - base, []
        for at in starts:
            if at >= next_line:
                first_matches.append(at)
                next_line = find(b"\n", at, end) + 1 or UNKNOWN_LINE_END
        unknown = next_line >= UNKNOWN_LINE_END - base
        state.next_line = UNKNOWN_LINE_END if unknown else base + next_line
        if not first_matches:
            return first_matches
        result = state.result
        if not result.matching_lines:
            self._unnumbered.append((first_matches[0], True, result))
        self._unnumbered.append((first_matches[-1], False, result))
        result.matching_lines += len(first_matches)
        if self._options.reads_each_line:
            for at in first_matches:
                self.record_line(result, at)
        return first_matches

    def record_line(self, result: PatternResult, at: int) -> bool:
        """Record a sample and the time of the line at a position, as the options require.

        Returns False if nothing needs the text of this line and of the pattern's further lines.
        """
        time_of, is_sample = self._options.time_of, len(result.samples) < self._options.samples
        if time_of is None and not is_sample:
            return False
        line = self._window.line_at(at)
        if is_sample:
            result.samples.append(line)
        if time_of is None:
            return True
        time = time_of(line)
        if time is None:
            result.undated += 1
        else:
            if result.histogram is None:
                result.histogram = Histogram(self._options.unit, self._options.max_buckets)
            result.histogram.add(time)
        return True

    def finish_window(self, newlines: int | None = None) -> None:
        """Number the matching lines of the window.

        `newlines` is the number of newlines up to the end of the window; None to count them here.
        """
        window, count = self._window, self._window.text.count
        self._unnumbered.sort(key=lambda entry: entry[0])
        first = self._unnumbered[0][0] if self._unnumbered else window.start
        at = min(first, window.start)  # a match may begin in bytes of the last window
        line = self._newlines + 1 - count(b"\n", at, window.start)
        for position, is_first, result in self._unnumbered:
            line += count(b"\n", at, position)
            at = position
            if is_first:
                result.first_line = line
            else:
                result.last_line = line
        self._unnumbered.clear()
        self._newlines = line - 1 + count(b"\n", at, window.end) if newlines is None else newlines
