"""What the kernel of the analysis is tested with: short limits, each kind of vectors, an oracle."""

import re
from collections.abc import Iterator, Sequence

from runner.analysis.match import kernel
from runner.analysis.match.kernel import Kernel, KernelLimits
from runner.analysis.match.patterns import Literal

SMALL = KernelLimits(24, 8, 5, 4)
"""Blocks, hits, comparisons and literals in a pass: so few that short data meets each bound."""

VECTORS = range(kernel._vectors() + 1)
"""The numbers of those that the processor here has."""

Found = tuple[int, int, int, int]
"""Count, lines, first and last line of a literal."""


def literals_of(texts: Sequence[bytes], folded: Sequence[bool]) -> list[Literal]:
    return [
        Literal(number, text.lower() if fold else text, fold)
        for number, (text, fold) in enumerate(zip(texts, folded, strict=True))
    ]


def windows(data: bytes, literals: Sequence[Literal], size: int) -> Iterator[tuple[int, int, int]]:
    """Base, start and end (in the data) of windows that end anywhere, with the old bytes kept."""
    keep = max(len(each.text) for each in literals) - 1
    for start in range(0, len(data), size):
        yield max(start - keep, 0), start, min(start + size, len(data))


def kernel_results(
    data: bytes, literals: Sequence[Literal], size: int
) -> tuple[list[Found], list[list[int]]]:
    """What the kernel finds, and where the hits of each literal are in the data. Each window is in
    memory of its own, which a look behind its end or before its beginning would leave."""
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
    return [
        (each.count, each.lines, each.first_line, each.last_line) for each in found.literals
    ], hits


def reference(data: bytes, literal: Literal) -> tuple[Found, list[int]]:
    """The same by Python's own regexes."""
    text = data.lower() if literal.folded else data
    starts = [each.start() for each in re.finditer(re.escape(literal.text), text)]
    lines = [data.count(b"\n", 0, start) + 1 for start in starts]
    first = {line: start for start, line in reversed(list(zip(starts, lines, strict=True)))}
    ends = (min(first), max(first)) if first else (0, 0)
    return (len(starts), len(first), *ends), sorted(first.values())
