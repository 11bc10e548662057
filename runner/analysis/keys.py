"""Keys: short parts of literals, by which many literals are found at once. Imports nothing of ours.

"connection refused"  ──rarest──▶  offset 11, key "refused"  ──found──▶  looked at as a whole
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

Places = dict[int, list[int]]
"""Literals, by their index in the list, and where they begin, from left to right."""

KEY_BYTES = 12
GRAM = 4
"""How many bytes at the start of a key the vector search looks at."""

_PLACES = 48  # at a literal's start, and as many at its end, are looked at for a key
_SLICE = 32 << 10  # bytes; bounds how many places are in memory at once


class Keys:
    """Keys of some literals, and which literals hold each of them where."""

    def __init__(self, texts: Mapping[int, bytes], grams: Counter[bytes]) -> None:
        """`texts` by the numbers that are reported, `grams` of the data."""
        self._holders: list[list[tuple[int, int, bytes]]] = []
        known: dict[bytes, int] = {}
        for number, text in texts.items():
            offset = rarest(text, grams)
            key = text[offset : offset + KEY_BYTES]
            if known.setdefault(key, len(known)) == len(self._holders):
                self._holders.append([])
            rest = b"" if key == text else text  # nothing more to look at where all is the key
            self._holders[known[key]].append((number, offset, rest))
        self.keys = list(known)
        self._longest = max(map(len, self.keys))

    def slices(self, size: int) -> Iterator[tuple[int, int]]:
        """Slices of a buffer, such that each place of a key lies in one at least."""
        for at in range(0, size, _SLICE):
            yield max(at - self._longest + 1, 0), min(at + _SLICE, size)

    def look_at(
        self,
        buffer: memoryview,
        size: int,
        low: int,
        found: Iterable[tuple[int, int, int]],
        places: Places,
    ) -> None:
        """Add the literals at keys (which, start, end) in the slice from `low`, each once."""
        before = self._longest - 1 if low else 0  # keys that end here were in the slice before
        holders = self._holders
        for key, at, end in found:
            if end <= before:
                continue
            for number, offset, text in holders[key]:
                start = low + at - offset
                if not text or _is_at(buffer, size, start, text):
                    places[number].append(start)


def _is_at(buffer: memoryview, size: int, start: int, text: bytes) -> bool:
    end = start + len(text)
    return start >= 0 and end <= size and bytes(buffer[start:end]) == text  # else byte by byte


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


def inside_each(keys: Sequence[bytes]) -> list[list[tuple[int, int, bytes]]]:
    """For each key, the keys that may begin inside it: how far in, and which."""
    starts: dict[bytes, list[int]] = defaultdict(list)
    for index, key in enumerate(keys):
        for size in range(1, len(key) + 1):
            starts[key[:size]].append(index)
    inside: list[list[tuple[int, int, bytes]]] = []
    for index, key in enumerate(keys):
        found: list[tuple[int, int, bytes]] = []
        for further in range(len(key)):
            rest = key[further:]
            others = {i for i in starts.get(rest, ()) if (further, i) != (0, index)}
            for size in range(1, len(rest)):  # keys that end before this one does
                others.update(i for i in starts.get(rest[:size], ()) if len(keys[i]) == size)
            found += [(further, other, keys[other]) for other in sorted(others)]
        inside.append(found)
    return inside
