"""Has a file written to disk while more of it comes, so that its sync has little left to do.

A hint and no promise: only fsync, which tells of all errors, makes a file durable. Imports nothing
of ours.
"""

import ctypes

_SYNC_FILE_RANGE_WRITE = 2
_STEP_BYTES = 8 * 1024**2

_libc = ctypes.CDLL(None)
_libc.sync_file_range.argtypes = (ctypes.c_int, ctypes.c_int64, ctypes.c_int64, ctypes.c_uint)


class WriteBack:
    """Of one file that is written from its start on."""

    def __init__(self, descriptor: int):
        self._descriptor = descriptor
        self._begun = 0

    def wrote(self, size: int) -> None:
        """The file has so many bytes now: begin with what is new, if it is worth it."""
        new = size - self._begun
        if new >= _STEP_BYTES:
            _libc.sync_file_range(self._descriptor, self._begun, new, _SYNC_FILE_RANGE_WRITE)
            self._begun = size
