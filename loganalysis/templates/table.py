"""The shapes of the lines of a part of a file, with counts; and how the tables of parts are merged.

A table is limited to MAX_SHAPES shapes and bins.MAX_BINS bins. With more of them, it changes to a
higher level of shapes, or to wider bins. Both are nested, so the result does not depend on how the
file was cut into parts.
"""

from dataclasses import dataclass, field

from loganalysis.templates.bins import WIDTHS, Bins, added, coarsened, width_for
from loganalysis.templates.shapes import MAX_PARTS, shape_of

MAX_SHAPES = 4096


@dataclass
class Shape:
    """The lines of one shape.

    `sample` is the head of the first line. `first_time` is the earliest time of all lines and
    `last_time` the latest, in epoch seconds, or None if no line has a time. `bins` counts the lines
    that have one.
    """

    sample: bytes
    count: int
    first_line: int
    last_line: int
    first_time: float | None = None
    last_time: float | None = None
    bins: Bins = field(default_factory=Bins)

    def merge(self, other: "Shape") -> None:
        """Add other lines of the same file."""
        self.count += other.count
        if other.first_line < self.first_line:
            self.first_line, self.sample = other.first_line, other.sample
        self.last_line = max(self.last_line, other.last_line)
        if self.first_time is None or self.last_time is None:
            self.first_time, self.last_time = other.first_time, other.last_time
        elif other.first_time is not None and other.last_time is not None:
            self.first_time = min(self.first_time, other.first_time)
            self.last_time = max(self.last_time, other.last_time)
        self.bins = added(self.bins, other.bins)


class ShapeTable:
    """The shapes of a part of a file. `lines` is the number of its lines.

    `level` is an index of shapes.MAX_PARTS, and `width` one of bins.WIDTHS. `shapes` has the text
    of each shape as its key. Line numbers count from 1 at the start of the part.
    """

    def __init__(self, max_shapes: int = MAX_SHAPES) -> None:
        self.level = self.width = self.lines = 0
        self.shapes: dict[bytes, Shape] = {}
        self._max_shapes = max_shapes

    @property
    def bin_seconds(self) -> int:
        """The width of the bins."""
        return WIDTHS[self.width]

    @property
    def size(self) -> int:
        """The number of shapes."""
        return len(self.shapes)

    def add(self, shape: Shape) -> None:
        """Add lines that are in this part, with bins of the present width."""
        key = shape_of(shape.sample, self.level)
        known = self.shapes.setdefault(key, shape)
        if known is not shape:
            known.merge(shape)

    def limit(self) -> None:
        """Change to a higher level and to wider bins, until the table keeps its limits."""
        while len(self.shapes) > self._max_shapes and self.level + 1 < len(MAX_PARTS):
            self._coarsen(self.level + 1, self.width)
        used = {number for shape in self.shapes.values() for number in shape.bins}
        if used:
            self._coarsen(self.level, width_for(used, self.width))

    def merge(self, later: "ShapeTable") -> None:
        """Add the next part of the file. It must not be used afterwards."""
        for shape in later.shapes.values():
            shape.first_line += self.lines
            shape.last_line += self.lines
        self.lines += later.lines
        self.include(later)

    def include(self, other: "ShapeTable") -> None:
        """Add shapes whose lines have been counted. `other` must not be used afterwards."""
        level, width = max(self.level, other.level), max(self.width, other.width)
        self._coarsen(level, width)
        other._coarsen(level, width)
        for key, shape in other.shapes.items():
            known = self.shapes.setdefault(key, shape)
            if known is not shape:
                known.merge(shape)
        self.limit()

    def _coarsen(self, level: int, width: int) -> None:
        if width != self.width:
            for shape in self.shapes.values():
                shape.bins = coarsened(shape.bins, self.width, width)
            self.width = width
        if level != self.level:
            shapes, self.shapes, self.level = self.shapes, {}, level
            for shape in shapes.values():
                self.add(shape)
