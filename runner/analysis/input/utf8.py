"""Finds what is not UTF-8 in a stream, at little cost. Knows nothing of files.

    window ──▶ next byte above 127 ──▶ decode a block from there ──▶ count what is invalid
                 ▲                              │
                 └───────────────────────────────┘

ASCII costs 0.04 s a GB, or nothing where the kernel has told that it is; text full of other
characters 0.5 s, most of it the decoding.
"""

from codecs import utf_8_decode
from dataclasses import dataclass

from runner.analysis.input.primitives import fast

try:
    import stringzilla
except ImportError:  # no wheel for this platform
    stringzilla = None

MAX_INVALID = 100_000
"""Counting ends here: a file with so many invalid bytes is not text, and slow to look at."""

_HIGH = bytes(range(128, 256))
_BLOCK_BYTES = 4096


@dataclass
class InvalidText:
    """What could not be read as text: how much of it, and where the first is.

    `invalid` are bytes that are not UTF-8, or characters that were replaced where the data came
    in another encoding. It stays at MAX_INVALID. `first_invalid` is an offset in the data as it
    is analyzed.
    """

    invalid: int = 0
    first_invalid: int | None = None

    @property
    def full(self) -> bool:
        """Whether counting has ended, so that there may be more."""
        return self.invalid >= MAX_INVALID

    def add(self, number: int, offset: int) -> None:
        """Count so many more, of which the first is at `offset`."""
        if number:
            self.invalid = min(self.invalid + number, MAX_INVALID)
            if self.first_invalid is None:
                self.first_invalid = offset

    def fold(self, later: "InvalidText", offset: int) -> None:
        """Add what was found in a later part of the data, which begins at `offset`."""
        self.add(later.invalid, offset + (later.first_invalid or 0))


class Utf8Check:
    """Looks for bytes that are not UTF-8 in windows, cut anywhere."""

    def __init__(self) -> None:
        self.trouble = InvalidText()
        self._rest = b""  # the beginning of a character
        self._offset = 0  # of the next window, in all the data

    def feed(self, window: memoryview, ascii: bool = False) -> None:
        """Look at the next bytes of the data; hardly, if they are known to be ASCII."""
        at = self._join(window) if self._rest else 0
        end = 0 if ascii else len(window)
        while at < end and not self.trouble.full and (at := _next_high(window, at)) >= 0:
            block = bytes(window[at : at + _BLOCK_BYTES])
            used = self._decode(block, self._offset + at)
            if at + len(block) == len(window):
                self._rest = block[used:]
                break
            at += used
        self._offset += len(window)

    def finish(self) -> None:
        """The data ends here; a character that is not complete is invalid."""
        self.trouble.add(len(self._rest), self._offset - len(self._rest))
        self._rest = b""

    def _join(self, window: memoryview) -> int:
        """Decode what is left with the start of this window; returns where to go on in it."""
        rest, self._rest = self._rest, b""
        block = rest + window[:_BLOCK_BYTES]
        used = self._decode(block, self._offset - len(rest))
        if len(window) > _BLOCK_BYTES:
            return used - len(rest)
        self._rest = block[used:]
        return len(window)

    def _decode(self, block: bytes, offset: int) -> int:
        """Count what is invalid; returns the bytes used, all but an incomplete character."""
        try:
            return utf_8_decode(block, "strict", False)[1]
        except UnicodeDecodeError as error:
            first = error.start
        text, used = utf_8_decode(block, "ignore", False)
        self.trouble.add(used - len(text.encode()), offset + first)
        return used


def _next_high(window: memoryview, start: int) -> int:
    """Where the next byte above 127 is, or some bytes before it; -1 if there is none."""
    if fast():
        found = stringzilla.find_first_of(window[start:], _HIGH)
        return start + found if found >= 0 else -1
    for at in range(start, len(window), _BLOCK_BYTES):
        if not bytes(window[at : at + _BLOCK_BYTES]).isascii():
            return at
    return -1
