"""A part of a file, mapped into memory. Nothing is copied, which halves the time to read a log.

    file   [ ...... | released | view .... | mapped, but not yet in memory | ...... ]
                    └─────────────────── one mapping ──────────────────────┘

Pages before the view are released from this process's memory, which so stays small for a file of
any size. They stay mapped: mapping and unmapping make threads wait for each other, releasing pages
does not.
"""

import mmap
import os
import sys

_PAGE = mmap.ALLOCATIONGRANULARITY
_MAPPED_BYTES = 128 << 20  # of one mapping; the kernel keeps 8 bytes for each of its pages


class MappedFile:
    """The bytes from `start` to `end` of an open file, which must stay open.

    Uploads never change. If a file is shortened nevertheless, `size` shows it at the next window.
    A process that reads bytes that were cut off is killed by SIGBUS, so no wrong count is stored.
    """

    is_valid = False
    """The bytes are not known to be valid UTF-8, see window.Reader."""

    def __init__(self, file: int, start: int, end: int) -> None:
        """`file` is a file descriptor."""
        self._file, self._start, self._end = file, start, end
        self.expected_size = end - start
        self._pages: mmap.mmap | None = None
        self._view = memoryview(b"")
        self._mapped_from = self._released = 0  # offsets in the file

    @property
    def size(self) -> int:
        """The number of bytes available now; less than at first if the file was shortened."""
        return max(min(self._end, os.fstat(self._file).st_size) - self._start, 0)

    def view(self, start: int, end: int) -> memoryview:
        """The bytes from `start` to `end`, as offsets in this part of the file.

        `start` must not decrease from call to call, because pages before it are released. Raises
        OSError.
        """
        first, last = self._start + start, self._start + end
        if self._pages is None or last > self._mapped_from + len(self._pages):
            self._map(first, last)
        else:
            self._release(self._pages, first)
        return self._view[first - self._mapped_from : last - self._mapped_from]

    def _map(self, first: int, last: int) -> None:
        map_start = first - first % _PAGE
        end = max(last, min(map_start + _MAPPED_BYTES, self._start + self.size))
        pages = mmap.mmap(self._file, end - map_start, access=mmap.ACCESS_READ, offset=map_start)
        if sys.platform != "win32":
            pages.madvise(mmap.MADV_SEQUENTIAL)
        self._pages, self._view = pages, memoryview(pages)
        self._mapped_from = self._released = map_start

    def _release(self, pages: mmap.mmap, before: int) -> None:
        size = (before - self._released) // _PAGE * _PAGE
        if sys.platform != "win32" and size:
            pages.madvise(mmap.MADV_DONTNEED, self._released - self._mapped_from, size)
            self._released += size


def map_file(file: int, start: int, end: int) -> MappedFile | None:
    """Map a part of an open file, given by its descriptor; None if it cannot be mapped."""
    if start >= end:
        return None
    found = MappedFile(file, start, end)
    try:
        found.view(0, 1)
    except OSError:
        return None
    return found
