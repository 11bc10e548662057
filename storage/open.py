"""Opens the complete store from the settings, for the composition roots."""

import logging
import math
import os
import re
import socket
import time
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from uuid import UUID

from storage.audit.log import AuditLog
from storage.db.clock import Clock, clock_of
from storage.db.database import APPLICATION_NAME, Database, open_engine
from storage.db.schema.migrate import bring_up_to_date
from storage.db.schema.soundness import BackgroundCheck
from storage.db.schema.transfer_checkpoint import refuse_unfinished_transfer
from storage.db.sqlite import SharedSqlite, Sqlite
from storage.files.artifacts import Artifacts
from storage.files.disk import make_folder
from storage.files.folder import FolderUploads
from storage.files.private import require_access, tighten
from storage.files.resumable.folder import FolderResumables
from storage.files.resumable.uploads import ResumableUploads
from storage.files.uploads import Uploads
from storage.liveness.liveness import FileLiveness, LeaseLiveness, Liveness
from storage.notify.wakeup import PostgresWakeup, SocketWakeup, Wakeup
from storage.ownership.ownership import own_since
from storage.records.job import PASSING, StoreError, StoreFull, StoreUnavailable
from storage.records.job_file import ArtifactKey, UnusedFile

if TYPE_CHECKING:
    from storage.settings.settings import Settings

log = logging.getLogger(__name__)

MISTAKE_SECONDS = 60.0
"""How long a program waits for a store whose address or password may be wrong."""
REPEAT_SECONDS = 60.0
"""How often a waiting program says so while the reason stays the same."""

_MISTAKES = re.compile(
    "authentication|does not exist|pg_hba|unable to open|resolve host|name resolution|not known"
)

T = TypeVar("T")


@dataclass(frozen=True)
class Store:
    """The components of an open store."""

    settings: "Settings"
    database: Database
    wakeup: Wakeup
    uploads: Uploads
    clock: Clock
    check: BackgroundCheck | None = None
    """The check of a large SQLite file, which may still run."""

    @cached_property
    def resumables(self) -> ResumableUploads:
        """The resumable uploads, beside the files of jobs. Raises StoreError."""
        if isinstance(self.uploads, FolderUploads):
            return FolderResumables(self.uploads)
        from storage.files.bucket import BucketUploads  # not at the top: it imports obstore
        from storage.files.resumable.bucket import BucketResumables

        assert isinstance(self.uploads, BucketUploads)
        return BucketResumables(self.uploads.bucket, self.clock)

    @cached_property
    def audit(self) -> AuditLog:
        """The audit log."""
        return AuditLog(self.database, self.clock)

    @property
    def database_folder(self) -> Path | None:
        """The folder that contains the database file; None if the database is on a server."""
        return self.database.file and self.database.file.parent

    @property
    def runners_folder(self) -> Path:
        """The folder in which the runners of one host hold their locks."""
        return runners_folder(self.settings)

    @property
    def reads_wait_for_nobody(self) -> bool:
        """Whether no writer blocks a reader, and no network is in between: in a file with a WAL."""
        engine = self.database.engine
        return isinstance(engine, Sqlite) and engine.journal_mode == "wal"

    @property
    def artifacts(self) -> Artifacts:
        """The storage of the files that jobs leave."""
        return self.uploads.artifacts

    def delete_files(self, files: Iterable[UnusedFile]) -> None:
        """Delete files that no job uses any more. Files that cannot be deleted now are left to a
        sweep."""
        files = list(files)
        self.uploads.delete([each for each in files if isinstance(each, UUID)])
        self.artifacts.delete([each for each in files if isinstance(each, ArtifactKey)])

    def liveness(self, lease_seconds: float) -> Liveness:
        """Return the mechanism with which runners detect each other's death."""
        return open_liveness(self.settings, self.database, lease_seconds)

    def close(self) -> None:
        """Close all connections."""
        if self.check:
            self.check.stop()
        self.wakeup.close()
        self.database.close()


def runners_folder(settings: "Settings") -> Path:
    """Return the folder in which the runners of one host hold their locks."""
    return settings.data_dir / "runners"


def new_database(settings: "Settings") -> Database:
    """Return the database of the settings. It connects on first use. Raises StoreUnusable."""
    return Database(open_engine(settings.store_url, connection_name(settings.program)))


def open_liveness(settings: "Settings", database: Database, lease_seconds: float) -> Liveness:
    """Return the mechanism with which runners detect each other's death. Does not connect.

    Creates DATA_DIR. Raises StoreError if it cannot be used.
    """
    try:
        make_folder(settings.data_dir)
        if database.postgresql:
            return LeaseLiveness(database, lease_seconds)
        return FileLiveness(database, runners_folder(settings))
    except OSError as error:
        raise data_dir_error(settings, error) from error


def data_dir_error(settings: "Settings", error: OSError) -> StoreError:
    """Return the error of the store that an error of DATA_DIR's disk means."""
    return PASSING.get(error.errno or 0, StoreError)(f"DATA_DIR={settings.data_dir}: {error}")


def open_when_possible(
    open: Callable[[], T], give_up: Callable[[], bool], timeout: float = math.inf
) -> T:
    """Return what a function opens; wait while the store is away, its disk full, or disks fail.

    Waits for `timeout` seconds, or until `give_up` returns True; and for MISTAKE_SECONDS if the
    settings may be wrong. Logs why it waits. Raises StoreError.
    """
    began_at, said, said_at = time.monotonic(), "", -math.inf
    while True:
        try:
            return open()
        except (StoreUnavailable, StoreFull) as error:
            now, reason = time.monotonic(), str(error)
            limit = min(timeout, MISTAKE_SECONDS) if _MISTAKES.search(reason) else timeout
            if give_up() or now - began_at > limit:
                raise
        if reason != said or now - said_at >= REPEAT_SECONDS:
            log.warning("cannot start yet, waiting", extra={"reason": reason})
            said, said_at = reason, now
        time.sleep(1.0)


def open_store(
    settings: "Settings",
    give_up: Callable[[], bool] = lambda: False,
    timeout: float = math.inf,
    database: Database | None = None,
) -> Store:
    """Open the store and migrate its schema. `database` comes from `new_database`.

    Waits as `open_when_possible` while the store is not available. Raises StoreError with one line
    that says what is wrong.
    """
    database = database or new_database(settings)
    try:
        return open_when_possible(lambda: _open(settings, database), give_up, timeout)
    except StoreError:
        database.close()
        raise


def _open(settings: "Settings", database: Database) -> Store:
    """Open the store. May be called again after StoreUnavailable and StoreFull."""
    try:
        make_folder(settings.data_dir)
        for path in (settings.data_dir, database.file, settings.uploads_folder):
            require_access(path)
        tighten(settings.data_dir, database.file, settings.uploads_folder)
        _migrate(settings)
        refuse_unfinished_transfer(database)
        uploads = open_uploads(settings)
        own_since(settings, database, uploads)
        wakeup = _wakeup(database, settings)
        check = _check_in_background(database)
        return Store(settings, database, wakeup, uploads, clock_of(database), check)
    except OSError as error:
        raise data_dir_error(settings, error) from error


def adopt_uploads(settings: "Settings") -> None:
    """Make this store the owner of the stored files, even of another store's. Raises StoreError."""
    make_folder(settings.data_dir)
    _migrate(settings)
    with closing(new_database(settings)) as database:
        own_since(settings, database, open_uploads(settings), adopt=True)


def connection_name(program: str) -> str:
    """Return the name that PostgreSQL shows for a program's connections, at most 63 bytes long."""
    return f"{APPLICATION_NAME} {program} {socket.gethostname()}-{os.getpid()}"[:63]


def _migrate(settings: "Settings") -> None:
    """Migrate over a separate connection: on PostgreSQL, its session holds a lock meanwhile."""
    database = _direct_database(settings, settings.program)
    try:
        bring_up_to_date(database, settings.data_dir)
    finally:
        database.close()


def _check_in_background(database: Database) -> BackgroundCheck | None:
    engine = database.engine
    if not isinstance(engine, SharedSqlite):
        return None
    engine.reports_damage = True
    check = BackgroundCheck(engine.file, engine.damage.report)
    check.start()
    return check


def _direct_database(settings: "Settings", name: str) -> Database:
    """Return the database without the pooler in front of it, if there is one."""
    return Database(open_engine(settings.listen_url or settings.store_url, connection_name(name)))


def max_file_bytes(settings: "Settings") -> int | None:
    """Return the maximum size of a file in the storage of uploads; None if it has none."""
    if settings.uploads_folder:
        return None
    from storage.files.bucket import BucketUploads  # not at the top: it imports obstore

    return BucketUploads.MAX_BYTES


def open_uploads(settings: "Settings") -> Uploads:
    """Return the store of uploads: a folder, which is created if needed, or a bucket, which must
    answer. Raises StoreError."""
    folder = settings.uploads_folder
    if folder is not None:
        return FolderUploads(folder)
    from storage.files.bucket import open_bucket_uploads  # not at the top: it imports obstore

    try:
        uploads = open_bucket_uploads(settings)
        uploads.check()
    except StoreError as error:
        raise type(error)(f"UPLOADS_URL={settings.uploads_url}: {error}") from error
    return uploads


def _wakeup(database: Database, settings: "Settings") -> Wakeup:
    if not database.postgresql:
        return SocketWakeup(settings.data_dir / "wakeup")
    return PostgresWakeup(database, _direct_database(settings, f"{settings.program} listens"))
