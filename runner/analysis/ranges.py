"""Cuts a plain file into ranges of whole lines, scanned by helper processes, folded in order."""

import io
import math
import pickle
from collections.abc import Callable, Sequence
from functools import cache
from itertools import pairwise

from runner.analysis import kernel
from runner.analysis.choice import OneRegex, regexes_of
from runner.analysis.errors import HelperError
from runner.analysis.helper import Progress
from runner.analysis.helpers import run_parts
from runner.analysis.histogram import TimeSpan
from runner.analysis.mapped import MappedFile, map_file
from runner.analysis.patterns import Literal, Regex
from runner.analysis.scanner import Options, Scanner
from runner.analysis.seen import Seen, Watched
from runner.analysis.stored import Stored, descriptor_of, open_stored, read_at, size_of
from runner.analysis.tally import Partial
from runner.analysis.utf8 import Utf8Check

RANGE_BYTES = 128 << 20
LEAST_BYTES = 128 << 20
"""A smaller file is not worth the helpers."""

_SMALL = 0.1  # so much of the whole is in small ranges, and a small one of a large one
_BLOCK = 64 << 10

Told = Callable[[int, list[int]], None]
"""Takes bytes done and counts, in the order of the patterns."""


def may_be_cut(patterns: Sequence[Literal | Regex], size: int, least: int) -> bool:
    """Whether ranges give the same result: no match may begin in one and end in the next."""
    spans = any(isinstance(each, Literal) and each.spans_lines for each in patterns)
    return size >= least and not spans


def scan_ranges(
    file: Stored,
    patterns: Sequence[Literal | Regex],
    options: Options,
    processes: int,
    told: Told,
    range_bytes: int,
) -> tuple[Partial, Seen]:
    """Scan a plain file in so many processes, of which this is one.

    Raises OSError and HelperError, also if the file is cut.
    """
    size = size_of(file)
    ranges = plan(file, cuts(size, range_bytes, processes))
    whole, seen = Partial.of(len(patterns)), Seen()
    news: dict[int, tuple[int, list[int]]] = {}  # of the ranges that are not in the whole yet
    samples = options.lines.samples if options.lines else 0

    regexes = cache(lambda: regexes_of(patterns))  # each helper has its own

    def work(part: int, progress: Progress) -> bytes:
        found = scan_range(file, ranges[part], size, patterns, options, progress, regexes())
        return _packed(*found)

    def heard(part: int, content: tuple[int, list[int]]) -> None:
        news[part] = content
        tell()

    def tell() -> None:
        folded = (whole.bytes, [tally.count for tally in whole.tallies])
        done, counts = zip(folded, *news.values(), strict=True)
        told(sum(done), [sum(each) for each in zip(*counts, strict=True)])

    def take(part: int, result: bytes) -> None:
        news.pop(part, None)
        stream = io.BytesIO(result)
        partial, part_seen = pickle.load(stream)
        seen.fold(part_seen, whole.bytes)
        whole.fold(partial, (pickle.load(stream) for _ in patterns), samples)
        tell()

    kernel.available()  # which helpers are forked with, or each would test it
    run_parts(work, len(ranges), processes, heard, take)
    return whole, seen


def _packed(partial: Partial, seen: Seen) -> bytes:
    """What was found, such that it can be read tally by tally: they may have megabytes."""
    stream = io.BytesIO()
    tallies, partial.tallies = partial.tallies[::-1], []
    pickle.dump((partial, seen), stream)
    while tallies:
        pickle.dump(tallies.pop(), stream)  # and free it
    return stream.getvalue()


def cuts(size: int, most: int, processes: int) -> list[int]:
    """Where to cut so many bytes into ranges of `most` bytes or fewer: as many for each process,
    and in the end small ones, for those that are free before others."""
    found = [0]
    while left := size - found[-1]:
        share = left / processes
        if share > most * _SMALL:
            share = min(share * (1 - _SMALL), most)
        ends = (found[-1] + math.ceil(share * (number + 1)) for number in range(processes))
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


def scan_range(
    file: Stored,
    part: tuple[int, int],
    size: int,
    patterns: Sequence[Literal | Regex],
    options: Options,
    progress: Progress,
    regexes: Sequence[OneRegex] | None = None,
) -> tuple[Partial, Seen]:
    """Scan the bytes from one offset to another, which are whole lines of a plain file of that
    size; tells bytes done and counts. `regexes` as of Scanner. Raises HelperError if the file is
    cut."""
    check, span = Utf8Check(), TimeSpan()
    with open_stored(file, *part) as opened:
        source = Watched(_RangeSource(opened, *part, check), span)
        scanner = Scanner(patterns, options, source, regexes)
        while scanner.scan():
            progress(lambda: (scanner.bytes, scanner.counts))
    if scanner.bytes != part[1] - part[0]:
        raise HelperError("the file was cut while it was read")
    check.finish()
    span.forget(part[0], size - part[1])
    return scanner.partial, Seen(span, check.trouble)


class _RangeSource:
    """What is left of a range of an open file, whose next byte is its first."""

    def __init__(self, file: io.RawIOBase, start: int, end: int, check: Utf8Check) -> None:
        self._file, self._at, self._end = file, start, end
        self._check = check

    def readinto(self, buffer: memoryview) -> int:
        size = self._file.readinto(buffer[: self._end - self._at]) or 0
        self._at += size
        self._check.feed(buffer[:size])
        return size

    def mapped(self) -> MappedFile | None:
        return map_file(descriptor_of(self._file), self._at, self._end)

    def passed(self, data: memoryview, ascii: bool) -> None:
        self._check.feed(data, ascii)
