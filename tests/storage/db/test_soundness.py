"""A damaged SQLite file is found when programs start, and while they run."""

import logging
import threading
from pathlib import Path

import pytest

from storage.db.schema import soundness
from storage.db.schema.soundness import BackgroundCheck
from storage.open import Store
from storage.records.filters import Filters
from storage.records.job import StoreDamaged
from storage.store import JobStore
from tests.support.damaged_files import (
    PAGE,
    add_jobs,
    make_store_with_jobs,
    open_at,
    overwrite_pages,
)
from tests.support.waiting import wait_for


@pytest.fixture
def checks(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The files that starts have checked, in order."""
    files: list[Path] = []
    check = soundness._quick_check

    def count(file: Path) -> str:
        files.append(file)
        return check(file)

    monkeypatch.setattr(soundness, "_quick_check", count)
    return files


@pytest.fixture
def large_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a store that is too large for a check at the start."""
    make_store_with_jobs(tmp_path, 500)
    monkeypatch.setattr(soundness, "MAX_START_BYTES", PAGE)
    return tmp_path


def lines(caplog: pytest.LogCaptureFixture, message: str) -> int:
    """How many log lines contain a message."""
    return sum(message in record.getMessage() for record in caplog.records)


@pytest.mark.heavy
def test_every_overwritten_page_is_found(tmp_path: Path) -> None:
    make_store_with_jobs(tmp_path, 300)
    file = tmp_path / "jobs.db"
    content = file.read_bytes()
    for page in range(1, len(content) // PAGE):
        at = page * PAGE
        file.write_bytes(content[:at] + b"\xff" * PAGE + content[at + PAGE :])
        with pytest.raises(StoreDamaged):
            open_at(tmp_path)
    file.write_bytes(content)
    open_at(tmp_path).close()


def test_damage_met_by_one_program_ends_the_changes_of_all(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    make_store_with_jobs(tmp_path, 100)
    one, other = open_at(tmp_path), open_at(tmp_path)
    sound = (tmp_path / "jobs.db").read_bytes()
    overwrite_from(tmp_path / "jobs.db", PAGE)
    for _ in range(3):
        with pytest.raises(StoreDamaged, match=r"jobs\.db is damaged: .*malformed"):
            read_jobs(one)
    for store in (one, other):
        for _ in range(2):
            with pytest.raises(StoreDamaged, match=r"jobs\.db is damaged: .*malformed"):
                add_jobs(store, 1)
    assert lines(caplog, "the database is damaged") == 2  # once in each program
    (tmp_path / "jobs.db").write_bytes(sound)
    with pytest.raises(StoreDamaged):
        add_jobs(one, 1)
    one.close()
    other.close()


def test_a_start_with_a_sound_file_removes_the_note(checks: list[Path], large_store: Path) -> None:
    note = large_store / "jobs.db-damaged"
    note.write_text("found before")
    file = large_store / "jobs.db"
    sound = file.read_bytes()
    overwrite_pages(file, 5)
    with pytest.raises(StoreDamaged):  # a large file as well, since another program left a note
        open_at(large_store)
    assert note.exists()
    file.write_bytes(sound)
    store = open_at(large_store)
    assert not note.exists()
    add_jobs(store, 1)
    store.close()
    assert len(checks) == 3  # the first belongs to the new store


def test_a_large_file_is_checked_in_the_background(checks: list[Path], large_store: Path) -> None:
    overwrite_from(large_store / "jobs.db", 100 * PAGE)  # pages of jobs that no start reads
    store = open_at(large_store)
    wait_for(lambda: (large_store / "jobs.db-damaged").exists())
    with pytest.raises(StoreDamaged, match="is damaged: "):
        add_jobs(store, 1)
    store.close()
    assert len(checks) == 1  # the check of the new store


@pytest.mark.heavy
def test_one_program_checks_a_large_file_and_others_leave_it_to_that_program(
    large_store: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    began, others_ended = threading.Event(), threading.Event()

    def wait_in_a_step(self: BackgroundCheck, most: int) -> bool:
        began.set()
        return not others_ended.wait(20)

    monkeypatch.setattr(BackgroundCheck, "_must_end", wait_in_a_step)
    monkeypatch.setattr(soundness, "_STEPS_PER_CALL", 1)
    first = open_at(large_store)
    assert began.wait(20)
    others = [open_at(large_store) for _ in range(2)]
    for other in others:
        assert other.check is not None
        other.check._thread.join(20)
    others_ended.set()
    wait_for(lambda: lines(caplog, "it is sound") == 1)
    for store in (first, *others):
        store.close()
    assert lines(caplog, "it is sound") == 1


def test_a_check_ends_when_the_wal_grows_too_much(
    large_store: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(soundness, "_MAX_WAL_GROWTH", -1)
    monkeypatch.setattr(soundness, "_STEPS_PER_CALL", 1)
    monkeypatch.setattr(soundness, "_PAUSE_SECONDS", 0)
    store = open_at(large_store)
    wait_for(lambda: lines(caplog, "was not checked: event") == 1)
    store.close()
    assert lines(caplog, "is damaged") == 0


def test_a_check_ends_with_its_program(large_store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    began = threading.Event()

    def wait_in_a_step(self: BackgroundCheck, most: int) -> bool:
        began.set()
        return self._stopping.wait(20)

    monkeypatch.setattr(BackgroundCheck, "_must_end", wait_in_a_step)
    monkeypatch.setattr(soundness, "_STEPS_PER_CALL", 1)
    store = open_at(large_store)
    assert began.wait(20)
    store.close()
    assert store.check is not None
    assert not store.check._thread.is_alive()


def test_a_copy_that_is_made_while_programs_run_is_a_sound_store(tmp_path: Path) -> None:
    store = open_at(tmp_path / "data")
    add_jobs(store, 3)
    (tmp_path / "copy").mkdir()
    store.database.execute(f"VACUUM INTO '{tmp_path / 'copy/jobs.db'}'")
    add_jobs(store, 3)
    store.close()
    copy = open_at(tmp_path / "copy")
    assert len(JobStore(copy.database, copy.wakeup, copy.clock).list(Filters(), 50).jobs) == 3
    add_jobs(copy, 1)
    copy.close()


def read_jobs(store: Store) -> None:
    """List jobs from all pages."""
    JobStore(store.database, store.wakeup, store.clock).list(Filters(), 50)


def overwrite_from(file: Path, start: int) -> None:
    """Overwrite a file in place from a byte to its end."""
    size = file.stat().st_size
    with file.open("r+b") as content:
        content.seek(start)
        content.write(b"\xff" * (size - start))
