"""Tools to test the kernel of the analysis: short limits, all kinds of vectors, a reference."""

import re
from collections.abc import Iterator, Sequence

from loganalysis.match import c_scanner
from loganalysis.match.c_scanner import Kernel, KernelLimits
from loganalysis.match.patterns import Literal

SMALL = KernelLimits(24, 8, 5, 4)
"""Blocks, hits, comparisons and literals in a pass, so few that short data reaches each limit."""

VECTORS = range(c_scanner._vectors() + 1)
"""The numbers of the vectors that this processor supports."""

Found = tuple[int, int, int, int]
"""Count, lines, first and last line of a literal."""


def literals_of(texts: Sequence[bytes], folded: Sequence[bool]) -> list[Literal]:
    return [
        Literal(number, text.lower() if fold else text, fold)
        for number, (text, fold) in enumerate(zip(texts, folded, strict=True))
    ]


def windows(data: bytes, literals: Sequence[Literal], size: int) -> Iterator[tuple[int, int, int]]:
    """Base, start and end (in the data) of windows that end anywhere and keep the old bytes."""
    keep = max(len(each.text) for each in literals) - 1
    for start in range(0, len(data), size):
        yield max(start - keep, 0), start, min(start + size, len(data))


def kernel_results(
    data: bytes, literals: Sequence[Literal], size: int
) -> tuple[list[Found], list[list[int]]]:
    """The counts that the kernel finds, and the positions of each literal's hits in the data.

    Each window has its own memory, so that a sanitizer notices any access outside of it.
    """
    found, counts = Kernel(literals, lines=True, report_lines=True), Kernel(literals, lines=False)
    hits: list[list[int]] = [[] for _ in literals]
    for base, start, end in windows(data, literals, size):
        view = memoryview(bytearray(data[base:end]))
        for batch in found.scan(view, base, start - base, end - base):
            for number, at in batch:
                hits[number].append(base + at)
        list(counts.scan(view, base, start - base, end - base))
        assert found.ascii == counts.ascii == data[start:end].isascii()
    assert [each.count for each in counts.literals] == [each.count for each in found.literals]
    found_counts = [
        (each.count, each.lines, each.first_line, each.last_line) for each in found.literals
    ]
    return found_counts, hits


def reference(data: bytes, literal: Literal) -> tuple[Found, list[int]]:
    """The counts and positions according to Python's regexes."""
    text = data.lower() if literal.folded else data
    starts = [each.start() for each in re.finditer(re.escape(literal.text), text)]
    lines = [data.count(b"\n", 0, start) + 1 for start in starts]
    first = {line: start for start, line in reversed(list(zip(starts, lines, strict=True)))}
    ends = (min(first), max(first)) if first else (0, 0)
    return (len(starts), len(first), *ends), sorted(first.values())
