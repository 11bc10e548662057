"""Searching, counting and translating bytes: stringzilla, or Python's own where it is not fit.

`Text` has `find`, `rfind`, `count` and `split` as bytes have them. Stringzilla's are some ten times
as fast in a window that stays in the cache; they are used after they gave the same answers here.
"""

import ctypes
from collections.abc import Iterator, Sequence
from functools import cache
from importlib import import_module
from typing import Any, Protocol, cast

try:
    stringzilla: Any = import_module("stringzilla")
except ImportError:  # no wheel for this platform
    stringzilla = None

_LOWER = bytes(range(256)).lower()
_NEWLINE = bytes(byte == 10 for byte in range(256))


_BATCH = 16 << 10  # matches in memory at once


class Text(Protocol):
    """A buffer to search in; positions are from its start."""

    def find(self, what: bytes, start: int = ..., end: int = ..., /) -> int:
        """The first position of `what`, or -1."""

    def rfind(self, what: bytes, start: int = ..., end: int = ..., /) -> int:
        """The last position of `what`, or -1."""

    def count(self, what: bytes, start: int = ..., end: int = ..., /) -> int:
        """How often it is found, from left to right, without overlaps."""

    def split(self, what: bytes, most: int, /) -> Sequence[Any]:
        """What is before, between and after the first `most` places where it is found."""

    def __getitem__(self, part: slice, /) -> "Text":
        """A part of it."""


def text_of(buffer: bytearray | memoryview) -> Text:
    """The buffer, to be searched; it sees what is written into the buffer later.

    A memoryview can be searched only where `fast`.
    """
    text: Any = stringzilla.Str(buffer) if fast() else buffer
    return cast(Text, text)


def address_of(buffer: memoryview) -> int:
    """Where in memory it begins. One that cannot be written to has one only where `fast`."""
    if fast():
        return int(stringzilla.Str(buffer).address)
    return ctypes.addressof(ctypes.c_char.from_buffer(buffer))


def splits(text: Text, what: bytes, at: int, end: int) -> Iterator[tuple[Sequence[Any], int]]:
    """All that is before, between and after the matches of a literal in a part of the text.

    It comes as many pieces at a time, and where they begin; where there are more, the last piece
    goes to the end all the same. Literals that are one match are not found inside each other.
    """
    while True:
        pieces = text[at:end].split(what, _BATCH)
        if len(pieces) > 1:
            yield pieces, at
        if len(pieces) <= _BATCH:
            return
        at = end - len(pieces[-1])


def starts_of(pieces: Sequence[Any], at: int, size: int) -> list[int]:
    """Where the matches of this size begin that a text was split at, which itself begins there."""
    starts = []
    for piece in pieces[:-1]:
        at += len(piece)
        starts.append(at)
        at += size
    return starts


def lower(source: memoryview, target: memoryview) -> None:
    """Write the source into the target, of the same size, with ASCII letters in lower case."""
    if fast():
        stringzilla.translate(source, _LOWER, out=target)
    else:
        target[:] = bytes(source).lower()


def count_newlines(source: memoryview, scratch: memoryview) -> int:
    """The newlines in the source; `scratch` is of any size, and written over."""
    if not fast():
        return bytes(source).count(b"\n")
    newlines, step = 0, len(scratch)
    for at in range(0, len(source), step):
        block = source[at : at + step]
        out = scratch[: len(block)]
        stringzilla.translate(block, _NEWLINE, out=out)
        newlines += stringzilla.bytesum(out)
    return newlines


@cache
def fast() -> bool:
    """Whether stringzilla is here and passes its test; asked once a process, some 0.5 ms."""
    try:
        return stringzilla is not None and all(_agrees(data) for data in _samples())
    except Exception:  # whatever it is, it is not fit
        return False


def _samples() -> list[bytes]:
    block = bytes(range(256))
    sizes = (1, 2, 3, 31, 33, 63, 64, 65, 127, 129, 300)
    return [b"", b"\n", *((b"ab\n\x00A\xff" + b"a" * size + b"ba\nb") for size in sizes), block]


def _agrees(data: bytes) -> bool:
    buffer: Any = bytearray(data)
    text, size = stringzilla.Str(buffer), len(data)
    for what in (b"a", b"ba", b"aab", b"\n", b"\x00", b"a" * 31, b"a" * 33 + b"ba\nb"):
        for start, end in ((0, size), (size // 3, size), (1, size // 2)):
            ours = (text.find(what, start, end), text.rfind(what, start, end))
            theirs = (data.find(what, start, end), data.rfind(what, start, end))
            if start <= end and ours != theirs:
                return False
            if start <= end and text.count(what, start, end) != data.count(what, start, end):
                return False
    return _splits(data) and _translates(data)


def _splits(data: bytes) -> bool:
    pieces, wanted = stringzilla.Str(bytearray(data))[1:].split(b"a", 40), data[1:].split(b"a", 40)
    newlines = [b"\n" in piece for piece in wanted]
    return [bytes(p) for p in pieces] == wanted and [b"\n" in p for p in pieces] == newlines


def _translates(data: bytes) -> bool:
    if not data:
        return True
    target = memoryview(bytearray(len(data)))
    stringzilla.translate(memoryview(data), _LOWER, out=target)
    lowered = bytes(target)
    stringzilla.translate(memoryview(data), _NEWLINE, out=target)
    return lowered == data.lower() and stringzilla.bytesum(target) == data.count(b"\n")
