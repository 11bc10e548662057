"""Opens all of the store from the settings, for the composition roots."""

import logging
import os
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from storage.db.clock import Clock, clock_of
from storage.db.database import Database
from storage.db.engines import OUR_NAME, open_engine
from storage.db.schema.migrate import bring_up_to_date
from storage.files.disk import make_folder
from storage.files.folder import FolderUploads
from storage.files.uploads import Uploads
from storage.liveness.liveness import FileLiveness, LeaseLiveness, Liveness
from storage.notify.postgresql import PostgresWakeup
from storage.notify.wakeup import SocketWakeup
from storage.records.job import StoreError, StoreFull, StoreUnavailable
from storage.transfer.checkpoint import refuse_unfinished_transfer

if TYPE_CHECKING:
    from storage.settings.settings import Settings

log = logging.getLogger(__name__)

PATIENCE_SECONDS = 60.0


@dataclass(frozen=True)
class Store:
    """The parts of an open store."""

    settings: "Settings"
    database: Database
    wakeup: SocketWakeup | PostgresWakeup
    uploads: Uploads
    clock: Clock

    @property
    def database_folder(self) -> Path | None:
        """Where the database is kept; None if it is elsewhere."""
        return None if self.database.postgresql else Path(self.database.engine.database).parent

    @property
    def runners_folder(self) -> Path:
        """Where runners on one host hold their locks."""
        return self.settings.data_dir / "runners"

    def liveness(self, lease_seconds: float) -> Liveness:
        """The way in which runners on this database know of each other's death."""
        if self.database.postgresql:
            return LeaseLiveness(self.database, lease_seconds)
        return FileLiveness(self.database, self.runners_folder)

    def close(self) -> None:
        """Close all connections."""
        self.wakeup.close()
        self.database.close()


def open_store(
    settings: "Settings",
    give_up: Callable[[], bool] = lambda: False,
    patience: float = PATIENCE_SECONDS,
) -> Store:
    """Open the store and bring its schema up to date.

    A store that cannot be had yet (locked, still starting) is asked again for `patience` seconds,
    unless the caller has to give up before.
    Raises StoreError with a line that says what is wrong.
    """
    database = Database(open_engine(settings.store_url, name_of(settings.program)))
    try:
        make_folder(settings.data_dir)
        deadline = time.monotonic() + patience
        _patiently(lambda: _migrate(settings), give_up, deadline)
        refuse_unfinished_transfer(database)
        uploads = open_uploads(settings, give_up, deadline)
        wakeup = _wakeup(database, settings)
        return Store(settings, database, wakeup, uploads, clock_of(database))
    except StoreError:
        database.close()
        raise
    except OSError as error:
        database.close()
        raise StoreError(f"DATA_DIR={settings.data_dir}: {error}") from error


def name_of(program: str) -> str:
    """What PostgreSQL shows of a program's connections: it cuts names to 63 bytes."""
    return f"{OUR_NAME} {program} {socket.gethostname()}-{os.getpid()}"[:63]


def _migrate(settings: "Settings") -> None:
    """On a connection of its own: on PostgreSQL, one whose session holds a lock meanwhile."""
    database = _directly(settings, settings.program)
    try:
        bring_up_to_date(database, settings.data_dir)
    finally:
        database.close()


def _directly(settings: "Settings", name: str) -> Database:
    """The database past a pooler, if there is one."""
    return Database(open_engine(settings.listen_url or settings.store_url, name_of(name)))


def open_uploads(
    settings: "Settings", give_up: Callable[[], bool] = lambda: False, deadline: float = 0.0
) -> Uploads:
    """The place of uploads, made if it is a folder; asked for until the deadline (monotonic) if it
    is a bucket. Raises StoreError."""
    folder = settings.uploads_folder
    if folder is not None:
        return FolderUploads(folder)
    from storage.files.bucket import open_bucket_uploads  # not above: it loads obstore

    try:
        uploads = open_bucket_uploads(settings)
        _patiently(uploads.check, give_up, deadline)
    except StoreError as error:
        raise type(error)(f"UPLOADS_URL={settings.uploads_url}: {error}") from error
    return uploads


def _patiently(call: Callable[[], None], give_up: Callable[[], bool], deadline: float) -> None:
    """What asks the store for something it may not be ready for yet."""
    while True:
        try:
            return call()
        except (StoreUnavailable, StoreFull) as error:
            if give_up() or time.monotonic() > deadline:
                raise
            log.warning("the store cannot be opened yet, waiting", extra={"reason": str(error)})
            time.sleep(1.0)


def _wakeup(database: Database, settings: "Settings") -> SocketWakeup | PostgresWakeup:
    if not database.postgresql:
        return SocketWakeup(settings.data_dir / "wakeup")
    return PostgresWakeup(database, _directly(settings, f"{settings.program} listens"))
