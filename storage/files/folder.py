"""Uploaded files in a folder.

incoming/<id>   locked by its writer while it arrives; a free lock means the writer died
files/<id>      whole, synced to disk, and never changed
"""

import contextlib
import fcntl
import os
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from uuid import UUID, uuid4

from storage.files.disk import make_folder, sync_folder
from storage.files.uploads import GRACE_SECONDS, FindOrphans, Uploads, UploadWriter
from storage.files.write_back import WriteBack
from storage.records.job import StoreFull, StoreUnavailable, Upload

_DISK_FULL = {28, 122}  # ENOSPC, EDQUOT
_STEP_BYTES = 64 * 1024
"""Written by one call. For larger ones Linux looks for larger pieces of memory, which takes it
twice to four times as long where there are few (benchmarks.server.uploads)."""


class FolderWriter(UploadWriter):
    """Writes one file of the folder."""

    def __init__(self, incoming: Path, files: Path, id: UUID | None = None):
        self._id = id or uuid4()
        self._part = incoming / str(self._id)
        self._target = files / str(self._id)
        self.size = 0
        with _translate_errors():
            if id:
                self._part.unlink(missing_ok=True)  # of a copy that was cut off
            self._file = self._part.open("xb", buffering=0)
            fcntl.flock(self._file, fcntl.LOCK_EX)
        self._write_back = WriteBack(self._file.fileno())

    def write(self, data: bytes | memoryview) -> None:
        """As UploadWriter.write."""
        rest = memoryview(data)
        with _translate_errors():
            while rest:
                rest = rest[self._file.write(rest[:_STEP_BYTES]) :]
        self.size += len(data)
        self._write_back.wrote(self.size)

    def finish(self, name: str, sha256: str) -> Upload:
        """As UploadWriter.finish."""
        with _translate_errors():
            os.fsync(self._file.fileno())
            self._part.rename(self._target)
            self._file.close()
            sync_folder(self._target.parent)
        return Upload(self._id, name, self.size, sha256)

    def abort(self) -> None:
        """As UploadWriter.abort."""
        self._file.close()
        self._part.unlink(missing_ok=True)
        self._target.unlink(missing_ok=True)


class FolderUploads(Uploads):
    """The folder of uploaded files."""

    def __init__(self, folder: Path):
        """Make it, where it is not there. Raises StoreFull and StoreUnavailable."""
        self.folder: Path = folder
        self._incoming = folder / "incoming"
        self._files = folder / "files"
        with _translate_errors():
            for each in (folder, self._incoming, self._files):
                make_folder(each)

    def writer(self, id: UUID | None = None) -> FolderWriter:
        """As Uploads.writer."""
        return FolderWriter(self._incoming, self._files, id)

    def size(self, upload: Upload) -> int | None:
        """As Uploads.size."""
        try:
            with _translate_errors():
                return self.path(upload).stat().st_size
        except StoreUnavailable as error:
            if isinstance(error.__cause__, FileNotFoundError):
                return None
            raise

    def path(self, upload: Upload) -> Path:
        """Where a whole file lies."""
        return self._files / str(upload.id)

    def access(self, upload: Upload, timeout: float | None) -> dict[str, str]:
        """Its path: absolute, as a job runs in another folder."""
        return {"path": str(self.path(upload).absolute())}

    def delete(self, upload_ids: Iterable[UUID]) -> None:
        """As Uploads.delete."""
        for upload_id in upload_ids:
            (self._files / str(upload_id)).unlink(missing_ok=True)

    def sweep(self, unknown: FindOrphans) -> None:
        """As Uploads.sweep."""
        self.delete_abandoned()
        self.delete(unknown(self.past_grace()))

    def past_grace(self) -> set[UUID]:
        """The whole files that are past their grace, by id."""
        return {UUID(path.name) for path in self._files.iterdir() if _age(path) > GRACE_SECONDS}

    def delete_abandoned(self) -> int:
        """Delete what writers that died have left half way; how many files."""
        return sum(map(_delete_if_abandoned, list(self._incoming.iterdir())))


def _delete_if_abandoned(path: Path) -> bool:
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
def _translate_errors() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        kind = StoreFull if error.errno in _DISK_FULL else StoreUnavailable
        raise kind(f"uploads: {error.strerror}") from error
