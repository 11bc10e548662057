"""The results of patterns in a part of a file, and how the results of parts are merged.

Line numbers count from 1 at the start of the part; `merge` adds the lines of the parts before.
"""

from dataclasses import dataclass, field
from typing import Protocol

from loganalysis.count.line_marks import LineMarks
from loganalysis.count.samples import Samples
from loganalysis.fields.table import FieldTable
from loganalysis.read.invalid_text import InvalidText
from loganalysis.read.json_values import JsonValue
from loganalysis.times.histogram import Histogram
from loganalysis.times.timeline import Timeline


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


class LineTable(Protocol):
    """Figures about all lines of a part of a file, such as overview.table.ShapeTable."""

    @property
    def size(self) -> int:
        """The number of its entries."""

    def merge(self, later: JsonValue, /) -> None:
        """Add the figures of the next part, which are of the same class."""


@dataclass
class PartialResult:
    """The result for a part of a file. `lines` is 0 if lines are not counted.

    `timeline`, `samples` and `records`, the number of records, are None unless they were asked for.
    """

    results: list[PatternResult]
    bytes: int = 0
    lines: int = 0
    invalid_text: InvalidText = field(default_factory=InvalidText, compare=False)
    marks: LineMarks = field(default_factory=LineMarks, compare=False, kw_only=True)
    fields: FieldTable | None = None
    table: LineTable | None = field(default=None, kw_only=True)
    timeline: Timeline | None = None
    samples: Samples | None = None
    records: int | None = None

    @classmethod
    def of(cls, patterns: int) -> "PartialResult":
        """An empty result for this number of patterns."""
        return cls([PatternResult() for _ in range(patterns)])

    @property
    def counts(self) -> list[int]:
        """The number of matches of each pattern."""
        return [result.count for result in self.results]

    def merge(self, later: "PartialResult", samples: int, is_same_file: bool = True) -> None:
        """Add a later part, which begins with a new line, or the next member of an archive."""
        for result, other in zip(self.results, later.results, strict=True):
            result.merge(other, self.lines, samples)
        self.invalid_text.merge(later.invalid_text, self.bytes)
        self.marks.merge(later.marks, self.bytes, self.lines)
        if later.samples and self.samples:
            self.samples.merge(later.samples, is_same_file, self.lines)
        self.samples = self.samples or later.samples
        self.bytes += later.bytes
        self.lines += later.lines
        if later.records is not None:
            self.records = (self.records or 0) + later.records
        for name in ("fields", "table", "timeline"):
            self._merge_figures(name, getattr(later, name))

    def _merge_figures(self, name: str, later: JsonValue) -> None:
        """Add the figures of a later part to this part's figures of the same name, if any."""
        if getattr(self, name) is None:
            setattr(self, name, later)
        elif later is not None:
            getattr(self, name).merge(later)
