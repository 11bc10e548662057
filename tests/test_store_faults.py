"""A store that cannot be had now, or not at all: said plainly, and nothing is lost or touched."""

import multiprocessing
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from storage import engines
from storage.config import Settings
from storage.job import NewJob, StoreError, StoreUnavailable, StoreUnusable
from storage.opening import open_store
from storage.store import JobStore
from tests.api import Client
from tests.stores import Bench


@contextmanager
def locked_by_another_tool(bench: Bench) -> Iterator[None]:
    """Keep writers out of the database, as a stranger may for as long as it likes."""
    if bench.store.database.postgresql:
        stranger = bench.store.database.connect_plainly()
        stranger.autocommit = False
        stranger.execute("LOCK TABLE job IN ACCESS EXCLUSIVE MODE")
    else:
        stranger = bench.store.database.connect_plainly()
        stranger.execute("BEGIN EXCLUSIVE")
    try:
        yield
    finally:
        stranger.rollback()
        stranger.close()


@pytest.mark.gen_test
async def test_a_store_that_another_tool_holds_is_a_503_and_then_goes_on(
    client: Client, bench: Bench
) -> None:
    document = {"type": "sleep", "payload": {"seconds": 0}}
    with locked_by_another_tool(bench):
        await client.post("/jobs", document, status=503)
    assert (await client.get("/jobs"))["items"] == []
    await client.post("/jobs", document)


@pytest.mark.gen_test
async def test_a_503_says_when_to_try_again(
    client: Client, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: object) -> None:
        raise StoreUnavailable("secret of the database")

    monkeypatch.setattr(JobStore, "get", fail)
    response = await client.fetch("/jobs/01a21054-ecc3-7788-9e49-c6d97d1c0c65")
    assert (response.code, response.headers["Retry-After"]) == (503, "1")
    assert b"secret" not in response.body


@pytest.mark.gen_test
async def test_what_nobody_foresaw_is_a_bare_500_without_a_traceback(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: object) -> None:
        raise ZeroDivisionError("secret")

    monkeypatch.setattr(JobStore, "get", fail)
    problem = await client.get("/jobs/01a21054-ecc3-7788-9e49-c6d97d1c0c65", status=500)
    assert "secret" not in str(problem)


def test_a_connection_that_was_ended_by_the_server_is_made_anew(bench: Bench) -> None:
    if not bench.store.database.postgresql:
        pytest.skip("only where there is a server")
    job_id = bench.enqueue()
    admin = bench.store.database.connect_plainly()
    admin.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    admin.close()
    with pytest.raises(StoreUnavailable):
        bench.job(job_id)
    assert bench.job(job_id).status == "queued"


def settings(url: str, folder: Path) -> Settings:
    return Settings.read({"DATA_DIR": str(folder), "DATABASE_URL": url})


@pytest.mark.parametrize("content", [b"", b"not a database at all, but long enough to be one" * 99])
def test_an_empty_or_damaged_file_is_refused_and_not_touched(
    tmp_path: Path, content: bytes
) -> None:
    file = tmp_path / "jobs.db"
    file.write_bytes(content)
    with pytest.raises(StoreUnusable, match=r"jobs\.db"):
        open_store(settings("", tmp_path), patience=0)
    assert file.read_bytes() == content


def test_a_database_of_another_program_is_refused_and_not_touched(tmp_path: Path) -> None:
    file = tmp_path / "jobs.db"
    other = sqlite3.connect(file)
    other.execute("CREATE TABLE diary (day TEXT)")
    other.close()
    content = file.read_bytes()
    with pytest.raises(StoreUnusable, match="other tables"):
        open_store(settings("", tmp_path), patience=0)
    assert file.read_bytes() == content
    assert not (tmp_path / "jobs.db-wal").exists()


def test_a_database_of_a_newer_release_is_refused(database_url: str, tmp_path: Path) -> None:
    store = open_store(settings(database_url, tmp_path))
    store.database.execute(
        "INSERT INTO schema_migration (name, applied) VALUES ('9999_later', CURRENT_TIMESTAMP)"
    )
    store.close()
    with pytest.raises(StoreUnusable, match="9999_later"):
        open_store(settings(database_url, tmp_path))


def test_a_store_that_cannot_be_had_is_given_up_with_its_reason(tmp_path: Path) -> None:
    nobody = "postgresql://nobody@127.0.0.1:1/none"
    with pytest.raises(StoreUnavailable, match="refused"):
        open_store(settings(nobody, tmp_path), patience=0)


@pytest.mark.parametrize("name", ["data", "data/schema.lock/x", "data/wakeup", "data/uploads"])
def test_a_folder_that_cannot_be_used_is_said_plainly(tmp_path: Path, name: str) -> None:
    in_the_way = tmp_path / name
    in_the_way.parent.mkdir(parents=True, exist_ok=True)
    in_the_way.write_text("a file in the way")
    with pytest.raises(StoreError, match=r"DATA_DIR=.*data|uploads: "):
        open_store(settings("", tmp_path / "data"), patience=0)


def _open_and_enqueue(url: str, folder: Path, start: threading.Event, count: int) -> None:
    start.wait()
    store = open_store(settings(url, folder))
    JobStore(store.database, store.wakeup).enqueue([NewJob("sleep", {})] * count)
    store.close()


def test_programs_that_start_at_once_make_one_schema(database_url: str, tmp_path: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    start = spawn.Event()
    arguments = (database_url, tmp_path, start, 5)
    programs = [spawn.Process(target=_open_and_enqueue, args=arguments) for _ in range(4)]
    for program in programs:
        program.start()
    start.set()
    for program in programs:
        program.join()
    assert [program.exitcode for program in programs] == [0, 0, 0, 0]
    store = open_store(settings(database_url, tmp_path))
    assert len(JobStore(store.database, store.wakeup).list(None, 50).jobs) == 20
    store.close()


@pytest.mark.parametrize(
    ("version", "mended"),
    [
        ((3, 44, 5), False),
        ((3, 44, 6), True),
        ((3, 46, 1), False),
        ((3, 50, 6), False),
        ((3, 50, 7), True),
        ((3, 51, 2), False),
        ((3, 51, 3), True),
        ((3, 53, 4), True),
        ((4, 0, 0), True),
    ],
)
def test_a_sqlite_that_can_damage_a_wal_is_told_apart(
    version: tuple[int, int, int], mended: bool
) -> None:
    assert engines.is_mended(version) is mended


def test_a_sqlite_that_can_damage_a_wal_does_not_use_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "is_mended", lambda version: False)
    store = open_store(settings("", tmp_path))
    assert store.database.engine.journal_mode == "delete"
    JobStore(store.database, store.wakeup).enqueue([NewJob("sleep", {})])
    store.close()


def test_commits_are_synced_to_disk(tmp_path: Path) -> None:
    store = open_store(settings("", tmp_path))
    assert (store.database.engine.journal_mode, store.database.engine.synchronous) == ("wal", 2)
    store.close()
