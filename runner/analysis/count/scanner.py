"""Counts patterns in a stream of bytes of any length.

    Source ──▶ Window ──▶ literals: all at once, in C ────┐
                     └──▶ regexes: RE2, line by line ─────┴▶ PatternResult, Lines

Each pattern is counted for itself as `str.count` does: from left to right, without overlaps of a
pattern with itself. A line ends with its newline, and a match counts for the line that it begins
in. Literals are exact in lines of any length. Regexes see a line of more than 1 MiB as several.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from runner.analysis.count.lines import LineOptions, Lines, PatternState
from runner.analysis.count.literals import MultiLiteralSearch
from runner.analysis.count.pattern_result import PartialResult
from runner.analysis.input.primitives import Text, lower, text_of
from runner.analysis.input.window import MappedWindow, ReadWindow, Window, WindowSizes, WindowSource
from runner.analysis.match import kernel
from runner.analysis.match.engine_choice import AdaptiveRegex, adaptive_regexes
from runner.analysis.match.patterns import Literal, Regex

_READ_BYTES = 1 << 20
_MAPPED_BYTES = 12 << 20  # mapping costs more than a read call, but less for each byte
LONGEST_LINE = 1 << 20
"""Regexes see a longer line as several lines."""


@dataclass(frozen=True)
class ScanOptions:
    """Data to collect besides counts (`lines` is None for counts only), and sizes in bytes.

    If `window_bytes` is 0, the size that suits the patterns and the source is used.
    """

    lines: LineOptions | None = None
    window_bytes: int = 0
    longest_line: int = LONGEST_LINE


class Scanner:
    """Scans a source window by window: call `scan` until it returns False, then read `partial`."""

    def __init__(
        self,
        patterns: Sequence[Literal | Regex],
        options: ScanOptions,
        source: WindowSource,
        regexes: Sequence[AdaptiveRegex] | None = None,
    ) -> None:
        """Results have the order of the patterns. Nothing may have been read from the source yet.

        `regexes` are the compiled patterns, if this process has them from an earlier scan.
        """
        literals = [pattern for pattern in patterns if isinstance(pattern, Literal)]
        self._regexes = adaptive_regexes(patterns) if regexes is None else regexes
        kernel_literals = literals if kernel.available() else []
        self._single_literals = [] if kernel_literals else literals
        searched_by_python: list[Literal | AdaptiveRegex] = [*self._single_literals, *self._regexes]
        self._needs_lowercase = any(each.folded for each in searched_by_python)
        self._window = _window(
            source, literals, options, bool(self._regexes), self._needs_lowercase
        )
        self._lines = None if options.lines is None else Lines(self._window, options.lines)
        self._states = [PatternState(pattern) for pattern in patterns]
        self._lowercase_buffer = bytearray(self._window.max_bytes if self._needs_lowercase else 1)
        self._lowercase_text = text_of(self._lowercase_buffer)
        self._literal_search: MultiLiteralSearch | None = None
        if kernel_literals:
            states = [self._states[each.index] for each in kernel_literals]
            self._literal_search = MultiLiteralSearch(kernel_literals, states, self._lines)

    @property
    def partial(self) -> PartialResult:
        """The result, once everything was scanned."""
        self._update_results()
        results = [state.result for state in self._states]
        return PartialResult(results, self.bytes, self._lines.count if self._lines else 0)

    @property
    def bytes(self) -> int:
        """The number of bytes scanned so far."""
        return self._window.base + self._window.end

    @property
    def counts(self) -> list[int]:
        """The number of matches of each pattern so far."""
        self._update_results()
        return [state.result.count for state in self._states]

    def scan(self) -> bool:
        """Read and scan the next window; return False at the end of the source."""
        window = self._window
        if not window.advance():
            window.mark_consumed()
            return False
        if self._lines:
            self._lines.start_window(self._states)
        if self._needs_lowercase:
            lower(window.view[: window.end], memoryview(self._lowercase_buffer)[: window.end])
        self._search()
        window.mark_consumed(self._literal_search is not None and self._literal_search.ascii)
        if self._lines:
            newlines = self._literal_search.newlines if self._literal_search else None
            self._lines.finish_window(newlines)
        return True

    def _search(self) -> None:
        if self._literal_search:
            self._literal_search.search(self._window)
        for literal in self._single_literals:
            self._search_literal(literal)
        for regex in self._regexes:
            for starts in regex.search(self._window, self._text(regex.folded)):
                self._add_matches(self._states[regex.index], starts)

    def _text(self, folded: bool) -> Text:
        return self._lowercase_text if folded else self._window.text

    def _search_literal(self, literal: Literal) -> None:
        state, window = self._states[literal.index], self._window
        text, literal_text = self._text(literal.folded), literal.text
        first = max(window.start - len(literal_text) + 1, 0)
        if state.overlaps:
            first = max(first, state.resume - window.base)
        if self._lines:
            self._lines.count_literal(state, text, first)
        elif state.overlaps and (first or window.ends_mid_line or literal.spans_lines):
            self._count_each(state, text, first)
        else:
            state.result.count += text.count(literal_text, first, window.end)

    def _count_each(self, state: PatternState, text: Text, at: int) -> None:
        """Count matches, and keep the end of the last one: the next may not begin before it."""
        size, end = len(state.text), self._window.end
        while (at := text.find(state.text, at, end)) >= 0:
            state.result.count += 1
            at += size
            state.resume = self._window.base + at

    def _add_matches(self, state: PatternState, starts: list[int]) -> None:
        """Count matches, given as ascending positions."""
        state.result.count += len(starts)
        if self._lines and starts:
            self._lines.add_matches(state, starts)

    def _update_results(self) -> None:
        if self._literal_search:
            self._literal_search.update_results()


def _window(
    source: WindowSource,
    literals: Sequence[Literal],
    options: ScanOptions,
    has_regexes: bool,
    needs_lowercase: bool,
) -> Window:
    file = source.mapped_file()
    size = options.window_bytes or (_READ_BYTES if file is None else _MAPPED_BYTES)
    if needs_lowercase and not options.window_bytes:
        size //= 2  # the window and its lowercase copy share the processor's cache
    sizes = _sizes(literals, size, options.longest_line if has_regexes else 0)
    return ReadWindow(source, sizes) if file is None else MappedWindow(source, sizes, file)


def _sizes(literals: Sequence[Literal], size: int, longest_line: int) -> WindowSizes:
    """Window sizes. `longest_line` is the length at which lines are cut, 0 if any will do."""
    longest = max((len(each.text) for each in literals), default=1)
    longest_spanning = max((len(each.text) for each in literals if each.spans_lines), default=1)
    size, longest_line = min(size, longest_line or size), longest_line or size
    return WindowSizes(size, longest_line, longest_spanning - 1, max(longest, longest_spanning) - 1)
