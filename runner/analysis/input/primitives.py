"""Searching, counting and translating bytes, by stringzilla or by Python's own methods.

`Text` has `find`, `rfind`, `count` and `split` with the meaning that bytes give them. In a window
that stays in the processor's cache, stringzilla is about ten times as fast. It is used only if it
passes a test against Python's methods in this process.
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

_BATCH_MATCHES = 16 << 10  # matches in memory at once


class Text(Protocol):
    """A buffer to search in. Positions count from its start."""

    def find(self, literal: bytes, start: int = ..., end: int = ..., /) -> int:
        """The first position of the literal, or -1."""

    def rfind(self, literal: bytes, start: int = ..., end: int = ..., /) -> int:
        """The last position of the literal, or -1."""

    def count(self, literal: bytes, start: int = ..., end: int = ..., /) -> int:
        """The number of occurrences, from left to right, without overlaps."""

    def split(self, literal: bytes, max_splits: int, /) -> Sequence[Any]:
        """The pieces before, between and after the first `max_splits` occurrences."""

    def __getitem__(self, part: slice, /) -> "Text":
        """A slice of the buffer."""


def text_of(buffer: bytearray | memoryview) -> Text:
    """The buffer as a Text, which sees later changes of the buffer.

    A memoryview can be searched only if `has_stringzilla`.
    """
    text: Any = stringzilla.Str(buffer) if has_stringzilla() else buffer
    return cast(Text, text)


def address_of(buffer: memoryview) -> int:
    """The address of the buffer in memory. A read-only buffer requires `has_stringzilla`."""
    if has_stringzilla():
        return int(stringzilla.Str(buffer).address)
    return ctypes.addressof(ctypes.c_char.from_buffer(buffer))


def splits(text: Text, literal: bytes, at: int, end: int) -> Iterator[tuple[Sequence[Any], int]]:
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


def starts_of(pieces: Sequence[Any], at: int, size: int) -> list[int]:
    """Positions of the matches of `size` bytes between pieces; the first piece begins at `at`."""
    starts = []
    for piece in pieces[:-1]:
        at += len(piece)
        starts.append(at)
        at += size
    return starts


def lower(source: memoryview, target: memoryview) -> None:
    """Copy the source to a target of the same size, with ASCII letters in lower case."""
    if has_stringzilla():
        stringzilla.translate(source, _LOWER, out=target)
    else:
        target[:] = bytes(source).lower()


def count_newlines(source: memoryview, scratch: memoryview) -> int:
    """Count the newlines in the source. `scratch` is a buffer of any size, and is overwritten."""
    if not has_stringzilla():
        return bytes(source).count(b"\n")
    newlines, step = 0, len(scratch)
    for at in range(0, len(source), step):
        block = source[at : at + step]
        out = scratch[: len(block)]
        stringzilla.translate(block, _NEWLINE, out=out)
        newlines += stringzilla.bytesum(out)
    return newlines


@cache
def has_stringzilla() -> bool:
    """Whether stringzilla is installed and passes its test, which takes 0.5 ms once a process."""
    try:
        return stringzilla is not None and all(_agrees_with_python(data) for data in _test_data())
    except Exception:  # whatever is wrong with it, it is not used
        return False


def _test_data() -> list[bytes]:
    block = bytes(range(256))
    sizes = (1, 2, 3, 31, 33, 63, 64, 65, 127, 129, 300)
    return [b"", b"\n", *((b"ab\n\x00A\xff" + b"a" * size + b"ba\nb") for size in sizes), block]


def _agrees_with_python(data: bytes) -> bool:
    buffer: Any = bytearray(data)
    text, size = stringzilla.Str(buffer), len(data)
    for literal in (b"a", b"ba", b"aab", b"\n", b"\x00", b"a" * 31, b"a" * 33 + b"ba\nb"):
        for start, end in ((0, size), (size // 3, size), (1, size // 2)):
            stringzilla_result = (text.find(literal, start, end), text.rfind(literal, start, end))
            python_result = (data.find(literal, start, end), data.rfind(literal, start, end))
            if start <= end and stringzilla_result != python_result:
                return False
            if start <= end and text.count(literal, start, end) != data.count(literal, start, end):
                return False
    return _split_agrees(data) and _translate_agrees(data)


def _split_agrees(data: bytes) -> bool:
    pieces = stringzilla.Str(bytearray(data))[1:].split(b"a", 40)
    expected = data[1:].split(b"a", 40)
    newlines = [b"\n" in piece for piece in expected]
    return [bytes(p) for p in pieces] == expected and [b"\n" in p for p in pieces] == newlines


def _translate_agrees(data: bytes) -> bool:
    if not data:
        return True
    target = memoryview(bytearray(len(data)))
    stringzilla.translate(memoryview(data), _LOWER, out=target)
    lowered = bytes(target)
    stringzilla.translate(memoryview(data), _NEWLINE, out=target)
    return lowered == data.lower() and stringzilla.bytesum(target) == data.count(b"\n")
