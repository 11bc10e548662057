"""Counts patterns in a stream of bytes of any length.

    Source ──▶ Window ──▶ literals: all at once, in C ────┐
                     └──▶ regexes: RE2, line by line ─────┴▶ Tally, Lines

Counts are those of `str.count`: each pattern for itself, from left to right, not overlapping
itself. A line ends with its newline, and a match counts for the line that it begins in. Literals
are exact in lines of any length; regexes take a line of more than 1 MiB for several.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from runner.analysis.count.lines import LineOptions, Lines, Search
from runner.analysis.count.literals import MultiLiteralSearch
from runner.analysis.count.tally import Partial
from runner.analysis.input.primitives import Text, lower, text_of
from runner.analysis.input.window import MappedWindow, ReadWindow, Sizes, Window, WindowSource
from runner.analysis.match import kernel
from runner.analysis.match.engine_choice import OneRegex, regexes_of
from runner.analysis.match.patterns import Literal, Regex

_READ_BYTES = 1 << 20
_MAPPED_BYTES = 12 << 20  # a mapping costs more than a read, and its bytes less
LONGEST_LINE = 1 << 20


@dataclass(frozen=True)
class Options:
    """What is wanted besides counts (`lines` is None for nothing), and the sizes, in bytes.

    Windows of no given size (0) have the one that suits the patterns and the source.
    """

    lines: LineOptions | None = None
    window_bytes: int = 0
    longest_line: int = LONGEST_LINE


class Scanner:
    """Call `scan` until it is False, then ask for the `partial`."""

    def __init__(
        self,
        patterns: Sequence[Literal | Regex],
        options: Options,
        source: WindowSource,
        regexes: Sequence[OneRegex] | None = None,
    ) -> None:
        """The results have the order of the patterns. Nothing of the source may be read yet.

        `regexes`: those of the patterns, if they have been searched for before.
        """
        literals = [pattern for pattern in patterns if isinstance(pattern, Literal)]
        self._regexes = regexes_of(patterns) if regexes is None else regexes
        at_once = literals if kernel.available() else []
        self._single = [] if at_once else literals
        apart: list[Literal | OneRegex] = [*self._single, *self._regexes]
        self._folds = any(each.folded for each in apart)
        self._window = _window(source, literals, options, bool(self._regexes), self._folds)
        self._lines = None if options.lines is None else Lines(self._window, options.lines)
        self._searches = [Search(pattern) for pattern in patterns]
        self._folded = bytearray(self._window.most if self._folds else 1)
        self._folded_text = text_of(self._folded)
        self._at_once: MultiLiteralSearch | None = None
        if at_once:
            searches = [self._searches[each.index] for each in at_once]
            self._at_once = MultiLiteralSearch(at_once, searches, self._lines)

    @property
    def partial(self) -> Partial:
        """What was found, once all was scanned."""
        self._take()
        tallies = [search.tally for search in self._searches]
        return Partial(tallies, self.bytes, self._lines.count if self._lines else 0)

    @property
    def bytes(self) -> int:
        """How many were scanned."""
        return self._window.base + self._window.end

    @property
    def counts(self) -> list[int]:
        """How often each pattern was found so far."""
        self._take()
        return [search.tally.count for search in self._searches]

    def scan(self) -> bool:
        """Read and scan the next window; False, and nothing done, at the end of the source."""
        window = self._window
        if not window.advance():
            window.pass_on()
            return False
        if self._lines:
            self._lines.begin(self._searches)
        if self._folds:
            lower(window.view[: window.end], memoryview(self._folded)[: window.end])
        self._search()
        window.pass_on(self._at_once is not None and self._at_once.ascii)
        if self._lines:
            self._lines.end(self._at_once.newlines if self._at_once else None)
        return True

    def _search(self) -> None:
        if self._at_once:
            self._at_once.search(self._window)
        for literal in self._single:
            self._search_one(literal)
        for regex in self._regexes:
            for starts in regex.search(self._window, self._text(regex.folded)):
                self._begun(self._searches[regex.index], starts)

    def _text(self, folded: bool) -> Text:
        return self._folded_text if folded else self._window.text

    def _search_one(self, literal: Literal) -> None:
        search, window = self._searches[literal.index], self._window
        text, what = self._text(literal.folded), literal.text
        low = max(window.start - len(what) + 1, 0)
        if search.overlaps:
            low = max(low, search.resume - window.base)
        if self._lines:
            self._lines.split(search, text, low)
        elif search.overlaps and (low or window.cut or literal.spans_lines):
            self._count_each(search, text, low)
        else:
            search.tally.count += text.count(what, low, window.end)

    def _count_each(self, search: Search, text: Text, at: int) -> None:
        """Count, and keep where the last match ends; another may not begin before."""
        size, end = len(search.text), self._window.end
        while (at := text.find(search.text, at, end)) >= 0:
            search.tally.count += 1
            at += size
            search.resume = self._window.base + at

    def _begun(self, search: Search, starts: list[int]) -> None:
        """Count matches, from left to right."""
        search.tally.count += len(starts)
        if self._lines and starts:
            self._lines.begun(search, starts)

    def _take(self) -> None:
        if self._at_once:
            self._at_once.take()


def _window(
    source: WindowSource, literals: Sequence[Literal], options: Options, regexes: bool, folds: bool
) -> Window:
    file = source.mapped()
    size = options.window_bytes or (_READ_BYTES if file is None else _MAPPED_BYTES)
    if folds and not options.window_bytes:
        size //= 2  # the window and its copy in lower case share the cache
    sizes = _sizes(literals, size, options.longest_line if regexes else 0)
    return ReadWindow(source, sizes) if file is None else MappedWindow(source, sizes, file)


def _sizes(literals: Sequence[Literal], size: int, longest_line: int) -> Sizes:
    """`longest_line`: where lines are to be cut, wherever they lie; 0 if that does not matter."""
    longest = max((len(each.text) for each in literals), default=1)
    spanning = max((len(each.text) for each in literals if each.spans_lines), default=1)
    size, longest_line = min(size, longest_line or size), longest_line or size
    return Sizes(size, longest_line, spanning - 1, max(longest, spanning) - 1)
