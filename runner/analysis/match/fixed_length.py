r"""Regexes of which all matches have one length: found by a literal in them, checked in bulk.

    user\d{4} logged in   ──▶  sets of bytes   u s e r 0-9 0-9 0-9 0-9 ␣ l o g g e d ␣ i n
                               the key                                 └──── searched for ───┘

What is around all places of the key is joined, and looked at column by column: what is the 5th byte
of each? That is a few calls for thousands of places, rather than one of RE2 for each. A repeat at
the end may go on as long as it likes, if no match can begin in it.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import compress, groupby
from typing import Any

from runner.analysis.input.primitives import Text, splits, starts_of
from runner.analysis.match.regex_text import TOKEN

ByteSet = frozenset[int]

_MAX_BYTES = 64
_LEAST_KEY = 2
_DIGITS = b"0123456789"
_WORD = _DIGITS + b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_"
_CLASSES = {"\\d": ByteSet(_DIGITS), "\\w": ByteSet(_WORD), "\\s": ByteSet(b"\t\f\r ")}
_ITEM = re.compile(r"(\\[dws])|(\\[^\w\s]|[^\\\[])(?:-(\\[^\w\s]|[^\\\[\]]))?", re.ASCII)


@dataclass(frozen=True)
class FixedLengthRegex:
    """The bytes that may be at each place of a match, and the part of it that is searched for."""

    sets: tuple[ByteSet, ...]
    key: bytes
    key_at: int
    overlaps: bool  # whether a match may begin inside another one

    def starts(self, text: Text, at: int, end: int) -> Iterator[list[int]]:
        """Where matches begin in a part of the text, many at a time, from left to right."""
        resume, last = at, end - len(self.sets)
        for pieces, since in splits(text, self.key, at, end):
            keys = starts_of(pieces, since, len(self.key))
            likely = [start for key in keys if resume <= (start := key - self.key_at) <= last]
            if found := self._checked(text, likely):
                resume = found[-1] + len(self.sets)
                yield found

    def _checked(self, text: Text, starts: list[int]) -> list[int]:
        flags = everywhere = int.from_bytes(b"\1" * len(starts), "big")
        after = self.key_at + len(self.key)
        for low, high in ((0, self.key_at), (after, len(self.sets))):
            if low < high:
                rows: list[Any] = [text[at + low : at + high] for at in starts]
                flags = _all_in(self.sets[low:high], b"".join(rows), flags)
        if flags != everywhere:
            starts = list(compress(starts, flags.to_bytes(len(starts), "big")))
        return _apart(starts, len(self.sets)) if self.overlaps else starts


def _all_in(sets: tuple[ByteSet, ...], joined: bytes, flags: int) -> int:
    """Those of the flags (one a row, each a byte) whose row has each byte in its set."""
    for column, allowed in enumerate(sets):
        found = joined[column :: len(sets)].translate(_table(allowed))
        flags &= int.from_bytes(found, "big")
    return flags


@cache
def _table(allowed: ByteSet) -> bytes:
    return bytes(byte in allowed for byte in range(256))


def _apart(starts: list[int], size: int) -> list[int]:
    apart, resume = [], 0
    for at in starts:
        if at >= resume:
            apart.append(at)
            resume = at + size
    return apart


def fixed(text: str) -> FixedLengthRegex | None:
    """A regex that minds case, if all its matches have one length and a literal in them."""
    atoms = _atoms(text)
    sets = tuple(allowed for atom in atoms for allowed in atom)
    if not 0 < len(sets) <= _MAX_BYTES:
        return None
    keys = [(key, at) for key, at in _literals(sets) if not _overlaps(_singles(key))]
    key, key_at = max(keys, key=lambda found: len(found[0]), default=(b"", 0))
    return FixedLengthRegex(sets, key, key_at, _overlaps(sets)) if len(key) >= _LEAST_KEY else None


def _atoms(text: str) -> list[list[ByteSet]]:
    """What follows upon another in a regex, each as sets of bytes; [] if it is not that plain."""
    atoms: list[list[ByteSet]] = []
    tokens = list(TOKEN.finditer(text))
    for number, token in enumerate(tokens):
        kind, sign = token.lastgroup, token.group()
        if kind == "optional" and atoms and (times := re.fullmatch(r"\{([1-9]\d?)\}", sign)):
            atoms[-1] *= int(times[1])
        elif kind == "plus" and number == len(tokens) - 1 and _ends_in_repeat(atoms):
            pass
        elif atom := _atom(kind, sign):
            atoms.append(atom)
        else:
            return []
    return atoms


def _ends_in_repeat(atoms: list[list[ByteSet]]) -> bool:
    """Whether the last atom may be repeated, and no match begin in what is repeated."""
    return len(atoms) > 1 and len(atoms[-1]) == 1 and atoms[-1][0].isdisjoint(atoms[0][0])


def _atom(kind: str | None, sign: str) -> list[ByteSet] | None:
    if kind in ("char", "escaped") and sign != "\n":
        return _singles(sign[-1].encode())
    if kind == "escape" and sign in _CLASSES:
        return [_CLASSES[sign]]
    if kind == "class" and sign.isascii() and not sign.startswith("[^"):
        return _class(sign[1:-1])
    return None


def _class(inner: str) -> list[ByteSet] | None:
    allowed: set[int] = set()
    at = 0
    while at < len(inner):
        item = _ITEM.match(inner, at)
        if item is None:
            return None
        name, low, high = item.groups()
        allowed.update(_CLASSES[name] if name else range(ord(low[-1]), ord((high or low)[-1]) + 1))
        at = item.end()
    return [ByteSet(allowed - {10})]


def _singles(text: bytes) -> list[ByteSet]:
    return [ByteSet([byte]) for byte in text]


def _literals(sets: Sequence[ByteSet]) -> list[tuple[bytes, int]]:
    """The runs of sets of a single byte, and where they begin."""
    runs = []
    for single, places in groupby(enumerate(sets), key=lambda place: len(place[1]) == 1):
        run = list(places)
        if single:
            runs.append((bytes(byte for _, allowed in run for byte in allowed), run[0][0]))
    return runs


def _overlaps(sets: Sequence[ByteSet]) -> bool:
    """Whether what fits them may begin inside of something else that does."""
    return any(
        all(not first.isdisjoint(second) for first, second in zip(sets, sets[shift:], strict=False))
        for shift in range(1, len(sets))
    )
