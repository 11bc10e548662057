"""Takes the faster of several ways to find the same, by timing them on the data at hand."""

import itertools
import time
from collections.abc import Iterator, Sequence
from functools import partial

from runner.analysis import literals as engines
from runner.analysis.fixed import Fixed
from runner.analysis.patterns import Literal, Regex
from runner.analysis.primitives import Text
from runner.analysis.regexes import RegexSearch, Way
from runner.analysis.window import Window

TRIAL_BYTES = 1 << 20
"""How much each way is tried on."""

_FREQUENT = 150  # places per MB, above which a search of its own is faster
_SETTLE_BYTES = 1 << 20  # before it is said which literals are frequent
_TOO_FEW = 3  # literals that are not worth an engine for many
_GROUPED = 10 * engines.GROUP  # literals; with more, groups are slower
_SMALL = 4 << 10  # bytes of a window that are searched before an engine is built
_SAMPLE = 16 << 10  # bytes of the data, to see what is rare in it
_BATCH = 10_000  # places in memory at once


class Choice:
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
        self._choice = Choice(len(self._ways))

    def search(self, window: Window, text: Text) -> Iterator[list[int]]:
        """Where matches begin in the new bytes of the window, from left to right."""
        began = time.thread_time()
        yield from self._ways[self._choice.way](window, text)
        self._choice.note(time.thread_time() - began, window.end - window.start)


def _in_batches(way: Way, window: Window, text: Text) -> Iterator[list[int]]:
    offset = window.start
    found = way(window.view[offset : window.end], text, offset)
    while starts := list(itertools.islice(found, _BATCH)):
        yield [at + offset for at in starts]


def _near_key(fixed: Fixed, window: Window, text: Text) -> Iterator[list[int]]:
    return fixed.starts(text, window.start, window.end)


class ManyLiterals:
    """Literals that are searched for at once; those found often are given away."""

    def __init__(self, literals: Sequence[Literal]) -> None:
        """All of them folded, or none."""
        nested = {each.index for each in engines.deeply_nested(literals)}
        self.folded = literals[0].folded
        self.literals = [each for each in literals if each.index not in nested]
        self.settled = False
        self._ways: list[engines.Find] = []
        self._choice = Choice(1)

    def search(self, view: memoryview, window: Window) -> Iterator[dict[int, list[int]]]:
        """Where each pattern (by its index) is in the window's bytes, old ones included."""
        if not self.literals:
            return
        data = view[: window.end]
        if not self._ways and window.end <= _SMALL:
            yield from engines.Plain({each.index: each.text for each in self.literals})(data)
            return
        if not self._ways:
            self._build(bytes(data[:_SAMPLE]))
        began = time.thread_time()
        yield from self._ways[self._choice.way](data)
        self._choice.note(time.thread_time() - began, window.end - window.start)

    def give_away(self, counts: Sequence[int], scanned: int) -> list[Literal]:
        """Once enough is scanned: the literals that are to be searched for one by one."""
        if scanned < _SETTLE_BYTES:
            return []
        self.settled = True
        limit = _FREQUENT * scanned / 1e6
        rare = [each for each in self.literals if counts[each.index] <= limit]
        rare = rare if len(rare) > _TOO_FEW else []
        given = [each for each in self.literals if each not in rare]
        self.literals, self._ways = rare, []
        return given

    def _build(self, sample: bytes) -> None:
        texts = {each.index: each.text for each in self.literals}
        if not engines.available():
            self._ways = [engines.Plain(texts)]
        else:
            grouped = len(texts) <= _GROUPED
            self._ways = [engines.InGroups(texts, sample)] if grouped else []
            if self.settled or not grouped:
                self._ways.append(engines.AllAtOnce(texts, sample))
        self._choice = Choice(len(self._ways))
