"""Some megabytes of a file that arrives in a form, and where in them the file ends.

memory   [ the file's .......... | may be the delimiter | room ...... ]
         0                       size                   filled        most
"""

from importlib import import_module
from mmap import MAP_ANONYMOUS, MAP_PRIVATE, mmap
from typing import Any

MOST_BYTES = 4 * 1024**2
"""That one can hold."""


class WriteBuffer:
    """Bytes gathered in a place of their own: a socket may be read right into its room. The system
    gives memory as it is first filled."""

    def __init__(self, delimiter: bytes) -> None:
        """`delimiter`: what comes behind the file; its first byte is nowhere else in it."""
        self._delimiter = delimiter
        self._memory = memoryview(mmap(-1, MOST_BYTES, MAP_PRIVATE | MAP_ANONYMOUS))
        self._text = _searched(self._memory)
        self._most = self._filled = self.size = 0

    @property
    def is_full(self) -> bool:
        """Whether it is to be written."""
        return self._filled >= self._most

    @property
    def room(self) -> memoryview:
        """Where the next bytes may be put before they are taken."""
        return self._memory[self._filled : self._most]

    def begin(self, most: int, first: bytes = b"") -> None:
        """Hold no more than these bytes, and from now on so many at most."""
        self._most, self.size, self._filled = most, 0, len(first)
        self._memory[: len(first)] = first

    def take(self, data: memoryview) -> memoryview:
        """Take what there is room for, in which there may be no delimiter; the rest of `data`."""
        end = min(self._filled + len(data), self._most)
        taken = end - self._filled
        if data.obj is not self._memory.obj:  # else it was put into our room
            self._memory[self._filled : end] = data[:taken]
        self._filled = end
        return data[taken:]

    def find_end(self) -> bool:
        """Whether the file ends in what was taken; that is what `cut_off` gives then."""
        end = self._text.find(self._delimiter, self.size, self._filled)
        if end < 0:
            self.size = self._filled - self._begun()
            return False
        self.size = end
        return True

    def cut_off(self) -> bytes:
        """What is behind the file's bytes, or may be; it is no more in here."""
        rest = bytes(self._memory[self.size : self._filled])
        self._filled = self.size
        return rest

    def end(self) -> None:
        """No delimiter comes: all is the file's."""
        self.size = self._filled

    def data(self) -> memoryview:
        """The file's bytes, until it is filled anew."""
        return self._memory[: self.size]

    def _begun(self) -> int:
        """How many of the last bytes may be the beginning of the delimiter."""
        start = max(self.size, self._filled - len(self._delimiter) + 1)
        last = bytes(self._memory[start : self._filled])
        at = last.rfind(self._delimiter[:1])
        begun = last[at:] if at >= 0 else b""
        return len(begun) if self._delimiter.startswith(begun) else 0


def _searched(memory: memoryview) -> Any:
    """With a `find` that is four times as fast as Python's, and thirteen times before 3.13."""
    try:
        return import_module("stringzilla").Str(memory)  # loaded with the first file that comes
    except ImportError:  # no wheel for this platform
        return memory.obj
