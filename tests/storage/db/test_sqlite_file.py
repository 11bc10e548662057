"""A new store survives a power cut from its first response on.

Cuts and kills are tested in tests/storage/test_unusable_stores.py and tests/system/power.
"""

import errno
import os
from contextlib import nullcontext
from pathlib import Path

import pytest

from storage.db.schema.migrate import create_file
from storage.files.disk import make_folder
from storage.open import open_store
from storage.records.job import StoreFull
from storage.settings.settings import Settings, SettingsError
from tests.support.disk.disk_calls import record_disk_calls
from tests.support.disk.small_disks import small_disk


def open_and_close(data: Path, url: str = "") -> None:
    open_store(Settings.read({"DATA_DIR": str(data), "DATABASE_URL": url}), timeout=0).close()


def test_a_database_is_synced_before_it_is_linked_and_its_folder_afterwards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = record_disk_calls(monkeypatch)
    file = tmp_path / "database" / "jobs.db"
    file.parent.mkdir()
    open_and_close(tmp_path / "data", f"sqlite:///{file}")
    named = calls.index(("link", file))
    assert ("fsync", file.with_name("jobs.db.making")) in calls[:named]
    assert ("fsync", file.parent) in calls[named:]


def test_a_disk_that_is_too_small_for_a_new_database_is_named(tmp_path: Path) -> None:
    with small_disk(tmp_path / "small", "tmpfs", 64 * 1024) as small:
        with pytest.raises(StoreFull, match="full"):
            open_and_close(small)
        assert not (small / "jobs.db").exists()


def test_the_parent_of_every_new_folder_is_synced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = record_disk_calls(monkeypatch)
    data = tmp_path / "service" / "data"
    open_and_close(data)
    made = [data.parent, data, data / "uploads", data / "uploads/incoming", data / "uploads/files"]
    for folder in made:
        assert ("fsync", folder.parent) in calls[calls.index(("mkdir", folder)) :]


def test_a_database_just_created_by_another_program_is_synced_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = tmp_path / "data"
    open_and_close(data)
    calls = record_disk_calls(monkeypatch)
    open_and_close(data)
    synced = [path for call, path in calls if call == "fsync"]
    assert {tmp_path, data, data / "uploads"} <= set(synced)
    assert synced.count(data) == 2  # for the database, and for the uploads


@pytest.mark.parametrize(
    ("number", "made"), [(errno.EACCES, True), (errno.EINVAL, True), (errno.EIO, False)]
)
def test_a_folder_is_created_if_syncing_is_unsupported_but_not_if_it_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, made: bool
) -> None:
    def fail(folder: Path) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("storage.files.disk.sync_folder", fail)  # root may read everything
    with nullcontext() if made else pytest.raises(OSError, match=os.strerror(number)):
        make_folder(tmp_path / "data")


def test_a_file_created_by_another_program_meanwhile_is_kept(tmp_path: Path) -> None:
    file = tmp_path / "jobs.db"

    def make(part: Path) -> None:
        part.write_text("ours")
        file.write_text("theirs")

    create_file(file, make)
    assert file.read_text() == "theirs"
    assert list(tmp_path.iterdir()) == [file]


def test_a_leftover_temporary_file_is_removed(tmp_path: Path) -> None:
    half = tmp_path / "jobs.db.making"
    half.write_text("half")
    open_and_close(tmp_path)
    assert not half.exists()
    half.write_text("left between the naming and the removal")
    open_and_close(tmp_path)
    assert not half.exists()


def test_a_symlink_to_a_database_that_does_not_exist_yet_is_followed(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (tmp_path / "jobs.db").symlink_to(elsewhere / "jobs.db")
    open_and_close(tmp_path)
    assert [path.name for path in elsewhere.iterdir()] == ["jobs.db"]
    assert (tmp_path / "jobs.db").is_symlink()


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:"])
def test_an_in_memory_database_is_refused(tmp_path: Path, url: str) -> None:
    with pytest.raises(SettingsError, match="DATABASE_URL: a database in memory"):
        open_and_close(tmp_path / "data", url)
    assert not Path(":memory:").exists()
