"""A snapshot of a SQLite file, page by page, while programs read and write it.

In a WAL database, changes go to the WAL, and a checkpoint copies them into the file. A checkpoint
copies nothing that is newer than what an open read transaction sees
(https://sqlite.org/wal.html#checkpointing). So:

    read transaction begins ─▶ checkpoint up to that moment ─▶ the file stays as it is ─▶ copy it

No writer waits for any of these steps. The WAL grows until the read transaction ends; then one
checkpoint copies it into the file, beside the writers.

In the manifest: {"kind": "sqlite", "page_bytes": …, "bytes": …, "chunks": […]}. The chunks in their
order are the file.
"""

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from storage.db.database import Database
from storage.db.sqlite import CHECKPOINT_PAGES, WITH_NOOP
from storage.db.timeouts import BUSY_SECONDS
from storage.records.job import StoreUnavailable

CHUNK_BYTES = 1024**2
_FREEZE_SECONDS = 60.0
_AGAIN_SECONDS = 0.02
_HEAD_START_SECONDS = 0.003
"""Within this time, the thread of the last checkpoint gets the lock of checkpoints."""


@dataclass
class SqliteSnapshot:
    """A file that no checkpoint changes, and a connection that sees its state."""

    connection: Any
    file: int
    """Its descriptor."""
    page_bytes: int
    size: int
    """The bytes of the file."""
    keeps_writers_off: bool
    """Whether nobody can write until the snapshot ends, because the database has no WAL."""

    def rows(self, sql: str) -> Iterator[tuple[Any, ...]]:
        """Yield the rows of a query."""
        yield from self.connection.execute(sql)

    def copy(self, store: Callable[[bytes], str], progress: Callable[[int, int], None]) -> Any:
        """Store all pages; return what the manifest has of the database.

        `progress` is called with the bytes so far, and the bytes of the file.
        """
        chunks, at = [], 0
        while at < self.size:
            data = _read(self.file, min(CHUNK_BYTES, self.size - at), at)
            chunks.append(store(data))
            at += len(data)
            progress(at, self.size)
        return {
            "kind": "sqlite",
            "page_bytes": self.page_bytes,
            "bytes": self.size,
            "chunks": chunks,
        }


@contextmanager
def snapshot(database: Database) -> Iterator[SqliteSnapshot]:
    """Freeze the file of a database within the block. Raises StoreUnavailable."""
    assert database.file
    # Closed after all connections: closing it drops the locks that SQLite holds on the file in this
    # process, see section 2.2 of https://sqlite.org/howtocorrupt.html
    file = os.open(database.file, os.O_RDONLY | os.O_CLOEXEC)
    try:
        with database.translate_errors():
            reader, checker = database.raw_connection(), database.raw_connection()
            try:
                _freeze(reader, checker, database.file)
                ((page_bytes,),) = reader.execute("PRAGMA page_size")
                ((pages,),) = reader.execute("PRAGMA page_count")
                ((mode,),) = reader.execute("PRAGMA journal_mode")
                size = pages * page_bytes
                yield SqliteSnapshot(reader, file, page_bytes, size, mode != "wal")
                _thaw(database, reader, checker)
            finally:
                reader.close()
                checker.close()
                database.close()
    finally:
        os.close(file)


def _freeze(reader: Any, checker: Any, file: Path) -> None:
    """Begin a read transaction, and bring the file to the state that it sees."""
    until = time.monotonic() + _FREEZE_SECONDS
    look = "NOOP" if _version(checker) >= WITH_NOOP else "PASSIVE"
    while True:
        before = _changes(checker)
        pages, copied = _checkpoint(checker, look)
        reader.execute("BEGIN")
        reader.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchall()
        is_exact = _changes(checker) == before
        if is_exact and (copied == pages or _copied(checker, pages, until)):
            return
        reader.execute("ROLLBACK")
        if time.monotonic() > until:
            raise StoreUnavailable(
                f"{file}: another program has had a transaction open for "
                f"{_FREEZE_SECONDS:.0f} s, such as sqlite3: end it, and try again"
            )


def _copied(checker: Any, pages: int, until: float) -> bool:
    """Copy the WAL up to a page into the file, which older read transactions delay."""
    while _checkpoint(checker, "PASSIVE")[1] < pages:
        if time.monotonic() > until:
            return False
        time.sleep(_AGAIN_SECONDS)
    return True


def _thaw(database: Database, reader: Any, checker: Any) -> None:
    """End the read transaction, and copy the WAL into the file.

    A writer that finds a long WAL copies it while others wait. Here it is copied beside them:
    writers are kept off only until this checkpoint has begun.
    """
    lock = database.engine.write_lock
    held = lock.acquire(BUSY_SECONDS)
    try:
        reader.execute("ROLLBACK")
        checkpoint = threading.Thread(target=_copy_wal, args=(checker,))
        checkpoint.start()
        time.sleep(_HEAD_START_SECONDS)
    finally:
        if held:
            lock.release()
    checkpoint.join()


def _copy_wal(checker: Any) -> None:
    """Copy the WAL into the file until only a little is left, or somebody reads an old state."""
    last = -1
    while True:
        pages, copied = _checkpoint(checker, "PASSIVE")
        if pages - copied < CHECKPOINT_PAGES or copied == last:
            return
        last = copied


def _checkpoint(connection: Any, mode: str) -> tuple[int, int]:
    """Return the pages of the WAL, and how many are in the file. Equal if there is no WAL."""
    _, pages, copied = connection.execute(f"PRAGMA wal_checkpoint({mode})").fetchone()
    return pages, copied


def _changes(connection: Any) -> int:
    """Return a number that changes with each commit of another connection."""
    return int(connection.execute("PRAGMA data_version").fetchone()[0])


def _version(connection: Any) -> tuple[int, ...]:
    text = connection.execute("SELECT sqlite_version()").fetchone()[0]
    return tuple(map(int, text.split(".")))


def _read(file: int, size: int, at: int) -> bytes:
    data = os.pread(file, size, at)
    if len(data) < size:
        raise StoreUnavailable(f"the file of the database ends after {at + len(data)} bytes")
    return data
