"""Numbers of lines, in windows in which each record is one line.

window          ERROR a␌  at x␌  at y⏎INFO b⏎      matches are counted by records
WindowLines     ERROR a⏎  at x⏎  at y⏎INFO b⏎      regexes match within lines; lines have numbers
"""

from bisect import bisect_left
from collections.abc import Iterable, Sequence

import stringzilla

from loganalysis.count.joined_lines import LINE_END
from loganalysis.count.lines import LineOptions, Lines, PatternState
from loganalysis.match.c_scanner import Kernel
from loganalysis.read.window import Window
from loganalysis.records.c_records import numbers_of

_NEWLINES = bytes(range(256)).replace(LINE_END, b"\n")
_LOWER = _NEWLINES.lower()

_FirstAndLast = tuple[int | None, int | None]


class WindowLines:
    """The bytes of a window with all its newlines, at the same positions."""

    def __init__(
        self, window: Window, options: LineOptions | None, needs_lowercase: bool = False
    ) -> None:
        """Records are counted if there are options for lines."""
        self._window = window
        buffer = bytearray(window.max_bytes)
        self.view, self.text = memoryview(buffer), stringzilla.Str(buffer)
        lowercase = bytearray(window.max_bytes if needs_lowercase else 1)
        self._lowercase = memoryview(lowercase) if needs_lowercase else None
        self.lowercase_text = stringzilla.Str(lowercase)
        self._records = None if options is None else RecordLines(window, options, self)
        self.lines: Lines | None = self._records
        self._literals: dict[int, _FirstAndLast] = {}

    @property
    def records(self) -> int | None:
        """The number of records so far, if lines are counted."""
        return self._records.records if self._records else None

    def start_window(self) -> None:
        """Follow the window, which has moved."""
        window, end = self._window, self._window.end
        stringzilla.translate(window.view[:end], _NEWLINES, out=self.view[:end])
        if self._lowercase is not None:
            stringzilla.translate(window.view[:end], _LOWER, out=self._lowercase[:end])

    def number_at(self, position: int) -> int:
        """The number of the first line of the record at a position of the window's view."""
        assert self._records
        return self._records.number_at(position)

    def literal_lines(self, number: int) -> "_FirstAndLast":
        """The numbers of the first lines of the first and the last record of a literal."""
        return self._literals.get(number, (None, None))

    def number_literals(self, kernel: Kernel) -> None:
        """Number the matching records of literals: the kernel counts records, not lines."""
        if not self._records:
            return
        firsts, lasts = kernel.line_numbers()
        before = self._records.ended
        changed = [number for number, last in enumerate(lasts) if last > before]
        if not changed:
            return
        wanted = {lasts[each] for each in changed}
        wanted.update(first for each in changed if (first := firsts[each]) > before)
        numbers = self._records.numbers(sorted(wanted))
        for each in changed:
            index = kernel.indexes[each]
            known = self._literals.get(index, (None, None))[0]
            begin = numbers[firsts[each]] if known is None else known
            self._literals[index] = begin, numbers[lasts[each]]


class RecordLines(Lines):
    """Counts records. First and last lines have the number of the first line of their record."""

    def __init__(self, window: Window, options: LineOptions, lines: WindowLines) -> None:
        super().__init__(window, options)
        self._all = lines
        self.ended = 0
        """The number of records that have ended before the window."""
        self._open_line = 1
        """The number of the first line of the record that the window starts within, or with."""

    @property
    def records(self) -> int:
        """Number of records so far, including a last one without a newline."""
        return self.ended + self._window.ends_mid_line

    def start_window(self, states: Iterable[PatternState]) -> None:
        """Add a mark or, if the window starts within a record, find the end of that record."""
        if not self._window.starts_mid_line:
            self._open_line = self._newlines + 1
        super().start_window(states)

    def number_at(self, position: int) -> int:
        """The number of the first line of the record at a position of the window's view."""
        window = self._window
        start = window.text.rfind(b"\n", window.start, position) + 1 if position else 0
        if not start or position <= window.start:
            return self._open_line
        return self._newlines + 1 + int(self._all.text.count(b"\n", window.start, start))

    def finish_window(self, newlines: int | None = None) -> None:
        """Number the matching records of the window.

        `newlines` is the number of records that end up to its end; None to count them here.
        """
        window, count = self._window, self._all.text.count
        self._unnumbered.sort(key=lambda entry: entry[0])
        at, line = window.start, self._newlines + 1
        for position, is_first, result in self._unnumbered:
            start = window.text.rfind(b"\n", window.start, position) + 1
            number = self._open_line
            if start:
                line += count(b"\n", at, start) if start > at else 0
                at, number = max(at, start), line
            if is_first:
                result.first_line = number
            else:
                result.last_line = number
        self._unnumbered.clear()
        self._end_window(newlines)

    def _end_window(self, records: int | None) -> None:
        window = self._window
        last = window.text.rfind(b"\n", window.start, window.end) + 1
        breaks = self._all.text.count
        if window.ends_mid_line and last:
            self._open_line = self._newlines + 1 + int(breaks(b"\n", window.start, last))
        self._newlines += int(breaks(b"\n", window.start, window.end))
        if records is None:
            records = self.ended + int(window.text.count(b"\n", window.start, window.end))
        self.ended = records

    def numbers(self, records: Sequence[int]) -> dict[int, int]:
        """The numbers of the first lines of records of this window, by the numbers of the records.

        These ascend, and count from 1 at the start of the data.
        """
        start, end = self._window.start, self._window.end
        ends = [each - self.ended - 1 for each in records]
        later = bisect_left(ends, 1)  # the first record may have begun in an earlier window
        joined, lines = self._window.view[start:end], self._all.view[start:end]
        found = numbers_of(joined, lines, ends[later:])
        numbers = [self._open_line] * later + [self._newlines + 1 + each for each in found]
        return dict(zip(records, numbers, strict=True))
