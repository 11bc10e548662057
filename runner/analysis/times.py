"""Reads the time that lines begin with, many a second: what repeats is looked up.

    2026-11-25T01:02:03.123Z INFO …
    └─────── head ─────┘│  │└ tail: the zone and one byte more
                        └──┴ fraction

The three are cut out where they were in the last line; only if they differ is a line parsed.
"""

from runner.analysis.time_formats import CLF, Match, find_time, seconds_of

_REMEMBERED = 1024  # heads, or seconds; some are of a KiB
_DIGITS = 6  # of a fraction: more of them could round up to the next second

# After these a time has ended, whatever comes, but for a zone after a blank.
_ENDS = frozenset((b"", b" ", b"\t", b"]", b")", b'"', b"|", b";", b"\n", b"\r"))
_SIGNED = frozenset(sign + b"%d" % digit for sign in (b"+", b"-") for digit in range(10))


class LineTimes:
    """The times of a file's lines.

    The place where the last time was is looked at first. What a line means does not depend on
    the lines before it, though: only how fast it is read does.
    """

    def __init__(self, reference: float) -> None:
        """`reference`: about when the file was written, in epoch seconds.

        A time without a year is put in the last year in which it is no later than a day after.
        """
        self._reference = reference
        self._seconds: dict[tuple[bytes, bytes], float | None] = {}
        self._heads: dict[bytes, float] = {}  # of lines with this layout
        self._head_end = self._fraction_at = self._tail_at = self._tail_end = 0
        self._mark = self._tail = b""
        self._scale = 1.0

    def time_of(self, line_start: bytes) -> float | None:
        """The time of a line in epoch seconds, or None if it has none that can be read.

        `line_start` is its beginning: 256 bytes are enough, for JSON 1,024; it may go on into
        the next line.
        """
        seconds = self._heads.get(line_start[: self._head_end])
        if seconds is None or line_start[self._tail_at : self._tail_end] != self._tail:
            return self._read(line_start)
        if self._tail == b" " and line_start[self._tail_end : self._tail_end + 2] in _SIGNED:
            return self._read(line_start)
        if self._head_end == self._tail_at:
            return seconds
        digits = line_start[self._fraction_at : self._tail_at]
        mark = line_start[self._head_end : self._fraction_at]
        if mark != self._mark or not digits.isdigit():
            return self._read(line_start)
        return seconds + int(digits[:_DIGITS]) * self._scale

    def _read(self, line: bytes) -> float | None:
        match = find_time(line)
        if match is None:
            return None
        key = (match["at"], match["zone"])
        if key not in self._seconds:
            _bound(self._seconds)
            self._seconds[key] = seconds_of(match, self._reference)
        seconds = self._seconds[key]
        if seconds is None:
            return None
        mark, digits = _split(match["fraction"])
        scale = 10.0 ** -min(len(digits), _DIGITS)
        after = match.string[match.end("zone") : match.end("zone") + 1]
        # The addresses that CLF lines begin with would make each layout a new one.
        if after in _ENDS and match.re is not CLF:
            self._learn(match, mark, match["zone"] + after, scale)
            self._heads[line[: match.end("at")]] = seconds
        return seconds + int(digits[:_DIGITS] or b"0") * scale

    def _learn(self, match: Match, mark: bytes, tail: bytes, scale: float) -> None:
        """Where the parts of the time are in this line; others are read by that."""
        tail_at, zone_end = match.span("zone")
        layout = (match.end("at"), match.start("fraction") + len(mark), tail_at, zone_end + 1)
        known = (self._head_end, self._fraction_at, self._tail_at, self._tail_end)
        if (layout, mark, tail) != (known, self._mark, self._tail):
            self._heads.clear()
            self._head_end, self._fraction_at, self._tail_at, self._tail_end = layout
            self._mark, self._tail = mark, tail
        self._scale = scale
        _bound(self._heads)


def _split(fraction: bytes) -> tuple[bytes, bytes]:
    digits = fraction.lstrip(b".,")
    return fraction[: len(fraction) - len(digits)], digits


def _bound(remembered: dict[bytes, float] | dict[tuple[bytes, bytes], float | None]) -> None:
    if len(remembered) >= _REMEMBERED:
        remembered.clear()
