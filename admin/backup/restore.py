"""Puts a backup into an empty place: a new store, on this machine or another one.

    SQLite       jobs.db.restoring ─▶ synced ─▶ stored files ─▶ linked as jobs.db
    PostgreSQL   schema ─▶ one transaction: all rows, the stored files, commit

The database appears last. So an interrupted restore leaves no store that lacks something, and the
next one goes on: stored files that are there already are kept.
"""

import hashlib
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from admin.backup.databases import postgresql
from admin.backup.destinations.destination import (
    BackupPlace,
    BackupRefused,
    Damaged,
    file_name,
    read_chunk,
)
from admin.backup.manifest import Manifest, read_manifest
from admin.backup.stored_files import all_files
from admin.transfer.endpoints import require_empty
from admin.transfer.file_copies import StoredFile, stored_size
from storage.db.database import Database
from storage.db.schema.migrate import apply_exactly, create_file, schema_lock
from storage.db.schema.state import known_names
from storage.db.sqlite_file.wal_file import open_plainly
from storage.db.store_id import change_store_id
from storage.files.artifacts import ArtifactWriter
from storage.files.data_file import translate_errors
from storage.files.disk import make_folder
from storage.files.owner import Owner
from storage.files.uploads import Uploads, UploadWriter
from storage.records.job_file import JobFile

Progress = Callable[[str, int, int], None]
"""Called with what is restored, the bytes so far, and the bytes of everything."""
_THREADS = 4


@dataclass(frozen=True)
class Restored:
    """A restored backup: how many stored files its database names, and how many it lacks."""

    name: str
    manifest: Manifest
    files: int
    absent: int


def choose(place: BackupPlace, name: str | None) -> tuple[str, Manifest]:
    """Return a backup by the name of its manifest, or the newest. Raises StoreError."""
    names = place.manifests()
    if not names:
        raise BackupRefused(f"{place.description} has no complete backup")
    if name is not None and name not in names:
        raise BackupRefused(
            f"{place.description} has no backup {name}; it has {', '.join(names[-5:])}"
        )
    name = name or names[-1]
    return name, read_manifest(place, name)


def restore(
    place: BackupPlace,
    name: str | None,
    database: Database,
    data_dir: Path,
    uploads: Uploads,
    progress: Progress,
    may_adopt: bool = True,
) -> Restored:
    """Restore a backup, the newest by default. Raises StoreError, and leaves no database then.

    The restored store gets an id of its own. Unless it `may_adopt` them, the uploads must be empty
    and belong to no store: each would delete the files of the other one's jobs.
    """
    name, manifest = choose(place, name)
    _refuse_other(manifest, database)
    files = _Files(place, uploads, manifest, progress, may_adopt)
    if database.postgresql:
        _restore_postgresql(place, manifest, database, files, progress)
    else:
        _restore_sqlite(place, manifest, database, data_dir, files, progress)
    return Restored(name, manifest, files.count, files.absent)


def _refuse_other(manifest: Manifest, database: Database) -> None:
    kind = "postgresql" if database.postgresql else "sqlite"
    if manifest.database["kind"] != kind:
        theirs = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}[manifest.database["kind"]]
        raise BackupRefused(
            f"it is a backup of {theirs}, and DATABASE_URL is none: restore it into {theirs}, and "
            "then copy that store to DATABASE_URL, see docs/scaling.md"
        )
    known = known_names()
    if unknown := sorted(set(manifest.migrations) - known):
        raise BackupRefused(
            f"it is of release {manifest.release}, whose schema is newer ({unknown[-1]}; this one "
            f"ends with {max(known)}): use that release or a later one"
        )


def _restore_sqlite(
    place: BackupPlace,
    manifest: Manifest,
    database: Database,
    data_dir: Path,
    files: "_Files",
    progress: Progress,
) -> None:
    file = database.file
    assert file
    make_folder(data_dir)
    make_folder(file.parent)
    with schema_lock(database, data_dir):  # programs that start meanwhile wait for it
        for path in (file, Path(f"{file}-wal"), Path(f"{file}-shm"), Path(f"{file}-journal")):
            if path.exists():
                raise BackupRefused(
                    f"{path} exists: a backup is only restored into an empty place. Move the files "
                    f"{file.name}* away, or give another DATA_DIR"
                )
        files.require_own_place()
        with translate_errors(str(file.parent)):
            create_file(file, partial(_write_file, place, manifest, files, progress))


def _write_file(
    place: BackupPlace, manifest: Manifest, files: "_Files", progress: Progress, path: Path
) -> None:
    """Write the database file to a path, and restore the stored files that it names."""
    content, done = manifest.database, 0
    with path.open("wb") as file, ThreadPoolExecutor(_THREADS) as threads:
        for data in threads.map(partial(read_chunk, place), content["chunks"]):
            file.write(data)
            done += len(data)
            progress("database", done, content["bytes"])
        file.flush()
        os.fsync(file.fileno())
    if done != content["bytes"]:
        raise Damaged(f"the database has {done} bytes instead of {content['bytes']}")
    with open_plainly(path, "rw") as opened:
        files.restore(opened.execute_sql)


def _restore_postgresql(
    place: BackupPlace, manifest: Manifest, database: Database, files: "_Files", progress: Progress
) -> None:
    tables = manifest.database["tables"]
    total = sum(len(table["chunks"]) for table in tables.values())
    done = 0

    def read(chunk: str) -> bytes:
        nonlocal done
        done += 1
        progress("database", done, total)
        return read_chunk(place, chunk)

    with schema_lock(database, Path()):  # programs that start meanwhile wait for it
        with database.translate_errors():
            is_new = not database.engine.get_tables()
        if not is_new:
            require_empty(database, "DATABASE_URL")
        files.require_own_place()
        apply_exactly(database, manifest.migrations)
        with closing(database.raw_connection()) as connection:
            with connection.transaction():
                connection.execute("SET LOCAL statement_timeout = 0")
                connection.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
                postgresql.load(connection, tables, read)
                files.restore(connection.execute)
            connection.execute("ANALYZE")


@dataclass
class _Files:
    """Restores stored files."""

    place: BackupPlace
    uploads: Uploads
    manifest: Manifest
    progress: Progress
    may_adopt: bool
    _since = 0.0
    count = absent = _bytes = 0

    def require_own_place(self) -> None:
        """Raise BackupRefused if another service may have files in the same place."""
        is_empty, owner = self.uploads.is_empty(), self.uploads.owner()
        if not self.may_adopt and not (is_empty and owner is None):
            what = "is in use" if is_empty else "has stored files already"
            whose = f", of the store {owner.store}" if owner else ""
            raise BackupRefused(
                f"UPLOADS_URL {what}{whose}. If another service uses it, give another "
                "UPLOADS_URL: each would delete the files of the other. If none does, because that "
                "store is lost or a restore was interrupted, add --adopt-uploads"
            )
        self._since = 0.0 if is_empty else time.time()

    def restore(self, rows: Callable[[str], Any]) -> None:
        """Restore the files of a database that are not there yet, and give the store an id.

        `rows` runs a statement. Raises StoreError.
        """
        missing = {each["sha256"] for each in self.manifest.absent}
        with ThreadPoolExecutor(_THREADS) as threads:
            try:
                for size in threads.map(partial(self._restore, missing), all_files(rows)):
                    self.count += 1
                    self._bytes += size
                    self.progress("files", self._bytes, max(self._bytes, self._expected))
            except BaseException:
                threads.shutdown(cancel_futures=True)
                raise
        self.uploads.artifacts.sync()
        self.uploads.give_to(Owner(change_store_id(rows), self._since))

    @property
    def _expected(self) -> int:
        return int(self.manifest.files["bytes"])

    def _restore(self, missing: set[str], file: StoredFile) -> int:
        """Restore a file, and return its size."""
        if file.sha256 in missing:
            self.absent += 1
            return 0
        if stored_size(self.uploads, file) != file.size:
            self._write(file)
        return file.size

    def _write(self, file: StoredFile) -> None:
        writer: UploadWriter | ArtifactWriter
        if isinstance(file, JobFile):
            writer = self.uploads.artifacts.writer(file.key)
        else:
            writer = self.uploads.writer(file.id)
        with _aborted_by_errors(writer):
            digest = hashlib.sha256()
            for data in self.place.read(file_name(file.sha256)):
                digest.update(data)
                writer.write(data)
            if digest.hexdigest() != file.sha256:
                raise Damaged(f"{file_name(file.sha256)}: its bytes have another hash")
            if isinstance(writer, UploadWriter):
                writer.finish(file.name, file.sha256)
            else:
                writer.finish()


@contextmanager
def _aborted_by_errors(writer: UploadWriter | ArtifactWriter) -> Iterator[None]:
    try:
        yield
    except BaseException:
        writer.abort()
        raise
