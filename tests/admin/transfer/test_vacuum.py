"""`python -m storage vacuum` makes a SQLite file smaller, and keeps everything in it."""

import subprocess
from pathlib import Path

import pytest

from admin.commands import vacuum as vacuum_module
from admin.commands.vacuum import vacuum
from storage.jobs.retention import Retention
from storage.records.filters import Filters
from storage.records.job import NewJob, StoreError
from storage.store import JobStore
from tests.support.damaged_files import open_at
from tests.support.programs import running_service
from tests.support.warm_start import run_program


def make_store_with_free_pages(folder: Path) -> set[str]:
    """Make a store from which most jobs were deleted; return the ids of the others."""
    store = open_at(folder)
    jobs = JobStore(store.database, store.wakeup, store.clock)
    for canceled in (True, False):
        for job_id in jobs.enqueue([NewJob("sleep", {"text": "x" * 500}) for _ in range(50)]):
            if canceled:
                jobs.cancel(job_id)  # type: ignore[arg-type]
    assert Retention(store.database, (), 0).prune(store.clock() + 1)[0] == 50
    store.close()
    return ids_in(folder)


def ids_in(folder: Path) -> set[str]:
    """The ids of all jobs in a store."""
    store = open_at(folder)
    jobs = JobStore(store.database, store.wakeup, store.clock)
    found = {str(job.id) for job in jobs.list(Filters(), 100).jobs}
    store.close()
    return found


def names_in(folder: Path) -> set[str]:
    """The names of the files that belong to the database, without its locks."""
    locks = {f"jobs.db-{each}" for each in ("writer", "writer.holder", "checked", "shm")}
    return {path.name for path in folder.glob("jobs.db*")} - locks


def vacuum_command(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run the command on a folder."""
    return run_program("storage", "vacuum", DATA_DIR=str(folder), LOG_LEVEL="WARNING")


def test_the_file_gets_smaller_and_keeps_all_jobs(tmp_path: Path) -> None:
    ids = make_store_with_free_pages(tmp_path)
    file = tmp_path / "jobs.db"
    file.chmod(0o640)
    before = file.stat().st_size
    answer = vacuum_command(tmp_path)
    assert (answer.returncode, answer.stderr) == (0, "")
    assert file.stat().st_size < before
    sizes = f"{before:,} bytes before, {file.stat().st_size:,} bytes now"
    assert answer.stdout == f"{file}: {sizes}\n"
    assert (file.stat().st_mode & 0o777, names_in(tmp_path)) == (0o640, {"jobs.db"})
    assert (ids_in(tmp_path), len(ids)) == (ids, 50)


@pytest.mark.heavy
def test_the_file_is_left_alone_while_a_program_uses_it(tmp_path: Path) -> None:
    with running_service("", tmp_path) as service:
        job_id = service.submit(payload={"seconds": 0})
        inode = (tmp_path / "data/jobs.db").stat().st_ino
        answer = vacuum_command(tmp_path / "data")
        assert answer.returncode == 1
        assert "not made smaller: " in answer.stderr
        assert "first stop all programs that use it" in answer.stderr
        service.worker()
        assert service.result(job_id)["status"] == "succeeded"
        assert (tmp_path / "data/jobs.db").stat().st_ino == inode


def test_a_program_that_opens_the_file_at_the_last_moment_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = make_store_with_free_pages(tmp_path)
    make_alike = vacuum_module._make_alike

    def open_meanwhile(copy: Path, file: Path) -> None:
        make_alike(copy, file)
        monkeypatch.setattr("storage.db.database.Database.close", lambda self: close_and_open())

    def close_and_open() -> None:
        monkeypatch.undo()
        (tmp_path / "jobs.db-wal").write_bytes(b"another program's")

    monkeypatch.setattr(vacuum_module, "_make_alike", open_meanwhile)
    with pytest.raises(StoreError, match="another program has just opened it"):
        vacuum(tmp_path / "jobs.db", tmp_path)
    (tmp_path / "jobs.db-wal").unlink(missing_ok=True)
    assert ids_in(tmp_path) == ids


@pytest.mark.parametrize(
    ("environ", "told"),
    [
        ({"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"}, "frees space by itself"),
        ({}, "there is no file"),
    ],
)
def test_what_is_no_sqlite_file_is_refused(
    tmp_path: Path, environ: dict[str, str], told: str
) -> None:
    answer = run_program("storage", "vacuum", **{"DATA_DIR": str(tmp_path), **environ})
    assert (answer.returncode, "Traceback" in answer.stderr) == (1, False)
    assert told in answer.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_copy_that_fails_leaves_the_file_unchanged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = make_store_with_free_pages(tmp_path)

    def fail(copy: Path, file: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(vacuum_module, "_make_alike", fail)
    with pytest.raises(StoreError, match="No space left"):
        vacuum(tmp_path / "jobs.db", tmp_path)
    assert names_in(tmp_path) == {"jobs.db"}
    assert ids_in(tmp_path) == ids
