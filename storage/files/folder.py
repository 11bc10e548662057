"""Uploaded files in a local folder.

incoming/<id>   being written, locked by its writer; an unlocked file has a dead writer
files/<id>      complete, synced to disk, and never changed
store.json      says which store the files belong to
"""

import contextlib
import errno
import fcntl
import os
from collections.abc import Iterable
from pathlib import Path
from uuid import UUID, uuid4

from storage.files.artifacts import FolderArtifacts
from storage.files.data_file import DataFile, translate_errors
from storage.files.disk import file_time, make_folder, sync_folder
from storage.files.owner import OWNER, Owner, require_few
from storage.files.reading import FolderReader, open_in_folder
from storage.files.uploads import GRACE_SECONDS, FindOrphans, Uploads, UploadWriter
from storage.records.job import StoreUnavailable, Upload
from storage.records.job_file import JobFile

INCOMING, FILES = "incoming", "files"
_WHAT = "uploads"
_NO_LINKS = {errno.EMLINK, errno.EPERM, errno.EOPNOTSUPP, errno.EXDEV}
"""Errors for a file with too many links, and for a file system without links."""
_COPY_BYTES = 1024**2


class FolderWriter(UploadWriter):
    """Writes one file into the folder."""

    def __init__(self, incoming: Path, files: Path, id: UUID | None = None):
        self._id = id or uuid4()
        self._part = incoming / str(self._id)
        self._target = files / str(self._id)
        self.size = 0
        with translate_errors(_WHAT):
            if id:
                self._part.unlink(missing_ok=True)  # from an interrupted transfer
            self._file = DataFile.new(self._part)
            fcntl.flock(self._file, fcntl.LOCK_EX)

    def write(self, data: bytes | memoryview) -> None:
        """Append to the file; see `UploadWriter.write`."""
        with translate_errors(_WHAT):
            self._file.write(data)
        self.size = self._file.size

    def finish(self, name: str, sha256: str) -> Upload:
        """Sync and publish the file; see `UploadWriter.finish`."""
        with translate_errors(_WHAT):
            self._file.sync()
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
        with translate_errors(_WHAT):
            for each in (folder, self._incoming, self._files):
                make_folder(each)
        self.artifacts: FolderArtifacts = FolderArtifacts(folder)

    def writer(self, id: UUID | None = None) -> FolderWriter:
        """Begin a new file, or a copy of the file with this id."""
        return FolderWriter(self._incoming, self._files, id)

    def size(self, upload: Upload) -> int | None:
        """Return the size of a complete file in bytes, or None if it does not exist."""
        try:
            with translate_errors(_WHAT):
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

    def open(self, upload: Upload, start: int = 0, end: int | None = None) -> FolderReader | None:
        """Open a complete file; None if it was deleted or cut."""
        return open_in_folder(self.path(upload), upload.size, start)

    def copy(self, source: Upload | JobFile, name: str) -> Upload | None:
        """Return a hard link to a file; see `Uploads.copy`."""
        if isinstance(source, JobFile):
            path, size = self.artifacts.path(source.key), self.artifacts.size(source.key)
        else:
            path, size = self.path(source), self.size(source)
        if size != source.size:
            return None
        try:
            return Upload(self.take(path), name, source.size, source.sha256)
        except FileNotFoundError:
            return None

    def take(self, path: Path) -> UUID:
        """Make a file on this disk, which does not change any more, a file of a job; return its id.

        It becomes a hard link, or a copy where there can be none. Raises FileNotFoundError,
        StoreFull and StoreUnavailable.
        """
        with translate_errors(_WHAT, but=FileNotFoundError):
            return self._link(path) or self._copy(path)

    def _link(self, path: Path) -> UUID | None:
        """Link a file as a file of a job; return its id, or None if it cannot have more links."""
        new = uuid4()
        os.utime(path)  # a sweep of files without a job counts from now on
        try:
            os.link(path, self._files / str(new))
        except OSError as error:
            if error.errno in _NO_LINKS:
                return None
            raise
        sync_folder(self._files)
        return new

    def _copy(self, path: Path) -> UUID:
        writer = self.writer()
        try:
            with path.open("rb") as file:
                while chunk := file.read(_COPY_BYTES):
                    writer.write(chunk)
            return writer.finish("", "").id
        except BaseException:
            writer.abort()
            raise

    def delete(self, upload_ids: Iterable[UUID]) -> None:
        """Delete files that still exist."""
        for upload_id in upload_ids:
            (self._files / str(upload_id)).unlink(missing_ok=True)

    def is_empty(self) -> bool:
        """Whether the folders of files are empty; see `Uploads.is_empty`."""
        with translate_errors(_WHAT):
            folders = self._files, self.artifacts.folder
            return not any(True for each in folders for _ in each.iterdir())

    def owner(self) -> Owner | None:
        """Read `store.json`; see `Uploads.owner`."""
        with translate_errors(_WHAT):
            try:
                return Owner.parse((self.folder / OWNER).read_bytes())
            except FileNotFoundError:
                return None

    def give_to(self, owner: Owner) -> None:
        """Write `store.json`; see `Uploads.give_to`."""
        with translate_errors(_WHAT):
            part = self._incoming / f"{OWNER}-{uuid4()}"
            with contextlib.closing(DataFile.new(part)) as file:
                file.write(owner.to_bytes())
                file.sync()
            part.rename(self.folder / OWNER)
            sync_folder(self.folder)

    def sweep(self, find_orphans: FindOrphans, since: float | None = 0.0) -> set[UUID]:
        """Delete files of dead writers, and complete files without a job; see `Uploads.sweep`."""
        self.delete_abandoned()
        lone = find_orphans(self.past_grace(since or 0.0))
        if since is not None:
            require_few(len(lone), len(os.listdir(self._files)), _WHAT)
        self.delete(lone)
        return lone

    def past_grace(self, since: float = 0.0) -> set[UUID]:
        """Ids of complete files older than GRACE_SECONDS, but not from before `since`."""
        limit = file_time(self._files) - GRACE_SECONDS
        old = (path for path in self._files.iterdir() if _is_older(path, limit))
        return {UUID(path.name) for path in old if not _is_older(path, since)}

    def delete_abandoned(self) -> int:
        """Delete incomplete files whose writers died; return how many."""
        # The writer of a younger file may have created it, but not locked it yet.
        limit = file_time(self._incoming) - 60
        old = [path for path in self._incoming.iterdir() if _is_older(path, limit)]
        return sum(map(_delete_if_abandoned, old))


def _delete_if_abandoned(path: Path) -> bool:
    with contextlib.suppress(FileNotFoundError, BlockingIOError), path.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        path.unlink()
        return True
    return False


def _is_older(path: Path, limit: float) -> bool:
    """Whether a file exists that was changed before a time, in seconds since 1970."""
    try:
        return path.stat().st_mtime < limit
    except FileNotFoundError:
        return False
