"""Searches a window for regexes with RE2, in linear time for every regex.

RegexSearch has up to three strategies with the same result. A regex whose matches all have one
length has a strategy of its own, see fixed_length. AdaptiveRegex times them on the data, and then
uses the fastest:

    whole_view           RE2 searches everything
    lines_with_literal   RE2 searches the lines with a literal that every match contains
    at_prefixes          RE2 looks at the places of literals that every match begins with

Python's own `re` is no alternative: it can take exponential time.
"""

import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial

from stringzilla import Str

from runner.analysis.input.window import Window
from runner.analysis.match.fixed_length import FixedLengthRegex
from runner.analysis.match.patterns import MAX_MEMORY, MIN_MEMORY, Literal, Regex
from runner.analysis.match.re2_regex import ANYWHERE, AT_START, CompiledRegex

TRIAL_BYTES = 1 << 20
"""Each strategy is tried on this many bytes."""

_BATCH_MATCHES = 10_000  # matches in memory at once
_TOTAL_MEMORY = 24 << 20  # bytes for RE2, for all regexes
_NOWHERE = 1 << 62  # find's -1 modulo this is behind every position

Strategy = Callable[[memoryview, Str, int], Iterator[int]]
"""Yields the positions of matches in a view, ascending; `text[offset:]` shows the same bytes."""


class RegexSearch:
    """One regex, searched in views of whole lines by several strategies."""

    def __init__(
        self, source: str, prefixes: Sequence[bytes], required: bytes, regexes: int
    ) -> None:
        """For the arguments see `Regex`. RE2's memory is shared by `regexes` regexes."""
        memory = max(min(MAX_MEMORY, _TOTAL_MEMORY // regexes), MIN_MEMORY)
        self._regex = CompiledRegex(source, memory)
        self._prefixes, self._required = prefixes, required
        self.strategies: list[Strategy] = [self.whole_view]
        if required:
            self.strategies.append(self.lines_with_literal)
        if prefixes:
            self.strategies.append(self.at_prefixes)

    def whole_view(self, view: memoryview, text: Str, offset: int) -> Iterator[int]:
        """Search the whole view with RE2."""
        return self._search_between(view, 0, len(view))

    def _search_between(self, view: memoryview, at: int, end: int) -> Iterator[int]:
        match = self._regex.match
        while at < end:
            start, at = match(ANYWHERE, view, at, end)[0]
            if start < 0:
                return
            yield start

    def lines_with_literal(self, view: memoryview, text: Str, offset: int) -> Iterator[int]:
        """Search the lines that contain the required literal."""
        required, size = self._required, offset + len(view)
        at = text.find(required, offset, size)
        while at >= 0:
            line_start = text.rfind(b"\n", offset, at) + 1 or offset
            end = text.find(b"\n", at, size)
            end = size if end < 0 else end
            yield from self._search_between(view, line_start - offset, end - offset)
            at = text.find(required, end, size)

    def at_prefixes(self, view: memoryview, text: Str, offset: int) -> Iterator[int]:
        """Try a match at each occurrence of a prefix."""
        match, length = self._regex.match, len(view)
        prefixes, size, find = self._prefixes, offset + len(view), text.find
        next_starts = [find(prefix, offset, size) % _NOWHERE for prefix in prefixes]
        while (at := min(next_starts)) < size:
            start, stop = match(AT_START, view, at - offset, length)[0]
            if start >= 0:
                yield start
            resume = at + 1 if start < 0 else stop + offset
            for index, next_start in enumerate(next_starts):
                if next_start < resume:
                    next_starts[index] = find(prefixes[index], resume, size) % _NOWHERE


class StrategyChoice:
    """The strategy to use next: each in turn until all have been tried, then the fastest."""

    def __init__(self, strategies: int) -> None:
        self._seconds = [0.0] * strategies
        self._bytes = [0] * strategies
        self._undecided = strategies > 1
        self.strategy = 0

    def record(self, seconds: float, size: int) -> None:
        """Record that the current strategy took this long, in CPU seconds, for `size` bytes."""
        if not self._undecided:
            return
        self._seconds[self.strategy] += seconds
        self._bytes[self.strategy] += size
        if min(self._bytes) < TRIAL_BYTES:
            self.strategy = self._bytes.index(min(self._bytes))
            return
        rates = [s / n for s, n in zip(self._seconds, self._bytes, strict=True)]
        self.strategy = rates.index(min(rates))
        self._undecided = False


class AdaptiveRegex:
    """A compiled regex that is searched by the fastest of its strategies."""

    def __init__(self, regex: Regex, share: int) -> None:
        """`share` is the number of regexes, which share RE2's memory."""
        self.index, self.folded = regex.index, regex.folded
        search = RegexSearch(regex.source, regex.prefixes, regex.required, share)
        self._strategies = [partial(_batches, strategy) for strategy in search.strategies]
        if regex.fixed_length:
            self._strategies = [partial(_fixed_length_matches, regex.fixed_length)]
        self._choice = StrategyChoice(len(self._strategies))

    def search(self, window: Window, text: Str) -> Iterator[list[int]]:
        """Yield the positions of matches in the new bytes of the window, ascending, in batches."""
        started = time.thread_time()
        yield from self._strategies[self._choice.strategy](window, text)
        self._choice.record(time.thread_time() - started, window.end - window.start)


def adaptive_regexes(patterns: Sequence[Literal | Regex]) -> list[AdaptiveRegex]:
    """Compile all regexes. Scan the parts of a file one after another with the same ones, so that
    each part can use the strategies that were the fastest so far."""
    regexes = [pattern for pattern in patterns if isinstance(pattern, Regex)]
    return [AdaptiveRegex(regex, len(regexes)) for regex in regexes]


def _batches(strategy: Strategy, window: Window, text: Str) -> Iterator[list[int]]:
    offset = window.start
    found = strategy(window.view[offset : window.end], text, offset)
    while starts := list(itertools.islice(found, _BATCH_MATCHES)):
        yield [at + offset for at in starts]


def _fixed_length_matches(
    regex: FixedLengthRegex, window: Window, text: Str
) -> Iterator[list[int]]:
    return regex.starts(text, window.start, window.end)
