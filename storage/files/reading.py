"""Reading complete stored files from any offset: `FolderReader` for files of a folder, and
`bucket_objects.py` for objects in S3."""

import os
from abc import ABC, abstractmethod
from pathlib import Path

from storage.files.data_file import translate_errors

_WHAT = "uploads"


class FileReader(ABC):
    """Reads one complete file from an offset on. Close it at the end.

    Methods may block on the disk or the network. They raise StoreUnavailable.
    """

    @abstractmethod
    def fileno(self) -> int | None:
        """The descriptor of a file on this machine, so that the kernel can send the file itself;
        None if the file is elsewhere."""

    @abstractmethod
    def read(self, size: int) -> bytes:
        """Return the next bytes, at most `size`; none at the end."""

    @abstractmethod
    def close(self) -> None:
        """Release what the reader holds."""


class FolderReader(FileReader):
    """Reads a file of a folder. It goes on to read a file that is deleted meanwhile."""

    def __init__(self, path: Path, start: int = 0):
        """Raises FileNotFoundError, and StoreUnavailable for other errors of the disk."""
        with translate_errors(_WHAT, but=FileNotFoundError):
            self._file = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        self.size = os.fstat(self._file).st_size
        """The size of the whole file in bytes."""
        self._at = start

    def fileno(self) -> int:
        """The descriptor of the open file."""
        return self._file

    def read(self, size: int) -> bytes:
        """Return the next bytes, at most `size`; none at the end."""
        with translate_errors(_WHAT):
            data = os.pread(self._file, size, self._at)
        self._at += len(data)
        return data

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)


def open_in_folder(path: Path, size: int, start: int = 0) -> FolderReader | None:
    """Open a file that was stored with this size, at an offset. None if it was deleted or cut."""
    try:
        reader = FolderReader(path, start)
    except FileNotFoundError:
        return None
    if reader.size == size:
        return reader
    reader.close()
    return None
