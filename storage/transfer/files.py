"""Copies the files of a move, each with its hash checked, or looks whether all are there."""

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
    """Whether there are any."""
    return Table(source, UploadRow).count() > 0


def transfer_files(
    source: Database, uploads: Uploads, target: Uploads | None, tell: Callable[[str], None]
) -> tuple[int, int]:
    """Copy the files in a folder that the target has not yet; None: they stay, and are looked at.

    Returns how many there are, and how many were copied. Raises MoveRefused with those that are
    missing, or not what they were when they came.
    """
    if target and not isinstance(uploads, FolderUploads):
        raise TransferRefused(
            "--uploads-to: files are copied from a folder only, theirs are elsewhere"
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
        tell(f"files: {count:,}")
    if bad:
        raise TransferRefused(_complaint(bad, uploads.folder))
    return count, copied


def _uploads(source: Database) -> Iterator[Upload]:
    for rows in Table(source, UploadRow).batches():
        yield from (Upload(**row) for row in rows)


def _copy(upload: Upload, path: Path, target: Uploads) -> bool:
    """Whether the copy is what the row says; if not, there is none."""
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
        f"{len(bad)} files are missing from {place}, or not what was uploaded: {shown}{more}. "
        "Put them back or delete their jobs, or name the right folder by --data-dir"
    )
