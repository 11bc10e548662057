"""Takes the faster of several ways to find a regex, by timing them on the data at hand."""

import itertools
import time
from collections.abc import Iterator, Sequence
from functools import partial

from runner.analysis.input.primitives import Text
from runner.analysis.input.window import Window
from runner.analysis.match.fixed_length import FixedLengthRegex
from runner.analysis.match.patterns import Literal, Regex
from runner.analysis.match.regexes import RegexSearch, Way

TRIAL_BYTES = 1 << 20
"""How much each way is tried on."""

_BATCH = 10_000  # places in memory at once


class EngineChoice:
    """Which of some ways to take next: each in turn until all are tried, then the fastest."""

    def __init__(self, ways: int) -> None:
        self._seconds = [0.0] * ways
        self._bytes = [0] * ways
        self._open = ways > 1
        self.way = 0

    def note(self, seconds: float, size: int) -> None:
        """The present way took this long, in CPU seconds, for so many bytes."""
        if not self._open:
            return
        self._seconds[self.way] += seconds
        self._bytes[self.way] += size
        if min(self._bytes) < TRIAL_BYTES:
            self.way = self._bytes.index(min(self._bytes))
            return
        rates = [s / n for s, n in zip(self._seconds, self._bytes, strict=True)]
        self.way = rates.index(min(rates))
        self._open = False


class OneRegex:
    """A regex, searched everywhere or near a literal that it needs."""

    def __init__(self, regex: Regex, share: int) -> None:
        """`share`: how many regexes there are."""
        self.index, self.folded = regex.index, regex.folded
        search = RegexSearch(regex.source, regex.begins, regex.inside, share)
        self._ways = [partial(_in_batches, way) for way in search.ways]
        if regex.fixed:
            self._ways = [partial(_near_key, regex.fixed)]
        self._choice = EngineChoice(len(self._ways))

    def search(self, window: Window, text: Text) -> Iterator[list[int]]:
        """Where matches begin in the new bytes of the window, from left to right."""
        began = time.thread_time()
        yield from self._ways[self._choice.way](window, text)
        self._choice.note(time.thread_time() - began, window.end - window.start)


def regexes_of(patterns: Sequence[Literal | Regex]) -> list[OneRegex]:
    """All regexes, to be searched for in one part of a file after the other: what was learned of
    the data in one is of use in the next."""
    regexes = [pattern for pattern in patterns if isinstance(pattern, Regex)]
    return [OneRegex(regex, len(regexes)) for regex in regexes]


def _in_batches(way: Way, window: Window, text: Text) -> Iterator[list[int]]:
    offset = window.start
    found = way(window.view[offset : window.end], text, offset)
    while starts := list(itertools.islice(found, _BATCH)):
        yield [at + offset for at in starts]


def _near_key(fixed: FixedLengthRegex, window: Window, text: Text) -> Iterator[list[int]]:
    return fixed.starts(text, window.start, window.end)
