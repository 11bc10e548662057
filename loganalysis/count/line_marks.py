"""Marks: the offset, number and time of some lines, so that lines can be read from the middle.

The scan makes a mark at the start of a window, where the offset and the number of the line are
known anyway. A result has at most 256 marks, so they need about 2 KiB.
"""

import base64
import binascii
import json
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TypeVar

from loganalysis.read.json_values import Json, JsonValue
from loganalysis.times.time_bounds import NO_TIMES, TimeBounds, in_pairs, sum_of
from loganalysis.times.time_formats import Reference

SPACING_BYTES = 8 << 20
"""The least distance between two marks. It doubles when there are too many."""
MAX_MARKS = 256
MAX_TEXT = 32_000
"""Characters of encoded marks."""
_HEAD_LINES = 20
_MAX_BYTES = 1 << 16
MAX_NUMBER = 2**53
"""Offsets, times and numbers of lines in decoded marks are smaller."""

T = TypeVar("T")

Mark = tuple[int, int, float | None]
"""The offset of a line in the data, its number from 1, and the first time in or soon after it."""


class MarksError(ValueError):
    """The text holds no marks of this file."""


@dataclass
class LineMarks:
    """The marks of a part of the data, in ascending order. Numbers begin at its start.

    `bounds` has the bounds of the times from each mark to the next, None if times were not read.
    """

    marks: list[Mark] = field(default_factory=list)
    spacing: int = field(default_factory=lambda: SPACING_BYTES)
    bounds: list[TimeBounds | None] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Know no bounds of marks that come without them."""
        self.bounds = self.bounds or [None] * len(self.marks)

    def add(
        self, offset: int, line: int, head: bytes, time_of: Callable[[bytes], float | None]
    ) -> None:
        """Add a mark for the line at the start of `head`, unless the last one is near."""
        if not self.marks or offset >= self.marks[-1][0] + self.spacing:
            times = (time_of(each) for each in head.split(b"\n", _HEAD_LINES)[:_HEAD_LINES])
            self.marks.append((offset, line, next((each for each in times if each), None)))
            self.bounds.append(None)
            self._limit()

    def extend(self, bounds: TimeBounds) -> None:
        """Add the bounds of the next lines. None of the lines before them may lack bounds."""
        if self.marks:
            self.bounds[-1] = (self.bounds[-1] or NO_TIMES) + bounds

    def merge(self, later: "LineMarks", offset: int, lines: int) -> None:
        """Add the marks of a later part, which begins at an offset, behind this many lines."""
        for (at, line, time), bounds in zip(later.marks, later.bounds, strict=True):
            if not self.marks or at + offset >= self.marks[-1][0] + self.spacing:
                self.marks.append((at + offset, line + lines, time))
                self.bounds.append(bounds)
                self._limit()
            else:
                self.bounds[-1] = sum_of((self.bounds[-1], bounds))

    def _limit(self) -> None:
        if len(self.marks) > MAX_MARKS:
            self.spacing *= 2
            self.marks, self.bounds = self.marks[::2], in_pairs(self.bounds)


def encode_marks(
    marks: LineMarks,
    size: int,
    lines: int,
    last_time: float | None,
    records: str | None = None,
    reference: float | None = None,
) -> str:
    """Encode the marks of a file as text, with the size of its data and the number of its lines.

    `last_time` is the last time in the file. Times are rounded down to seconds. If the bounds
    belong to records, `records` is the `start` of their Records. `reference` is the file's
    Reference.
    """
    row = None if reference is None else reference_row(reference)
    return pack({**marks_document(marks, size, lines, last_time, records), "reference": row})


def marks_document(
    marks: LineMarks, size: int, lines: int, last_time: float | None, records: str | None = None
) -> Json:
    """The marks of a file for JSON, see `encode_marks`."""
    seconds = [None if time is None else int(time // 1) for _, _, time in marks.marks]
    return {
        "size": size,
        "lines": lines,
        "last_time": last_time,
        "offsets": differences([offset for offset, _, _ in marks.marks]),
        "numbers": differences([line for _, line, _ in marks.marks]),
        "times": seconds,
        "bounds": None if None in marks.bounds else _bounds_document(seconds, marks.bounds),
        "records": records,
    }


def _bounds_document(
    times: list[int | None], bounds: list[TimeBounds | None]
) -> list[list[JsonValue]]:
    """Columns of bounds as small numbers: the first times of the pieces are known."""
    rows = [each.to_row(time or 0) for time, each in zip(times, bounds, strict=True) if each]
    return [list(each) for each in zip(*rows, strict=True)]


def pack(document: Json) -> str:
    """Encode a JSON document as short text."""
    packed = zlib.compress(json.dumps(document, separators=(",", ":")).encode())
    return base64.b64encode(packed).decode()


@dataclass(frozen=True)
class FileMarks:
    """The marks of a whole file. `size` is the size of its data.

    `bounds` has the bounds of the times from each mark to the next; None if they are unknown. They
    belong to lines or, if `records` is not None, to the records with this `start`. `reference`
    is the Reference of the times, if readers cannot find it themselves.
    """

    marks: list[Mark]
    size: int
    lines: int
    last_time: float | None
    bounds: list[TimeBounds] | None = None
    records: str | None = None
    reference: Reference | None = None


def decode_marks(text: str) -> FileMarks:
    """Decode marks. Raises MarksError if they are damaged."""
    return unpack(text, read_marks, _MAX_BYTES)


def unpack(text: str, read: Callable[[JsonValue], T], max_bytes: int) -> T:
    """Decode text of `pack`, and read the document in it. Raises MarksError if it is damaged."""
    try:
        packed = zlib.decompressobj()
        data = packed.decompress(base64.b64decode(text[:MAX_TEXT], validate=True), max_bytes)
        return read(json.loads(data))
    except (
        *(binascii.Error, zlib.error, ValueError, TypeError, KeyError),
        *(AttributeError, RecursionError),
    ) as error:
        raise MarksError(f"the marks of a file are damaged: {error!r}") from None


def read_marks(document: JsonValue) -> FileMarks:
    """Read the marks in a document of `marks_document`. Raises ValueError, TypeError, KeyError."""
    offsets, numbers = sums(document["offsets"]), sums(document["numbers"])
    times, size, lines = document["times"], document["size"], document["lines"]
    last_time = document["last_time"]
    rising = all(a < b for a, b in pairwise(offsets))
    rising = rising and all(a <= b for a, b in pairwise(numbers))
    bounded = are_counts((size, lines))
    bounded = bounded and all(0 <= each <= size for each in offsets)
    bounded = bounded and all(1 <= each <= lines + 1 for each in numbers)
    known = [each for each in (*times, last_time) if each is not None]
    if not (rising and bounded and all(abs(each) < MAX_NUMBER for each in known)):
        raise ValueError("they are out of order, or not in the file")
    marks = list(zip(offsets, numbers, times, strict=True))
    bounds = document.get("bounds")  # none from the previous release
    if bounds is not None:
        rows = zip(times, zip(*bounds, strict=True), strict=True)
        bounds = [TimeBounds.of_row(each, time or 0) for time, each in rows]
    if (records := document.get("records")) is not None and type(records) is not str:
        raise ValueError("not the start of records")
    reference = read_reference(document.get("reference"))  # none from the previous release
    return FileMarks(marks, size, lines, last_time, bounds, records, reference)


def reference_row(reference: float) -> list[JsonValue]:
    """A reference for JSON."""
    return [float(reference), getattr(reference, "day_first", False)]


def read_reference(row: JsonValue) -> Reference | None:
    """Read a row of `reference_row`, or None. Raises ValueError and TypeError."""
    if row is None:
        return None
    seconds, day_first = row
    if type(day_first) is not bool or not abs(seconds) < MAX_NUMBER:
        raise ValueError("no reference")
    return Reference(seconds, day_first)


def are_counts(values: Iterable[JsonValue]) -> bool:
    """Whether decoded values are whole numbers that count something."""
    return all(type(each) is int and 0 <= each < MAX_NUMBER for each in values)


def differences(values: list[int]) -> list[int]:
    """The first value, and of each other one the difference from the value before."""
    return [value - before for before, value in zip([0, *values], values, strict=False)]


def sums(steps: list[int]) -> list[int]:
    """The values whose differences are `steps`. Raises ValueError."""
    total, found = 0, []
    for each in steps:
        if type(each) is not int:
            raise ValueError("not a number")
        total += each
        found.append(total)
    return found
