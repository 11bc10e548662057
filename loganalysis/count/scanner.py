"""Counts patterns in a stream of bytes of any length.

    source ──▶ Window ──▶ literals: all at once, in C ────┐
                     └──▶ regexes: RE2, line by line ─────┴▶ PartialResult

Each pattern is counted for itself as `str.count` does: from left to right, without overlaps of a
pattern with itself. A line ends with its newline, and a match counts for the line that it begins
in. Literals are exact in lines of any length. Regexes see a line of more than 1 MiB as several.
"""

from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import stringzilla

from loganalysis.count.joined_lines import JoinedLines, JoinsLines
from loganalysis.count.lines import LineOptions, Lines, PatternState
from loganalysis.count.result import LineTable, PartialResult
from loganalysis.count.sample_recorder import SampleRecorder
from loganalysis.fields.collector import FieldCollector
from loganalysis.fields.plan import FieldPlan
from loganalysis.match import c_scanner
from loganalysis.match.combinations import CombinationSearch
from loganalysis.match.patterns import Literal, Prepared
from loganalysis.match.regexes import Search, adaptive_regexes
from loganalysis.read.invalid_text import Utf8Check
from loganalysis.read.mapped import MappedFile
from loganalysis.read.window import (
    MappedWindow,
    Reader,
    ReadWindow,
    Window,
    WindowPart,
    WindowSizes,
)
from loganalysis.times.c_timeline import TimelineKernel, TimelineOptions

_READ_BYTES = 1 << 20
_MAPPED_BYTES = 12 << 20  # mapping costs more than a read call, but less for each byte
LONGEST_LINE = 1 << 20
"""Regexes see a longer line as several lines."""
_LOWER = bytes(range(256)).lower()


class Collector(Protocol):
    """Collects figures about all lines that count, whether they match or not."""

    def feed(self, window: memoryview, /) -> None:
        """Add the next bytes of the data."""

    def skip_lines(self, newlines: int, /) -> None:
        """Number the next lines as if data with so many newlines had been added."""

    @property
    def size(self) -> int:
        """The greatest number of entries that `so_far` would return."""

    def so_far(self) -> LineTable:
        """Return the figures of the lines so far, which later ones change."""

    def finish(self) -> LineTable:
        """Return the figures, after the last bytes."""


@dataclass(frozen=True)
class ScanOptions:
    """Data to collect besides counts (`lines` is None for counts only), and sizes in bytes.

    `fields` says which fields are counted; None for none. `collector` creates the Collector of a
    scan. With a timeline, lines are counted, too. If `window_bytes` is 0, the size that suits the
    patterns and the source is used. With `records`, each line of the
    source is a record of several lines. `line_head_bytes` of a line are read for samples and times;
    0 for LINE_HEAD_BYTES.
    """

    lines: LineOptions | None = None
    window_bytes: int = 0
    longest_line: int = LONGEST_LINE
    fields: FieldPlan | None = None
    collector: Callable[[], Collector] | None = None
    timeline: TimelineOptions | None = None
    records: JoinsLines | None = None
    line_head_bytes: int = 0


class Scanner:
    """Scans a source window by window: call `scan` until it returns False, then read `partial`."""

    def __init__(
        self,
        patterns: Sequence[Prepared],
        options: ScanOptions,
        source: MappedFile | Reader,
        regexes: Sequence[Search] | None = None,
        origin: int = 0,
    ) -> None:
        """Results have the order of the patterns. Nothing may have been read from the source yet.

        `regexes` are the compiled patterns, if this process has them from an earlier scan. The
        source begins at the offset `origin` of the file.
        """
        self._literals = [pattern for pattern in patterns if isinstance(pattern, Literal)]
        self._regexes = adaptive_regexes(patterns) if regexes is None else regexes
        self._needs_lowercase = any(each.folded or each.needs_lowercase for each in self._regexes)
        self._source = source
        self._window = self._make_window(options)
        self._joined = self._join_lines(options)
        self._lines = self._joined.lines if self._joined else self._make_lines(options)
        self._states = [PatternState() for _ in patterns]
        self._lowercase_buffer = bytearray(self._window.max_bytes if self._needs_lowercase else 1)
        self._lowercase_text = stringzilla.Str(self._lowercase_buffer)
        self._fields = FieldCollector(options.fields) if options.fields else None
        self._collector = options.collector() if options.collector else None
        for search in self._regexes:
            search.lowercase = self._lowercase_text
        self._utf8_check = Utf8Check()
        self._timeline: TimelineKernel | None = None
        self._recorder: SampleRecorder | None = None
        self._has_limits = self._ends_in_part = False
        self._part_start = 0  # offset of the lines that are searched, if the last window ends there
        if options.timeline:
            self._add_timeline(options.timeline, len(patterns), origin)
        self._reads_lines = options.lines is not None and options.lines.reads_each_line
        self._kernel: c_scanner.Kernel | None = None
        if self._literals:
            report_lines = self._reads_lines or self._timeline is not None
            self._kernel = c_scanner.Kernel(self._literals, self._lines is not None, report_lines)
            self._keys = array("I", [each.index for each in self._literals])

    def _join_lines(self, options: ScanOptions) -> JoinedLines | None:
        folded = any(each.folded for each in self._regexes)
        records = options.records
        return records.lines(self._window, options.lines, folded) if records else None

    def _make_lines(self, options: ScanOptions) -> Lines | None:
        return None if options.lines is None else Lines(self._window, options.lines)

    def _add_timeline(self, options: TimelineOptions, patterns: int, origin: int) -> None:
        self._timeline = TimelineKernel(options, patterns, self._window.max_bytes, origin)
        self._has_limits = options.has_limits
        if options.samples:
            spanned = max((each.text.count(b"\n") for each in self._literals), default=0)
            self._recorder = SampleRecorder(
                self._window, self._timeline, patterns, options.context, spanned
            )
            self._recorder.number_at = self._joined.number_at if self._joined else None

    def _make_window(self, options: ScanOptions) -> Window:
        is_mapped = isinstance(self._source, MappedFile) and not options.timeline
        size = options.window_bytes or (_MAPPED_BYTES if is_mapped else _READ_BYTES)
        if self._needs_lowercase and not options.window_bytes:
            size //= 2  # the window and its lowercase copy share the processor's cache
        longest = max((len(each.text) for each in self._literals), default=1)
        spanning = max((len(each.text) for each in self._literals if each.spans_lines), default=1)
        longest_line = size  # any length will do for literals
        if self._regexes:
            size, longest_line = min(size, options.longest_line), options.longest_line
        kept = max(longest, spanning) - 1
        sizes = WindowSizes(size, longest_line, spanning - 1, kept, options.line_head_bytes)
        if isinstance(self._source, MappedFile):
            return MappedWindow(self._source, sizes)
        return ReadWindow(self._source, sizes)

    @property
    def partial(self) -> PartialResult:
        """The result, once everything was scanned."""
        self._update_results()
        results = [state.result for state in self._states]
        lines = self._lines.count if self._lines else 0
        timeline = self._timeline.timeline if self._timeline else None
        invalid_text = self._utf8_check.invalid_text
        found = PartialResult(results, self.bytes, lines, invalid_text, timeline=timeline)
        found.records = self._joined.records if self._joined else None
        found.samples = self._recorder.samples() if self._recorder else None
        found.marks = self._lines.marks if self._lines else found.marks
        found.fields = self._fields.table() if self._fields else None
        found.table = self._collector.finish() if self._collector else None
        return found

    def so_far(self) -> PartialResult:
        """Return the counts, the timeline and the figures of all lines, in the middle of a scan."""
        self._update_results()
        found = PartialResult([state.result for state in self._states], self.bytes)
        found.timeline = self._timeline.timeline if self._timeline else None
        found.table = self._collector.so_far() if self._collector else None
        return found

    @property
    def table_size(self) -> int:
        """The greatest number of entries in the table that `so_far` would return."""
        return self._collector.size if self._collector else 0

    @property
    def bytes(self) -> int:
        """The number of bytes scanned so far."""
        return self._window.base + self._window.end

    @property
    def new(self) -> memoryview:
        """The bytes of the last window that were scanned."""
        view = self._joined.view if self._joined else self._window.view
        return view[self._window.start : self._window.end]

    @property
    def counts(self) -> list[int]:
        """The number of matches of each pattern so far."""
        self._update_results()
        return [state.result.count for state in self._states]

    def scan(self) -> bool:
        """Read and scan the next window; return False at the end of the source."""
        window = self._window
        if not window.advance():
            self._utf8_check.finish()
            return False
        if self._joined:
            self._joined.start_window()
        if self._lines:
            self._lines.start_window(self._states)
        if self._needs_lowercase:
            target = memoryview(self._lowercase_buffer)[: window.end]
            stringzilla.translate(window.view[: window.end], _LOWER, out=target)
        self._read_times()
        is_ascii = self._search()
        self._utf8_check.feed(self.new, is_ascii or self._source.is_valid)
        if self._joined and self._kernel:
            self._joined.number_literals(self._kernel)
        if self._lines:
            self._lines.finish_window(self._kernel.newlines if self._kernel else None)
        if self._recorder:
            self._recorder.finish_window()
        return True

    def _read_times(self) -> None:
        window = self._window
        if self._timeline:
            in_line = window.starts_mid_line
            self._timeline.read(window.view, window.base, window.start, window.end, in_line)
            if self._lines:
                self._lines.marks.extend(self._timeline.take_bounds())
        if self._recorder:
            self._recorder.start_window()

    def _search(self) -> bool:
        """Search the lines of the window that count. Returns whether it is known to be ASCII."""
        window, counted = self._window, self._window.start
        if not self._timeline or not self._has_limits:
            self._search_part(window.part(window.start, window.end), 0)
            return self._kernel is not None and self._kernel.ascii
        for first, last in self._timeline.parts(window.base + window.start, self.bytes):
            start, end = first - window.base, last - window.base
            if start > window.start or not self._ends_in_part:
                self._part_start = first
            self._skip(counted, start)
            kept = max(self._part_start - window.base, 0)
            self._search_part(window.part(start, end), kept)
            counted = end
        self._ends_in_part = counted == window.end
        self._skip(counted, window.end)
        return False

    def _skip(self, start: int, end: int) -> None:
        """Let the kernel and the collector count the lines that are not searched."""
        if start >= end:
            return
        newlines = self._window.text.count(b"\n", start, end)
        if self._kernel:
            self._kernel.skip_lines(newlines)
        if self._collector:
            lines = self._joined.text.count(b"\n", start, end) if self._joined else newlines
            self._collector.skip_lines(lines)

    def _search_part(self, part: WindowPart, kept: int) -> None:
        """Search some lines. A literal may begin in the old bytes from `kept` on."""
        if self._kernel:
            self._search_for_literals(self._kernel, part, kept)
        searched = part._replace(view=self._joined.view) if self._joined else part
        if self._fields:
            timeline = self._timeline.handle if self._timeline else 0
            self._fields.feed(part, timeline, self._window.base, searched)
        if self._collector:
            self._collector.feed(part.view[part.start : part.end])
        for regex in self._regexes:
            state = self._states[regex.index]
            for starts in regex.search(searched, self._text_for(regex)):
                state.result.count += len(starts)
                if self._lines:
                    self._add_lines(regex.index, self._lines.add_matches(state, starts))

    def _text_for(self, regex: Search) -> stringzilla.Str:
        """The text whose newlines end what the search looks at: lines, or records."""
        if self._joined and not isinstance(regex, CombinationSearch):
            return self._joined.lowercase_text if regex.folded else self._joined.text
        return self._lowercase_text if regex.folded else self._window.text

    def _search_for_literals(self, literals: c_scanner.Kernel, part: WindowPart, kept: int) -> None:
        base = self._window.base + kept
        view, start, end = part.view[kept : part.end], part.start - kept, part.end - kept
        for size in literals.scan_batches(view, base, start, end):
            if self._reads_lines:
                self._read_lines(literals, size, kept)
            if self._timeline:
                chosen = self._timeline.count(literals.hits, size, self._keys, base)
                for hit in literals.hits[:chosen]:
                    self._record(self._keys[hit.literal], kept + hit.at)

    def _read_lines(self, literals: c_scanner.Kernel, size: int, kept: int) -> None:
        """Record the lines of hits, as the line options require."""
        assert self._lines is not None
        for hit in literals.hits[:size]:
            result = self._states[self._literals[hit.literal].index].result
            if not self._lines.record_line(result, kept + hit.at) and not self._timeline:
                literals.stop_reporting(hit.literal)

    def _add_lines(self, pattern: int, positions: Sequence[int]) -> None:
        """Count the matching lines of a regex over time."""
        if self._timeline and positions:
            hits = array("I", [each for at in positions for each in (0, at)])
            keys = array("I", [pattern])
            chosen = self._timeline.count(hits, len(positions), keys, self._window.base)
            for at in hits[1 : 2 * chosen : 2]:
                self._record(pattern, at)

    def _record(self, pattern: int, at: int) -> None:
        if self._recorder:
            self._recorder.record(pattern, at)

    def _update_results(self) -> None:
        """Copy the counts so far from the kernel to the results of the literals."""
        if not self._kernel:
            return
        for literal, counts in zip(self._literals, self._kernel.literals, strict=True):
            result = self._states[literal.index].result
            result.count, result.matching_lines = counts.count, counts.lines
            result.first_line = counts.first_line or None
            result.last_line = counts.last_line or None
            if self._joined:
                result.first_line, result.last_line = self._joined.literal_lines(literal.index)
