"""The access points of a gzip file as text, which is stored in the result of its analysis.

Each has 32 KiB of data before it, compressed. If the text would be too long, every second point is
left out.
"""

import base64
import binascii
import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from loganalysis.count.line_marks import MAX_NUMBER, MarksError, differences, sums
from loganalysis.index.gzip_recorder import MAX_POINTS, AccessPoint
from loganalysis.index.raw_deflate import WINDOW_BYTES

MAX_TEXT = 128_000
"""Characters of encoded points."""


@dataclass(frozen=True)
class StoredPoint:
    """An access point with its window still compressed."""

    data_offset: int
    file_bit: int
    packed: bytes

    def window(self) -> bytes:
        """The data before the point. Raises MarksError if it is damaged."""
        decoder = zlib.decompressobj()
        try:
            window = decoder.decompress(self.packed, WINDOW_BYTES)
        except zlib.error as error:
            raise MarksError(f"a window is damaged: {error}") from None
        if not decoder.eof:
            raise MarksError("a window is cut short, or too long")
        return window


def encode_points(points: Sequence[AccessPoint]) -> str | None:
    """Encode access points as text, None if there are none."""
    packed = [zlib.compress(each.window) for each in points]
    while sum(map(len, packed)) > MAX_TEXT * 3 // 4 - 2000:
        points, packed = points[1::2], packed[1::2]
    if not points:
        return None
    head = {
        "offsets": differences([each.data_offset for each in points]),
        "bits": differences([each.file_bit for each in points]),
        "sizes": [len(each) for each in packed],
    }
    return base64.b64encode(b"\n".join([json.dumps(head).encode(), b"".join(packed)])).decode()


def decode_points(text: str) -> list[StoredPoint]:
    """Decode access points. Raises MarksError if they are damaged, but for their windows."""
    try:
        head, _, data = base64.b64decode(text[:MAX_TEXT], validate=True).partition(b"\n")
        document = json.loads(head)
        offsets, bits = sums(document["offsets"]), sums(document["bits"])
        ends = [0, *sums(document["sizes"])]
    except (binascii.Error, ValueError, TypeError, KeyError, RecursionError) as error:
        raise MarksError(f"the access points of a file are damaged: {error!r}") from None
    rising = all(0 < a < b for a, b in pairwise([1, *offsets])) and all(
        0 < a < b for a, b in pairwise([1, *bits])
    )
    sized = all(a < b for a, b in pairwise(ends)) and ends[-1] == len(data)
    counted = len(offsets) == len(bits) == len(ends) - 1 <= MAX_POINTS
    if not (rising and sized and counted and max([*offsets, *bits], default=0) < MAX_NUMBER):
        raise MarksError("the access points of a file are out of order")
    windows = [data[start:end] for start, end in pairwise(ends)]
    return [StoredPoint(*each) for each in zip(offsets, bits, windows, strict=True)]
