"""Opens the source and the target of a transfer, each for exclusive use.

SQLite: an exclusive lock on the file. It fails while another program has the file open, and ends
with this process. PostgreSQL: other programs are found by the application names of their sessions,
and tables are locked.
"""

import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from admin.transfer.tables import MODELS
from storage.db.database import APPLICATION_NAME, Database, open_engine
from storage.db.models import JobRow
from storage.db.schema import migrate as schema
from storage.db.schema.state import read_state
from storage.db.versions import select_newest_version
from storage.files.disk import make_folder
from storage.liveness.runners import living_runner_names
from storage.notify.wakeup import has_waiters
from storage.records.job import StoreError, StoreUnavailable
from storage.settings.url import is_postgresql, sqlite_path

MIGRATE_NAME = f"{APPLICATION_NAME} migrate"
_ENDING_SECONDS, _AGAIN_SECONDS = 1.0, 0.05
_LOCK = "SELECT pg_try_advisory_lock(hashtext('job service move'))"
_OTHERS = """
SELECT application_name FROM pg_stat_activity WHERE datname = current_database()
    AND pid <> pg_backend_pid() AND application_name LIKE %s ORDER BY 1"""


class TransferRefused(StoreError):
    """The transfer would lose data or disturb running programs. The message says what to do."""


def open_source(url: str, folder: Path) -> Database:
    """Open the source database and bring its schema up to date; `folder` is its DATA_DIR.

    Raises TransferRefused while its programs run, and StoreError.
    """
    if not is_postgresql(url) and not sqlite_path(url).exists():
        raise TransferRefused(f"--from: there is no file {sqlite_path(url)}")
    database = Database(open_engine(url, MIGRATE_NAME, exclusive=True))
    with _closed_if_refused(database):
        schema.refuse_foreign(database)
        _refuse_programs("--from", database, folder)
        _refuse_newer(database)
        schema.bring_up_to_date_exclusively(database)
    return database


def open_target(url: str) -> Database:
    """Open the target database, after creating it or bringing its schema up to date.

    Raises TransferRefused while its programs run, and StoreError.
    """
    folder = Path()
    if not is_postgresql(url):
        make_folder(folder := sqlite_path(url).parent)
    creating = Database(open_engine(url, APPLICATION_NAME))
    try:
        schema.bring_up_to_date(creating, folder)
    finally:
        creating.close()
    database = Database(open_engine(url, MIGRATE_NAME, exclusive=True))
    with _closed_if_refused(database):
        if database.postgresql and not database.execute(_LOCK).fetchone()[0]:
            raise TransferRefused("--to: another transfer into this database is running")
        _refuse_programs("--to", database, folder)
    return database


def lock_source(source: Database) -> None:
    """Keep others from changing the source until the transaction ends."""
    if source.postgresql:
        tables = ", ".join(f'"{model._meta.table_name}"' for model in MODELS)
        source.execute(f"LOCK TABLE {tables} IN SHARE MODE")


def require_empty(target: Database, where: str = "--to") -> None:
    """Raise TransferRefused if the target, which `where` names, has, or once had, jobs."""
    jobs = target.rows(JobRow.select(JobRow.id).limit(1))
    if jobs or target.rows(select_newest_version())[0]["value"] > 0:
        raise TransferRefused(f"{where}: it has jobs that are not from this copy: use an empty one")
    if read_state(target).contractions:  # triggers that fill its tables are off during a transfer
        raise TransferRefused(
            f"{where}: it keeps what only the previous release needs: use a new database, or run "
            "`python -m storage contract` on it before"
        )


def _refuse_newer(source: Database) -> None:
    """Raise TransferRefused if the source has columns and tables that this release may not know."""
    if newer := read_state(source).newer:
        raise TransferRefused(
            f"--from: it has the schema of a newer release ({newer[-1]}): use that release"
        )


@contextmanager
def _closed_if_refused(database: Database) -> Iterator[None]:
    try:
        yield
    except BaseException:
        database.close()
        raise


def _refuse_programs(option: str, database: Database, folder: Path) -> None:
    found: Sequence[str]
    if database.postgresql:
        found = _sessions(database)
    else:
        found = ["a listener or worker"] if has_waiters(folder / "wakeup") else []
    try:
        with database.transaction():
            found = found or living_runner_names(database, folder / "runners")
    except StoreUnavailable as error:
        if database.postgresql or not re.search("locked|writing", str(error)):
            raise
        found = ["another program has the file open"]
    if found:
        raise TransferRefused(f"{option}: first stop all programs that use it: {', '.join(found)}")


def _sessions(database: Database) -> list[str]:
    """Application names of the programs connected to a server. Waits up to a second for sessions to
    end, because the sessions of a program may outlive it for a moment."""
    until = time.monotonic() + _ENDING_SECONDS
    while True:
        rows = database.execute(_OTHERS, (f"{APPLICATION_NAME} %",)).fetchall()
        found = [name for (name,) in rows if name != MIGRATE_NAME]
        if not found or time.monotonic() > until:
            return found
        time.sleep(_AGAIN_SECONDS)
