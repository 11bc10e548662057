"""Uploaded files in a local folder.

incoming/<id>   being written, locked by its writer; an unlocked file has a dead writer
files/<id>      complete, synced to disk, and never changed
"""

import contextlib
import ctypes
import fcntl
import os
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from uuid import UUID, uuid4

from storage.files.disk import make_folder, sync_folder
from storage.files.uploads import GRACE_SECONDS, FindOrphans, Uploads, UploadWriter
from storage.records.job import StoreFull, StoreUnavailable, Upload

INCOMING, FILES = "incoming", "files"
_DISK_FULL = {28, 122}  # ENOSPC, EDQUOT
_STEP_BYTES = 64 * 1024
"""Bytes per write call. Larger calls make Linux look for larger pieces of memory; where few are
free, they take two to four times as long (benchmarks.server.uploads)."""
_WRITE_BACK_BYTES = 8 * 1024**2
_SYNC_FILE_RANGE_WRITE = 2
_libc = ctypes.CDLL(None)
_libc.sync_file_range.argtypes = (ctypes.c_int, ctypes.c_int64, ctypes.c_int64, ctypes.c_uint)


class FolderWriter(UploadWriter):
    """Writes one file into the folder."""

    def __init__(self, incoming: Path, files: Path, id: UUID | None = None):
        self._id = id or uuid4()
        self._part = incoming / str(self._id)
        self._target = files / str(self._id)
        self.size = 0
        with _translate_errors():
            if id:
                self._part.unlink(missing_ok=True)  # from an interrupted transfer
            self._file = self._part.open("xb", buffering=0)
            fcntl.flock(self._file, fcntl.LOCK_EX)
        self._written_back = 0

    def write(self, data: bytes | memoryview) -> None:
        """Append to the file; see `UploadWriter.write`."""
        rest = memoryview(data)
        with _translate_errors():
            while rest:
                rest = rest[self._file.write(rest[:_STEP_BYTES]) :]
        self.size += len(data)
        new = self.size - self._written_back
        if new >= _WRITE_BACK_BYTES:  # a hint that makes the fsync at the end short
            file, begin = self._file.fileno(), self._written_back
            _libc.sync_file_range(file, begin, new, _SYNC_FILE_RANGE_WRITE)
            self._written_back = self.size

    def finish(self, name: str, sha256: str) -> Upload:
        """Sync and publish the file; see `UploadWriter.finish`."""
        with _translate_errors():
            os.fsync(self._file.fileno())
            self._part.rename(self._target)
            self._file.close()
            sync_folder(self._target.parent)
        return Upload(self._id, name, self.size, sha256)

    def abort(self) -> None:
        """Delete the file; see `UploadWriter.abort`."""
        self._file.close()
        self._part.unlink(missing_ok=True)
        self._target.unlink(missing_ok=True)


class FolderUploads(Uploads):
    """All uploads in a folder."""

    def __init__(self, folder: Path):
        """Create the folder if it does not exist. Raises StoreFull and StoreUnavailable."""
        self.folder: Path = folder
        self._incoming = folder / INCOMING
        self._files = folder / FILES
        with _translate_errors():
            for each in (folder, self._incoming, self._files):
                make_folder(each)

    def writer(self, id: UUID | None = None) -> FolderWriter:
        """Begin a new file, or a copy of the file with this id."""
        return FolderWriter(self._incoming, self._files, id)

    def size(self, upload: Upload) -> int | None:
        """Return the size of a complete file in bytes, or None if it does not exist."""
        try:
            with _translate_errors():
                return self.path(upload).stat().st_size
        except StoreUnavailable as error:
            if isinstance(error.__cause__, FileNotFoundError):
                return None
            raise

    def path(self, upload: Upload) -> Path:
        """The path of a complete file."""
        return self._files / str(upload.id)

    def access(self, upload: Upload, timeout: float | None) -> dict[str, str]:
        """Return the absolute path of a file, since a job runs in another working directory."""
        return {"path": str(self.path(upload).absolute())}

    def delete(self, upload_ids: Iterable[UUID]) -> None:
        """Delete files that still exist."""
        for upload_id in upload_ids:
            (self._files / str(upload_id)).unlink(missing_ok=True)

    def sweep(self, find_orphans: FindOrphans) -> None:
        """Delete files of dead writers, and complete files without a job."""
        self.delete_abandoned()
        self.delete(find_orphans(self.past_grace()))

    def past_grace(self) -> set[UUID]:
        """Ids of complete files older than GRACE_SECONDS."""
        return {UUID(path.name) for path in self._files.iterdir() if _age(path) > GRACE_SECONDS}

    def delete_abandoned(self) -> int:
        """Delete incomplete files whose writers died; return how many."""
        return sum(map(_delete_if_abandoned, list(self._incoming.iterdir())))


def _delete_if_abandoned(path: Path) -> bool:
    if _age(path) < 60:  # its writer may have created it, but not locked it yet
        return False
    with contextlib.suppress(FileNotFoundError, BlockingIOError), path.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        path.unlink()
        return True
    return False


def _age(path: Path) -> float:
    try:
        return time.time() - path.stat().st_mtime
    except FileNotFoundError:
        return 0.0


@contextlib.contextmanager
def _translate_errors() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        kind = StoreFull if error.errno in _DISK_FULL else StoreUnavailable
        raise kind(f"uploads: {error.strerror}") from error
