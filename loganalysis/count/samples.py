"""Samples of the matching lines of a pattern: spread over time, and some from each burst.

A pattern has up to 64 cells of time, all 2^n seconds wide; their width doubles when the lines span
more cells. Each cell keeps one of its lines at random: the one with the least hash of its offset in
the file. The lines with the least hashes of all are kept, too, in case that there are few cells.
Lines before the first time have cells of their own, by their offset in the file. So the lines that
are kept depend neither on the order of the lines nor on the parts of a file.

At the end, `choose` takes some of the lines that were kept.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import ceil

BURST = 4
"""A cell is part of a burst if it has so many times the lines of a mean cell."""


@dataclass
class Sample:
    """A matching line with the lines around it, as far as they are in this part of the file.

    `line` is its number. `second` is its time or the one of the line before, None without. If a
    line here is a record, `file_line` is the number of its first line.
    """

    line: int
    second: int | None
    text: bytes
    before: list[bytes] = field(default_factory=list)
    after: list[bytes] = field(default_factory=list)
    file_line: int | None = None


@dataclass
class Cells:
    """Cells of 2^`shift` seconds or bytes: by number, the least hash and the number of lines."""

    shift: int = 0
    cells: dict[int, tuple[int, int]] = field(default_factory=dict)

    def merge(self, other: "Cells", most: int) -> None:
        """Add other cells. At most `most` cells, from the first to the last, are kept."""
        if not other.cells:
            return
        shift = max(self.shift, other.shift)
        numbers = [*self._numbers(shift), *other._numbers(shift)]
        while (max(numbers) >> shift) - (min(numbers) >> shift) >= most:
            shift += 1
        merged: dict[int, tuple[int, int]] = {}
        for each in (self, other):
            for number, (least, count) in each.cells.items():
                at = number << each.shift >> shift
                known = merged.get(at, (least, 0))
                merged[at] = (min(known[0], least), known[1] + count)
        self.shift, self.cells = shift, merged

    def _numbers(self, shift: int) -> list[int]:
        return [number << self.shift >> shift << shift for number in self.cells]


@dataclass
class PatternSamples:
    """The samples of one pattern: matching lines, and the cells they are in.

    `lines` are by their hash.
    """

    dated: Cells = field(default_factory=Cells)
    undated: Cells = field(default_factory=Cells)
    least: list[int] = field(default_factory=list)
    lines: dict[int, Sample] = field(default_factory=dict)

    def merge(self, later: "PatternSamples", cells: int, samples: int) -> None:
        """Add what a later part of the file keeps. Its lines must be numbered already."""
        self.dated.merge(later.dated, cells)
        self.undated.merge(later.undated, cells)
        self.least = sorted({*self.least, *later.least})[:samples]
        self.lines = {**later.lines, **self.lines}
        self.prune()

    def prune(self) -> None:
        """Forget lines that are not needed any more."""
        cells = (*self.dated.cells.values(), *self.undated.cells.values())
        needed = {*self.least, *(least for least, _ in cells)}
        self.lines = {each: line for each, line in self.lines.items() if each in needed}

    def choose(self, samples: int) -> list[Sample]:
        """Up to `samples` lines, in the order of the file.

        First comes one from each burst, up to half of them, then lines as far as possible from the
        cells of the chosen ones, then any others.
        """
        chosen = [*_from_bursts(self.dated, ceil(samples / 2))]
        for cells in (self.dated, self.undated):
            chosen += _far_apart(
                cells, chosen if cells is self.dated else [], samples - len(chosen)
            )
        hashes = [cells.cells[number][0] for cells, number in chosen]
        hashes += [each for each in self.least if each not in hashes][: samples - len(hashes)]
        return sorted((self.lines[each] for each in hashes), key=lambda sample: sample.line)


Chosen = tuple[Cells, int]
"""Cells, and the number of one of them."""


def _from_bursts(cells: Cells, most: int) -> list[Chosen]:
    """The fullest cell of each burst; of the largest bursts, if there are more than `most`."""
    numbers = sorted(cells.cells)
    if not numbers:
        return []
    counts = {number: count for number, (_, count) in cells.cells.items()}
    mean = sum(counts.values()) / (numbers[-1] - numbers[0] + 1)
    fullest: list[int] = []
    last = None
    for number in (each for each in numbers if counts[each] > BURST * mean):
        if last != number - 1:
            fullest.append(number)
        elif counts[number] > counts[fullest[-1]]:
            fullest[-1] = number
        last = number
    fullest.sort(key=lambda number: (-counts[number], number))
    return [(cells, number) for number in fullest[:most]]


def _far_apart(cells: Cells, chosen: Sequence[Chosen], most: int) -> list[Chosen]:
    """Up to `most` further cells, each as far as possible from all others."""
    found: list[int] = []
    taken = {number for _, number in chosen}
    left = sorted(set(cells.cells) - taken)
    distances = {each: min((abs(each - t) for t in taken), default=1 << 62) for each in left}
    while distances and len(found) < most:
        number = max(distances, key=lambda each: (distances[each], -each))
        del distances[number]
        found.append(number)
        for each in distances:
            distances[each] = min(distances[each], abs(each - number))
    return [(cells, number) for number in found]


@dataclass
class Edges:
    """The first and the last lines of a part of a file, as context for its neighbours."""

    head: list[bytes] = field(default_factory=list)
    tail: list[bytes] = field(default_factory=list)


@dataclass
class Samples:
    """The samples of all patterns, in a part of a file of `count` lines.

    Of each line, `context` lines before and after it are kept, `cells` and `samples` as above.
    """

    patterns: list[PatternSamples]
    context: int
    cells: int
    samples: int
    count: int = 0
    edges: Edges = field(default_factory=Edges)

    def merge(self, later: "Samples", is_same_file: bool = True, file_lines: int = 0) -> None:
        """Add a later part of the file, or the next file, whose lines have other neighbours.

        `file_lines` is the number of lines before it, if a line here is a record.
        """
        if is_same_file:
            self._join(later)
        for pattern, other in zip(self.patterns, later.patterns, strict=True):
            for sample in other.lines.values():
                sample.line += self.count
                if sample.file_line is not None:
                    sample.file_line += file_lines
            pattern.merge(other, self.cells, self.samples)
        mine, others, context = self.edges, later.edges, self.context
        if is_same_file:
            tail = (mine.tail + others.tail)[-context:] if context else []
            self.edges = Edges((mine.head + others.head)[:context], tail)
        else:
            self.edges = others
        self.count += later.count

    def _join(self, later: "Samples") -> None:
        """Complete the context of lines near the border between both parts."""
        for pattern in self.patterns:
            for sample in pattern.lines.values():
                if (missing := self.context - len(sample.after)) and len(sample.after) == (
                    self.count - sample.line
                ):
                    sample.after += later.edges.head[:missing]
        for pattern in later.patterns:
            for sample in pattern.lines.values():
                missing = self.context - len(sample.before)
                if missing and len(sample.before) == sample.line - 1:
                    sample.before[:0] = self.edges.tail[-missing:]
