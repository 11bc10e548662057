"""A snapshot of a SQLite file, page by page, while programs read and write it.

In a WAL database, changes go to the WAL, and a checkpoint copies them into the file. A checkpoint
copies nothing that is newer than what an open read transaction sees
(https://sqlite.org/wal.html#checkpointing). So:

    most of the WAL is copied ─▶ writers wait: the rest is copied, a read transaction begins
    ─▶ the file stays as it is ─▶ copy it

Only a checkpoint that copies the whole WAL brings the file to one moment. One that a reader stops
leaves out each page that has changed again since (`walCheckpoint` in SQLite's wal.c). So writers
wait for the last pages. The WAL grows until the read transaction ends; then one checkpoint copies
it into the file, beside the writers.

In the manifest: {"kind": "sqlite", "page_bytes": …, "bytes": …, "chunks": […]}. The chunks in their
order are the file.
"""

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from storage.db.database import Database
from storage.db.sqlite import CHECKPOINT_PAGES, SharedSqlite
from storage.db.statements import SqlRow
from storage.db.timeouts import BUSY_SECONDS
from storage.records.job import StoreUnavailable
from storage.records.json_values import Json

CHUNK_BYTES = 1024**2
_FREEZE_SECONDS = 60.0
_FEW_PAGES = 64
"""So many pages of the WAL may be copied while writers wait."""
_COPIES = 20
"""How often the WAL is copied beside the writers, at most: they may be as quick as the copies."""
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

    def rows(self, sql: str) -> Iterator[SqlRow]:
        """Yield the rows of a query."""
        yield from self.connection.execute(sql)

    def copy(self, store: Callable[[bytes], str], progress: Callable[[int, int], None]) -> Json:
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
                _freeze(database, reader, checker)
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


def _freeze(database: Database, reader: Any, checker: Any) -> None:
    """Begin a read transaction, with the file in the state that it sees."""
    until = time.monotonic() + _FREEZE_SECONDS
    assert isinstance(database.engine, SharedSqlite)
    lock = database.engine.write_lock
    while True:
        _copy_wal(checker, _FEW_PAGES)
        held = lock.acquire(BUSY_SECONDS)
        try:
            if _begins_complete(reader, checker):
                return
        finally:
            if held:
                lock.release()
        reader.execute("ROLLBACK")
        if time.monotonic() > until:
            raise StoreUnavailable(
                f"{database.file}: another program has had a transaction open for "
                f"{_FREEZE_SECONDS:.0f} s, such as sqlite3: end it, and try again"
            )
        time.sleep(_AGAIN_SECONDS)


def _begins_complete(reader: Any, checker: Any) -> bool:
    """Begin a read transaction; return whether the file has all that it sees. It has not if an
    older read transaction stops the checkpoint, or another program writes meanwhile."""
    before = _changes(checker)
    pages, copied, is_busy = _checkpoint(checker)
    reader.execute("BEGIN")
    reader.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchall()
    return pages == copied and not is_busy and _changes(checker) == before


def _thaw(database: Database, reader: Any, checker: Any) -> None:
    """End the read transaction, and copy the WAL into the file.

    A writer that finds a long WAL copies it while others wait. Here it is copied beside them:
    writers are kept off only until this checkpoint has begun.
    """
    assert isinstance(database.engine, SharedSqlite)
    lock = database.engine.write_lock
    held = lock.acquire(BUSY_SECONDS)
    try:
        reader.execute("ROLLBACK")
        checkpoint = threading.Thread(target=_copy_wal, args=(checker, CHECKPOINT_PAGES))
        checkpoint.start()
        time.sleep(_HEAD_START_SECONDS)
    finally:
        if held:
            lock.release()
    checkpoint.join()


def _copy_wal(checker: Any, few: int) -> None:
    """Copy the WAL into the file until few pages are left, or somebody reads an old state."""
    last = -1
    for _ in range(_COPIES):
        pages, copied, _ = _checkpoint(checker)
        if pages - copied < few or copied == last:
            return
        last = copied


def _checkpoint(connection: Any) -> tuple[int, int, bool]:
    """Copy what readers allow of the WAL into the file, without a wait for anybody.

    Returns the pages of the WAL, how many of them are in the file, and whether another checkpoint
    runs, so that both are unknown. The pages are equal if there is no WAL.
    """
    is_busy, pages, copied = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
    return pages, copied, bool(is_busy)


def _changes(connection: Any) -> int:
    """Return a number that changes with each commit of another connection."""
    return int(connection.execute("PRAGMA data_version").fetchone()[0])


def _read(file: int, size: int, at: int) -> bytes:
    data = os.pread(file, size, at)
    if len(data) < size:
        raise StoreUnavailable(f"the file of the database ends after {at + len(data)} bytes")
    return data
