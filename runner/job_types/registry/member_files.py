"""The files of a job that was submitted with several of them: the members of one stored archive.

The listener stores several files of a form as a zip archive, without compression
(`server/api/uploads/form.py`). Such an archive is recognized by its records, which no usual
program writes alike. Any other zip archive is one file.
"""

import io
import os
import shutil
import struct
import tempfile
import zipfile
from pathlib import Path
from zipfile import BadZipFile, ZipFile, ZipInfo

from runner.job_types.base import JobError, NotRetryable, UploadFile

_UNIX, _VERSION, _FLAGS = 3, 45, 0x0808
_DATE = (1980, 1, 1, 0, 0, 0)
_READABLE = 0o100644 << 16
_HEADER_BYTES = 30
_LENGTHS = struct.Struct("<26x2H")
_COPY_BYTES = 1 << 20


class MemberReader(io.RawIOBase):
    """Reads a part of an open file: `size` bytes from `start` on."""

    def __init__(self, file: io.RawIOBase, start: int, size: int) -> None:
        """The reader owns the file, and closes it."""
        self._file, self._start, self._size = file, start, size
        self._position = 0

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def tell(self) -> int:
        """The position in the part."""
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move to a position in the part."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._size}[whence]
        if base + offset < 0:
            raise ValueError("negative position")
        self._position = base + offset
        return self._position

    def readinto(self, buffer: "bytearray | memoryview") -> int | None:  # type: ignore[override]
        """Read the next bytes of the part."""
        view = memoryview(buffer).cast("B")[: max(0, self._size - self._position)]
        if not view:
            return 0
        self._file.seek(self._start + self._position)
        count = self._file.readinto(view)
        self._position += count or 0
        return count

    def close(self) -> None:
        """Close the file, too."""
        if not self.closed:
            self._file.close()
        super().close()


class MemberFile(UploadFile):
    """One of several files that were uploaded together."""

    def __init__(self, archive: UploadFile, name: str, size: int, header_at: int) -> None:
        """`header_at` is where the header before its bytes begins in the archive."""
        super().__init__(Path(), name, size)
        self._archive, self._header_at = archive, header_at
        self._copied = False

    @property
    def path(self) -> Path:
        """The path of a copy in the work folder, made at the first access. Raises JobError.

        `open` needs no copy.
        """
        if not self._copied:
            self._path, self._copied = self._copy(), True
        return self._path

    def stored(self) -> Path:
        """Return the path of a copy. Raises as `path`."""
        return self.path

    def open(self) -> io.RawIOBase:
        """Open the file for reading bytes, without a copy. Raises as `UploadFile.open`."""
        file = self._archive.open()
        try:
            file.seek(self._header_at)
            header = _read(file, _HEADER_BYTES)
            if len(header) < _HEADER_BYTES or not header.startswith(b"PK\x03\x04"):
                raise NotRetryable(f"cannot read upload {self.name!r}: its archive is damaged")
            start = self._header_at + _HEADER_BYTES + sum(_LENGTHS.unpack(header))
        except BaseException:
            file.close()
            raise
        return MemberReader(file, start, self.size)

    def _copy(self) -> Path:
        """Copy the file, under its own name, into a folder of its own."""
        folder = Path(tempfile.mkdtemp(prefix="upload-"))
        path = folder / _file_name(self.name)
        try:
            with self.open() as source, path.open("wb") as copy:
                shutil.copyfileobj(source, copy, _COPY_BYTES)
        except OSError as error:
            raise JobError(f"cannot copy upload {self.name!r}: {error.strerror}") from error
        return path


def files_of(upload: UploadFile) -> list[UploadFile]:
    """Return the files that were uploaded together, or the upload itself if it was one file.

    Raises as `UploadFile.open`.
    """
    if not upload.name.endswith(".zip"):
        return [upload]
    with upload.open() as file:
        try:
            with io.BufferedReader(file) as buffered, ZipFile(buffered) as archive:
                found = archive.infolist()
        except (BadZipFile, NotImplementedError, ValueError):
            return [upload]
    if not found or not all(_is_of_listener(each, upload.size) for each in found):
        return [upload]
    return [MemberFile(upload, each.filename, each.file_size, each.header_offset) for each in found]


def _read(file: io.RawIOBase, size: int) -> bytes:
    """Read so many bytes, or fewer at the end of the file."""
    found = b""
    while len(found) < size and (more := file.read(size - len(found))):
        found += more
    return found


def _is_of_listener(member: ZipInfo, archive_bytes: int) -> bool:
    """Whether the listener has written a member, which is within its archive."""
    written = (
        member.create_system,
        member.create_version,
        member.extract_version,
        member.flag_bits,
        member.compress_type,
        member.date_time,
        member.external_attr,
    )
    expected = (_UNIX, _VERSION, _VERSION, _FLAGS, zipfile.ZIP_STORED, _DATE, _READABLE)
    end = member.header_offset + _HEADER_BYTES + member.file_size
    is_within = member.header_offset >= 0 and end <= archive_bytes
    return written == expected and is_within and member.compress_size == member.file_size


def _file_name(name: str) -> str:
    """The last component of a name, as a file may have it on this disk."""
    last = name.replace("\0", "").rpartition("/")[2].encode()[:200].decode(errors="ignore")
    return last if last.strip(".") else "file"
