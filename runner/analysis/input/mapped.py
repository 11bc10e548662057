"""A part of a file, seen in place: nothing is copied, which halves the time to read a log.

    file   [ ...... | forgotten | part .... | mapped, and not yet in memory | ...... ]
                    └──────────────────── one mapping ──────────────────────┘

What is before a part leaves the memory of this process, so that stays small whatever the size of
the file. It stays mapped: threads wait for each other to map and unmap, and not to forget.
"""

import mmap
import os

from runner.analysis.input import primitives

_PAGE = mmap.ALLOCATIONGRANULARITY
_MAPPED_BYTES = 128 << 20  # for each page of which the kernel keeps 8 bytes


class MappedFile:
    """The bytes from `start` to `end` of an open file, which has to stay open.

    Uploads never change. Should a file be cut all the same, `size` tells of it at the next window;
    a process that is within the bytes cut off ends with SIGBUS, and no count is stored.
    """

    def __init__(self, file: int, start: int, end: int) -> None:
        """`file` is a descriptor."""
        self._file, self._start, self._end = file, start, end
        self._pages: mmap.mmap | None = None
        self._view = memoryview(b"")
        self._mapped = self._forgotten = 0  # where that begins, in the file

    @property
    def size(self) -> int:
        """How many bytes there are to be had, now; fewer than at first if the file was cut."""
        return max(min(self._end, os.fstat(self._file).st_size) - self._start, 0)

    def part(self, start: int, end: int) -> memoryview:
        """Some bytes, counted from the start of the file's part; no later call may ask for any
        before them.

        Raises OSError.
        """
        first, last = self._start + start, self._start + end
        if self._pages is None or last > self._mapped + len(self._pages):
            self._map(first, last)
        else:
            self._forget(self._pages, first)
        return self._view[first - self._mapped : last - self._mapped]

    def _map(self, first: int, last: int) -> None:
        begin = first - first % _PAGE
        end = max(last, min(begin + _MAPPED_BYTES, self._start + self.size))
        pages = mmap.mmap(self._file, end - begin, access=mmap.ACCESS_READ, offset=begin)
        pages.madvise(mmap.MADV_SEQUENTIAL)
        self._pages, self._view = pages, memoryview(pages)
        self._mapped = self._forgotten = begin

    def _forget(self, pages: mmap.mmap, before: int) -> None:
        if size := (before - self._forgotten) // _PAGE * _PAGE:
            pages.madvise(mmap.MADV_DONTNEED, self._forgotten - self._mapped, size)
            self._forgotten += size


def map_file(file: int | None, start: int, end: int) -> MappedFile | None:
    """A part of an open file, by its descriptor, if it has one; None where it cannot be mapped, or
    what searches it is not here."""
    if file is None or not primitives.fast() or start >= end:
        return None
    found = MappedFile(file, start, end)
    try:
        found.part(0, 1)
    except OSError:
        return None
    return found
