"""Reads the lines that the kernel chose as samples, with the lines around them.

lines of earlier windows   [ tail ]
window                             [ .... before | line | after .... ]
lines of later windows                                               [ added at their start ]
"""

from collections.abc import Callable, Iterator

from loganalysis.count.samples import Cells, Edges, PatternSamples, Sample, Samples
from loganalysis.read.window import Window
from loganalysis.times.c_timeline import NO_TIME, TimelineKernel

CONTEXT_BYTES = 500
"""Of each line before and after a sample."""


class SampleRecorder:
    """Records samples of a moving window."""

    def __init__(
        self, window: Window, kernel: TimelineKernel, patterns: int, context: int, old_lines: int
    ) -> None:
        """`old_lines` is the maximum number of earlier lines in which a match may begin."""
        self._window, self._kernel, self._context = window, kernel, context
        self._lines: list[dict[int, Sample]] = [{} for _ in range(patterns)]
        self._tail_lines = context + old_lines + 1
        self._tail: list[bytes] = []
        self._head: list[bytes] = []
        self._waiting: list[Sample] = []
        """Samples whose last lines after them are in a later window."""
        self._heads: dict[tuple[int, int], bytes] = {}
        """Lines of the window that samples have: those of a thousand patterns often share them."""
        self._newlines = 0
        self._known_at, self._known_line = 0, 1  # a position, and the number of its line
        self._first = 0  # position of the first line that begins in the window
        self.number_at: Callable[[int], int] | None = None
        """Tells the line of the file at a position, if a line here is a record."""

    def start_window(self) -> None:
        """Give the first lines of a window to the samples of the last one."""
        window = self._window
        self._heads.clear()
        self._first = self._known_at = window.start
        self._known_line = self._newlines + 1
        if window.starts_mid_line:
            newline = window.text.find(b"\n", window.start, window.end)
            self._first = window.end if newline < 0 else newline + 1
        if self._context and (self._waiting or len(self._head) < self._context):
            lines = [*self._lines_from(self._first, self._context)]
            self._head = (self._head + lines)[: self._context]
            for sample in self._waiting:
                sample.after += lines[: self._context - len(sample.after)]
            self._waiting = [each for each in self._waiting if len(each.after) < self._context]

    def record(self, pattern: int, at: int) -> None:
        """Record the line at a position of the window's view as a sample of a pattern."""
        window, count = self._window, self._window.text.count
        offset = window.base + at
        second = self._kernel.second_at(offset)
        back = count(b"\n", at, window.start) if at < window.start else 0
        line = self._line_of(at)
        sample = Sample(line, None if second == NO_TIME else second, window.line_at(at))
        if self.number_at:
            sample.file_line = self.number_at(at)
        if self._context:
            self._add_context(sample, at, back)
        kept = self._lines[pattern]
        kept[self._kernel.hash_at(offset)] = sample
        if len(kept) > self._kernel.most_samples:
            self._prune(pattern)

    def _line_of(self, at: int) -> int:
        """The number of the line at a position, counted from the last one that was asked for."""
        known, count = self._known_at, self._window.text.count
        self._known_line += count(b"\n", known, at) if known < at else -count(b"\n", at, known)
        self._known_at = at
        return self._known_line

    def finish_window(self) -> None:
        """Remember the last lines of the window, and count its lines."""
        window = self._window
        if self._context:
            lines = [*self._lines_back(window.end, self._tail_lines)]
            self._tail = (self._tail + lines[::-1])[-self._tail_lines :]
        self._newlines += window.text.count(b"\n", window.start, window.end)

    def samples(self) -> Samples:
        """All samples, once everything was scanned."""
        patterns = [self._kept(number) for number in range(len(self._lines))]
        tail = self._tail[-self._context :] if self._context else []
        return Samples(
            *(patterns, self._context, self._kernel.sample_cells, self._kernel.sample_count),
            *(self._newlines + self._window.ends_mid_line, Edges(self._head, tail)),
        )

    def _add_context(self, sample: Sample, at: int, back: int) -> None:
        most = self._context
        if at < self._first:  # the line began in an earlier window
            place = back + self._window.starts_mid_line
            earlier = self._tail[: len(self._tail) - place]
            sample.before = earlier[-most:]
            sample.after = self._tail[len(earlier) + 1 :][:most]
            following = self._first
        else:
            start = self._window.text.rfind(b"\n", 0, at) + 1
            sample.before = [*self._lines_back(start, most)][::-1]
            missing = most - len(sample.before)
            sample.before[:0] = self._tail[-missing:] if missing else []
            newline = self._window.text.find(b"\n", at, self._window.end)
            following = self._window.end if newline < 0 else newline + 1
        sample.after += self._lines_from(following, most - len(sample.after))
        if len(sample.after) < most:
            self._waiting.append(sample)

    def _lines_from(self, at: int, most: int) -> Iterator[bytes]:
        """The lines that begin in the window from a position on."""
        window = self._window
        while most > 0 and at < window.end:
            newline = window.text.find(b"\n", at, window.end)
            end = window.end if newline < 0 else newline
            yield self._head_of(at, end)
            at, most = end + 1, most - 1

    def _lines_back(self, end: int, most: int) -> Iterator[bytes]:
        """The lines that begin in the window before a position, the last one first."""
        window = self._window
        while most > 0 and end > self._first:
            stop = end - 1 if window.view[end - 1] == 10 else end
            start = max(window.text.rfind(b"\n", 0, stop) + 1, self._first)
            yield self._head_of(start, stop)
            end, most = start, most - 1

    def _head_of(self, start: int, end: int) -> bytes:
        """The head of the line between two positions, one object for all samples."""
        place = start, min(end, start + CONTEXT_BYTES)
        head = self._heads.get(place)
        if head is None:
            head = self._heads[place] = bytes(self._window.view[slice(*place)])
        return head

    def _kept(self, pattern: int) -> PatternSamples:
        (dated, undated), least = self._kernel.sample_rows(pattern)
        kept = PatternSamples(Cells(*dated), Cells(*undated), least, self._lines[pattern])
        kept.prune()
        return kept

    def _prune(self, pattern: int) -> None:
        self._lines[pattern] = self._kept(pattern).lines
