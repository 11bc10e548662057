"""`python -m storage vacuum` gives the free space in a SQLite file back to the disk.

    jobs.db ─ VACUUM INTO ─▶ jobs.db.smaller ─▶ synced ─▶ renamed to jobs.db ─▶ folder synced

SQLite's plain VACUUM would build the copy in memory, and keep all programs from writing meanwhile.
"""

import argparse
import contextlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from admin.commands.options import Subparsers
from admin.commands.output import show
from admin.transfer.endpoints import open_source
from storage.db.schema.migrate import schema_lock
from storage.db.sqlite_file.write_lock import WriteLock
from storage.db.timeouts import BUSY_SECONDS
from storage.files.disk import sync_name
from storage.records.job import StoreError
from storage.settings.folders import sqlite_file
from storage.settings.settings import Settings
from storage.settings.url import is_postgresql

ABOUT = """Gives the free space in the SQLite file of DATABASE_URL or DATA_DIR back to the
disk. Stop all listeners and workers first. It needs as much free disk space as the jobs take."""


def add(commands: Subparsers) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser("vacuum", help="make a SQLite file smaller", description=ABOUT)
    parser.set_defaults(run=_run, failed="not made smaller")


def _run(_arguments: argparse.Namespace, settings: Settings) -> int:
    """Make the SQLite file smaller; return the exit code."""
    if is_postgresql(settings.store_url):
        raise StoreError("PostgreSQL reuses and frees space by itself, see docs/postgresql.md")
    file = sqlite_file(settings)
    before, after = vacuum(file, settings.data_dir)
    show(f"{file}: {before:,} bytes before, {after:,} bytes now")
    return 0


def vacuum(file: Path, data_dir: Path) -> tuple[int, int]:
    """Replace a file by a copy without free pages; return the bytes before and after.

    Raises TransferRefused while programs use the file, and StoreError. Then the file is unchanged.
    """
    file = file.resolve()
    smaller = file.with_name(f"{file.name}.smaller")
    try:
        with _without_programs(file, data_dir, smaller):
            before, after = file.stat().st_size, smaller.stat().st_size
            os.replace(smaller, file)
            sync_name(file)
    except OSError as error:
        raise StoreError(f"{file}: {error.strerror or error}") from error
    finally:
        smaller.unlink(missing_ok=True)
    return before, after


@contextmanager
def _without_programs(file: Path, data_dir: Path, smaller: Path) -> Iterator[None]:
    """Make the copy. Until the block ends, no program can start to use the file, or write to it."""
    url = f"sqlite:///{file}"
    with contextlib.ExitStack() as stack:
        database = open_source(url, data_dir)
        stack.callback(database.close)
        stack.enter_context(schema_lock(database, data_dir))
        lock = WriteLock(Path(f"{file}-writer"))
        stack.callback(lock.close)
        if not lock.acquire(BUSY_SECONDS):
            raise StoreError(f"{file}: another program is writing")
        stack.callback(lock.release)
        smaller.unlink(missing_ok=True)
        database.execute("VACUUM INTO ?", (str(smaller),))
        _make_alike(smaller, file)
        database.close()  # ends the WAL
        if Path(f"{file}-wal").exists():
            raise StoreError(f"{file}: another program has just opened it")
        yield


def _make_alike(copy: Path, file: Path) -> None:
    """Sync a copy, and give it the owner and the mode of the file."""
    status = file.stat()
    descriptor = os.open(copy, os.O_RDONLY)
    try:
        os.fchmod(descriptor, status.st_mode & 0o7777)
        if os.geteuid() == 0:
            os.fchown(descriptor, status.st_uid, status.st_gid)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
