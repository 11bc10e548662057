"""Keys: short parts of literals, by which many literals are found at once. Imports nothing of ours.

"connection refused"  ──rarest──▶  offset 8, key "on refused"  ──found──▶  looked at as a whole
"""

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from operator import itemgetter

Places = dict[int, list[int]]
"""Literals, by their number, and where they begin, from left to right."""

Holder = tuple[int, int, bytes]
"""A literal with a key: its number, where the key is in it, and its text if it is longer."""

Hit = tuple[int, int, int]
"""Which key, where it begins and where it ends in a slice."""

_Starts = defaultdict[int, list[int]]  # keys, and where they begin in the view

Inside = tuple[int, int, dict[bytes, list[tuple[int, bytes]]]]
"""What may begin in a key: how far in, and by so many first bytes, which keys and their text."""

GRAM = 4
"""How many bytes at the start of a key the vector search looks at."""

_MANY = 2000  # keys in a slice, with which the next one does not wait
_PLACES = 48  # at a literal's start, and as many at its end, are looked at for a key
_SLICE = 32 << 10  # bytes for each byte of the shortest key; bounds the places in memory at once
_LARGEST_SLICE = 256 << 10


def holders_of(
    texts: Mapping[int, bytes], grams: Counter[bytes], key_bytes: int
) -> dict[bytes, list[Holder]]:
    """The literals by their keys, which are sorted; `grams` of the data tell what is rare."""
    holders: dict[bytes, list[Holder]] = defaultdict(list)
    for number, text in texts.items():
        offset = rarest(text, grams)
        key = text[offset : offset + key_bytes]
        holders[key].append((number, offset, b"" if key == text else text))
    return {key: holders[key] for key in sorted(holders, key=lambda key: (len(key) < GRAM, key))}


class Keys:
    """Some keys, and which literals hold each of them where."""

    def __init__(
        self, holders: Mapping[bytes, list[Holder]], inside: Sequence[list[Inside]] = ()
    ) -> None:
        """`inside` each key: what is to be looked for where it is found; empty for nothing."""
        self._holders = list(holders.values())
        self._inside = inside if any(inside) else ()
        self._longest, shortest = max(map(len, holders)), min(map(len, holders))
        self._step = min(_SLICE * shortest, _LARGEST_SLICE)

    def places(self, view: memoryview, find: Callable[[memoryview], list[Hit]]) -> Iterator[Places]:
        """All literals in the view, each once; `find` tells the keys in a slice, from the left."""
        starts, old, since = _Starts(list), _Starts(list), 0
        for begin in range(0, len(view), self._step):
            low, high = max(begin - self._longest + 1, 0), min(begin + self._step, len(view))
            found = find(view[low:high])
            known = bisect_right(found, begin - low, key=itemgetter(2))
            for key, at, _ in found[:known]:  # these are in the slice before as well
                old[key].append(low + at)
            for key, at, _ in found[known:]:
                starts[key].append(low + at)
            if len(found) > _MANY or high == len(view):
                if self._inside:
                    self._add_hidden(view, (since, high), old, starts)
                yield self._literals(view, starts)
                starts, old, since = _Starts(list), _Starts(list), high

    def _literals(self, view: memoryview, starts: _Starts) -> Places:
        places: Places = {}
        for key, all_at in starts.items():
            for number, offset, text in self._holders[key]:
                begins = [at - offset for at in all_at] if offset else all_at
                if text:
                    begins = [at for at in begins if _is_at(view, at, text)]
                if begins:
                    places[number] = begins
        return places

    def _add_hidden(
        self, view: memoryview, part: tuple[int, int], old: _Starts, starts: _Starts
    ) -> None:
        """Add the keys that begin inside of those found, and end in that part of the view."""
        found = [each for known in (old, starts) for each in known.items()]
        hidden = _Starts(list)
        for key, all_at in found:
            for inside in self._inside[key]:
                _hidden(view, part, all_at, inside, hidden)
        for key, all_at in hidden.items():
            starts[key] = sorted({*starts[key], *all_at})


def _hidden(
    view: memoryview, part: tuple[int, int], all_at: Iterable[int], inside: Inside, hidden: _Starts
) -> None:
    further, size, keys = inside
    since, until = part
    for at in all_at:
        start = at + further
        head = bytes(view[start : start + size])
        if head in keys:
            for key, text in keys[head]:
                end = start + len(text)
                if since < end <= until and view[start:end] == text:
                    hidden[key].append(start)


def _is_at(view: memoryview, start: int, text: bytes) -> bool:
    return start >= 0 and bytes(view[start : start + len(text)]) == text  # else byte by byte


def grams_of(sample: bytes) -> Counter[bytes]:
    """How often each few bytes are in the sample."""
    return Counter(sample[at : at + GRAM] for at in range(len(sample) - GRAM + 1))


def rarest(text: bytes, grams: Counter[bytes]) -> int:
    """Where in the literal its rarest few bytes are."""
    last = max(len(text) - GRAM, 0)
    places: list[int] = [
        *range(min(last, _PLACES) + 1),
        *range(max(_PLACES, last - _PLACES) + 1, last + 1),
    ]
    _, at = min((grams[text[at : at + GRAM]], at) for at in places)
    return at


def inside_each(keys: Sequence[bytes]) -> list[list[Inside]]:
    """For each key, the keys that may begin inside it; those further left come first."""
    starts: dict[bytes, list[int]] = defaultdict(list)
    for index, key in enumerate(keys):
        for size in range(1, min(len(key), GRAM) + 1):
            starts[key[:size]].append(index)
    return [_inside(index, keys, starts) for index in range(len(keys))]


def _inside(index: int, keys: Sequence[bytes], starts: Mapping[bytes, list[int]]) -> list[Inside]:
    inside: list[Inside] = []
    for further in range(len(keys[index])):
        rest = keys[index][further:]
        likely = {*starts.get(rest[:GRAM], ())}
        for size in range(1, min(len(rest), GRAM)):  # keys that end before these few bytes do
            likely.update(i for i in starts.get(rest[:size], ()) if len(keys[i]) == size)
        sizes: dict[int, dict[bytes, list[tuple[int, bytes]]]] = {}
        for other in sorted(likely - {index} if not further else likely):
            text, size = keys[other], min(len(keys[other]), GRAM)
            if text.startswith(rest) or rest.startswith(text):
                sizes.setdefault(size, {}).setdefault(text[:size], []).append((other, text))
        inside += [(further, size, heads) for size, heads in sorted(sizes.items())]
    return inside
