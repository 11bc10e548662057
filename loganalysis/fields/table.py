"""The statistics of all fields in a part of a file, which is merged with other parts."""

import base64
import struct
import zlib
from collections.abc import Iterator
from typing import Any

from loganalysis.fields.memory import FieldMemory, hash_of
from loganalysis.fields.numbers import EXPONENTS, STEP_BITS
from loganalysis.fields.over_time import Bins, over_time
from loganalysis.fields.statistics import SHOWN_BYTES, Bounds, FieldStatistics

_HEAD = struct.Struct("=II")  # number of fields, a bit for each that is counted over time
_FIELD = struct.Struct("=qqqqddIIII")  # the C struct `head` in packed.c
_ENTRY, _BUCKET, _SUM = struct.Struct("=QqI"), struct.Struct("=Iq"), struct.Struct("=I16s")
_LOW, _MIDDLE = 64, 127  # bits of a sum below those of its second and third number


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
        """The width of the cells of time, of which bins must be multiples."""
        return self.memory.cell_seconds

    def to_json(self, top: int, bins: Bins | None) -> Iterator[dict[str, Any]]:
        """Yield each field as clients get it: with its `top` most frequent values.

        `bins` are those of the timeline, or None if no line has a time.
        """
        memory = self.memory
        for number in range(memory.count):
            found = memory.statistics(number, top)
            shown = found.to_json(top)
            if memory.over_time >> number & 1:
                shown["over_time"] = over_time(memory, number, found, bins, top)
            yield shown

    def dump(self) -> list[Any]:
        """The statistics as JSON. A worker of the previous release reads them, if no field is
        counted over time, which it cannot do."""
        if self.memory.over_time:
            return ["packed", base64.b85encode(zlib.compress(self.packed(), 1)).decode()]
        return [each.dump() for each in self.fields]

    @classmethod
    def load(cls, content: list[Any]) -> "FieldTable":
        """Statistics from the output of `dump`."""
        if content and content[0] == "packed":
            return cls(zlib.decompress(base64.b85decode(content[1])))
        fields = [FieldStatistics.load(each) for each in content]
        return cls(_HEAD.pack(len(fields), 0) + b"".join(map(_packed, fields)))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, FieldTable) and self._figures() == other._figures()

    def _figures(self) -> Any:
        return self.fields, self.memory.over_time, self.memory.cell_seconds

    __hash__ = None  # type: ignore[assignment]

    def __reduce__(self) -> Any:
        return FieldTable, (self.packed(),)


def _packed(found: FieldStatistics) -> bytes:
    """Statistics as bytes, as native/packed.c has them."""
    numbers, sums = found.numbers, _sums(found.numbers.sum)
    buckets = {_number_of(each): n for each, n in numbers.buckets.items() if each}
    head = _FIELD.pack(
        *(found.count, found.purged, numbers.count, numbers.buckets[0]),
        *(numbers.least, numbers.most, len(found.counts), len(buckets), len(sums), 0),
    )
    entries = (
        _ENTRY.pack(hash_of(value), count, SHOWN_BYTES + 1 if value[1] else len(value[0]))
        + value[0]
        for value, count in found.counts.items()
    )
    return b"".join(
        (
            head,
            *entries,
            found.registers,
            *(_BUCKET.pack(*each) for each in sorted(buckets.items())),
            *(_SUM.pack(at, each.to_bytes(16, "little", signed=True)) for at, each in sums),
        )
    )


def _number_of(bucket: int) -> int:
    """The number that C gives to a bucket of Numbers."""
    return bucket - 1 if bucket > 0 else (EXPONENTS << STEP_BITS) - bucket - 1


def _sums(total: int) -> list[tuple[int, int]]:
    """A sum as numbers of 128 bits, each at the power of two that it is multiplied with."""
    middle = (total >> _LOW) & ((1 << (_MIDDLE - _LOW)) - 1)
    parts = ((0, total & ((1 << _LOW) - 1)), (_LOW, middle), (_MIDDLE, total >> _MIDDLE))
    return [(at, part) for at, part in parts if part]
