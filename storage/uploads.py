"""Uploaded files in a folder: written as they arrive, named when whole, deleted with their jobs.

incoming/<id>   locked by its writer while it arrives; a free lock means the writer died
files/<id>      whole, synced to disk, and never changed
"""

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID, uuid4

from storage.folders import make_folder, sync_folder
from storage.job import StoreFull, StoreUnavailable, Upload
from storage.write_back import WriteBack

# A file without a row is left alone this long: the job that owns it may be about to be stored.
GRACE_SECONDS = 3600.0
_DISK_FULL = {28, 122}  # ENOSPC, EDQUOT


class UploadWriter:
    """One file on its way in. Ends by `finish` or `abort`, either of which may block on the disk.

    Every method raises StoreFull or StoreUnavailable when the disk does.
    """

    def __init__(self, incoming: Path, files: Path, id: UUID | None = None):
        self._id = id or uuid4()
        self._part = incoming / str(self._id)
        self._target = files / str(self._id)
        self.size = 0
        with _disk_errors():
            if id:
                self._part.unlink(missing_ok=True)  # of a copy that was cut off
            self._file = self._part.open("xb", buffering=0)
            fcntl.flock(self._file, fcntl.LOCK_EX)
        self._write_back = WriteBack(self._file.fileno())

    def write(self, *chunks: bytes) -> None:
        """Append to the file."""
        with _disk_errors():
            for chunk in chunks:
                view = memoryview(chunk)
                while view:
                    view = view[self._file.write(view) :]
                self.size += len(chunk)
        self._write_back.wrote(self.size)

    def finish(self, name: str, sha256: str) -> Upload:
        """Make the file durable and whole, under its own id; `name` is only a label.

        `sha256` is the digest of all that was written, in hex.
        """
        with _disk_errors():
            os.fsync(self._file.fileno())
            self._part.rename(self._target)
            self._file.close()
            sync_folder(self._target.parent)
        return Upload(self._id, name, self.size, sha256)

    def abort(self) -> None:
        """Leave nothing behind; also after `finish`, for a job that could not be stored."""
        self._file.close()
        self._part.unlink(missing_ok=True)
        self._target.unlink(missing_ok=True)


class Uploads:
    """The folder of uploaded files."""

    def __init__(self, folder: Path):
        self.folder = folder
        self._incoming = folder / "incoming"
        self._files = folder / "files"
        with _disk_errors():
            for each in (folder, self._incoming, self._files):
                make_folder(each)

    def writer(self, id: UUID | None = None) -> UploadWriter:
        """Begin a new file, or the copy of one that has its id already."""
        return UploadWriter(self._incoming, self._files, id)

    def path(self, upload: Upload) -> Path:
        """Where a whole file lies."""
        return self._files / str(upload.id)

    def delete(self, upload_id: UUID) -> None:
        """Delete a file, if it is still there."""
        (self._files / str(upload_id)).unlink(missing_ok=True)

    def old(self) -> set[UUID]:
        """The whole files that are past their grace, by id."""
        return {UUID(path.name) for path in self._files.iterdir() if _age(path) > GRACE_SECONDS}

    def drop_abandoned(self) -> int:
        """Delete what writers that died have left half way; how many files."""
        return sum(map(_drop_if_abandoned, list(self._incoming.iterdir())))


def _drop_if_abandoned(path: Path) -> bool:
    if _age(path) < 60:  # its writer may be between making and locking it
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
def _disk_errors() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        kind = StoreFull if error.errno in _DISK_FULL else StoreUnavailable
        raise kind(f"uploads: {error.strerror}") from error
