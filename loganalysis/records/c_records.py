"""Joins and numbers the lines of records by the C kernel in native/."""

import ctypes
from array import array
from collections.abc import Sequence
from functools import cache

from stringzilla import Str

from loganalysis.match import c_scanner
from loganalysis.match.re2_regex import ANYWHERE, AT_START
from loganalysis.records.rule import HEAD_BYTES, LONGEST_RECORD, REGEX, RecordRule, start_regex
from loganalysis.times.c_timeline import TimeRules


class _Records(ctypes.Structure):
    """The C struct `records`."""

    _fields_ = (
        *((name, ctypes.c_int64) for name in ("kind", "is_postgresql", "longest", "start")),
        *((name, ctypes.c_int64) for name in ("latest_year", "latest_second", "head_bytes")),
    )


@cache
def _declared(library: ctypes.CDLL) -> ctypes.CDLL:
    """The library, with the functions that records.c exports."""
    address, number, size = ctypes.c_void_p, ctypes.c_uint32, ctypes.c_int64
    for name, arguments in (
        ("join", (address, number, address, *[size] * 4, address, size)),
        ("number", (number, address, address, size, address, size, address)),
    ):
        function = getattr(library, f"records_{name}")
        function.restype, function.argtypes = None, arguments
    return library


class RecordKernel:
    """Joins the lines of each record of a stream, by a rule."""

    def __init__(self, rule: RecordRule, longest: int = LONGEST_RECORD) -> None:
        self._library = _declared(c_scanner.library())
        times = TimeRules(rule.modified, HEAD_BYTES).to_c()
        self._state = _Records(
            *(rule.kind, rule.is_postgresql, longest, 0),
            *(times.latest_year, times.latest_second, times.head_bytes),
        )
        self._regex = start_regex(rule.start) if rule.kind == REGEX else None

    def begin_at(self, offset: int) -> None:
        """Join from an offset of the data on, which begins a record."""
        self._state.start = offset

    def join(self, data: memoryview, offset: int, start: int, stop: int, end: int) -> None:
        """Replace the newlines within records, from `start` to `stop`, by LINE_END.

        The view begins at an offset of the data, and has data up to `end`. A line that begins
        before `stop` is in it up to its newline, or with HEAD_BYTES.
        """
        places = self._places(data, start, stop, end) if self._regex else array("q")
        self._library.records_join(
            *(ctypes.byref(self._state), c_scanner.vectors(), Str(data).address),
            *(offset, start, stop, end, places.buffer_info()[0], len(places)),
        )

    def _places(self, data: memoryview, start: int, stop: int, end: int) -> "array[int]":
        """Where records begin, behind the newlines from `start` to `stop`, by the regex."""
        assert self._regex
        data = data[:end]  # otherwise $ would look at the byte behind it
        text, match, places = Str(data), self._regex.match, array("q")
        line = text.find(b"\n", start, stop) + 1
        while line and line < end:
            at = match(ANYWHERE, data, line, end)[0][0]
            if at < 0 or at > stop:
                break
            head = match(AT_START, data, at, min(at + HEAD_BYTES, end))[0][0]
            if head >= 0:
                places.append(at)
            line = text.find(b"\n", at, stop) + 1
        return places


def numbers_of(joined: memoryview, lines: memoryview, ends: Sequence[int]) -> list[int]:
    """The number of lines before the record after each of these ends of records.

    `joined` and `lines` are the same bytes, with the newlines that end records, and with all
    newlines. `ends` counts from 1 at the start of the bytes, and ascends.
    """
    wanted, numbers = array("q", ends), array("q", bytes(8 * len(ends)))
    _declared(c_scanner.library()).records_number(
        *(c_scanner.vectors(), Str(joined).address, Str(lines).address, len(joined)),
        *(wanted.buffer_info()[0], len(wanted), numbers.buffer_info()[0]),
    )
    return numbers.tolist()
