"""Scans a plain file in ranges of whole lines, in threads or processes, folded in order."""

import io
import pickle
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

from runner.analysis.count.file_facts import FileFacts, ObservedSource
from runner.analysis.count.histogram import TimeSpan
from runner.analysis.count.scanner import Options, Scanner
from runner.analysis.count.tally import Partial, Tally
from runner.analysis.input.errors import HelperError
from runner.analysis.input.mapped import MappedFile, map_file
from runner.analysis.input.stored import Stored, descriptor_of, open_stored, size_of
from runner.analysis.input.utf8 import Utf8Check
from runner.analysis.match import kernel
from runner.analysis.match.engine_choice import OneRegex, regexes_of
from runner.analysis.match.patterns import Literal, Regex
from runner.analysis.parallel import helpers, threads
from runner.analysis.parallel.cuts import cuts, plan
from runner.analysis.parallel.helper import Progress

RANGE_BYTES = 128 << 20
LEAST_BYTES = 128 << 20
"""A smaller file is not worth others' help."""

MOST_THREADS = 4
_MEMORY_BYTES, _BESIDES_BYTES = 34 << 20, 5 << 20
"""Of all threads, and what each needs besides its window. The smaller that is, the more often they
wait for each other."""

Told = Callable[[int, list[int]], None]
"""Takes bytes done and counts, in the order of the patterns."""


def scan_ranges(
    file: Stored,
    patterns: Sequence[Literal | Regex],
    options: Options,
    processors: int,
    told: Told,
    range_bytes: int,
) -> tuple[Partial, FileFacts]:
    """Scan a plain file on so many processors, by this thread and others or by this process and
    others.

    Raises OSError and HelperError, also if the file is cut.
    """
    size = size_of(file)
    ranges = plan(file, cuts(size, range_bytes, processors))
    kernel.available()  # which helpers are forked with, or each would test it
    by_threads = processors <= MOST_THREADS and _leaves_python(file, patterns, options)
    if by_threads:
        window_bytes = _MEMORY_BYTES // processors - _BESIDES_BYTES
        options = replace(options, window_bytes=window_bytes)
    whole = _Whole(len(patterns), options.lines.samples if options.lines else 0, told)
    regexes = cache(lambda: regexes_of(patterns))  # each process has its own

    def scan(part: int, progress: Progress) -> tuple[Partial, FileFacts]:
        return scan_range(file, ranges[part], size, patterns, options, progress, regexes())

    def scan_and_pack(part: int, progress: Progress) -> bytes:
        return _packed(*scan(part, progress))

    def take(part: int, result: tuple[Partial, FileFacts]) -> None:
        partial, seen = result
        whole.take(part, partial, seen, partial.tallies)

    def unpack_and_take(part: int, result: bytes) -> None:
        stream = io.BytesIO(result)
        partial, seen = pickle.load(stream)
        whole.take(part, partial, seen, (pickle.load(stream) for _ in patterns))

    if by_threads:
        threads.run_parts(scan, len(ranges), processors, whole.hear, take)
    else:
        helpers.run_parts(scan_and_pack, len(ranges), processors, whole.hear, unpack_and_take)
    return whole.partial, whole.seen


def _leaves_python(file: Stored, patterns: Sequence[Literal | Regex], options: Options) -> bool:
    """Whether a scan is done in C but for little, so that threads do not wait for each other."""
    lines = options.lines
    counts = lines is None or not (lines.samples or lines.time_of)
    literals = all(isinstance(each, Literal) for each in patterns)
    return isinstance(file, Path) and literals and counts and kernel.available()


class _Whole:
    """What was found in all ranges so far, and how far the others are."""

    def __init__(self, patterns: int, samples: int, told: Told) -> None:
        self.partial, self.seen = Partial.of(patterns), FileFacts()
        self._samples, self._told = samples, told
        self._news: dict[int, tuple[int, list[int]]] = {}  # of those that are not in it yet

    def hear(self, part: int, far: tuple[int, list[int]]) -> None:
        """How far a range is."""
        self._news[part] = far
        self._tell()

    def take(self, part: int, partial: Partial, seen: FileFacts, tallies: Iterable[Tally]) -> None:
        """What was found in the next range; its tallies may come one by one."""
        self._news.pop(part, None)
        self.seen.fold(seen, self.partial.bytes)
        self.partial.fold(partial, tallies, self._samples)
        self._tell()

    def _tell(self) -> None:
        folded = (self.partial.bytes, [tally.count for tally in self.partial.tallies])
        done, counts = zip(folded, *self._news.values(), strict=True)
        self._told(sum(done), [sum(each) for each in zip(*counts, strict=True)])


def _packed(partial: Partial, seen: FileFacts) -> bytes:
    """What was found, such that it can be read tally by tally: they may have megabytes."""
    stream = io.BytesIO()
    tallies, partial.tallies = partial.tallies[::-1], []
    pickle.dump((partial, seen), stream)
    while tallies:
        pickle.dump(tallies.pop(), stream)  # and free it
    return stream.getvalue()


def scan_range(
    file: Stored,
    part: tuple[int, int],
    size: int,
    patterns: Sequence[Literal | Regex],
    options: Options,
    progress: Progress,
    regexes: Sequence[OneRegex] | None = None,
) -> tuple[Partial, FileFacts]:
    """Scan the bytes from one offset to another, which are whole lines of a plain file of that
    size; tells bytes done and counts. `regexes` as of Scanner. Raises HelperError if the file is
    cut."""
    check, span = Utf8Check(), TimeSpan()
    with open_stored(file, *part) as opened:
        source = ObservedSource(_RangeSource(opened, *part, check), span)
        scanner = Scanner(patterns, options, source, regexes)
        while scanner.scan():
            progress(lambda: (scanner.bytes, scanner.counts))
    if scanner.bytes != part[1] - part[0]:
        raise HelperError("the file was cut while it was read")
    check.finish()
    span.forget(part[0], size - part[1])
    return scanner.partial, FileFacts(span, check.trouble)


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
