"""Finds the reference of a file: it determines the year of times that have none.

A file may be older than its time of modification, often the time of its upload. So its lines
with a year come first: 32 places of a file on a local disk are read, the first and the last 4 KiB
of a remote one, and the first 64 KiB of the text of any other. The scan of the latter, and of
members of archives, collects lines from all of the text; if they prove another reference, it is
scanned again (`better_reference`). A time without a year then gets the
year in which it is nearest to them: the latest one in which it is at most half a year after the
last, or less if they span days of that year already. But it does not get later than a day after
the modification, unless lines with a year are. Wrong years of single lines do not count, by the
rule of times/axis.py.

Without any year, the year is the latest in which these places of the file do not go back: a log
that is older than a year may cross the day of its upload, or have a February 29.

If a date such as 25/11/2026 at one of these places cannot begin with a month, and none must, all
such dates begin with their day.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

from loganalysis.read.encodings import UTF8_ENCODINGS, Utf8Source, detect
from loganalysis.read.errors import FormatError, SourceError
from loganalysis.read.formats import format_of
from loganalysis.read.open_source import DecompressionLimits, open_source
from loganalysis.read.stored import Stored, modified_at, read_at, size_of
from loganalysis.times.axis import core
from loganalysis.times.time_formats import US, Match, Reference, find_time, has_year, seconds_of

_PLACES = 32
_PLACE_BYTES = 4 << 10
_TEXT_BYTES = 64 << 10
_LINE_BYTES = 1024
# Without its first number: `re` finds a pattern that begins with a certain byte 30 times as fast.
_DATE = re.compile(rb"/(\d{1,2})/\d{4},? \d{1,2}:\d\d:\d\d")
_FIRST_NUMBER = re.compile(rb"(?<![\d/])\d{1,2}\Z")
_MONTHS = 12
_DAY = 86_400.0
_YEAR = 365 * _DAY


def reference_of(
    file: Stored, encoding: str | None = None, limits: DecompressionLimits | None = None
) -> float:
    """The reference of a file for LineTimes, in epoch seconds. Raises OSError."""
    modified = modified_at(file)
    is_plain = (
        format_of(file) is None and detect(read_at(file, 0, 4), encoding)[0] in UTF8_ENCODINGS
    )
    try:
        blocks = _places(file) if is_plain else head_blocks(file, encoding, limits)
    except (FormatError, SourceError):  # the scan reports it
        return modified
    return reference_by(blocks, modified)


def better_reference(
    blocks: Sequence[bytes],
    used: float,
    modified: float,
    head: Callable[[], Iterable[bytes]] = tuple,
) -> Reference | None:
    """The reference by blocks of the whole text, or None if it gives all their times as `used`.

    `head` returns the blocks that `used` was found by. Raises what it raises. A text that begins
    with a full and clear date needs no other reference.
    """
    first = next((match for block in blocks[:3] for match in _times(block)), None)
    if first is None or (has_year(first) and first.re is not US):
        return None
    found = reference_by(blocks, modified)
    if not _differ(blocks, found, used):
        return None
    blocks = [*head(), *blocks]
    found = reference_by(blocks, modified)
    return found if _differ(blocks, found, used) else None


def _differ(blocks: Iterable[bytes], found: Reference, used: float) -> bool:
    """Whether any time in the blocks depends on which of two references counts."""
    if found == used and found.day_first == getattr(used, "day_first", False):
        return False
    times = (match for block in blocks for match in _times(block))
    return any(seconds_of(match, found) != seconds_of(match, used) for match in times)


def reference_by(blocks: Iterable[bytes], modified: float) -> Reference:
    """The reference by blocks of a file that was modified at a time.

    The first line with a year of each block counts. A block begins with a whole line.
    """
    blocks = list(blocks)
    day_first = _is_day_first(blocks)
    firsts = [_firsts(block, Reference(0.0, day_first)) for block in blocks]
    seconds = [second for _, second in firsts if second is not None]
    if not seconds:
        times = [match for match, _ in firsts if match]
        return Reference(_without_years(times, modified), day_first)
    return Reference(_with_years(seconds, modified), day_first)


def _is_day_first(blocks: Iterable[bytes]) -> bool:
    """Whether dates such as 25/11/2026 begin with their day."""
    dates = [
        (int(first[0]), int(date[1]))
        for block in blocks
        for date in _DATE.finditer(block)
        if (first := _FIRST_NUMBER.search(block, max(date.start() - 3, 0), date.start()))
    ]
    return any(first > _MONTHS for first, _ in dates) and all(each <= _MONTHS for _, each in dates)


def _without_years(matches: Sequence[Match], modified: float) -> float:
    """The reference by times without a year: the latest year in which they do not go back."""
    year = datetime.fromtimestamp(modified, UTC).year
    ends = (
        datetime(each, 12, 31, tzinfo=UTC).timestamp() for each in range(year - 1, year - 9, -1)
    )
    for reference in (modified, *_last_times(matches[-1:], (modified, *ends))):
        times = [second for each in matches if (second := seconds_of(each, reference)) is not None]
        if all(later >= earlier - _DAY for earlier, later in pairwise(times)):
            return reference
    return modified


def _last_times(last: Sequence[Match], references: Iterable[float]) -> Iterator[float]:
    for match in last:
        for reference in references:
            if (second := seconds_of(match, reference)) is not None:
                yield second


def _with_years(seconds: Sequence[int], modified: float) -> float:
    """The reference by the times of lines with a year."""
    counts = sorted(Counter(seconds).items())
    first, last = core([second for second, _ in counts], [count for _, count in counts])
    nearest = last + max((_YEAR - (last - first)) / 2, _DAY) - _DAY  # LineTimes adds a day
    return min(nearest, modified) if last <= modified + _DAY else nearest


def _places(file: Stored) -> list[bytes]:
    size = size_of(file)
    if isinstance(file, Path):
        offsets = sorted({size * place // _PLACES for place in range(_PLACES)})
    else:
        offsets = [0]
    offsets.append(max(size - _PLACE_BYTES, 0))
    blocks = ((offset, read_at(file, offset, _PLACE_BYTES)) for offset in offsets)
    return [block if offset == 0 else block.partition(b"\n")[2] for offset, block in blocks]


def head_blocks(
    file: Stored, encoding: str | None, limits: DecompressionLimits | None
) -> Iterable[bytes]:
    """The first bytes of the text of a file, in blocks. Raises OSError and SourceError."""
    buffer, done = memoryview(bytearray(_TEXT_BYTES)), 0
    with open_source(file, limits) as source, Utf8Source(source, encoding) as text:
        while done < len(buffer) and (size := text.readinto(buffer[done:])):
            done += size
    text_bytes = bytes(buffer[:done])
    blocks = (text_bytes[at : at + _PLACE_BYTES] for at in range(0, done, _PLACE_BYTES))
    return [block.partition(b"\n")[2] if number else block for number, block in enumerate(blocks)]


def _firsts(block: bytes, reference: float) -> tuple[Match | None, int | None]:
    """The first time, and the second of the first one that has a year.

    The last line may be cut off in its time.
    """
    first = None
    for match in _times(block):
        first = first or match
        if has_year(match) and (second := seconds_of(match, reference)) is not None:
            return first, int(second)
    return first, None


def _times(block: bytes) -> Iterator[Match]:
    found = (find_time(line[:_LINE_BYTES]) for line in block.split(b"\n")[:-1])
    return (match for match in found if match)
