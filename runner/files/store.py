"""Stores the files in a folder that a job has filled: copies and hashes them, one after the other.

The job process may still have a file open, so a file is neither linked nor moved: what is stored
are the bytes that were hashed. A file that changes while it is copied is an error.
"""

import hashlib
import os
from collections.abc import Callable
from uuid import UUID, uuid4

from runner.files.folder import FileLimits, check_size, list_files, open_file
from runner.files.names import InvalidFiles, shown
from storage.files.artifacts import Artifacts, ArtifactWriter
from storage.records.job_file import ArtifactKey, JobFile
from storage.records.media_types import media_type_of

CHUNK_BYTES = 1 << 20
"""How much of a file is read at once."""


class Aborted(Exception):
    """The files are not needed any more."""


def store_files(
    artifacts: Artifacts,
    folder: int,
    job_id: UUID,
    attempt: int,
    limits: FileLimits,
    is_aborted: Callable[[], bool] = lambda: False,
) -> list[JobFile]:
    """Store all files of a folder; they are durable when this returns. Returns their rows.

    `folder` is the descriptor of a folder that no path of the job leads to. Raises InvalidFiles,
    Aborted, StoreFull, StoreUnavailable and OSError. Then no file is left, unless it cannot be
    deleted now.
    """
    stored: list[JobFile] = []
    buffer, total = bytearray(CHUNK_BYTES), 0
    try:
        for position, name in enumerate(list_files(folder, limits)):
            key = ArtifactKey(job_id, attempt, uuid4())
            writer = artifacts.writer(key)
            try:
                digest = _copy(folder, name, writer, buffer, total, limits, is_aborted)
                writer.finish()
            except BaseException:
                writer.abort()
                raise
            total += writer.size
            row = name, position, writer.size, media_type_of(name), digest
            stored.append(JobFile(job_id, *row, key.file_id, attempt))
        if stored:
            artifacts.sync()
        if is_aborted():
            raise Aborted
    except BaseException:
        artifacts.delete([file.key for file in stored])
        raise
    return stored


def _copy(
    folder: int,
    name: str,
    writer: ArtifactWriter,
    buffer: bytearray,
    total: int,
    limits: FileLimits,
    is_aborted: Callable[[], bool],
) -> str:
    """Copy one file; returns the hex digest of its SHA-256. `total` is the size of those before."""
    digest, memory = hashlib.sha256(), memoryview(buffer)
    file = open_file(folder, name)
    try:
        before = _state(file)
        size = before[0]
        check_size(name, size, total + size, limits)
        while count := os.readv(file, [memory]):
            if is_aborted():
                raise Aborted
            if writer.size + count > size:
                break
            digest.update(memory[:count])
            writer.write(memory[:count])
        if _state(file) != before or writer.size != size:
            raise InvalidFiles(f"{shown(name)}: it changed while it was stored")
    finally:
        os.close(file)
    return digest.hexdigest()


def _state(file: int) -> tuple[int, int, int]:
    """Return the size of a file, and times that differ after any change of its bytes."""
    found = os.fstat(file)
    return found.st_size, found.st_mtime_ns, found.st_ctime_ns
