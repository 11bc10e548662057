"""Resumable uploads in a local folder, beside the files of jobs.

partial/<id>/data   the bytes so far, locked by their writer
partial/<id>/info   JSON: name, size, who has begun it, and the SHA-256 of a complete file

A copy for a job is a hard link, so it takes no space and no time.
"""

import contextlib
import fcntl
import hashlib
import json
import math
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from io import FileIO
from pathlib import Path
from uuid import UUID

from storage.files.data_file import DataFile, translate_errors
from storage.files.disk import file_time, make_folder, sync_folder, sync_name
from storage.files.folder import FolderUploads
from storage.files.resumable.uploads import (
    PARTIAL,
    OffsetConflict,
    ResumableUploads,
    ResumableWriter,
    UploadBusy,
    UploadGone,
)
from storage.records.job import StoreUnavailable, Upload
from storage.records.resumable_upload import ResumableUpload

_DATA, _INFO, _NEW_INFO = "data", "info", "info.new"
_COPY_BYTES = 1024**2
_WHAT = "uploads"


@dataclass(frozen=True)
class _Info:
    """The content of the file `info`. Bytes from `unverified_from` on do not count."""

    name: str
    size: int
    created_by: str | None
    created_at: int
    sha256: str | None = None
    unverified_from: int | None = None

    def offset(self, stored: int) -> int:
        """The offset of an upload whose file has so many bytes."""
        return stored if self.unverified_from is None else min(stored, self.unverified_from)


class FolderResumableWriter(ResumableWriter):
    """Appends to the file of an upload, which it has locked."""

    def __init__(self, folder: Path, file: FileIO, info: _Info, offset: int):
        self._folder, self._file, self._info = folder, file, info
        self._offset = offset
        self._data = DataFile(file, offset)
        self.size = 0

    def write(self, data: bytes | memoryview) -> None:
        """Append to the file; see `UploadWriter.write`."""
        with translate_errors(_WHAT):
            self._data.write(data)
        self.size += len(data)

    def finish(self, name: str, sha256: str) -> Upload:
        """Make all bytes durable, and end."""
        with self._ending(), translate_errors(_WHAT):
            os.fsync(self._file.fileno())
            if self._info.unverified_from is not None:
                _write_info(self._folder, replace(self._info, unverified_from=None))
        return Upload(UUID(self._folder.name), name, self._offset + self.size, sha256)

    def abort(self) -> None:
        """Keep the bytes, unless they had to be verified, and end."""
        if self._file.closed:
            return
        if self._info.unverified_from is not None:
            self.discard()
            return
        with contextlib.suppress(UploadGone), self._ending(), translate_errors(_WHAT):
            os.fsync(self._file.fileno())

    def discard(self) -> None:
        """Remove the appended bytes, and end."""
        with contextlib.suppress(UploadGone), self._ending(), translate_errors(_WHAT):
            self._file.truncate(self._offset)
            os.fsync(self._file.fileno())
            if self._info.unverified_from is not None:
                _write_info(self._folder, replace(self._info, unverified_from=None))

    @contextlib.contextmanager
    def _ending(self) -> Iterator[None]:
        """Unlock the file at the end of the block. Raises UploadGone if the upload was deleted."""
        try:
            if not os.fstat(self._file.fileno()).st_nlink:
                raise UploadGone
            yield
        finally:
            self._file.close()


class FolderResumables(ResumableUploads):
    """All resumable uploads in a folder."""

    def __init__(self, files: FolderUploads):
        """`files` are the files of jobs. Raises StoreFull and StoreUnavailable."""
        self._folder = files.folder / PARTIAL
        self._files = files
        with translate_errors(_WHAT):
            make_folder(self._folder)

    def now(self) -> int:
        """Return the time by the clock that dates the files; see `ResumableUploads.now`."""
        with translate_errors(_WHAT):
            return round(file_time(self._folder) * 1000)

    def create(self, upload: ResumableUpload) -> None:
        """Begin an upload; see `ResumableUploads.create`."""
        folder = self._folder / str(upload.id)
        with translate_errors(_WHAT):
            folder.mkdir()
            (folder / _DATA).touch(exist_ok=False)
            about = upload.name, upload.size, upload.created_by, upload.created_at
            _write_info(folder, _Info(*about))
            sync_name(folder)

    def get(self, id: UUID) -> ResumableUpload | None:
        """Return an upload, or None; see `ResumableUploads.get`."""
        folder = self._folder / str(id)
        with translate_errors(_WHAT):
            info = _read_info(folder)
            file = None if info is None else _open(folder, "rb")
            if info is None or file is None:
                return None
            with file:
                os.fdatasync(file.fileno())
                return _upload(id, info, os.fstat(file.fileno()))

    def append(self, id: UUID, offset: int, verify: bool = False) -> FolderResumableWriter:
        """Begin to append bytes; see `ResumableUploads.append`."""
        folder = self._folder / str(id)
        file, info = self._locked(folder)
        try:
            with translate_errors(_WHAT):
                stored = os.fstat(file.fileno()).st_size
                found = info.offset(stored)
                if found != offset:
                    raise OffsetConflict(found)
                if stored > found:
                    file.truncate(found)
                file.seek(found)
                unverified = found if verify else None
                if unverified != info.unverified_from:
                    info = replace(info, unverified_from=unverified)
                    _write_info(folder, info)
                return FolderResumableWriter(folder, file, info, found)
        except BaseException:
            file.close()
            raise

    def complete(
        self, id: UUID, sha256: str | None = None, give_up: Callable[[], bool] = lambda: False
    ) -> None:
        """Store the SHA-256 of an upload; see `ResumableUploads.complete`."""
        folder = self._folder / str(id)
        file, info = self._locked(folder)
        with file, translate_errors(_WHAT):
            stored = info.offset(os.fstat(file.fileno()).st_size)
            if stored != info.size:
                raise OffsetConflict(stored)
            if info.sha256 is None:
                os.fsync(file.fileno())
                digest = sha256 or _digest(file, give_up)
                _write_info(folder, replace(info, sha256=digest))

    def copy(self, upload: ResumableUpload) -> Upload:
        """Return a hard link to a complete upload; see `ResumableUploads.copy`."""
        assert upload.sha256
        data = self._folder / str(upload.id) / _DATA
        try:
            new = self._files.take(data)
        except FileNotFoundError:
            raise UploadGone from None
        return Upload(new, upload.name, upload.size, upload.sha256)

    def delete(self, id: UUID) -> None:
        """Delete an upload; see `ResumableUploads.delete`."""
        with translate_errors(_WHAT):
            _delete(self._folder / str(id))

    def count(self) -> int:
        """Return the number of uploads."""
        with translate_errors(_WHAT):
            return len(os.listdir(self._folder))

    def all(self) -> list[ResumableUpload]:
        """Return all uploads; see `ResumableUploads.all`."""
        found = []
        with translate_errors(_WHAT):
            for folder in self._folder.iterdir():
                # Another program may delete it meanwhile, and a folder may be none of ours.
                with contextlib.suppress(FileNotFoundError, ValueError):
                    if info := _read_info(folder):
                        found.append(_upload(UUID(folder.name), info, (folder / _DATA).stat()))
        return found

    def sweep(self, keep_seconds: float) -> int:
        """Delete uploads that were not changed for so long; see `ResumableUploads.sweep`."""
        limit = self.now() / 1000 - keep_seconds
        deleted = 0
        with translate_errors(_WHAT):
            for folder in list(self._folder.iterdir()):
                if _changed_at(folder) < limit and not self._is_locked(folder):
                    _delete(folder)
                    deleted += 1
        return deleted

    def _locked(self, folder: Path) -> tuple[FileIO, _Info]:
        """Lock the file of an upload. Raises UploadGone and UploadBusy."""
        with translate_errors(_WHAT):
            file = _open(folder, "r+b")
            if file is None:
                raise UploadGone
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                info = _read_info(folder)
                if info is None:
                    raise UploadGone
            except BlockingIOError:
                file.close()
                raise UploadBusy from None
            except BaseException:
                file.close()
                raise
        return file, info

    def _is_locked(self, folder: Path) -> bool:
        try:
            self._locked(folder)[0].close()
        except UploadGone:
            return False
        except UploadBusy:
            return True
        return False


def _digest(file: FileIO, give_up: Callable[[], bool]) -> str:
    """The SHA-256 of a whole file. Raises StoreUnavailable once `give_up` returns True."""
    digest = hashlib.sha256()
    while chunk := file.read(_COPY_BYTES):
        digest.update(chunk)
        if give_up():
            raise StoreUnavailable("uploads: the program stops")
    return digest.hexdigest()


def _open(folder: Path, mode: str) -> FileIO | None:
    """Open the file of an upload; None if there is no such upload."""
    try:
        return FileIO(folder / _DATA, mode)
    except FileNotFoundError:
        return None


def _upload(id: UUID, info: _Info, found: os.stat_result) -> ResumableUpload:
    """Return an upload, from its `info` and what is known about its file."""
    about = info.name, info.size, info.created_by, info.created_at
    offset, changed_at = info.offset(found.st_size), round(found.st_mtime * 1000)
    return ResumableUpload(id, *about, offset, max(changed_at, info.created_at), info.sha256)


def _read_info(folder: Path) -> _Info | None:
    try:
        return _Info(**json.loads((folder / _INFO).read_bytes()))
    except FileNotFoundError:
        return None


def _write_info(folder: Path, info: _Info) -> None:
    """Replace the file `info` durably. Raises UploadGone if the upload was deleted."""
    try:
        with (folder / _NEW_INFO).open("wb") as file:
            file.write(json.dumps(vars(info)).encode())
            file.flush()
            os.fsync(file.fileno())
        (folder / _NEW_INFO).rename(folder / _INFO)
        sync_folder(folder)
    except FileNotFoundError:
        raise UploadGone from None


def _delete(folder: Path) -> None:
    """Delete an upload. It does not exist any more once its `info` is gone."""
    (folder / _INFO).unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)


def _changed_at(folder: Path) -> float:
    """When an upload was changed, in seconds since 1970; infinity if it is gone."""
    for path in (folder / _DATA, folder):
        with contextlib.suppress(FileNotFoundError):
            return path.stat().st_mtime
    return math.inf
