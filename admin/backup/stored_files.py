"""The stored files of a backup: uploads, and files that jobs have left."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, fields
from uuid import UUID

from admin.backup.destinations.chunks import Stored, cut
from admin.backup.destinations.destination import Damaged, file_name
from admin.transfer.file_copies import StoredFile
from storage.db.statements import Row
from storage.files.reading import FileReader
from storage.files.uploads import Uploads
from storage.records.job import Upload
from storage.records.job_file import JobFile
from storage.records.json_values import Json

UPLOAD_COLUMNS, JOB_FILE_COLUMNS = ([f.name for f in fields(each)] for each in (Upload, JobFile))
READ_BYTES = 256 * 1024
"""Bytes that are read and written at once. Others wait for that long."""
_LISTED = 1000

Rows = Callable[[str], Iterable[tuple[object, ...]]]


@dataclass
class FileCopies:
    """Copies stored files to a place of backups, unless it has them. `threads` work at once."""

    uploads: Uploads
    stored: Stored
    progress: Callable[[int, int], None]
    """Called with the bytes copied so far, and those of all files that are known."""
    threads: int = 1
    absent: dict[str, tuple[StoredFile, str]] = field(default_factory=dict)
    """By hash: files that could not be copied, and why."""
    _done = _total = 0

    def copy(self, files: Mapping[str, StoredFile]) -> None:
        """Copy the files that the place lacks. Raises StoreError."""
        new = [each for each in files.values() if not self.stored.has_file(each.sha256)]
        self._total += sum(each.size for each in new)
        self.absent.clear()
        with ThreadPoolExecutor(self.threads) as threads:
            try:
                for first in range(0, len(new), _LISTED):
                    list(threads.map(self._copy, new[first : first + _LISTED]))
            except BaseException:
                threads.shutdown(cancel_futures=True)
                raise

    def _copy(self, file: StoredFile) -> None:
        reader = opened(self.uploads, file)
        if reader is None:
            self.absent[file.sha256] = file, "it is missing from the store"
            return
        name = file_name(file.sha256)
        try:
            if self.stored.begin(name):
                self.stored.write(name, self._checked(reader, file))
        except Damaged as error:
            self.absent[file.sha256] = file, str(error)
        finally:
            reader.close()

    def _checked(self, reader: FileReader, file: StoredFile) -> Iterator[bytes]:
        """Yield the bytes of a file. Raises Damaged if they do not have its hash."""
        digest = hashlib.sha256()
        while True:
            data = reader.read(READ_BYTES)
            digest.update(data)
            if not data:
                break
            yield data
            self._done += len(data)
            self.stored.place.pace.rest()
            self.progress(self._done, self._total)
        if digest.hexdigest() != file.sha256:
            raise Damaged("its bytes in the store have another hash")


def opened(uploads: Uploads, file: StoredFile) -> FileReader | None:
    """Open a stored file; None if it is missing or has another size."""
    return uploads.artifacts.open(file) if isinstance(file, JobFile) else uploads.open(file)


def stored_files(rows: Rows) -> dict[str, StoredFile]:
    """Return all stored files of a database, one for each hash. `rows` runs a query."""
    found: dict[str, StoredFile] = {}
    for each in all_files(rows):
        found.setdefault(each.sha256, each)
    return found


def all_files(rows: Rows) -> Iterator[StoredFile]:
    """Yield all stored files of a database. `rows` runs a query."""
    for row in rows(f"SELECT {', '.join(UPLOAD_COLUMNS)} FROM upload"):
        yield Upload(**_values(UPLOAD_COLUMNS, row))
    for row in rows(f"SELECT {', '.join(JOB_FILE_COLUMNS)} FROM job_file"):
        yield JobFile(**_values(JOB_FILE_COLUMNS, row))


def list_files(stored: Stored, files: Mapping[str, StoredFile], absent: Iterable[str]) -> Json:
    """Store the list of the files that the place has; return what the manifest has of them."""
    there = sorted(files.keys() - set(absent))
    lines = (f"{sha256} {files[sha256].size}\n".encode() for sha256 in there)
    chunks = [stored.chunk(each) for each in cut(lines)]
    return {
        "count": len(there),
        "bytes": sum(files[each].size for each in there),
        "chunks": chunks,
    }


def _values(columns: Iterable[str], row: Iterable[object]) -> Row:
    """The values of a row by column. SQLite has ids as text."""
    pairs = zip(columns, row, strict=True)
    return {name: UUID(str(value)) if name.endswith("id") else value for name, value in pairs}
