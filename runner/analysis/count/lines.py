"""Matching lines: how many, the first and the last, samples, and their number over time.

The search yields positions of matches in a window. Their lines are numbered together after the
window was searched, from its end to its start, so that each newline is counted once, no matter how
many patterns there are.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from runner.analysis.count.histogram import Histogram
from runner.analysis.count.pattern_result import PatternResult
from runner.analysis.input.primitives import Text, count_newlines, splits, starts_of
from runner.analysis.input.window import Window
from runner.analysis.match.patterns import Literal, Regex

UNKNOWN_LINE_END = 1 << 62
"""Offset of the next line while the end of the current line has not been seen."""

_SCRATCH_BYTES = 128 << 10


@dataclass(frozen=True)
class LineOptions:
    """Data to collect from matching lines, besides their number.

    `samples` is the number of lines kept for each pattern. `time_of` takes the first bytes of a
    line and returns its time or None; `unit` and `max_buckets` are for each pattern's histogram.
    """

    samples: int = 0
    time_of: Callable[[bytes], float | None] | None = None
    unit: str = "minute"
    max_buckets: int = 10_000

    @property
    def reads_each_line(self) -> bool:
        """Whether the text of matching lines is read, for samples or times."""
        return self.samples > 0 or self.time_of is not None


class PatternState:
    """A pattern's result, and the offsets where its next match and next matching line may begin."""

    def __init__(self, pattern: Literal | Regex) -> None:
        self.result = PatternResult()
        self.text = pattern.text if isinstance(pattern, Literal) else b""
        self.overlaps = isinstance(pattern, Literal) and pattern.overlaps_itself
        self.has_newline = b"\n" in self.text
        self.resume = 0
        self.next_line = 0


class Lines:
    """Counts, numbers and reads the lines of a moving window."""

    def __init__(self, window: Window, options: LineOptions) -> None:
        self._window, self._options = window, options
        self._scratch = memoryview(bytearray(_SCRATCH_BYTES))
        self._unnumbered: list[tuple[int, bool, PatternResult]] = []
        """Positions in matching lines of this window that get their numbers at its end. The bool
        tells whether it is the first matching line of the pattern, or else its last so far."""
        self._newlines = 0

    @property
    def count(self) -> int:
        """Number of lines so far, including a last line without a newline."""
        return self._newlines + self._window.ends_mid_line

    def start_window(self, states: Iterable[PatternState]) -> None:
        """If the window starts within a line, find the end of that line."""
        window = self._window
        if not window.starts_mid_line:
            return
        newline = window.text.find(b"\n", window.start, window.end)
        if newline >= 0:
            for state in states:
                state.next_line = min(state.next_line, window.base + newline + 1)

    def add_matches(self, state: PatternState, starts: Iterable[int]) -> None:
        """Add a pattern's matches, as ascending positions in the window's view."""
        find, base, end = self._window.text.find, self._window.base, self._window.end
        next_line, first_matches = state.next_line - base, []
        for at in starts:
            if at >= next_line:
                first_matches.append(at)
                next_line = find(b"\n", at, end) + 1 or UNKNOWN_LINE_END
        unknown = next_line >= UNKNOWN_LINE_END - base
        state.next_line = UNKNOWN_LINE_END if unknown else base + next_line
        if not first_matches:
            return
        self._note_lines(state.result, len(first_matches), first_matches[0], first_matches[-1])
        if self._options.reads_each_line:
            for at in first_matches:
                self.record_line(state.result, at)

    def count_literal(self, state: PatternState, text: Text, at: int) -> None:
        """Find and count a literal from position `at` on, many matches with each call of `split`.

        Between two matches there is a line end if the piece of text between them has a newline.
        """
        window, size = self._window, len(state.text)
        for pieces, offset in splits(text, state.text, at, window.end):
            state.result.count += len(pieces) - 1
            after = window.end - len(pieces[-1])
            if self.needs_each_line(state.result):
                self.add_matches(state, starts_of(pieces, offset, size))
            else:
                self._add_pieces(state, pieces, offset + len(pieces[0]), after - size)
            state.resume = window.base + after

    def _add_pieces(
        self, state: PatternState, pieces: Sequence[Any], first: int, last: int
    ) -> None:
        """Count the matches between pieces of text; `first` and `last` are their positions."""
        window, between = self._window, pieces[1:-1]
        if state.has_newline:
            new_lines = len(between)
        else:
            new_lines = sum([b"\n" in piece for piece in between])
        new_lines += window.base + first >= state.next_line
        newline = window.text.find(b"\n", last, window.end)
        state.next_line = UNKNOWN_LINE_END if newline < 0 else window.base + newline + 1
        if new_lines:
            self._note_lines(state.result, new_lines, first, last)

    def needs_each_line(self, result: PatternResult) -> bool:
        """Whether the text of each further line of the pattern must be read."""
        return self._options.time_of is not None or len(result.samples) < self._options.samples

    def _note_lines(self, result: PatternResult, lines: int, first: int, last: int) -> None:
        """Count matching lines, and note positions in the first and last of them for numbering."""
        if not result.matching_lines:
            self._unnumbered.append((first, True, result))
        self._unnumbered.append((last, False, result))
        result.matching_lines += lines

    def record_line(self, result: PatternResult, at: int) -> None:
        """Record a sample and the time of the line at a position, as the options require."""
        time_of, samples = self._options.time_of, self._options.samples
        if not self.needs_each_line(result):
            return
        line = self._window.line_at(at)
        if len(result.samples) < samples:
            result.samples.append(line)
        if time_of is None:
            return
        time = time_of(line)
        if time is None:
            result.undated += 1
        else:
            if result.histogram is None:
                result.histogram = Histogram(self._options.unit, self._options.max_buckets)
            result.histogram.add(time)

    def finish_window(self, newlines: int | None = None) -> None:
        """Number the matching lines of the window.

        `newlines` is the number of newlines up to the end of the window; None to count them here.
        """
        window = self._window
        if newlines is None:
            new = window.view[window.start : window.end]
            newlines = self._newlines + count_newlines(new, self._scratch)
        self._newlines = newlines
        line, end = self._newlines + 1, window.end
        self._unnumbered.sort(key=lambda entry: entry[0], reverse=True)
        for at, is_first, result in self._unnumbered:
            line -= window.text.count(b"\n", at, end)
            end = at
            if is_first:
                result.first_line = line
            else:
                result.last_line = max(line, result.last_line or 0)
        self._unnumbered.clear()
