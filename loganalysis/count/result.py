"""The results of patterns in a part of a file, and how the results of parts are merged.

Line numbers count from 1 at the start of the part; `merge` adds the lines of the parts before.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from loganalysis.count.line_marks import SPACING_BYTES, LineMarks
from loganalysis.count.samples import Samples
from loganalysis.fields.table import FieldTable
from loganalysis.read.invalid_text import InvalidText
from loganalysis.times.histogram import Histogram
from loganalysis.times.time_bounds import TimeBounds
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

    def dump(self) -> list[Any]:
        """The result for JSON; samples have one character for each byte (Latin-1)."""
        samples = [sample.decode("latin-1") for sample in self.samples]
        lines = [self.matching_lines, self.first_line, self.last_line]
        histogram = self.histogram and self.histogram.dump()
        return [self.count, *lines, samples, histogram, self.undated]

    @classmethod
    def load(cls, content: list[Any], max_buckets: int) -> "PatternResult":
        """A result from the output of `dump`. Its histogram gets `max_buckets` as its bound."""
        count, matching, first, last, samples, histogram, undated = content
        as_bytes = [sample.encode("latin-1") for sample in samples]
        loaded = None if histogram is None else Histogram.load(histogram, max_buckets)
        return cls(count, matching, first, last, as_bytes, loaded, undated)


class LineTable(Protocol):
    """Figures about all lines of a part of a file, such as overview.table.ShapeTable."""

    @property
    def size(self) -> int:
        """The number of its entries."""

    def merge(self, later: Any, /) -> None:
        """Add the figures of the next part, which are of the same class."""

    def dump(self) -> Any:
        """The figures for JSON."""


_FIGURES = ("fields", "table", "timeline", "samples")


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

    def _merge_figures(self, name: str, later: Any) -> None:
        """Add the figures of a later part to those of the same name, if there are any."""
        if getattr(self, name) is None:
            setattr(self, name, later)
        elif later is not None:
            getattr(self, name).merge(later)

    def dump(self) -> dict[str, Any]:
        """The result for JSON, which is stored until another process merges it.

        It is not pickled, because unpickling data from a store is unsafe.
        """
        figures = {name: getattr(self, name) for name in _FIGURES}
        more = {name: each.dump() for name, each in figures.items() if each is not None}
        if self.records is not None:
            more["records"] = self.records
        return more | {
            "bytes": self.bytes,
            "lines": self.lines,
            "tallies": [result.dump() for result in self.results],
            "span": ["", "", True],  # no time span; a worker of the previous release expects it
            "trouble": [self.invalid_text.count, self.invalid_text.first_offset],
            "marks": [self.marks.spacing, self.marks.marks],
            "bounds": [each and each.to_row() for each in self.marks.bounds],
        }

    @classmethod
    def load(
        cls,
        content: dict[str, Any],
        max_buckets: int,
        load_table: Callable[[Any], LineTable] | None = None,
    ) -> "PartialResult":
        """A result from the output of `dump`. Histograms get `max_buckets` as their bound.

        `load_table` makes the table from the output of its own `dump`.
        """
        results = [PatternResult.load(each, max_buckets) for each in content["tallies"]]
        invalid_text = InvalidText(*content["trouble"])
        # Older workers send no marks, or no bounds.
        spacing, marks = content.get("marks", [SPACING_BYTES, [[0, 1, None]]])
        found = cls(results, content["bytes"], content["lines"], invalid_text)
        found.marks = LineMarks([tuple(each) for each in marks], spacing)
        if len(bounds := content.get("bounds", [])) == len(marks):
            found.marks.bounds = [each and TimeBounds.of_row(each) for each in bounds]
        found.fields = FieldTable.load(content["fields"]) if "fields" in content else None
        found.table = load_table(content["table"]) if load_table and "table" in content else None
        found.timeline = Timeline.load(content["timeline"]) if "timeline" in content else None
        found.samples = Samples.load(content["samples"]) if "samples" in content else None
        found.records = content.get("records")
        return found
