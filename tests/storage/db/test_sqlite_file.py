"""A new store outlasts a power cut from its first answer on. (Cuts and kills: tests/storage/test_unusable_stores.py
and tests/system/power.)"""

import errno
import os
from contextlib import nullcontext
from pathlib import Path

import pytest

from storage.db.schema.sqlite_file import make_file
from storage.files.disk import make_folder
from storage.open import open_store
from storage.settings.settings import Settings, SettingsError
from tests.support.disk.disk_calls import record_disk_calls


def open_and_close(data: Path, url: str = "") -> None:
    open_store(Settings.read({"DATA_DIR": str(data), "DATABASE_URL": url}), patience=0).close()


def test_a_database_is_synced_before_and_its_folder_after_it_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = record_disk_calls(monkeypatch)
    file = tmp_path / "database" / "jobs.db"
    file.parent.mkdir()
    open_and_close(tmp_path / "data", f"sqlite:///{file}")
    named = calls.index(("link", file))
    assert ("fsync", file.with_name("jobs.db.making")) in calls[:named]
    assert ("fsync", file.parent) in calls[named:]


def test_every_new_folder_is_synced_into_the_one_above(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = record_disk_calls(monkeypatch)
    data = tmp_path / "service" / "data"
    open_and_close(data)
    made = [data.parent, data, data / "uploads", data / "uploads/incoming", data / "uploads/files"]
    for folder in made:
        assert ("fsync", folder.parent) in calls[calls.index(("mkdir", folder)) :]


def test_what_another_program_has_just_made_is_synced_again(
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
def test_a_folder_is_made_where_names_cannot_be_synced_but_not_where_that_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, made: bool
) -> None:
    def fail(folder: Path) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("storage.files.disk.sync_folder", fail)  # root may read everything
    with nullcontext() if made else pytest.raises(OSError, match=os.strerror(number)):
        make_folder(tmp_path / "data")


def test_a_file_that_another_program_makes_meanwhile_stays_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "jobs.db"

    def make(part: Path) -> None:
        part.write_text("ours")
        file.write_text("theirs")

    make_file(file, make)
    assert file.read_text() == "theirs"
    assert list(tmp_path.iterdir()) == [file]


def test_what_was_left_half_made_is_removed(tmp_path: Path) -> None:
    half = tmp_path / "jobs.db.making"
    half.write_text("half")
    open_and_close(tmp_path)
    assert not half.exists()
    half.write_text("left between the naming and the removal")
    open_and_close(tmp_path)
    assert not half.exists()


def test_a_link_to_a_database_that_is_not_there_yet_is_followed(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (tmp_path / "jobs.db").symlink_to(elsewhere / "jobs.db")
    open_and_close(tmp_path)
    assert [path.name for path in elsewhere.iterdir()] == ["jobs.db"]
    assert (tmp_path / "jobs.db").is_symlink()


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:"])
def test_a_database_in_memory_is_refused(tmp_path: Path, url: str) -> None:
    with pytest.raises(SettingsError, match="DATABASE_URL: a database in memory"):
        open_and_close(tmp_path / "data", url)
    assert not Path(":memory:").exists()
