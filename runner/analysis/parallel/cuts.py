"""Where a plain file is cut into ranges of whole lines, such that they give the same result."""

import math
from collections.abc import Sequence
from itertools import pairwise

from runner.analysis.input.stored import Stored, read_at, size_of
from runner.analysis.match.patterns import Literal, Regex

_SMALL = 0.1  # so much of the whole is in small ranges, and a small one of a large one
_LEAST = 0.025  # of a large one: each costs some tenths of a millisecond
_BLOCK = 64 << 10


def may_be_cut(patterns: Sequence[Literal | Regex], size: int, least: int) -> bool:
    """Whether ranges give the same result: no match may begin in one and end in the next."""
    spans = any(isinstance(each, Literal) and each.spans_lines for each in patterns)
    return size >= least and not spans


def cuts(size: int, most: int, processes: int) -> list[int]:
    """Where to cut so many bytes into ranges of `most` bytes or fewer: as many large ones for each
    process, and in the end ever smaller ones, for those that are free before others."""
    found = [0]
    while left := size - found[-1]:
        share, ranges = left / processes, processes
        if share > most * _SMALL:
            share = min(share * (1 - _SMALL), most)
        else:
            share, ranges = max(share, most * _LEAST), 1
        ends = (found[-1] + math.ceil(share * (number + 1)) for number in range(ranges))
        found += sorted({min(end, size) for end in ends})
    return found


def plan(file: Stored, cuts: Sequence[int]) -> list[tuple[int, int]]:
    """Ranges (start, end) of a file: each ends after the newline that follows its cut."""
    size, ends = size_of(file), [0]
    for cut in cuts:
        if cut > ends[-1]:
            ends.append(after_newline(file, cut - 1, size))
    return list(pairwise(ends))


def after_newline(file: Stored, at: int, size: int) -> int:
    """Where the line ends that has the byte `at`: behind its newline, or at the file's end."""
    while at < size:
        block = read_at(file, at, _BLOCK)
        newline = block.find(b"\n")
        if newline >= 0:
            return at + newline + 1
        if not block:
            break
        at += len(block)
    return size
