"""A WAL that does not belong to its file is found, and no other WAL is refused."""

import os
from pathlib import Path

import pytest

from storage.db.sqlite_file.wal_file import wal_mismatch
from storage.db.sqlite_file.wal_index import lost_changes
from storage.records.filters import Filters
from storage.records.job import StoreDamaged
from storage.store import JobStore
from tests.support.damaged_files import add_jobs, copy_as_it_is, make_mixed_copy, open_at


@pytest.mark.parametrize("newer", ["wal", "file"])
def test_a_copy_whose_wal_is_from_another_time_is_refused(tmp_path: Path, newer: str) -> None:
    make_mixed_copy(tmp_path, newer)
    told = {"wal": r"newer: it continues from change 5, the file ends at 3", "file": "older"}[newer]
    for _ in range(2):  # also the second time, since nothing was changed
        with pytest.raises(StoreDamaged, match=f"its WAL is {told}"):
            open_at(tmp_path)


def test_a_wal_beside_an_older_backup_is_refused(tmp_path: Path) -> None:
    store = open_at(tmp_path)
    add_jobs(store, 2)
    store.database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    backup = (tmp_path / "jobs.db").read_bytes()
    add_jobs(store, 2)
    store.database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    add_jobs(store, 2)
    copy_as_it_is(tmp_path, tmp_path / "copy")
    (tmp_path / "copy/jobs.db").write_bytes(backup)
    store.close()
    with pytest.raises(StoreDamaged, match="its WAL is newer"):
        open_at(tmp_path / "copy")


@pytest.mark.parametrize("is_emptied", [False, True])
def test_changes_that_are_lost_with_a_wal_are_noticed(tmp_path: Path, is_emptied: bool) -> None:
    store = open_at(tmp_path)
    add_jobs(store, 1)
    store.database.execute("PRAGMA wal_checkpoint(PASSIVE)")  # leaves the pages in the WAL
    copy_as_it_is(tmp_path, copied := tmp_path / "copied")
    (copied / "jobs.db-wal").unlink()
    assert lost_changes(copied / "jobs.db") is None  # all changes of that WAL are in the file
    add_jobs(store, 2)
    copy_as_it_is(tmp_path, killed := tmp_path / "killed")
    store.close()
    if is_emptied:
        os.truncate(killed / "jobs.db-wal", 0)
    else:
        (killed / "jobs.db-wal").unlink()
    for _ in range(2):
        with pytest.raises(StoreDamaged, match=r"WAL was deleted .* \d+ changed pages"):
            open_at(killed)
    (killed / "jobs.db-shm").unlink()
    open_at(killed).close()


def test_every_copy_that_a_power_cut_could_leave_is_opened(tmp_path: Path) -> None:
    """With no, some and all changes in the file, with and without a WAL that starts anew."""
    store = open_at(tmp_path)
    reader = store.database.raw_connection()
    for number in range(24):
        add_jobs(store, 1)
        if number % 6 == 2:  # a reader keeps the checkpoint from going further
            reader.execute("BEGIN")
            reader.execute("SELECT * FROM counter").fetchall()
        if number % 6 == 5:
            reader.execute("COMMIT")
        if number % 3:
            store.database.execute("PRAGMA wal_checkpoint(PASSIVE)")
        copy_as_it_is(tmp_path, tmp_path / str(number))
        assert wal_mismatch(tmp_path / "jobs.db") is None
        assert lost_changes(tmp_path / "jobs.db") is None
    reader.close()
    store.close()
    for number in range(24):
        copied = open_at(tmp_path / str(number))
        jobs = JobStore(copied.database, copied.wakeup, copied.clock)
        assert len(jobs.list(Filters(), 50).jobs) == number + 1
        copied.close()


def test_a_transaction_that_takes_versions_twice_has_one_base(tmp_path: Path) -> None:
    store = open_at(tmp_path)
    store.database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with store.database.transaction():
        assert store.database.next_version(1) == 1
        assert store.database.next_version(5) == 6
    copy_as_it_is(tmp_path, tmp_path / "copy")
    store.close()
    assert wal_mismatch(tmp_path / "copy/jobs.db") is None
    open_at(tmp_path / "copy").close()


@pytest.mark.parametrize("content", [b"", b"\0" * 32, b"x" * 5000, b"\x37\x7f\x06\x82" * 2000])
def test_a_file_that_is_no_wal_is_left_to_sqlite(tmp_path: Path, content: bytes) -> None:
    open_at(tmp_path).close()
    (tmp_path / "jobs.db-wal").write_bytes(content)
    open_at(tmp_path).close()


def test_the_wal_of_another_database_is_refused(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    store = open_at(one)
    add_jobs(store, 1)
    store.close()
    store = open_at(other)
    add_jobs(store, 50)
    store.database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    add_jobs(store, 1)
    wal = (other / "jobs.db-wal").read_bytes()
    store.close()
    (one / "jobs.db-wal").write_bytes(wal)
    with pytest.raises(StoreDamaged, match="its WAL is newer"):
        open_at(one)
