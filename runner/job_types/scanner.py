"""Counts byte patterns in a stream of any length. Knows nothing of jobs; imports nothing of ours.

    window ──feed──▶ [ tail | window ] ──find──▶ counts, matching lines
                        ▲         │
                        └─────────┘ the last bytes, as many as the longest pattern has less one

A match may begin in the tail and end in the window; one that lies in the tail alone was found
before. Memory: one window, the tail, and a few numbers a pattern.
"""

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_NOT_YET = sys.maxsize
_MANY = 64  # patterns; to set the words apart costs as much as to search for some 50
_SAMPLE = 32  # bytes at the start of a pattern, whose words are looked at


@dataclass
class _Pattern:
    text: bytes
    count: int = 0
    matching_lines: int = 0
    resume: int = 0  # offset in the stream where the next match may begin
    next_line: int = 0  # offset from which a match is on a new line; huge while none has begun


class Scanner:
    """Counts of some patterns in the bytes fed so far.

    Counts are those of `bytes.count` on all the bytes at once: each pattern for itself, from left
    to right, not overlapping itself. A line ends with its newline; a match counts for the line
    that it begins in.
    """

    def __init__(self, patterns: Sequence[bytes]) -> None:
        """`patterns` are not empty; the results have their order."""
        self._patterns = [_Pattern(text) for text in patterns]
        self._keep = max(map(len, patterns)) - 1
        self._words = [_words(text) for text in patterns] if len(patterns) > _MANY else None
        self._tail = b""
        self._newlines = 0
        self._unterminated = False
        self.bytes = 0

    @property
    def counts(self) -> list[int]:
        """How often each pattern was found."""
        return [pattern.count for pattern in self._patterns]

    @property
    def matching_lines(self) -> list[int]:
        """On how many lines each pattern was found."""
        return [pattern.matching_lines for pattern in self._patterns]

    @property
    def lines(self) -> int:
        """The newlines, and one more for a last line without one."""
        return self._newlines + self._unterminated

    def feed(self, window: bytes | memoryview) -> None:
        """Take the next bytes of the stream, however many."""
        if not window:
            return
        buffer = self._tail + window
        self._end_lines(buffer)
        for pattern in self._possible(buffer):
            self._search(pattern, buffer)
        self.bytes += len(window)
        self._tail = buffer[max(len(buffer) - self._keep, 0) :]

    def _end_lines(self, buffer: bytes) -> None:
        newline = buffer.find(b"\n", len(self._tail))
        self._unterminated = not buffer.endswith(b"\n")
        if newline >= 0:
            self._newlines += buffer.count(b"\n", newline)
            next_line = self.bytes - len(self._tail) + newline + 1
            for pattern in self._patterns:
                pattern.next_line = min(pattern.next_line, next_line)

    def _possible(self, buffer: bytes) -> Iterable[_Pattern]:
        """The patterns, or where there are many, those whose words are all in the buffer."""
        if self._words is None:
            return self._patterns
        seen = frozenset(memoryview(buffer)[: len(buffer) // 4 * 4].cast("I"))
        return (
            pattern
            for pattern, alignments in zip(self._patterns, self._words, strict=True)
            if any(words <= seen for words in alignments)
        )

    def _search(self, pattern: _Pattern, buffer: bytes) -> None:
        text, base = pattern.text, self.bytes - len(self._tail)
        at = max(pattern.resume - base, len(self._tail) - len(text) + 1, 0)
        next_line = pattern.next_line - base
        while (at := buffer.find(text, at)) >= 0:
            pattern.count += 1
            if at >= next_line:
                pattern.matching_lines += 1
                next_line = buffer.find(b"\n", at) + 1 or _NOT_YET
                pattern.next_line = base + next_line
            at += len(text)
            pattern.resume = base + at


def _words(text: bytes) -> list[frozenset[int]]:
    """The whole 4-byte words in the text, for each of the four ways it can lie across words.

    A buffer that holds the text holds all the words of at least one way. A short text has a way
    without words, and so is never ruled out.
    """
    ways = (text[skip:_SAMPLE] for skip in range(4))
    return [frozenset(memoryview(way)[: len(way) // 4 * 4].cast("I")) for way in ways]
