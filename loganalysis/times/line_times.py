"""Reads the times of lines. Times that repeat, up to the second, are not computed again."""

from loganalysis.times.time_formats import Match, find_time, seconds_of

_CACHE_ENTRIES = 1024  # an entry can take 1 KiB
_DIGITS = 6  # of a fraction: more of them could round up to the next second


class LineTimes:
    """Reads the times of a file's lines."""

    def __init__(self, reference: float) -> None:
        """`reference` is about when the file was written, in epoch seconds.

        A time without a year gets the latest year in which it is at most a day after `reference`.
        """
        self._reference = reference
        self._seconds: dict[tuple[bytes, bytes], float | None] = {}

    def time_of(self, line_start: bytes) -> float | None:
        """The time of a line in epoch seconds, or None if it has none that can be read.

        `line_start` is the start of the line: 256 bytes are enough, for JSON 1,024. It may
        continue into the next line.
        """
        match = find_time(line_start)
        if match is None:
            return None
        second, fraction = self._second(match), match["fraction"]
        if second is None or not fraction:
            return second
        digits = fraction.lstrip(b".,:")[:_DIGITS]
        if fraction.startswith(b":"):
            digits = digits.rjust(3, b"0")  # a number of milliseconds
        return second + int(digits) * 10.0 ** -len(digits)

    def second_of(self, line_start: bytes) -> float | None:
        """The time of a line, see `time_of`, without the fraction of its second."""
        match = find_time(line_start)
        return None if match is None else self._second(match)

    def _second(self, match: Match) -> float | None:
        key = match["at"], match["zone"]
        try:
            return self._seconds[key]
        except KeyError:
            if len(self._seconds) >= _CACHE_ENTRIES:
                self._seconds.clear()
            second = self._seconds[key] = seconds_of(match, self._reference)
            return second
