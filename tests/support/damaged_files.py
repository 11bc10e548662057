"""Makes SQLite files of the service that are damaged, or that do not belong together."""

import random
import shutil
from pathlib import Path

from storage.db.backups_made import record_backup
from storage.open import Store, open_store
from storage.records.job import NewJob
from storage.settings.settings import Settings
from storage.store import JobStore

PAGE = 4096


def open_at(folder: Path) -> Store:
    """Open the store of a data folder."""
    return open_store(Settings.read({"DATA_DIR": str(folder)}), timeout=0)


def add_jobs(store: Store, count: int) -> None:
    """Store jobs, one transaction each."""
    jobs = JobStore(store.database, store.wakeup, store.clock)
    for _ in range(count):
        jobs.enqueue([NewJob("sleep", {"seconds": 0})])


def make_store_with_jobs(folder: Path, count: int = 2000) -> None:
    """Make a store whose file has hundreds of pages, and no WAL."""
    store = open_at(folder)
    jobs = JobStore(store.database, store.wakeup, store.clock)
    jobs.enqueue([NewJob("sleep", {"seconds": 0, "text": "x" * 300}) for _ in range(count)])
    store.close()


def overwrite_pages(file: Path, count: int) -> None:
    """Overwrite pages in place, but not the first one. No program may have the file open."""
    pages = random.Random(count).sample(range(1, file.stat().st_size // PAGE), count)
    with file.open("r+b") as content:
        for page in pages:
            content.seek(page * PAGE)
            content.write(random.Random(page).randbytes(PAGE))


def make_mixed_copy(folder: Path, newer: str) -> None:
    """Leave a database and a WAL of different times in a folder; `newer` is "file" or "wal"."""
    store = open_at(folder)
    file, wal = folder / "jobs.db", folder / "jobs.db-wal"
    record_backup(store.database, 1)  # rows of the table `counter` before the version row
    add_jobs(store, 3)
    store.database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    add_jobs(store, 1)
    older = (file if newer == "wal" else wal).read_bytes()
    add_jobs(store, 1)
    store.database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    add_jobs(store, 1)
    if newer == "file":
        store.database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        store.close()
        wal.write_bytes(older)
    else:
        kept = wal.read_bytes()
        store.close()
        file.write_bytes(older)
        wal.write_bytes(kept)


def copy_as_it_is(folder: Path, target: Path) -> None:
    """Copy the database with its WAL and the index of it, as a power cut would leave them."""
    target.mkdir()
    for name in ("jobs.db", "jobs.db-wal", "jobs.db-shm"):
        if (folder / name).exists():
            shutil.copy(folder / name, target)
