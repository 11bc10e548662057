"""The statistics of all fields in a part of a file, which is merged with other parts."""

import struct
from collections.abc import Iterator
from typing import Any

from loganalysis.fields.memory import FieldMemory
from loganalysis.fields.over_time import MAX_EXPLAINING, MAX_TOP, Bins, over_time
from loganalysis.fields.statistics import Bounds, FieldStatistics
from loganalysis.read.json_values import Json

_HEAD = struct.Struct("=II")  # number of fields, a bit for each that is counted over time


class FieldTable:
    """The statistics of all fields: as bytes, or in memory once they are needed there."""

    def __init__(self, content: FieldMemory | bytes) -> None:
        """`content` is memory, or the bytes that `packed` returns."""
        self._content = content

    @property
    def memory(self) -> FieldMemory:
        """The statistics in memory. Raises ValueError if the bytes are damaged."""
        if isinstance(self._content, FieldMemory):
            return self._content
        packed = self._content
        if len(packed) < _HEAD.size:
            raise ValueError("the statistics of fields are damaged")
        count, wanted = _HEAD.unpack_from(packed)
        self._content = FieldMemory(count, Bounds.of(count), wanted)
        self._content.merge(packed)
        return self._content

    def packed(self) -> bytes:
        """The statistics as bytes."""
        content = self._content
        return content.packed() if isinstance(content, FieldMemory) else content

    def merge(self, later: "FieldTable") -> None:
        """Add the statistics of another part, which has the same fields."""
        self.memory.merge(later.packed())

    @property
    def fields(self) -> list[FieldStatistics]:
        """The statistics of each field, with all its values."""
        return [self.memory.statistics(number) for number in range(self.memory.count)]

    @property
    def counts(self) -> list[int]:
        """The number of lines that have each field."""
        return [self.memory.lines_with(number) for number in range(self.memory.count)]

    @property
    def cell_seconds(self) -> int:
        """The width of the cells of time. The width of bins must be a multiple of it."""
        return self.memory.cell_seconds

    def to_json(self, top: int, bins: Bins | None, explains: bool = False) -> Iterator[Json]:
        """Yield each field as clients get it: with its `top` most frequent values.

        `bins` are the bins of the timeline, or None if no line has a time. `explains`
        means that the fields explain bursts, so that more values are shown in them.
        """
        memory, values = self.memory, MAX_EXPLAINING if explains else min(top, MAX_TOP)
        for number in range(memory.count):
            found = memory.statistics(number, max(top, values))
            shown = found.to_json(top)
            if memory.over_time >> number & 1:
                shown["over_time"] = over_time(memory, number, found, bins, values)
            yield shown

    def __eq__(self, other: object) -> bool:
        return isinstance(other, FieldTable) and self._figures() == other._figures()

    def _figures(self) -> Any:
        return self.fields, self.memory.over_time, self.memory.cell_seconds

    __hash__ = None  # type: ignore[assignment]

    def __reduce__(self) -> tuple[object, ...]:
        return FieldTable, (self.packed(),)
