"""Many literals in one pass, by Aho-Corasick or the vector search that comes with it (Teddy).

    window ──slices──▶ engine ──▶ places of keys ──verify──▶ (literal, where it begins)

A key is a short part of a literal that is rare in the data. Two ways, which find the same, and of
which the scanner takes the faster on the data at hand:

  AllAtOnce  one automaton that reports every key, at some 0.5 GB/s for 1 or 1000 of them
  InGroups   up to 60 keys at a time, at some 7 GB/s while keys are rare. This one reports only
             keys that do not overlap; which others may begin inside a key is known beforehand,
             and looked at.
"""

import itertools
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache, partial
from importlib import import_module
from typing import Any

from runner.analysis.keys import Holder, Keys, Places, grams_of, holders_of, inside_each
from runner.analysis.patterns import Literal

try:
    ahocorasick_rs: Any = import_module("ahocorasick_rs")
except ImportError:  # no wheel for this platform
    ahocorasick_rs = None

Find = Callable[[memoryview], Iterable[Places]]
"""Searches a view: finds all places once, also those that overlap."""

GROUP = 60
"""Keys; with the decoys, as many as Teddy takes."""

# Where all keys begin with one of three bytes, or hold one of three that are thought to be rare,
# the library looks for those bytes rather than use Teddy, and is 15 times as slow if they are
# frequent. Decoys have bytes of their own; UTF-8 has none of them, so that no pattern overlaps one.
_DECOYS = [bytes([byte]) * 4 for byte in (0xF8, 0xF9, 0xFA, 0xFB)]
_SHORT_KEY, _LONG_KEY = 12, 24


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
    for found in find(memoryview(data)):
        for index, starts in found.items():
            places[index] += starts
    return places


class Plain:
    """One search after another; slow, and needs nothing but Python."""

    def __init__(self, texts: Mapping[int, bytes]) -> None:
        self._texts = texts

    def __call__(self, view: memoryview) -> Iterator[Places]:
        """See `Find`."""
        data = bytes(view)
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
        holders = holders_of(texts, grams_of(sample), _SHORT_KEY)
        self._keys = Keys(holders)
        kind = ahocorasick_rs.Implementation.DFA
        engine = ahocorasick_rs.BytesAhoCorasick(list(holders), implementation=kind)
        self._find = partial(engine.find_matches_as_indexes, overlapping=True)

    def __call__(self, view: memoryview) -> Iterator[Places]:
        """See `Find`."""
        return self._keys.places(view, self._find)


class InGroups:
    """Literals in groups, by the vector search."""

    def __init__(self, texts: Mapping[int, bytes], sample: bytes) -> None:
        """`sample` tells what is rare in the data."""
        holders = holders_of(texts, grams_of(sample), _LONG_KEY)
        keys = list(holders)
        parts = [keys[at : at + GROUP] for at in range(0, len(keys), GROUP)]
        self._groups = [_Group({key: holders[key] for key in part}) for part in parts]

    def __call__(self, view: memoryview) -> Iterator[Places]:
        """See `Find`."""
        for group in self._groups:
            yield from group(view)


class _Group:
    def __init__(self, holders: Mapping[bytes, list[Holder]]) -> None:
        keys = in_buckets([*holders, *_DECOYS])
        kind = ahocorasick_rs.MatchKind.LeftmostFirst
        engine = ahocorasick_rs.BytesAhoCorasick(keys, matchkind=kind)
        self._find = engine.find_matches_as_indexes
        inside = inside_each([b"" if key in _DECOYS else key for key in keys])
        self._keys = Keys({key: holders.get(key, []) for key in keys}, inside)

    def __call__(self, view: memoryview) -> Iterator[Places]:
        return self._keys.places(view, self._find)


def in_buckets(keys: Sequence[bytes]) -> list[bytes]:
    """Sorted keys, in an order that puts neighbours into the same of Teddy's buckets.

    Teddy deals keys out to its buckets, in turn, and looks closer wherever all first bytes of one
    bucket's keys are found in any mixture; the more alike they are, the rarer.
    """
    buckets = 8 if len(keys) <= 32 else 16
    size, more = divmod(len(keys), buckets)
    ends = [size * number + min(number, more) for number in range(buckets + 1)]
    parts = [keys[start:end] for start, end in itertools.pairwise(ends)]
    return [part[row] for row in range(size + 1) for part in parts if row < len(part)]


def deeply_nested(literals: Sequence[Literal]) -> list[Literal]:
    """The literals that end with more than two others; they would fill the memory with places."""
    texts = {literal.text for literal in literals}
    sizes = sorted({len(text) for text in texts})

    def ends(text: bytes) -> int:
        """How many others it ends with, of those not much shorter."""
        among = sizes[bisect_right(sizes, len(text) - 64) : bisect_left(sizes, len(text))]
        return sum(text[-size:] in texts for size in among)

    return [literal for literal in literals if ends(literal.text) > 2]
