"""Reads the time that lines begin with, many a second: what repeats is looked up.

    2026-11-25T01:02:03.123Z INFO …
    └─────── head ─────┘│  │└ tail: the zone and one byte more
                        └──┴ fraction

The three are cut out where they were in lines before; only if none of those fits is a line parsed.
"""

from runner.analysis.count.time_formats import CLF, LINE_BYTES, Match, find_time, seconds_of

_REMEMBERED = 1024  # heads, or seconds; some are of a KiB
_LAYOUTS = 4  # in one file, with which lines are read without parsing them
_DIGITS = 6  # of a fraction: more of them could round up to the next second
_CLF_BYTES = 28  # [25/Nov/2026:01:02:03 +0000]

# After these a time has ended, whatever comes, but for a zone after a blank.
_ENDS = frozenset((b"", b" ", b"\t", b"]", b")", b'"', b"|", b";", b"\n", b"\r"))
_SIGNED = frozenset(sign + b"%d" % digit for sign in (b"+", b"-") for digit in range(10))


class _Layout:
    """Where the parts of a time are in lines like the one that it was made of."""

    def __init__(self, match: Match, mark: bytes, tail: bytes, scale: float) -> None:
        self._tail_at, zone_end = match.span("zone")
        self._head_end, self._tail_end = match.end("at"), zone_end + 1
        self._fraction_at = match.start("fraction") + len(mark)
        self._mark, self._tail, self._scale = mark, tail, scale
        self.key = (self._head_end, self._fraction_at, self._tail_at, self._tail_end, mark, tail)
        self._seconds: dict[bytes, float] = {}  # by the head

    def learn(self, line: bytes, seconds: float) -> None:
        """Remember what the head of this line means."""
        _bound(self._seconds)
        self._seconds[line[: self._head_end]] = seconds

    def time_of(self, line: bytes) -> float | None:
        """The time of a line whose head is known, and whose other parts are where they should."""
        seconds = self._seconds.get(line[: self._head_end])
        if seconds is None or line[self._tail_at : self._tail_end] != self._tail:
            return None
        if self._tail == b" " and line[self._tail_end : self._tail_end + 2] in _SIGNED:
            return None
        if self._head_end == self._tail_at:
            return seconds
        digits = line[self._fraction_at : self._tail_at]
        mark = line[self._head_end : self._fraction_at]
        if mark != self._mark or not digits.isdigit():
            return None
        return seconds + int(digits[:_DIGITS]) * self._scale


class LineTimes:
    """The times of a file's lines.

    The places where times were in the lines before are looked at first. What a line means does
    not depend on those, though: only how fast it is read does.
    """

    def __init__(self, reference: float) -> None:
        """`reference`: about when the file was written, in epoch seconds.

        A time without a year is put in the last year in which it is no later than a day after.
        """
        self._reference = reference
        self._seconds: dict[tuple[bytes, bytes], float | None] = {}
        self._layouts: list[_Layout] = []  # the newest last
        self._bracketed: dict[bytes, float] = {}  # those of CLF, with their brackets

    def time_of(self, line_start: bytes) -> float | None:
        """The time of a line in epoch seconds, or None if it has none that can be read.

        `line_start` is its beginning: 256 bytes are enough, for JSON 1,024; it may go on into
        the next line.
        """
        for layout in self._layouts:
            seconds = layout.time_of(line_start)
            if seconds is not None:
                return seconds
        if b"." in line_start[1:4] and line_start[:1].isdigit():
            seconds = self._after_address(line_start)
            if seconds is not None:
                return seconds
        return self._read(line_start)

    def _after_address(self, line: bytes) -> float | None:
        """A line that begins like an address has a time in brackets, or none."""
        at = line.find(b"[", 0, LINE_BYTES - _CLF_BYTES)
        seconds = self._bracketed.get(line[at : at + _CLF_BYTES])
        return None if seconds is None or b"\n" in line[:at] else seconds

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
        if match.re is CLF:
            # The addresses that such lines begin with would make each layout a new one.
            _bound(self._bracketed)
            if len(match[0]) == _CLF_BYTES:
                self._bracketed[match[0]] = seconds
            return seconds
        mark, digits = _split(match["fraction"])
        scale = 10.0 ** -min(len(digits), _DIGITS)
        after = match.string[match.end("zone") : match.end("zone") + 1]
        if after in _ENDS:
            layout = self._layout(_Layout(match, mark, match["zone"] + after, scale))
            layout.learn(line, seconds)
        return seconds + int(digits[:_DIGITS] or b"0") * scale

    def _layout(self, found: _Layout) -> _Layout:
        """The same one, if it is known; or else it is, and the oldest is forgotten."""
        for known in self._layouts:
            if known.key == found.key:
                return known
        self._layouts = [*self._layouts[1 - _LAYOUTS :], found]
        return found


def _split(fraction: bytes) -> tuple[bytes, bytes]:
    digits = fraction.lstrip(b".,")
    return fraction[: len(fraction) - len(digits)], digits


def _bound(
    remembered: dict[bytes, float] | dict[tuple[bytes, bytes], float | None],
) -> None:
    if len(remembered) >= _REMEMBERED:
        remembered.clear()
