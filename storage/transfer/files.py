"""Copies the uploaded files of a transfer and verifies their hashes, or checks that all exist."""

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from storage.db.database import Database
from storage.db.models import UploadRow
from storage.files.folder import FolderUploads
from storage.files.uploads import Uploads
from storage.records.job import Upload
from storage.transfer.endpoints import TransferRefused
from storage.transfer.tables import Table

CHUNK_BYTES = 1024**2
_SHOWN = 5


def has_files(source: Database) -> bool:
    """Return whether the source has any uploaded files."""
    return Table(source, UploadRow).count() > 0


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
    bad, count, copied = [], 0, 0
    for upload in _uploads(source):
        count += 1
        if uploads.size(upload) != upload.size:
            bad.append(upload)
        elif target and target.size(upload) != upload.size:
            assert isinstance(uploads, FolderUploads)
            if _copy(upload, uploads.path(upload), target):
                copied += 1
            else:
                bad.append(upload)
        progress(f"files: {count:,}")
    if bad:
        raise TransferRefused(_complaint(bad, uploads.folder))
    return count, copied


def _uploads(source: Database) -> Iterator[Upload]:
    for rows in Table(source, UploadRow).batches():
        yield from (Upload(**row) for row in rows)


def _copy(upload: Upload, path: Path, target: Uploads) -> bool:
    """Copy a file. Returns False, and leaves no copy, if its hash is not the one in its row."""
    writer, digest = target.writer(upload.id), hashlib.sha256()
    try:
        with path.open("rb") as file:
            for chunk in _chunks(file):
                digest.update(chunk)
                writer.write(chunk)
        if digest.hexdigest() == upload.sha256:
            writer.finish(upload.name, upload.sha256)
            return True
    except BaseException:
        writer.abort()
        raise
    writer.abort()
    return False


def _chunks(file: BinaryIO) -> Iterator[bytes]:
    while chunk := file.read(CHUNK_BYTES):
        yield chunk


def _complaint(bad: list[Upload], folder: Path | None) -> str:
    shown = ", ".join(f"{each.id} ({each.name})" for each in bad[:_SHOWN])
    more = f" and {len(bad) - _SHOWN} more" if len(bad) > _SHOWN else ""
    place = folder or "the bucket"
    return (
        f"{len(bad)} files are missing from {place} or were changed: {shown}{more}. "
        "Restore them, delete their jobs, or give the right folder with --data-dir"
    )
