"""Several files of a form, stored as one: a zip archive that is written while they arrive.

part "files" ──▶ local header, the file as it is, its size ──▶ FilePart
end of the form ──▶ central directory ───────────────────────▶ FilePart
"""

from server.upload.file_part import FilePart
from server.upload.zip_records import ZipRecords

MAX_FILES = 1000
_MAX_SHOWN = 200


class FilesArchive:
    """Writes files into an open FilePart, one after another."""

    def __init__(self, file: FilePart) -> None:
        self._file = file
        self._records = ZipRecords()

    @property
    def count(self) -> int:
        """The number of files so far."""
        return self._records.count

    @property
    def name(self) -> str:
        """A name for the archive: the name of the first file, and the number of the others."""
        first, more = self._records.names[0][:_MAX_SHOWN], self.count - 1
        return f"{first} and {more} more.zip" if more else f"{first}.zip"

    async def begin(self, name: str) -> None:
        """Begin a file, whose data is written next. Raises Problem 413 or 507, and StoreError."""
        await self._file.put(self._records.begin(name))

    async def end(self) -> None:
        """End the file that was begun. Raises as `begin` does."""
        await self._file.end()
        size = self._file.size - self._records.size
        await self._file.put(self._records.end(size, self._file.crc))

    async def finish(self) -> None:
        """Write the directory after the last file. Raises as `begin` does."""
        await self._file.put(self._records.directory())
