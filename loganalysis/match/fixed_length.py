r"""Regexes whose matches all have one length, found by a literal in them and checked in bulk.

    user\d{4} logged in   ──▶  sets of bytes   u s e r 0-9 0-9 0-9 0-9 ␣ l o g g e d ␣ i n
                               the key                                 └──── searched for ───┘

The bytes around all occurrences of the key are joined and checked column by column: first the first
byte of all candidates, then the second, and so on. That takes a few calls for thousands of
candidates, instead of one call of RE2 for each. A repeat of any length at the end (`\d+`) is
allowed if no match can begin within it.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import compress, groupby
from typing import Any

from stringzilla import Str

from loganalysis.match.regex_text import TOKEN

ByteSet = frozenset[int]

_MAX_BYTES = 64
_MIN_KEY_BYTES = 2
_BATCH_MATCHES = 16 << 10  # in memory at once
_DIGITS = b"0123456789"
_WORD = _DIGITS + b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_"
_CLASSES = {"\\d": ByteSet(_DIGITS), "\\w": ByteSet(_WORD), "\\s": ByteSet(b"\t\f\r ")}
_ITEM = re.compile(r"(\\[dws])|(\\[^\w\s]|[^\\\[])(?:-(\\[^\w\s]|[^\\\[\]]))?", re.ASCII)


@dataclass(frozen=True)
class FixedLengthRegex:
    """The set of bytes allowed at each position of a match, and the literal to search for."""

    sets: tuple[ByteSet, ...]
    key: bytes
    key_at: int
    overlaps: bool  # whether a match may begin inside another one

    def starts(self, text: Str, at: int, end: int) -> Iterator[list[int]]:
        """Yield the positions of matches in a part of the text, ascending, in batches."""
        resume, last = at, end - len(self.sets)
        for pieces, since in _splits(text, self.key, at, end):
            key_starts = _starts_of(pieces, since, len(self.key))
            candidates = [
                start for key in key_starts if resume <= (start := key - self.key_at) <= last
            ]
            if found := self._checked(text, candidates):
                resume = found[-1] + len(self.sets)
                yield found

    def _checked(self, text: Str, starts: list[int]) -> list[int]:
        flags = everywhere = int.from_bytes(b"\1" * len(starts), "big")
        after = self.key_at + len(self.key)
        for low, high in ((0, self.key_at), (after, len(self.sets))):
            if low < high:
                rows: list[Any] = [text[at + low : at + high] for at in starts]
                flags = _all_in(self.sets[low:high], b"".join(rows), flags)
        if flags != everywhere:
            starts = list(compress(starts, flags.to_bytes(len(starts), "big")))
        return _without_overlaps(starts, len(self.sets)) if self.overlaps else starts


def _splits(text: Str, literal: bytes, at: int, end: int) -> Iterator[tuple[Sequence[Any], int]]:
    """Split a part of the text at a literal: yields (pieces, offset of the first piece).

    Each batch has the pieces before, between and after up to _BATCH_MATCHES matches; its last piece
    always extends to `end`. Matches do not overlap, across batches as well.
    """
    while True:
        pieces = text[at:end].split(literal, _BATCH_MATCHES)
        if len(pieces) > 1:
            yield pieces, at
        if len(pieces) <= _BATCH_MATCHES:
            return
        at = end - len(pieces[-1])


def _starts_of(pieces: Sequence[Any], at: int, size: int) -> list[int]:
    """Positions of the matches of `size` bytes between pieces; the first piece begins at `at`."""
    starts = []
    for piece in pieces[:-1]:
        at += len(piece)
        starts.append(at)
        at += size
    return starts


def _all_in(sets: tuple[ByteSet, ...], joined: bytes, flags: int) -> int:
    """Clear the flag of each row that has a byte outside its column's set. A flag is one byte."""
    for column, allowed in enumerate(sets):
        found = joined[column :: len(sets)].translate(_table(allowed))
        flags &= int.from_bytes(found, "big")
    return flags


@cache
def _table(allowed: ByteSet) -> bytes:
    return bytes(byte in allowed for byte in range(256))


def _without_overlaps(starts: list[int], size: int) -> list[int]:
    kept, resume = [], 0
    for at in starts:
        if at >= resume:
            kept.append(at)
            resume = at + size
    return kept


def fixed_length_regex(text: str) -> FixedLengthRegex | None:
    """The regex in this form, or None if its matches differ in length or contain no literal.

    `text` must be case-sensitive and not limited to whole words.
    """
    atoms = _atoms(text)
    sets = tuple(allowed for atom in atoms for allowed in atom)
    if not 0 < len(sets) <= _MAX_BYTES:
        return None
    literals = [
        (text, at) for text, at in _literal_runs(sets) if not _overlaps(_single_byte_sets(text))
    ]
    key, key_at = max(literals, key=lambda literal: len(literal[0]), default=(b"", 0))
    if len(key) < _MIN_KEY_BYTES:
        return None
    return FixedLengthRegex(sets, key, key_at, _overlaps(sets))


def _atoms(text: str) -> list[list[ByteSet]]:
    """The atoms of a regex in sequence, each as sets of bytes; [] if it has any other syntax."""
    atoms: list[list[ByteSet]] = []
    tokens = list(TOKEN.finditer(text))
    for number, token in enumerate(tokens):
        kind, token_text = token.lastgroup, token.group()
        if kind == "optional" and atoms and (times := re.fullmatch(r"\{([1-9]\d?)\}", token_text)):
            atoms[-1] *= int(times[1])
        elif kind == "plus" and number == len(tokens) - 1 and _ends_in_repeat(atoms):
            pass
        elif atom := _atom(kind, token_text):
            atoms.append(atom)
        else:
            return []
    return atoms


def _ends_in_repeat(atoms: list[list[ByteSet]]) -> bool:
    """Whether the last atom may repeat: it is one byte, and no match can begin with that byte."""
    return len(atoms) > 1 and len(atoms[-1]) == 1 and atoms[-1][0].isdisjoint(atoms[0][0])


def _atom(kind: str | None, token_text: str) -> list[ByteSet] | None:
    if kind in ("char", "escaped") and token_text != "\n":
        return _single_byte_sets(token_text[-1].encode())
    if kind == "escape" and token_text in _CLASSES:
        return [_CLASSES[token_text]]
    if kind == "class" and token_text.isascii() and not token_text.startswith("[^"):
        return _class(token_text[1:-1])
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


def _single_byte_sets(text: bytes) -> list[ByteSet]:
    return [ByteSet([byte]) for byte in text]


def _literal_runs(sets: Sequence[ByteSet]) -> list[tuple[bytes, int]]:
    """The longest runs of single-byte sets, with their positions."""
    runs = []
    for is_literal, places in groupby(enumerate(sets), key=lambda place: len(place[1]) == 1):
        run = list(places)
        if is_literal:
            runs.append((bytes(byte for _, allowed in run for byte in allowed), run[0][0]))
    return runs


def _overlaps(sets: Sequence[ByteSet]) -> bool:
    """Whether a string that fits the sets may begin inside another one that does."""
    return any(
        all(not first.isdisjoint(second) for first, second in zip(sets, sets[shift:], strict=False))
        for shift in range(1, len(sets))
    )
