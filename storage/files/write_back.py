"""Makes the kernel write a growing file to disk early, so that its final fsync is short.

This is only a hint: durability and error reports still need fsync. Imports nothing of ours.
"""

import ctypes

_SYNC_FILE_RANGE_WRITE = 2
_STEP_BYTES = 8 * 1024**2

_libc = ctypes.CDLL(None)
_libc.sync_file_range.argtypes = (ctypes.c_int, ctypes.c_int64, ctypes.c_int64, ctypes.c_uint)


class WriteBack:
    """Starts the write-back of one file that is written sequentially."""

    def __init__(self, descriptor: int):
        self._descriptor = descriptor
        self._begun = 0

    def wrote(self, size: int) -> None:
        """Report the new size of the file. Starts writing the new part to disk once it is large
        enough."""
        new = size - self._begun
        if new >= _STEP_BYTES:
            _libc.sync_file_range(self._descriptor, self._begun, new, _SYNC_FILE_RANGE_WRITE)
            self._begun = size
