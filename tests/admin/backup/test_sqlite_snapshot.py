"""A snapshot of a SQLite file is exact while programs write, and makes no writer wait."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from admin.backup.databases import sqlite
from admin.backup.databases.sqlite import snapshot
from admin.transfer.tables import MODELS
from storage.db.database import Database, open_engine
from storage.db.models import JobRow
from storage.db.sqlite import CHECKPOINT_PAGES, MAX_WAL_PAGES
from storage.records.job import StoreUnavailable
from tests.support.stores import Bench
from tests.support.waiting import wait_for

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

ROUNDS = 6


@contextmanager
def opened(bench: Bench) -> Iterator[Database]:
    """The database of a store, as another program opens it."""
    assert bench.store.database.file
    database = Database(open_engine(f"sqlite:///{bench.store.database.file}"))
    try:
        yield database
    finally:
        database.close()


@contextmanager
def writer(bench: Bench) -> Iterator[list[UUID]]:
    """Store jobs without a pause, in another thread; yields their ids. A call that has to give up
    fails the test."""
    stop, written = threading.Event(), list[UUID]()

    def write() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            written.append(bench.enqueue(payload={"text": "x" * 300 * (number % 20)}))
            if number % 3 == 0:
                bench.jobs.cancel(written[-1])
        bench.store.database.engine.close()

    thread = threading.Thread(target=write)
    thread.start()
    try:
        yield written
    finally:
        stop.set()
        thread.join()


def wait_for_writes(written: list[UUID]) -> None:
    """Wait until the writer has stored some more jobs."""
    count = len(written)
    wait_for(lambda: len(written) > count + 8, 30)


def content(connection: Any) -> dict[str, list[Any]]:
    """All rows of all tables."""
    names = [model._meta.table_name for model in MODELS]
    return {name: sorted(connection.execute(f"SELECT * FROM {name}")) for name in names}


def copied(state: sqlite.SqliteSnapshot, path: Path) -> Any:
    """Copy a snapshot into a file, and open that."""
    with path.open("wb") as file:

        def store(data: bytes) -> str:
            file.write(data)
            return ""

        state.copy(store, lambda *_: None)
    return Database(open_engine(f"sqlite:///{path}"))


def test_a_copy_has_what_the_snapshot_saw_whatever_is_written_meanwhile(
    bench: Bench, tmp_path: Path
) -> None:
    sizes = set()
    with writer(bench) as written:
        for number in range(ROUNDS):
            wait_for_writes(written)
            with opened(bench) as database, snapshot(database) as state:
                seen = content(state.connection)
                wait_for_writes(written)
                copy = copied(state, tmp_path / f"copy-{number}")
            connection = copy.raw_connection()
            assert content(connection) == seen
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            sizes.add(len(seen["job"]))
            connection.close()
            copy.close()
    assert len(sizes) == ROUNDS


def test_a_page_that_another_program_changes_again_is_not_left_out(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other, commits, original = bench.store.database.raw_connection(), 0, sqlite._checkpoint

    def checkpoint(connection: Any) -> Any:
        nonlocal commits
        if commits < ROUNDS:
            commits += 1
            other.execute("INSERT INTO counter (type, name, value) VALUES (?, 'n', 1)", [commits])
        return original(connection)

    monkeypatch.setattr(sqlite, "_checkpoint", checkpoint)
    bench.enqueue()
    with opened(bench) as database, snapshot(database) as state:
        seen = content(state.connection)
        copy = copied(state, tmp_path / "copy")
    connection = copy.raw_connection()
    assert content(connection) == seen
    assert commits == ROUNDS
    for each in (other, connection, copy):
        each.close()


@pytest.mark.heavy
def test_writers_go_on_and_the_wal_is_copied_into_the_file_at_the_end(bench: Bench) -> None:
    wal = Path(f"{bench.store.database.file}-wal")
    with opened(bench) as database, snapshot(database), writer(bench):
        wait_for(lambda: wal.stat().st_size > 2 * MAX_WAL_PAGES * 4096, 50)
    connection = bench.store.database.raw_connection()
    _, pages, in_file = connection.execute("PRAGMA wal_checkpoint(NOOP)").fetchone()
    assert pages > MAX_WAL_PAGES
    assert pages - in_file < CHECKPOINT_PAGES
    connection.close()


def test_a_transaction_that_stays_open_is_reported(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "_FREEZE_SECONDS", 0.2)
    other = bench.store.database.raw_connection()
    bench.enqueue()
    other.execute("BEGIN")
    other.execute("SELECT 1 FROM job").fetchall()
    bench.enqueue()
    with (
        opened(bench) as database,
        pytest.raises(StoreUnavailable, match="another program has had a transaction open"),
        snapshot(database),
    ):
        pass
    other.close()


def test_no_lock_is_left_behind(bench: Bench) -> None:
    with opened(bench) as database, snapshot(database):
        pass
    bench.enqueue()
    assert bench.store.database.rows(JobRow.select(JobRow.id))
