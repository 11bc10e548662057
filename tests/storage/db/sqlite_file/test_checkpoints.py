"""A long WAL is copied into the file after the commit, when others may write again."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import peewee as pw
import pytest

from storage.db import sqlite
from storage.records.job import NewJob, StoreUnavailable
from tests.storage.db.sqlite_file.test_write_lock import is_free
from tests.support.stores import Bench, open_bench


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with open_bench(f"sqlite:///{tmp_path / 'jobs.db'}", tmp_path) as bench:
        yield bench


@pytest.fixture
def copies(bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """For each copy of the WAL into the file, whether others could write meanwhile."""
    found: list[bool] = []
    checkpoint = sqlite.SharedSqlite._checkpoint

    def note(self: Any, mode: str) -> tuple[int, int]:
        if mode != "NOOP":
            found.append(is_free(tmp_path / "jobs.db-writer"))
        return checkpoint(self, mode)

    monkeypatch.setattr(sqlite.SharedSqlite, "_checkpoint", note)
    return found


def write_pages(bench: Bench, count: int) -> None:
    """Write at least so many pages to the WAL, in one transaction."""
    bench.jobs.enqueue([NewJob("sleep", {"text": "x" * 4096}) for _ in range(count)])


def wal(bench: Bench) -> tuple[int, int]:
    """The pages of the WAL, and how many of them are in the file."""
    engine = bench.store.database.engine
    assert isinstance(engine, sqlite.SharedSqlite)
    return engine._checkpoint("NOOP")


def test_others_may_write_while_the_wal_is_copied(bench: Bench, copies: list[bool]) -> None:
    for _ in range(3):
        bench.enqueue()
    assert copies == []
    write_pages(bench, 1000)
    assert copies == [True]
    pages, copied = wal(bench)
    assert 1000 < pages == copied
    bench.enqueue()
    assert wal(bench)[0] < 100  # it has started anew
    assert copies == [True]


def test_no_commit_copies_the_wal_by_itself(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "CHECKPOINT_PAGES", 1_000_000)
    write_pages(bench, 1500)
    pages, copied = wal(bench)
    assert (pages > 1500, copied) == (True, 0)


def test_a_wal_that_others_keep_from_starting_anew_is_copied_while_nobody_writes(
    bench: Bench, copies: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "MAX_WAL_PAGES", 1000)
    write_pages(bench, 1000)
    assert copies == [False]
    pages, copied = wal(bench)
    assert pages == copied


def test_a_copy_that_fails_does_not_fail_the_commit(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: Any, mode: str) -> tuple[int, int]:
        raise pw.OperationalError("disk I/O error")

    with monkeypatch.context() as patch:
        patch.setattr(sqlite.SharedSqlite, "_checkpoint", fail)
        job_id = bench.enqueue()
    assert bench.job(job_id).status == "queued"


@pytest.mark.heavy
def test_the_wal_stays_short_while_many_write(bench: Bench, tmp_path: Path) -> None:
    def write(_: int) -> None:
        written = 0
        while written < 8:
            with suppress(StoreUnavailable):  # the others may write for long on a busy machine
                write_pages(bench, 300)
                written += 1

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(write, range(4)))
    page = 4096 + 24
    assert (tmp_path / "jobs.db-wal").stat().st_size < (sqlite.MAX_WAL_PAGES + 2000) * page


def test_an_old_sqlite_copies_the_wal_within_commits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "WITH_NOOP", (99, 0, 0))
    with open_bench(f"sqlite:///{tmp_path / 'old.db'}", tmp_path) as bench:
        write_pages(bench, 1500)
        pages, copied = wal(bench)
        assert 0 < pages == copied
