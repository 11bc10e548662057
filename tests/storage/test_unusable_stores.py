"""A store that is temporarily or permanently unusable: it is reported, and nothing is lost."""

import json
import multiprocessing
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from storage.db import sqlite
from storage.db.database import Database
from storage.open import open_store
from storage.records.filters import Filters
from storage.records.job import NewJob, StoreError, StoreFull, StoreUnavailable, StoreUnusable
from storage.settings.settings import Settings
from storage.store import JobStore
from tests.support.api import Client
from tests.support.damaged_files import make_mixed_copy, make_store_with_jobs, overwrite_pages
from tests.support.database_creation import make_and_die_at_each_step
from tests.support.servers.postgres import PostgresServer
from tests.support.stores import Bench
from tests.support.warm_start import run_program

DAMAGES = ("one page", "ten pages", "newer WAL")


@contextmanager
def locked_by_another_tool(database: Database) -> Iterator[None]:
    """Block all writers, as another tool may for any time."""
    stranger = database.raw_connection()
    if database.postgresql:
        stranger.autocommit = False
        stranger.execute("LOCK TABLE job IN ACCESS EXCLUSIVE MODE")
    else:
        stranger.execute("BEGIN EXCLUSIVE")
    try:
        yield
    finally:
        stranger.rollback()
        stranger.close()


@pytest.mark.heavy
@pytest.mark.gen_test
async def test_a_store_locked_by_another_tool_returns_503_and_then_recovers(
    client: Client, bench: Bench
) -> None:
    document = {"type": "sleep", "payload": {"seconds": 0}}
    with locked_by_another_tool(bench.store.database):
        await client.post("/jobs", document, status=503)
    assert (await client.get("/jobs"))["items"] == []
    await client.post("/jobs", document)


@pytest.mark.gen_test
async def test_a_503_has_a_retry_after_header(
    client: Client, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: object) -> None:
        raise StoreUnavailable("secret of the database")

    monkeypatch.setattr("storage.store.jobs_by_id", fail)
    response = await client.fetch("/jobs/01a21054-ecc3-7788-9e49-c6d97d1c0c65")
    assert (response.code, response.headers["Retry-After"]) == (503, "1")
    assert b"secret" not in response.body


@pytest.mark.gen_test
async def test_an_unexpected_error_is_a_500_without_a_traceback(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: object) -> None:
        raise ZeroDivisionError("secret")

    monkeypatch.setattr("storage.store.jobs_by_id", fail)
    problem = await client.get("/jobs/01a21054-ecc3-7788-9e49-c6d97d1c0c65", status=500)
    assert "secret" not in str(problem)


def test_a_full_disk_is_distinguished_from_an_unavailable_store(bench: Bench) -> None:
    database = bench.store.database
    if database.postgresql:
        pytest.skip("its server stops writing by itself")
    database.execute("PRAGMA max_page_count = 1")  # becomes the present size
    with pytest.raises(
        StoreFull, match="full"
    ):  # SQLite has rolled back by itself, so that a rollback fails
        bench.enqueue(payload={"text": "x" * 1_000_000})
    assert bench.enqueue()  # by a new connection, which has no such limit


def test_a_connection_ended_by_the_server_is_reopened(bench: Bench) -> None:
    if not bench.store.database.postgresql:
        pytest.skip("only where there is a server")
    job_id = bench.enqueue()
    admin = bench.store.database.raw_connection()
    admin.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    admin.close()
    with pytest.raises(StoreUnavailable):
        bench.job(job_id)
    assert bench.job(job_id).status == "queued"


def test_a_connection_lost_within_a_transaction_is_reported_as_unavailable(bench: Bench) -> None:
    database = bench.store.database
    if not database.postgresql:
        pytest.skip("only where there is a server")

    def lose() -> None:
        with database.transaction():
            ((pid,),) = database.execute("SELECT pg_backend_pid()").fetchall()
            bench.elsewhere(
                lambda: database.execute("SELECT pg_terminate_backend(%s, 5000)", (pid,))
            )
            database.execute("SELECT 1")

    with pytest.raises(StoreUnavailable, match="terminating connection"):
        lose()


def settings(url: str, folder: Path) -> Settings:
    return Settings.read({"DATA_DIR": str(folder), "DATABASE_URL": url})


@pytest.mark.parametrize("content", [b"", b"not a database at all, but long enough to be one" * 99])
def test_an_empty_or_damaged_file_is_refused_and_left_unchanged(
    tmp_path: Path, content: bytes
) -> None:
    file = tmp_path / "jobs.db"
    file.write_bytes(content)
    with pytest.raises(StoreUnusable, match=r"jobs\.db"):
        open_store(settings("", tmp_path), timeout=0)
    assert file.read_bytes() == content


def test_a_database_of_another_program_is_refused_and_left_unchanged(tmp_path: Path) -> None:
    file = tmp_path / "jobs.db"
    other = sqlite3.connect(file)
    other.execute("CREATE TABLE diary (day TEXT)")
    other.close()
    content = file.read_bytes()
    with pytest.raises(StoreUnusable, match="other tables"):
        open_store(settings("", tmp_path), timeout=0)
    assert file.read_bytes() == content
    assert not (tmp_path / "jobs.db-wal").exists()


def _run_and_die(file: Path, *statements: str) -> None:
    """Run statements in a process that ends without closing the database."""
    code = (
        "import os, sqlite3, sys; c = sqlite3.connect(sys.argv[1], isolation_level=None);"
        "[c.execute(each).fetchall() for each in sys.argv[2:]]; os._exit(0)"
    )
    subprocess.run([sys.executable, "-c", code, str(file), *statements], check=True)


def _unusable(kind: str, file: Path) -> None:
    """Create an invalid file in the place of the database."""
    if kind in ("cut", "damaged"):
        store = open_store(settings("", file.parent))
        JobStore(store.database, store.wakeup, store.clock).enqueue([NewJob("sleep", {})])
        store.close()
        content = file.read_bytes()
        cut, damaged = content[: len(content) // 2], content[:100] + b"\xff" * (len(content) - 100)
        file.write_bytes(cut if kind == "cut" else damaged)
    elif kind in ("one page", "ten pages"):
        make_store_with_jobs(file.parent)
        overwrite_pages(file, 1 if kind == "one page" else 10)
    elif kind == "newer WAL":
        make_mixed_copy(file.parent, newer="wal")
    elif kind == "foreign":
        _run_and_die(file, "PRAGMA journal_mode = wal", "CREATE TABLE diary (day TEXT)")
    else:
        file.write_bytes(b"" if kind == "empty" else b"text " * 999)


@pytest.mark.heavy
@pytest.mark.parametrize("program", ["server", "runner"])
@pytest.mark.parametrize("kind", ["empty", "text", "foreign", "cut", "damaged", *DAMAGES])
def test_a_program_with_an_unusable_database_exits_with_one_line_and_leaves_it_unchanged(
    tmp_path: Path, program: str, kind: str
) -> None:
    file = tmp_path / "jobs.db"
    _unusable(kind, file)
    files = [file, *tmp_path.glob("jobs.db-wal")]
    content = [each.read_bytes() for each in files]
    environ = {"DATA_DIR": str(tmp_path), "PORT": "0", "LOG_LEVEL": "WARNING"}
    answer = run_program(program, **environ)
    assert answer.returncode == 1
    (line,) = map(json.loads, answer.stderr.splitlines())
    assert line["message"].startswith(f"cannot start: {file}")
    assert [each.read_bytes() for each in files] == content


def test_a_database_with_an_interrupted_transaction_is_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "has_wal_reset_fix", lambda version: False)  # so there is no WAL
    open_store(settings("", tmp_path)).close()
    begin = ["PRAGMA cache_size = 1", "BEGIN", "CREATE TABLE diary (day TEXT)"]
    write = "INSERT INTO diary VALUES (zeroblob(99999))"
    _run_and_die(tmp_path / "jobs.db", *begin, write, write)
    assert (tmp_path / "jobs.db-journal").stat().st_size > 0
    store = open_store(settings("", tmp_path))
    assert JobStore(store.database, store.wakeup, store.clock).list(Filters(), 1).jobs == []
    store.close()


def test_opening_an_unavailable_store_fails_with_its_reason(tmp_path: Path) -> None:
    nobody = "postgresql://nobody@127.0.0.1:1/none"
    with pytest.raises(StoreUnavailable, match="refused"):
        open_store(settings(nobody, tmp_path), timeout=0)


@pytest.mark.parametrize("option", ["no_such_option=1", "connect_timeout=soon"])
def test_an_invalid_option_of_postgresql_fails_at_once(tmp_path: Path, option: str) -> None:
    nobody = f"postgresql://nobody@127.0.0.1:1/none?{option}"
    with pytest.raises(StoreUnusable, match=f"none: its address is wrong: .*{option[:14]}"):
        open_store(settings(nobody, tmp_path))


@pytest.mark.parametrize("name", ["data", "data/schema.lock/x", "data/wakeup", "data/uploads"])
def test_an_unusable_data_folder_is_reported_clearly(tmp_path: Path, name: str) -> None:
    in_the_way = tmp_path / name
    in_the_way.parent.mkdir(parents=True, exist_ok=True)
    in_the_way.write_text("a file in the way")
    with pytest.raises(StoreError, match=r"DATA_DIR=.*data|uploads: "):
        open_store(settings("", tmp_path / "data"), timeout=0)


def _open_and_enqueue(url: str, folder: Path, start: threading.Event, count: int) -> None:
    start.wait()
    store = open_store(settings(url, folder))
    JobStore(store.database, store.wakeup, store.clock).enqueue(
        [NewJob("sleep", {}) for _ in range(count)]
    )
    store.close()


@pytest.mark.heavy
def test_programs_that_start_together_create_one_schema(
    empty_database_url: str, tmp_path: Path
) -> None:
    spawn = multiprocessing.get_context("spawn")
    start = spawn.Event()
    arguments = (empty_database_url, tmp_path, start, 5)
    programs = [spawn.Process(target=_open_and_enqueue, args=arguments) for _ in range(4)]
    for program in programs:
        program.start()
    start.set()
    for program in programs:
        program.join()
    assert [program.exitcode for program in programs] == [0, 0, 0, 0]
    store = open_store(settings(empty_database_url, tmp_path))
    assert len(JobStore(store.database, store.wakeup, store.clock).list(Filters(), 50).jobs) == 20
    store.close()


@pytest.mark.heavy
@pytest.mark.timeout(180)  # it creates a database for each of about eighty steps, twice
def test_a_program_killed_while_creating_the_database_starts_again(tmp_path: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    steps = spawn.Value("i")
    program = spawn.Process(target=make_and_die_at_each_step, args=(tmp_path, steps))
    program.start()
    program.join()
    assert program.exitcode == 0
    assert steps.value > 60


@pytest.mark.parametrize(
    ("version", "is_fixed"),
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
def test_a_sqlite_with_the_wal_reset_bug_is_recognized(
    version: tuple[int, int, int], is_fixed: bool
) -> None:
    assert sqlite.has_wal_reset_fix(version) is is_fixed


def test_a_sqlite_with_the_wal_reset_bug_does_not_use_a_wal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "has_wal_reset_fix", lambda version: False)
    store = open_store(settings("", tmp_path))
    assert isinstance(store.database.engine, sqlite.Sqlite)
    assert store.database.engine.journal_mode == "delete"
    JobStore(store.database, store.wakeup, store.clock).enqueue([NewJob("sleep", {})])
    store.close()


def test_commits_are_synced_to_disk(tmp_path: Path) -> None:
    store = open_store(settings("", tmp_path))
    engine = store.database.engine
    assert isinstance(engine, sqlite.Sqlite)
    assert (engine.journal_mode, engine.synchronous) == ("wal", 2)
    store.close()


@pytest.mark.parametrize("encoding", ["SQL_ASCII", "LATIN1"])
def test_a_database_that_is_not_utf8_is_refused(
    postgres_server: PostgresServer, tmp_path: Path, encoding: str
) -> None:
    with postgres_server.new_database(encoding) as url:
        told = f"has the encoding {encoding}: make it with CREATE DATABASE … ENCODING 'UTF8'"
        with pytest.raises(StoreUnusable, match=told):
            open_store(settings(url, tmp_path), timeout=0)
