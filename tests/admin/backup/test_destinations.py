"""Places of backups: locks, interrupted writers, names, retention, and what is refused."""

import hashlib
import os
import tarfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from io import BytesIO
from pathlib import Path

import pytest

from admin.backup.destinations.archive import Archive
from admin.backup.destinations.bucket import BucketPlace
from admin.backup.destinations.chunks import MAX_BYTES, MIN_BYTES, cut
from admin.backup.destinations.compression import compressing
from admin.backup.destinations.destination import BackupPlace, BackupRefused, Damaged
from admin.backup.destinations.folder import FolderPlace
from admin.backup.destinations.opening import open_existing, open_new
from admin.backup.manifest import read_manifest
from admin.backup.verify import verify
from storage.files.object_folder import ObjectFolder
from storage.settings.settings import Settings
from tests.support.backups import back_up, keep, put_back, read_all, stored_in
from tests.support.servers.s3 import Bucket
from tests.support.stores import Bench, open_bench
from tests.support.transfers import enqueue_many, fill_store

only_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture(params=["folder", "bucket"])
def places(request: pytest.FixtureRequest, tmp_path: Path) -> list[BackupPlace]:
    """Two programs with one place."""
    if request.param == "folder":
        return [FolderPlace(tmp_path / "backups") for _ in range(2)]
    bucket: Bucket = request.getfixturevalue("bucket")
    settings = Settings.read(bucket.settings)
    return [BucketPlace(ObjectFolder.open(settings), "s3://…") for _ in range(2)]


def test_one_program_at_a_time_changes_a_place(places: list[BackupPlace]) -> None:
    first, second = places
    with (
        first.lock(),
        pytest.raises(BackupRefused, match="another program is changing"),
        second.lock(),
    ):
        pass
    with second.lock():
        pass


def test_the_lock_of_a_killed_program_on_a_bucket_ends(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = BucketPlace(ObjectFolder.open(Settings.read(bucket.settings)), "s3://…")
    bucket.put("lock.json", b"{}")
    with pytest.raises(BackupRefused), place.lock():
        pass
    monkeypatch.setattr("admin.backup.destinations.bucket.STALE_SECONDS", -1)
    with place.lock():
        assert bucket.read("lock.json") != b"{}"


def test_what_is_written_is_read_again(places: list[BackupPlace]) -> None:
    place, other = places
    with place.lock():
        place.write("files/ab/abc", [b"one ", b"two"])
        place.write("files/ab/empty", [])
        place.publish()
        place.write_manifest("manifest-1.json", b"{}")
    assert other.contents() == {"files/ab/abc", "files/ab/empty"}
    assert b"".join(other.read("files/ab/abc")) == b"one two"
    assert list(other.read("files/ab/empty")) == []
    assert other.manifests() == ["manifest-1.json"]
    other.delete(["files/ab/abc", "files/ab/empty", "files/ab/none"])
    assert other.contents() == set()
    with pytest.raises(Damaged, match="files/ab/abc"):
        list(other.read("files/ab/abc"))


@pytest.mark.heavy
@pytest.mark.parametrize("name", ["backups", "backup.tar.zst"])
def test_several_threads_write_at_once(tmp_path: Path, name: str) -> None:
    place = open_new(str(tmp_path / name), Settings.read({}))
    files = {f"files/ab/{number}": bytes([number % 256]) * 999 for number in range(1200)}
    with place.lock():
        with ThreadPoolExecutor(4) as threads:
            list(threads.map(lambda each: place.write(each, [files[each]]), files))
        place.publish()
        place.write_manifest("manifest-1.json", b"{}")
    with closing(open_existing(str(tmp_path / name), Settings.read({}))) as written:
        assert {each: b"".join(data) for each, data in written.walk()} == files
        assert written.manifests() == ["manifest-1.json"]


@pytest.mark.heavy
def test_several_threads_read_an_archive_that_is_unpacked_once(tmp_path: Path) -> None:
    archive, folder = tmp_path / "backup.tar.zst", tmp_path / "data"
    folder.mkdir()
    files = {f"files/{number:02}/{number}": bytes([number]) * 99_999 for number in range(24)}
    place = open_new(str(archive), Settings.read({}))
    with place.lock():
        for name, data in files.items():
            place.write(name, [data])
        place.write_manifest("manifest-1.json", b"{}")
    (folder / "unpacked-killed00" / "files").mkdir(parents=True)
    for _ in range(50):
        with (
            closing(open_existing(str(archive), Settings.read({}), folder)) as written,
            ThreadPoolExecutor(4) as threads,
        ):
            found = threads.map(lambda each: b"".join(written.read(each)), files)
            assert list(found) == list(files.values())
            assert len(list(folder.iterdir())) == 1
        assert list(folder.iterdir()) == []


def test_a_long_write_keeps_the_lock_of_a_bucket(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = BucketPlace(ObjectFolder.open(Settings.read(bucket.settings)), "s3://…")
    with place.lock():
        before = bucket.read("lock.json")
        bucket.put("lock.json", b"old")
        monkeypatch.setattr(place, "_renew_at", 0.0)
        place.write("files/ab/abc", [b"one", b"two"])
        assert bucket.read("lock.json") == before


def test_an_error_while_writing_leaves_nothing(places: list[BackupPlace]) -> None:
    place, _ = places

    def failing() -> object:
        yield b"one"
        raise Damaged("no")

    with place.lock():
        with pytest.raises(Damaged):
            place.write("files/ab/abc", failing())  # type: ignore[arg-type]
        place.publish()
    assert place.contents() == set()


def test_a_name_is_given_only_to_what_is_on_the_disk(tmp_path: Path) -> None:
    place = FolderPlace(tmp_path)
    with place.lock():
        place.write("files/ab/abc", [b"one"])
        assert place.contents() == set()
        assert len(list((tmp_path / "incoming").iterdir())) == 1
    with place.lock():  # as after a kill
        assert list((tmp_path / "incoming").iterdir()) == []


def test_rows_are_cut_where_they_were_cut_before() -> None:
    rows = [f"{number:>200}\n".encode() for number in range(20_000)]
    chunks = list(cut(rows))
    assert b"".join(chunks) == b"".join(rows)
    assert len(chunks) > 10
    assert all(MIN_BYTES <= len(each) <= MAX_BYTES + 201 for each in chunks[:-1])
    changed = [*rows[:7000], b"another row\n", *rows[7002:]]
    assert len({*cut(changed)} - {*chunks}) <= 2


@only_sqlite
def test_old_backups_go_with_all_that_no_other_has(bench: Bench, tmp_path: Path) -> None:
    fill_store(bench)
    for _ in range(4):
        enqueue_many(bench, 200)
        back_up(bench, tmp_path / "backups")
    before = stored_in(tmp_path / "backups", "database")
    deleted = keep(tmp_path / "backups", 2)
    assert deleted.backups == 2
    assert deleted.contents == len(before) - len(stored_in(tmp_path / "backups", "database")) > 0
    found = read_all(tmp_path / "backups")
    assert found.is_sound
    assert len(found.backups) == 2
    put_back(tmp_path / "backups", tmp_path / "new")


@only_sqlite
def test_nothing_is_deleted_for_a_manifest_that_cannot_be_read(
    bench: Bench, tmp_path: Path
) -> None:
    for _ in range(3):
        enqueue_many(bench, 200)
        back_up(bench, tmp_path / "backups")
    place = FolderPlace(tmp_path / "backups")
    before = place.contents()
    newest = tmp_path / "backups" / place.manifests()[-1]
    newest.write_bytes(newest.read_bytes().replace(b"sqlite", b"sqlitf"))
    assert keep(tmp_path / "backups", 2).contents == 0
    assert place.contents() == before
    with pytest.raises(Damaged, match="its own hash"):
        read_manifest(place, newest.name)


@only_sqlite
def test_an_archive_that_was_cut_off_is_damaged(bench: Bench, tmp_path: Path) -> None:
    fill_store(bench)
    file = tmp_path / "backup.tar.zst"
    back_up(bench, file)
    with pytest.raises(BackupRefused, match=r"backup.tar.zst exists"):
        back_up(bench, file)
    assert read_all(file).is_sound
    file.write_bytes(file.read_bytes()[:-200])
    with pytest.raises(Damaged, match="damaged or cut off"):
        read_all(file)


def test_an_archive_that_was_cut_off_within_a_file_is_damaged(tmp_path: Path) -> None:
    content = os.urandom(3_000_000)
    file = tmp_path / "a.tar.zst"
    with (
        file.open("wb") as raw,
        compressing(raw) as packed,
        tarfile.open(fileobj=packed, mode="w|") as tar,
    ):
        member = tarfile.TarInfo(f"files/ab/{hashlib.sha256(content).hexdigest()}")
        member.size = len(content)
        tar.addfile(member, BytesIO(content))
    file.write_bytes(file.read_bytes()[:2_000_000])
    with pytest.raises(Damaged, match=r"a\.tar\.zst is damaged or cut off"):
        verify(Archive(file, tmp_path), lambda _done: None)


def test_an_archive_writes_only_its_own_names(tmp_path: Path) -> None:
    with (
        (tmp_path / "a.tar.zst").open("wb") as raw,
        compressing(raw) as packed,
        tarfile.open(fileobj=packed, mode="w|") as tar,
    ):
        for name in ("files/../x", "../y", "/z", "files/ab/good", "files/a/b/c", "manifest-1.json"):
            member = tarfile.TarInfo(name)
            member.size = 2
            tar.addfile(member, BytesIO(b"{}"))
    archive = Archive(tmp_path / "a.tar.zst", tmp_path)
    assert archive.manifests() == ["manifest-1.json"]
    assert archive.contents() == {"files/ab/good"}
    archive.close()
    assert [path.name for path in tmp_path.iterdir()] == ["a.tar.zst"]


@only_sqlite
class TestRefused:
    """A backup or a restore refuses these places, and says what to do."""

    def test_a_folder_of_the_store(self, bench: Bench) -> None:
        data_dir = bench.store.settings.data_dir
        for folder in (data_dir, data_dir / "uploads", data_dir / "uploads" / "files"):
            with pytest.raises(BackupRefused, match="belongs to the store"):
                open_new(str(folder), bench.store.settings)

    def test_the_bucket_of_the_uploads(self, bench: Bench, bucket: Bucket) -> None:
        settings = Settings.read(bucket.settings)
        for url in (bucket.settings["UPLOADS_URL"], f"s3://{bucket.name}"):
            with pytest.raises(BackupRefused, match="holds the uploads"):
                open_new(url, settings)

    def test_a_place_that_is_not_there(self, bench: Bench, tmp_path: Path) -> None:
        with pytest.raises(BackupRefused, match="there is no"):
            open_existing(str(tmp_path / "none"), bench.store.settings)
        (tmp_path / "empty").mkdir()
        with pytest.raises(BackupRefused, match="has no complete backup"):
            put_back(tmp_path / "empty", tmp_path / "new")

    def test_a_restore_over_a_store(self, bench: Bench, tmp_path: Path) -> None:
        bench.enqueue()
        back_up(bench, tmp_path / "backups")
        with open_bench(f"sqlite:///{tmp_path / 'new/data/jobs.db'}", tmp_path / "new"):
            pass
        with pytest.raises(BackupRefused, match=r"jobs.db exists: a backup is only restored into"):
            put_back(tmp_path / "backups", tmp_path / "new")

    def test_a_wal_without_its_database(self, bench: Bench, tmp_path: Path) -> None:
        back_up(bench, tmp_path / "backups")
        (tmp_path / "new/data").mkdir(parents=True)
        (tmp_path / "new/data/jobs.db-wal").touch()
        with pytest.raises(BackupRefused, match=r"jobs.db-wal exists"):
            put_back(tmp_path / "backups", tmp_path / "new")

    def test_another_kind_of_database(
        self, bench: Bench, tmp_path: Path, postgres_server: object
    ) -> None:
        back_up(bench, tmp_path / "backups")
        with pytest.raises(BackupRefused, match="backup of SQLite"):
            put_back(tmp_path / "backups", tmp_path / "new", "postgresql://localhost/none")

    def test_a_backup_of_a_newer_release(
        self, bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        back_up(bench, tmp_path / "backups")
        monkeypatch.setattr("admin.backup.restore.known_names", lambda: {"0001_jobs"})
        with pytest.raises(BackupRefused, match="whose schema is newer"):
            put_back(tmp_path / "backups", tmp_path / "new")
