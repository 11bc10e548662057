"""Makes a backup while programs use the store, and deletes old backups.

    files that there are ─▶ snapshot of the database ─▶ files that are new in it ─▶ manifest

Files are copied twice: before the snapshot, so that a file is there even if its job is deleted
while the backup runs, and after it, because the snapshot may have new ones. A job is stored after
its file, so the snapshot names no file that does not exist yet.
"""

import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass

from admin.backup.databases import postgresql, sqlite
from admin.backup.destinations.chunks import Stored
from admin.backup.destinations.destination import (
    BackupPlace,
    Damaged,
    chunk_name,
    file_name,
    manifest_name,
)
from admin.backup.manifest import Manifest, read_manifest
from admin.backup.stored_files import FileCopies, list_files, stored_files
from admin.transfer.file_copies import StoredFile
from storage.db.database import Database
from storage.db.schema.state import HISTORY
from storage.db.statements import Row
from storage.files.uploads import Uploads
from storage.records.job import Upload
from storage.records.release import RELEASE

DELETED = "its job was deleted while the backup was made"
Progress = Callable[[str, int, int], None]
"""Called with what is copied, the bytes so far, and the bytes of everything."""


@dataclass(frozen=True)
class Backup:
    """A backup that was made: the name of its manifest, the manifest, and the new bytes."""

    name: str
    manifest: Manifest
    added_bytes: int

    @property
    def missing(self) -> list[Row]:
        """Files that the store should have, but has not, or not with their hash."""
        return [each for each in self.manifest.absent if each["why"] != DELETED]


def create(database: Database, uploads: Uploads, place: BackupPlace, progress: Progress) -> Backup:
    """Make a backup. The caller holds the lock of the place. Raises StoreError."""
    began_at = time.time_ns() // 10**6
    stored = Stored(place)
    threads = 1 if uploads.folder and not place.is_remote else 4
    copies = FileCopies(uploads, stored, _of(progress, "files"), threads)
    copies.copy(_files_now(database))
    snapshot = (postgresql if database.postgresql else sqlite).snapshot
    with snapshot(database) as state:
        migrations = sorted(name for (name,) in state.rows(f"SELECT name FROM {HISTORY}"))
        files = stored_files(state.rows)
        with place.pace.hurry() if state.keeps_writers_off else nullcontext():
            content = state.copy(stored.chunk, _of(progress, "database"))
    copies.copy(files)
    absent = _absent(copies, database)
    listed = list_files(stored, files, copies.absent)
    place.publish()
    ended_at = time.time_ns() // 10**6
    manifest = Manifest(began_at, ended_at, RELEASE, migrations, content, listed, absent)
    name = manifest_name(began_at)
    place.write_manifest(name, manifest.to_bytes())
    return Backup(name, manifest, stored.added_bytes)


def _files_now(database: Database) -> dict[str, StoredFile]:
    """The files that the database has now."""
    connection = database.raw_connection()
    try:
        return stored_files(connection.execute)
    finally:
        connection.close()


def _absent(copies: FileCopies, database: Database) -> list[Row]:
    """Say of each file that could not be copied whether its job was deleted meanwhile."""
    now = _files_now(database) if copies.absent else {}
    return [
        {
            "sha256": sha256,
            "size": file.size,
            "name": file.name,
            "of": f"upload {file.id}" if isinstance(file, Upload) else f"job {file.job_id}",
            "why": why if sha256 in now else DELETED,
        }
        for sha256, (file, why) in sorted(copies.absent.items())
    ]


def _of(progress: Progress, what: str) -> Callable[[int, int], None]:
    return lambda done, total: progress(what, done, total)


@dataclass(frozen=True)
class Deleted:
    """How many backups were deleted, and how many chunks and files."""

    backups: int
    contents: int


def keep_newest(place: BackupPlace, count: int) -> Deleted:
    """Keep the newest backups, at least one. The caller holds the lock of the place.

    Manifests go first: a kill in between leaves chunks that the next call deletes. If a manifest
    that stays cannot be read, no chunk is deleted. Raises StoreError.
    """
    names = place.manifests()
    old, kept = names[: -max(1, count)], names[-max(1, count) :]
    place.delete(old)
    used = set[str]()
    try:
        for name in kept:
            manifest = read_manifest(place, name)
            used |= set(map(chunk_name, manifest.chunks()))
            used |= {file_name(sha256) for sha256, _ in manifest.stored_files(place)}
    except Damaged:
        return Deleted(len(old), 0)
    unused = place.contents() - used if kept else set()
    place.delete(sorted(unused))
    return Deleted(len(old), len(unused))
