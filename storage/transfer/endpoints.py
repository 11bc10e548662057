"""Opens the two databases of a move, each for this program alone.

SQLite: an exclusive lock on the file, which nobody gets while another program has it open, and
which ends with this one. PostgreSQL: who is connected says so by name, and tables are locked.
"""

import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlparse

from storage.db.database import Database
from storage.db.engines import APPLICATION_NAME, open_engine
from storage.db.models import JobRow, VersionRow
from storage.db.schema import migrate as schema
from storage.files.folders import make_folder
from storage.liveness.runners import living
from storage.notify.wakeup import somebody_waits
from storage.records.job import StoreError, StoreUnavailable
from storage.transfer.tables import MODELS

NAME = f"{APPLICATION_NAME} migrate"
_ENDING_SECONDS, _AGAIN_SECONDS = 1.0, 0.05
_LOCK = "SELECT pg_try_advisory_lock(hashtext('job service move'))"
_OTHERS = """
SELECT application_name FROM pg_stat_activity WHERE datname = current_database()
    AND pid <> pg_backend_pid() AND application_name LIKE %s ORDER BY 1"""


class TransferRefused(StoreError):
    """A move that would lose something, or get into the way of programs: what to do is said."""


def open_source(url: str, folder: Path) -> Database:
    """The database that is moved, with the schema of this release; `folder` is its DATA_DIR.

    Raises MoveRefused while its programs run, and StoreError.
    """
    if urlparse(url).scheme == "sqlite" and not _file(url).exists():
        raise TransferRefused(f"--from: there is no file {_file(url)}")
    database = Database(open_engine(url, NAME, exclusive=True))
    with _closed_if_refused(database):
        schema.refuse_foreign(database)
        _refuse_programs("--from", database, folder)
        schema.bring_up_to_date_exclusively(database)
    return database


def open_target(url: str) -> Database:
    """The database that is moved to, made or brought up to date. Raises as `open_source` does."""
    folder = Path()
    if urlparse(url).scheme == "sqlite":
        make_folder(folder := _file(url).parent)
    maker = Database(open_engine(url, NAME))
    try:
        schema.bring_up_to_date(maker, folder)
    finally:
        maker.close()
    database = Database(open_engine(url, NAME, exclusive=True))
    with _closed_if_refused(database):
        if database.postgresql and not database.engine.execute_sql(_LOCK).fetchone()[0]:
            raise TransferRefused("--to: another move into this database runs")
        _refuse_programs("--to", database, folder)
    return database


def hold(source: Database) -> None:
    """Keep everybody from changing the source until the transaction ends."""
    if source.postgresql:
        tables = ", ".join(f'"{model._meta.table_name}"' for model in MODELS)
        source.execute(f"LOCK TABLE {tables} IN SHARE MODE")


def refuse_filled(target: Database) -> None:
    """Raise MoveRefused if the target has, or had, jobs of its own."""
    jobs = target.rows(JobRow.select(JobRow.id).limit(1))
    if jobs or target.rows(VersionRow.select().where(VersionRow.value > 0)):
        raise TransferRefused("--to: it has jobs that are not from this move: take an empty one")


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
        found = ["a listener or worker"] if somebody_waits(folder / "wakeup") else []
    try:
        with database.transaction():
            found = found or [runner.name for runner in living(database, folder / "runners")]
    except StoreUnavailable as error:
        if database.postgresql or not re.search("locked|writing", str(error)):
            raise
        found = ["another program has the file open"]
    if found:
        raise TransferRefused(f"{option}: stop all that use it first: {', '.join(found)}")


def _sessions(database: Database) -> list[str]:
    """The names of programs that have sessions of a server. One that was just stopped has for a
    moment."""
    until = time.monotonic() + _ENDING_SECONDS
    while True:
        rows = database.engine.execute_sql(_OTHERS, (f"{APPLICATION_NAME} %",)).fetchall()
        found = [name for (name,) in rows if name != NAME]
        if not found or time.monotonic() > until:
            return found
        time.sleep(_AGAIN_SECONDS)


def _file(url: str) -> Path:
    return Path(urlparse(url).path[1:]).absolute()
