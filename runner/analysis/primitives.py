"""Searching, counting and translating bytes: stringzilla, or Python's own where it is not fit.

`Text` has `find`, `rfind` and `count` as bytes have them. Stringzilla's are some ten times as fast
in a window that stays in the cache; they are used after they gave the same answers here.
"""

from functools import cache
from importlib import import_module
from typing import Any, Protocol

try:
    stringzilla: Any = import_module("stringzilla")
except ImportError:  # no wheel for this platform
    stringzilla = None

_LOWER = bytes(range(256)).lower()
_NEWLINE = bytes(byte == 10 for byte in range(256))


class Text(Protocol):
    """A buffer to search in; positions are from its start."""

    def find(self, what: bytes, start: int = ..., end: int = ..., /) -> int:
        """The first position of `what`, or -1."""

    def rfind(self, what: bytes, start: int = ..., end: int = ..., /) -> int:
        """The last position of `what`, or -1."""

    def count(self, what: bytes, start: int = ..., end: int = ..., /) -> int:
        """How often it is found, from left to right, without overlaps."""


def text_of(buffer: bytearray) -> Text:
    """The buffer, to be searched; it sees what is written into the buffer later."""
    text: Text = stringzilla.Str(buffer) if fast() else buffer
    return text


def lower(source: memoryview, target: memoryview) -> None:
    """Write the source into the target, of the same size, with ASCII letters in lower case."""
    if fast():
        stringzilla.translate(source, _LOWER, out=target)
    else:
        target[:] = bytes(source).lower()


def count_newlines(source: memoryview, scratch: memoryview) -> int:
    """The newlines in the source; `scratch` is of the same size, and written over."""
    if not fast():
        return bytes(source).count(b"\n")
    stringzilla.translate(source, _NEWLINE, out=scratch)
    return int(stringzilla.bytesum(scratch))


@cache
def fast() -> bool:
    """Whether stringzilla is here and passes its test; asked once a process, some 0.2 ms."""
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
    return _translates(data)


def _translates(data: bytes) -> bool:
    if not data:
        return True
    target = memoryview(bytearray(len(data)))
    stringzilla.translate(memoryview(data), _LOWER, out=target)
    lowered = bytes(target)
    stringzilla.translate(memoryview(data), _NEWLINE, out=target)
    return lowered == data.lower() and stringzilla.bytesum(target) == data.count(b"\n")
