"""What was found of one pattern, and how parts of a file are put together.

Line numbers count from 1 at the start of the part; `fold` moves those of a later part.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from runner.analysis.count.histogram import Histogram


@dataclass
class Tally:
    """One pattern's counts in a part of a file; all but `count` only where lines are asked for."""

    count: int = 0
    matching_lines: int = 0
    first_line: int | None = None
    last_line: int | None = None
    samples: list[bytes] = field(default_factory=list)
    histogram: Histogram | None = None
    undated: int = 0

    def fold(self, later: "Tally", lines_before: int, samples: int) -> None:
        """Add what was found in a later part of the file, which begins with a new line."""
        self.count += later.count
        self.matching_lines += later.matching_lines
        if later.first_line is not None and later.last_line is not None:
            if self.first_line is None:
                self.first_line = later.first_line + lines_before
            self.last_line = later.last_line + lines_before
        self.samples += later.samples[: samples - len(self.samples)]
        if self.histogram is None:
            self.histogram = later.histogram
        elif later.histogram is not None:
            self.histogram.fold(later.histogram)
        self.undated += later.undated


@dataclass
class Partial:
    """What was found in a part of a file; `lines` is 0 if they are not asked for."""

    tallies: list[Tally]
    bytes: int = 0
    lines: int = 0

    @classmethod
    def of(cls, patterns: int) -> "Partial":
        """Nothing found yet, of so many patterns."""
        return cls([Tally() for _ in range(patterns)])

    def fold(self, later: "Partial", tallies: Iterable[Tally], samples: int) -> None:
        """Add a later part, which begins with a new line; its tallies may come one by one."""
        for tally, other in zip(self.tallies, tallies, strict=True):
            tally.fold(other, self.lines, samples)
        self.bytes += later.bytes
        self.lines += later.lines
