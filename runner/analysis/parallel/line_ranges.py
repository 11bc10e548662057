"""Splits a plain file into ranges of whole lines that can be scanned independently."""

import math
from collections.abc import Sequence
from itertools import pairwise

from runner.analysis.input.stored import Stored, read_at, size_of
from runner.analysis.match.patterns import Literal, Regex

_SMALL_SHARE = 0.1
"""The share of the file in small ranges, and the size of a small range relative to a large one."""
_MIN_SHARE = 0.025
"""The smallest range relative to a large one. Every range costs a few tenths of a millisecond."""
_BLOCK_BYTES = 64 << 10


def can_be_split(patterns: Sequence[Literal | Regex], size: int, min_bytes: int) -> bool:
    """Whether a file of `size` bytes is large enough, and no match can cross from range to range.

    Ranges end after a newline, so only literals that contain a newline before their last byte
    could cross. Regexes match within one line.
    """
    spans = any(isinstance(each, Literal) and each.spans_lines for each in patterns)
    return size >= min_bytes and not spans


def split_offsets(size: int, max_bytes: int, processes: int) -> list[int]:
    """Offsets that split `size` bytes into ranges of at most `max_bytes`, from 0 to `size`.

    Every process gets the same number of large ranges. The last tenth of the file is split into
    ranges that become smaller and smaller, so that all processes finish at about the same time.
    """
    offsets = [0]
    while remaining := size - offsets[-1]:
        range_bytes, count = remaining / processes, processes
        if range_bytes > max_bytes * _SMALL_SHARE:
            range_bytes = min(range_bytes * (1 - _SMALL_SHARE), max_bytes)
        else:
            range_bytes, count = max(range_bytes, max_bytes * _MIN_SHARE), 1
        ends = (offsets[-1] + math.ceil(range_bytes * (number + 1)) for number in range(count))
        offsets += sorted({min(end, size) for end in ends})
    return offsets


def line_ranges(file: Stored, offsets: Sequence[int]) -> list[tuple[int, int]]:
    """Ranges (start, end) of a file, each moved to end after the newline at or after its offset."""
    size, ends = size_of(file), [0]
    for offset in offsets:
        if offset > ends[-1]:
            ends.append(next_line_start(file, offset - 1, size))
    return list(pairwise(ends))


def next_line_start(file: Stored, at: int, size: int) -> int:
    """The offset after the newline that ends the line of byte `at`, or `size` for the last line."""
    while at < size:
        block = read_at(file, at, _BLOCK_BYTES)
        newline = block.find(b"\n")
        if newline >= 0:
            return at + newline + 1
        if not block:
            break
        at += len(block)
    return size
