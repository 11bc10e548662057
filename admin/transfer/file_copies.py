"""Copies the stored files of a transfer and verifies their hashes, or checks that all exist."""

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from admin.transfer.endpoints import TransferRefused
from admin.transfer.tables import Table
from storage.db.database import Database
from storage.db.models import JobFileRow, UploadRow
from storage.files.artifacts import ArtifactWriter
from storage.files.folder import FolderUploads
from storage.files.uploads import Uploads, UploadWriter
from storage.records.counted import counted
from storage.records.job import Upload
from storage.records.job_file import JobFile

CHUNK_BYTES = 1024**2
_SHOWN = 5

StoredFile = Upload | JobFile


def has_files(source: Database) -> bool:
    """Return whether the source has any uploaded files, or files that jobs have left."""
    return any(Table(source, model).count() > 0 for model in (UploadRow, JobFileRow))


def transfer_files(
    source: Database, uploads: Uploads, target: Uploads | None, progress: Callable[[str], None]
) -> tuple[int, int]:
    """Copy the files that the target does not have yet. If `target` is None, the files stay where
    they are, and are only checked.

    Returns the number of files and of those copied. Raises TransferRefused with the files that are
    missing or changed.
    """
    if target and not isinstance(uploads, FolderUploads):
        raise TransferRefused(
            "--uploads-to: files can only be copied from a folder, but these are in a bucket"
        )
    bad, count, copied = list[StoredFile](), 0, 0
    for file in _files(source):
        count += 1
        if stored_size(uploads, file) != file.size:
            bad.append(file)
        elif target and stored_size(target, file) != file.size:
            assert isinstance(uploads, FolderUploads)
            if _copy(file, uploads, target):
                copied += 1
            else:
                bad.append(file)
        progress(f"files: {count:,}")
    if bad:
        raise TransferRefused(_complaint(bad, uploads.folder))
    return count, copied


def _files(source: Database) -> Iterator[StoredFile]:
    for rows in Table(source, UploadRow).batches():
        yield from (Upload(**row) for row in rows)
    for rows in Table(source, JobFileRow).batches():
        yield from (JobFile(**row) for row in rows)


def stored_size(uploads: Uploads, file: StoredFile) -> int | None:
    """Return the size of a stored file; None if it does not exist. Raises StoreUnavailable."""
    if isinstance(file, JobFile):
        return uploads.artifacts.size(file.key)
    return uploads.size(file)


def _copy(file: StoredFile, source: FolderUploads, target: Uploads) -> bool:
    """Copy a file. Returns False, and leaves no copy, if its hash is not the one in its row."""
    writer: UploadWriter | ArtifactWriter
    if isinstance(file, JobFile):
        path, writer = source.artifacts.path(file.key), target.artifacts.writer(file.key)
    else:
        path, writer = source.path(file), target.writer(file.id)
    digest = hashlib.sha256()
    try:
        with path.open("rb") as data:
            for chunk in _chunks(data):
                digest.update(chunk)
                writer.write(chunk)
        if digest.hexdigest() == file.sha256:
            _finish(file, writer, target)
            return True
    except BaseException:
        writer.abort()
        raise
    writer.abort()
    return False


def _finish(file: StoredFile, writer: UploadWriter | ArtifactWriter, target: Uploads) -> None:
    if isinstance(writer, UploadWriter):
        writer.finish(file.name, file.sha256)
    else:
        writer.finish()
        target.artifacts.sync()


def _chunks(file: BinaryIO) -> Iterator[bytes]:
    while chunk := file.read(CHUNK_BYTES):
        yield chunk


def _complaint(bad: list[StoredFile], folder: Path | None) -> str:
    shown = ", ".join(f"{_id(each)} ({each.name})" for each in bad[:_SHOWN])
    more = f" and {len(bad) - _SHOWN} more" if len(bad) > _SHOWN else ""
    place = folder or "the bucket"
    return (
        f"missing from {place} or changed: {counted(len(bad), 'file')}: {shown}{more}. "
        "Restore them, delete their jobs, or give the right folder with --data-dir"
    )


def _id(file: StoredFile) -> str:
    return f"job {file.job_id}" if isinstance(file, JobFile) else str(file.id)
