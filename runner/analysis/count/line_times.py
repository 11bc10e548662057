"""Reads the times of many lines quickly: times that repeat are looked up, not parsed.

    2026-11-25T01:02:03.123Z INFO …
    └─────── head ─────┘│  │└ tail: the zone and one byte more
                        └──┴ fraction

The three parts are sliced at the positions that they had in earlier lines. A line is parsed only if
no such layout fits.
"""

from runner.analysis.count.time_formats import CLF, Match, find_time, seconds_of

_CACHE_ENTRIES = 1024  # of each cache; an entry can take 1 KiB
_MAX_LAYOUTS = 4  # of times in one file, to be read without parsing
_DIGITS = 6  # of a fraction: more of them could round up to the next second

# A time ends before these bytes, unless a blank is followed by a zone.
_TERMINATORS = frozenset((b"", b" ", b"\t", b"]", b")", b'"', b"|", b";", b"\n", b"\r"))
_SIGNED_DIGITS = frozenset(sign + b"%d" % digit for sign in (b"+", b"-") for digit in range(10))


class _Layout:
    """The positions of the parts of a time, the same in many lines."""

    def __init__(self, match: Match, separator: bytes, tail: bytes, scale: float) -> None:
        self._tail_at, zone_end = match.span("zone")
        self._head_end, self._tail_end = match.end("at"), zone_end + 1
        self._fraction_at = match.start("fraction") + len(separator)
        self._separator, self._tail, self._scale = separator, tail, scale
        self.key = (
            self._head_end,
            self._fraction_at,
            self._tail_at,
            self._tail_end,
            separator,
            tail,
        )
        self._seconds: dict[bytes, float] = {}  # by the head

    def learn(self, line: bytes, seconds: float) -> None:
        """Remember the time of this line's head."""
        _clear_if_full(self._seconds)
        self._seconds[line[: self._head_end]] = seconds

    def time_of(self, line: bytes) -> float | None:
        """The time of a line, if its head is known and its other parts are in place; else None."""
        seconds = self._seconds.get(line[: self._head_end])
        if seconds is None or line[self._tail_at : self._tail_end] != self._tail:
            return None
        if self._tail == b" " and line[self._tail_end : self._tail_end + 2] in _SIGNED_DIGITS:
            return None
        if self._head_end == self._tail_at:
            return seconds
        digits = line[self._fraction_at : self._tail_at]
        separator = line[self._head_end : self._fraction_at]
        if separator != self._separator or not digits.isdigit():
            return None
        return seconds + int(digits[:_DIGITS]) * self._scale


class LineTimes:
    """Reads the times of a file's lines.

    Layouts and times of earlier lines make reading faster, but do not change the result.
    """

    def __init__(self, reference: float) -> None:
        """`reference` is about when the file was written, in epoch seconds.

        A time without a year gets the latest year in which it is at most a day after `reference`.
        """
        self._reference = reference
        self._seconds: dict[tuple[bytes, bytes], float | None] = {}
        self._layouts: list[_Layout] = []  # the newest last

    def time_of(self, line_start: bytes) -> float | None:
        """The time of a line in epoch seconds, or None if it has none that can be read.

        `line_start` is the start of the line: 256 bytes are enough, for JSON 1,024. It may
        continue into the next line.
        """
        for layout in self._layouts:
            seconds = layout.time_of(line_start)
            if seconds is not None:
                return seconds
        return self._parse(line_start)

    def _parse(self, line: bytes) -> float | None:
        match = find_time(line)
        if match is None:
            return None
        key = (match["at"], match["zone"])
        if key not in self._seconds:
            _clear_if_full(self._seconds)
            self._seconds[key] = seconds_of(match, self._reference)
        seconds = self._seconds[key]
        if seconds is None:
            return None
        if match.re is CLF:
            # Such lines begin with addresses of different lengths, so layouts would not repeat.
            return seconds
        separator, digits = _split(match["fraction"])
        scale = 10.0 ** -min(len(digits), _DIGITS)
        after = match.string[match.end("zone") : match.end("zone") + 1]
        if after in _TERMINATORS:
            layout = self._layout(_Layout(match, separator, match["zone"] + after, scale))
            layout.learn(line, seconds)
        return seconds + int(digits[:_DIGITS] or b"0") * scale

    def _layout(self, layout: _Layout) -> _Layout:
        """The known layout with the same positions. If there is none, replace the oldest by it."""
        for known in self._layouts:
            if known.key == layout.key:
                return known
        self._layouts = [*self._layouts[1 - _MAX_LAYOUTS :], layout]
        return layout


def _split(fraction: bytes) -> tuple[bytes, bytes]:
    digits = fraction.lstrip(b".,")
    return fraction[: len(fraction) - len(digits)], digits


def _clear_if_full(
    cache: dict[bytes, float] | dict[tuple[bytes, bytes], float | None],
) -> None:
    if len(cache) >= _CACHE_ENTRIES:
        cache.clear()
