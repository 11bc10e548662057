"""The results of patterns in a part of a file, and how the results of parts are merged.

Line numbers count from 1 at the start of the part; `merge` adds the lines of the parts before.
"""

from dataclasses import dataclass, field

from runner.analysis.count.histogram import Histogram


@dataclass
class PatternResult:
    """One pattern's result in a part of a file. Without line options, only `count` is filled."""

    count: int = 0
    matching_lines: int = 0
    first_line: int | None = None
    last_line: int | None = None
    samples: list[bytes] = field(default_factory=list)
    histogram: Histogram | None = None
    undated: int = 0
    """Matching lines without a time that can be read."""

    def merge(self, later: "PatternResult", lines_before: int, samples: int) -> None:
        """Add the result of a later part of the file, which begins with a new line."""
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
            self.histogram.merge(later.histogram)
        self.undated += later.undated


@dataclass
class PartialResult:
    """The result for a part of a file. `lines` is 0 if lines are not counted."""

    results: list[PatternResult]
    bytes: int = 0
    lines: int = 0

    @classmethod
    def of(cls, patterns: int) -> "PartialResult":
        """An empty result for this number of patterns."""
        return cls([PatternResult() for _ in range(patterns)])

    def merge(self, later: "PartialResult", samples: int) -> None:
        """Add a later part, which begins with a new line."""
        for result, other in zip(self.results, later.results, strict=True):
            result.merge(other, self.lines, samples)
        self.bytes += later.bytes
        self.lines += later.lines
