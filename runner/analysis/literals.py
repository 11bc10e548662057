"""Many literals in one pass, by Aho-Corasick or the vector search that comes with it (Teddy).

    window ──slices──▶ engine ──▶ places of keys ──verify──▶ (literal, where it begins)

A key is a short part of a literal that is rare in the data. Two ways, which find the same, and of
which the scanner takes the faster on the data at hand:

  AllAtOnce  one automaton that reports every key, at some 0.5 GB/s for 1 or 1000 of them
  InGroups   up to 48 keys at a time, at several GB/s while keys are rare. This one reports only
             keys that do not overlap; which others may begin inside a key is known beforehand,
             and looked at.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from importlib import import_module
from typing import Any

from runner.analysis.keys import Keys, Places, grams_of, inside_each
from runner.analysis.patterns import Literal

try:
    ahocorasick_rs: Any = import_module("ahocorasick_rs")
except ImportError:  # no wheel for this platform
    ahocorasick_rs = None

Find = Callable[[memoryview, int], Iterable[Places]]
"""Searches the first bytes of a buffer: finds all places once, also those that overlap."""

GROUP = 48
_MANY = 2000  # places in a slice, with which the next one does not wait


@cache
def available() -> bool:
    """Whether ahocorasick_rs is here and passes its test; asked once a process, some 0.3 ms."""
    if ahocorasick_rs is None:
        return False
    texts = dict(enumerate([b"ab", b"abab", b"b\x00a", b"\xff", b"aa", b"zz" * 6]))
    data = b"abababaa\x00b\x00a" + b"aaa\xff\xffz" * 9 + b"z" * 14
    wanted = _together(Plain(texts), data)
    try:
        return all(
            _together(way, data) == wanted
            for way in (AllAtOnce(texts, data), InGroups(texts, data))
        )
    except Exception:  # whatever it is, it is not fit
        return False


def _together(find: Find, data: bytes) -> Places:
    places: Places = defaultdict(list)
    for found in find(memoryview(data), len(data)):
        for index, starts in found.items():
            places[index] += starts
    return places


class Plain:
    """One search after another; slow, and needs nothing but Python."""

    def __init__(self, texts: Mapping[int, bytes]) -> None:
        self._texts = texts

    def __call__(self, buffer: memoryview, size: int) -> Iterator[Places]:
        """See `Find`."""
        data = bytes(buffer[:size])
        for number, text in self._texts.items():
            starts, at = [], data.find(text)
            while at >= 0:
                starts.append(at)
                at = data.find(text, at + 1)
            if starts:
                yield {number: starts}


class AllAtOnce:
    """All literals with one automaton."""

    def __init__(self, texts: Mapping[int, bytes], sample: bytes) -> None:
        """`sample` tells what is rare in the data."""
        self._keys = Keys(texts, grams_of(sample))
        kind = ahocorasick_rs.Implementation.DFA
        engine = ahocorasick_rs.BytesAhoCorasick(self._keys.keys, implementation=kind)
        self._find = engine.find_matches_as_indexes

    def __call__(self, buffer: memoryview, size: int) -> Iterator[Places]:
        """See `Find`."""
        places: Places = defaultdict(list)
        for low, high in self._keys.slices(size):
            found = self._find(buffer[low:high], overlapping=True)
            self._keys.look_at(buffer, size, low, found, places)
            if len(found) > _MANY:
                yield places
                places = defaultdict(list)
        yield places


class InGroups:
    """Literals in groups, by the vector search."""

    def __init__(self, texts: Mapping[int, bytes], sample: bytes) -> None:
        """`sample` tells what is rare in the data."""
        grams, numbers = grams_of(sample), list(texts)
        size = -(-len(numbers) // -(-len(numbers) // GROUP))
        chosen = (numbers[at : at + size] for at in range(0, len(numbers), size))
        self._groups = [_Group({n: texts[n] for n in group}, grams) for group in chosen]

    def __call__(self, buffer: memoryview, size: int) -> Iterator[Places]:
        """See `Find`."""
        for group in self._groups:
            yield from group(buffer, size)


class _Group:
    def __init__(self, texts: Mapping[int, bytes], grams: Counter[bytes]) -> None:
        self._keys = Keys(texts, grams)
        kind = ahocorasick_rs.MatchKind.LeftmostFirst
        engine = ahocorasick_rs.BytesAhoCorasick(self._keys.keys, matchkind=kind)
        self._find = engine.find_matches_as_indexes
        self._inside = inside_each(self._keys.keys)
        self._overlap = any(self._inside)

    def __call__(self, buffer: memoryview, size: int) -> Iterator[Places]:
        places: Places = defaultdict(list)
        for low, high in self._keys.slices(size):
            view = buffer[low:high]
            found = self._find(view)
            hits = self._with_hidden(view, found) if self._overlap else found
            self._keys.look_at(buffer, size, low, hits, places)
            if len(found) > _MANY:
                yield places
                places = defaultdict(list)
        yield places

    def _with_hidden(
        self, view: memoryview, found: Iterable[tuple[int, int, int]]
    ) -> Iterator[tuple[int, int, int]]:
        for key, start, stop in found:
            yield key, start, stop
            for further, other, text in self._inside[key]:
                begin, end = start + further, start + further + len(text)
                if view[begin:end] == text:
                    yield other, begin, end


def deeply_nested(literals: Sequence[Literal]) -> list[Literal]:
    """The literals that end with more than two others; they would fill the memory with places."""
    texts = {literal.text for literal in literals}
    return [
        literal
        for literal in literals
        if sum(literal.text[at:] in texts for at in range(1, min(len(literal.text), 64))) > 2
    ]
