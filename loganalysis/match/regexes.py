"""Searches a window for regexes with RE2, in linear time for every regex.

There are up to three strategies with the same result. They are timed on the data, and the fastest
is used. A regex whose matches all have one length is searched without RE2, see fixed_length.

    _whole_view           RE2 searches everything
    _lines_with_literal   RE2 searches the lines with a literal that every match contains
    _at_prefixes          RE2 looks at the places of literals that every match begins with

Python's own `re` is no alternative: it can take exponential time.
"""

import itertools
import time
from collections.abc import Callable, Iterator, Sequence

from stringzilla import Str

from loganalysis.match.combinations import CombinationSearch
from loganalysis.match.patterns import MAX_MEMORY, MIN_MEMORY, Combination, Literal, Prepared, Regex
from loganalysis.match.re2_regex import ANYWHERE, AT_START, CompiledRegex
from loganalysis.read.window import Window, WindowPart

TRIAL_BYTES = 1 << 20
"""Each strategy is tried on this many bytes."""

_BATCH_MATCHES = 10_000  # matches in memory at once
_TOTAL_MEMORY = 24 << 20  # bytes for RE2, for all regexes
_NOWHERE = 1 << 62  # find's -1 modulo this is behind every position

Strategy = Callable[[memoryview, Str, int], Iterator[int]]
"""Yields the positions of matches in a view, ascending; `text[offset:]` shows the same bytes."""


class AdaptiveRegex:
    """A compiled regex that is searched by the fastest of its strategies.

    Each strategy is used in turn until all have been tried, and then the fastest.
    """

    needs_lowercase = False
    lowercase: Str | None = None
    """Not used; see CombinationSearch."""

    def __init__(self, pattern: Regex, share: int) -> None:
        """`share` is the number of regexes, which share RE2's memory."""
        self.index, self.folded = pattern.index, pattern.folded
        self._pattern = pattern
        self._regex = CompiledRegex(pattern.source, memory_of(share))
        self._strategies: list[Strategy] = [self._whole_view]
        if pattern.required:
            self._strategies.append(self._lines_with_literal)
        if pattern.prefixes:
            self._strategies.append(self._at_prefixes)
        self._seconds = [0.0] * len(self._strategies)
        self._bytes = [0] * len(self._strategies)
        self._strategy = 0  # the one to use next
        self._undecided = len(self._strategies) > 1

    def search(self, window: Window | WindowPart, text: Str) -> Iterator[list[int]]:
        """Yield the positions of matches in the new bytes of the window, ascending, in batches."""
        started, offset, end = time.thread_time(), window.start, window.end
        if self._pattern.fixed_length:
            yield from self._pattern.fixed_length.starts(text, offset, end)
            return
        found = self._strategies[self._strategy](window.view[offset:end], text, offset)
        while starts := list(itertools.islice(found, _BATCH_MATCHES)):
            yield [at + offset for at in starts]
        if self._undecided:
            self._record(time.thread_time() - started, end - offset)

    def _record(self, seconds: float, size: int) -> None:
        """Record that the current strategy took this long, in CPU seconds, for `size` bytes."""
        self._seconds[self._strategy] += seconds
        self._bytes[self._strategy] += size
        if min(self._bytes) < TRIAL_BYTES:
            self._strategy = self._bytes.index(min(self._bytes))
            return
        rates = [s / n for s, n in zip(self._seconds, self._bytes, strict=True)]
        self._strategy = rates.index(min(rates))
        self._undecided = False

    def _whole_view(self, view: memoryview, text: Str, offset: int) -> Iterator[int]:
        """Search the whole view with RE2."""
        return self._search_between(view, 0, len(view))

    def _search_between(self, view: memoryview, at: int, end: int) -> Iterator[int]:
        match = self._regex.match
        while at < end:
            start, at = match(ANYWHERE, view, at, end)[0]
            if start < 0:
                return
            yield start

    def _lines_with_literal(self, view: memoryview, text: Str, offset: int) -> Iterator[int]:
        """Search the lines that contain the required literal."""
        required, size = self._pattern.required, offset + len(view)
        at = text.find(required, offset, size)
        while at >= 0:
            line_start = text.rfind(b"\n", offset, at) + 1 or offset
            end = text.find(b"\n", at, size)
            end = size if end < 0 else end
            yield from self._search_between(view, line_start - offset, end - offset)
            at = text.find(required, end, size)

    def _at_prefixes(self, view: memoryview, text: Str, offset: int) -> Iterator[int]:
        """Try a match at each occurrence of a prefix."""
        match, length = self._regex.match, len(view)
        prefixes, size, find = self._pattern.prefixes, offset + len(view), text.find
        next_starts = [find(prefix, offset, size) % _NOWHERE for prefix in prefixes]
        while (at := min(next_starts)) < size:
            start, stop = match(AT_START, view, at - offset, length)[0]
            if start >= 0:
                yield start
            resume = at + 1 if start < 0 else stop + offset
            for index, next_start in enumerate(next_starts):
                if next_start < resume:
                    next_starts[index] = find(prefixes[index], resume, size) % _NOWHERE


Search = AdaptiveRegex | CombinationSearch
"""What searches for one pattern; `search` yields positions of matches."""


def adaptive_regexes(patterns: Sequence[Prepared]) -> list[Search]:
    """Compile all regexes and combinations. Scan the parts of a file one after another with the
    same ones, so that each part can use the strategies that were the fastest so far."""
    compiled = [pattern for pattern in patterns if not isinstance(pattern, Literal)]
    share = sum(len(each.members) if isinstance(each, Combination) else 1 for each in compiled)
    memory = memory_of(share)
    return [
        CombinationSearch(each, memory)
        if isinstance(each, Combination)
        else AdaptiveRegex(each, share)
        for each in compiled
    ]


def memory_of(share: int) -> int:
    """Bytes for RE2, for each of so many regexes."""
    return max(min(MAX_MEMORY, _TOTAL_MEMORY // max(share, 1)), MIN_MEMORY)
