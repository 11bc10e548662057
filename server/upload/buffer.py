"""A buffer for one batch of an uploaded file, which finds where the file ends.

memory   [ bytes of the file ... | may be the delimiter | free ...... ]
         0                       size                   filled        capacity

The delimiter is the byte sequence that follows the file in its multipart form.
"""

from importlib import import_module
from mmap import MAP_ANONYMOUS, MAP_PRIVATE, mmap
from typing import Any

BUFFER_BYTES = 4 * 1024**2
"""Most bytes that a buffer can hold."""


class WriteBuffer:
    """Collects bytes in memory of its own, so that a socket can read right into its free space.

    The memory is mapped, so the kernel allocates it only as it is filled.
    """

    def __init__(self, delimiter: bytes) -> None:
        """The first byte of `delimiter` must not occur in it again."""
        self._delimiter = delimiter
        self._memory = memoryview(mmap(-1, BUFFER_BYTES, MAP_PRIVATE | MAP_ANONYMOUS))
        self._text = _searchable(self._memory)
        self._capacity = self._filled = self.size = 0

    @property
    def is_full(self) -> bool:
        """Whether the buffer has no free space left."""
        return self._filled >= self._capacity

    @property
    def free(self) -> memoryview:
        """The free space. Bytes written there must be passed to `append` next."""
        return self._memory[self._filled : self._capacity]

    def reset(self, capacity: int, first: bytes = b"") -> None:
        """Replace the contents by `first`, and hold at most `capacity` bytes from now on."""
        self._capacity, self.size, self._filled = capacity, 0, len(first)
        self._memory[: len(first)] = first

    def append(self, data: memoryview) -> memoryview:
        """Add as many bytes as fit. Returns the others.

        `data` may be a part of `free`, whose bytes are already in place.
        """
        end = min(self._filled + len(data), self._capacity)
        taken = end - self._filled
        if data.obj is not self._memory.obj:
            self._memory[self._filled : end] = data[:taken]
        self._filled = end
        return data[taken:]

    def find_end(self) -> bool:
        """Search the new bytes for the delimiter, and update `size`.

        Returns True if the file ends in this buffer: `take_rest` then begins with the delimiter.
        """
        end = self._text.find(self._delimiter, self.size, self._filled)
        if end < 0:
            self.size = self._filled - self._partial_delimiter_bytes()
            return False
        self.size = end
        return True

    def take_rest(self) -> bytes:
        """Remove and return the bytes after `size`: the delimiter, or what may become one."""
        rest = bytes(self._memory[self.size : self._filled])
        self._filled = self.size
        return rest

    def end(self) -> None:
        """Count all bytes as the file's, since no delimiter follows."""
        self.size = self._filled

    def data(self) -> memoryview:
        """The bytes of the file. They are valid until the next `reset`."""
        return self._memory[: self.size]

    def _partial_delimiter_bytes(self) -> int:
        """How many of the last bytes may be the beginning of the delimiter."""
        start = max(self.size, self._filled - len(self._delimiter) + 1)
        last = bytes(self._memory[start : self._filled])
        at = last.rfind(self._delimiter[:1])
        partial = last[at:] if at >= 0 else b""
        return len(partial) if self._delimiter.startswith(partial) else 0


def _searchable(memory: memoryview) -> Any:
    """The memory as an object with `find`.

    StringZilla's is four times as fast as Python's, and thirteen times before Python 3.13.
    """
    try:
        return import_module("stringzilla").Str(memory)  # imported with the first upload
    except ImportError:  # it has no wheel for this platform
        return memory.obj
