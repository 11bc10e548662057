"""Chooses the fastest of several search strategies for a regex, by timing them on the data."""

import itertools
import time
from collections.abc import Iterator, Sequence
from functools import partial

from runner.analysis.input.primitives import Text
from runner.analysis.input.window import Window
from runner.analysis.match.fixed_length import FixedLengthRegex
from runner.analysis.match.patterns import Literal, Regex
from runner.analysis.match.regexes import RegexSearch, Strategy

TRIAL_BYTES = 1 << 20
"""Each strategy is tried on this many bytes."""

_BATCH_MATCHES = 10_000  # matches in memory at once


class EngineChoice:
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
        self._choice = EngineChoice(len(self._strategies))

    def search(self, window: Window, text: Text) -> Iterator[list[int]]:
        """Yield the positions of matches in the new bytes of the window, ascending, in batches."""
        started = time.thread_time()
        yield from self._strategies[self._choice.strategy](window, text)
        self._choice.record(time.thread_time() - started, window.end - window.start)


def adaptive_regexes(patterns: Sequence[Literal | Regex]) -> list[AdaptiveRegex]:
    """Compile all regexes. Scan the parts of a file one after another with the same ones, so that
    each part can use the strategies that were the fastest so far."""
    regexes = [pattern for pattern in patterns if isinstance(pattern, Regex)]
    return [AdaptiveRegex(regex, len(regexes)) for regex in regexes]


def _batches(strategy: Strategy, window: Window, text: Text) -> Iterator[list[int]]:
    offset = window.start
    found = strategy(window.view[offset : window.end], text, offset)
    while starts := list(itertools.islice(found, _BATCH_MATCHES)):
        yield [at + offset for at in starts]


def _fixed_length_matches(
    regex: FixedLengthRegex, window: Window, text: Text
) -> Iterator[list[int]]:
    return regex.starts(text, window.start, window.end)
