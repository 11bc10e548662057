"""Counts invalid text in a stream: bytes that are not UTF-8. Knows nothing of files.

    window ──▶ next byte above 127 ──▶ decode a block from there ──▶ count invalid bytes
                 ▲                              │
                 └───────────────────────────────┘

ASCII costs 0.04 s for each GB, or nothing if the kernel has found that the window is ASCII. Text
full of other characters costs 0.5 s for each GB, mostly for decoding.
"""

from codecs import utf_8_decode
from dataclasses import dataclass

import stringzilla

MAX_INVALID = 100_000
"""Counting stops here: a file with so many invalid bytes is not text, and counting is slow."""

_HIGH = bytes(range(128, 256))
_BLOCK_BYTES = 4096


@dataclass
class InvalidText:
    """How much text is invalid, and where the first is.

    `count` is the number of bytes that are not UTF-8, or of characters that were replaced if the
    data had another encoding. It never exceeds MAX_INVALID. `first_offset` is an offset in the
    data as it is analyzed.
    """

    count: int = 0
    first_offset: int | None = None

    @property
    def at_limit(self) -> bool:
        """Whether counting has stopped, so that there may be more."""
        return self.count >= MAX_INVALID

    def add(self, count: int, offset: int) -> None:
        """Add `count` invalid bytes, the first of them at `offset`."""
        if count:
            self.count = min(self.count + count, MAX_INVALID)
            if self.first_offset is None:
                self.first_offset = offset

    def merge(self, later: "InvalidText", offset: int) -> None:
        """Add the result of a later part of the data, which begins at `offset`."""
        self.add(later.count, offset + (later.first_offset or 0))


class Utf8Check:
    """Counts bytes that are not UTF-8, in windows that may be cut anywhere."""

    def __init__(self) -> None:
        self.invalid_text = InvalidText()
        self._incomplete = b""  # the beginning of a character at the end of the last window
        self._offset = 0  # of the next window, in all the data

    def feed(self, window: memoryview, is_valid: bool = False) -> None:
        """Check the next bytes of the data. Bytes known to be valid are not looked at."""
        at = self._join(window) if self._incomplete else 0
        end = 0 if is_valid else len(window)
        while at < end and not self.invalid_text.at_limit and (at := _next_high(window, at)) >= 0:
            block = bytes(window[at : at + _BLOCK_BYTES])
            used = self._decode(block, self._offset + at)
            if at + len(block) == len(window):
                self._incomplete = block[used:]
                break
            at += used
        self._offset += len(window)

    def finish(self) -> None:
        """End the data; an incomplete character is invalid."""
        self.invalid_text.add(len(self._incomplete), self._offset - len(self._incomplete))
        self._incomplete = b""

    def _join(self, window: memoryview) -> int:
        """Decode the incomplete character with the start of this window.

        Returns the position in the window from which to continue.
        """
        incomplete, self._incomplete = self._incomplete, b""
        block = incomplete + window[:_BLOCK_BYTES]
        used = self._decode(block, self._offset - len(incomplete))
        if len(window) > _BLOCK_BYTES:
            return used - len(incomplete)
        self._incomplete = block[used:]
        return len(window)

    def _decode(self, block: bytes, offset: int) -> int:
        """Count invalid bytes; return how many were decoded: all but an incomplete character."""
        try:
            return utf_8_decode(block, "strict", False)[1]
        except UnicodeDecodeError as error:
            first = error.start
        text, used = utf_8_decode(block, "ignore", False)
        self.invalid_text.add(used - len(text.encode()), offset + first)
        return used


def _next_high(window: memoryview, start: int) -> int:
    """The position of the next byte above 127; -1 for none."""
    found = stringzilla.find_first_of(window[start:], _HIGH)
    return start + found if found >= 0 else -1
