"""A backup holds a whole store: the database, the uploads, and the files that jobs have left."""

from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from admin.backup.create import create
from admin.backup.destinations.destination import Damaged
from admin.backup.destinations.opening import open_new
from storage.db.models import QueueRow
from storage.db.schema.migrate import apply_exactly
from storage.db.schema.state import SCHEMA, read_state, replaced
from storage.db.store_id import store_id
from storage.files.owner import Owner
from storage.open import new_database, open_uploads
from storage.settings.settings import Settings
from tests.support.backups import back_up, put_back, read_all, stored_in
from tests.support.servers.s3 import Bucket
from tests.support.stores import Bench, folder_of, open_bench
from tests.support.transfers import FILE, Content, content_of, enqueue_many, fill_store


def is_same(before: Content, folder: Path, url: str) -> bool:
    """Whether a restored store has this content, and can be used."""
    with open_bench(url or f"sqlite:///{folder / 'data' / 'jobs.db'}", folder) as restored:
        found = content_of(restored)
        restored.enqueue()
        for files in found.files.values():
            assert all(restored.store.artifacts.size(each.key) == each.size for each in files)
    return found == before


@pytest.mark.heavy
@pytest.mark.parametrize("place", ["backups", "backup.tar.zst"])
def test_a_restored_store_has_everything(
    bench: Bench, tmp_path: Path, target_url: str, place: str
) -> None:
    ids = fill_store(bench)
    before = content_of(bench)
    made = back_up(bench, tmp_path / place)
    assert (made.manifest.files["count"], made.missing) == (2, [])  # equal ones are stored once
    put_back(tmp_path / place, tmp_path / "new", target_url)
    assert is_same(before, tmp_path / "new", target_url)
    upload = before.jobs[ids["failed"]].upload
    assert upload
    assert (tmp_path / "new/data/uploads/files" / str(upload.id)).read_bytes() == FILE


@pytest.mark.heavy
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_backup_in_a_bucket_is_restored_into_a_bucket(
    bench: Bench, tmp_path: Path, bucket: Bucket
) -> None:
    place = f"s3://{bucket.name}/backups"
    environ = {k: v for k, v in bucket.settings.items() if k != "UPLOADS_URL"}
    ids = fill_store(bench)
    before = content_of(bench)
    back_up(bench, place, environ=environ)
    assert back_up(bench, place, environ=environ).added_bytes == 0
    put_back(place, tmp_path / "new", **bucket.settings)
    upload = before.jobs[ids["failed"]].upload
    assert upload
    assert bucket.read(upload.id) == FILE
    with open_bench("", tmp_path / "new", **bucket.settings) as restored:
        id = store_id(restored.store.database)
        assert id != store_id(bench.store.database)
        assert Owner.parse(bucket.read("store.json")) == Owner(id, 0.0)
    assert read_all(place, **environ).is_sound
    assert not any("lock" in key for key in list(bucket.keys()))


def test_a_second_backup_stores_only_what_is_new(bench: Bench, tmp_path: Path) -> None:
    fill_store(bench)
    enqueue_many(bench, 3000)
    first = back_up(bench, tmp_path / "backups")
    assert back_up(bench, tmp_path / "backups").added_bytes == 0
    bench.enqueue()
    assert 0 < back_up(bench, tmp_path / "backups").added_bytes < first.added_bytes


def test_jobs_that_ran_at_the_time_of_the_backup_run_again(
    bench: Bench, tmp_path: Path, target_url: str
) -> None:
    job_id = bench.enqueue(max_losses=1)
    bench.runner().claim_one()
    back_up(bench, tmp_path / "backups")
    put_back(tmp_path / "backups", tmp_path / "new", target_url)
    url = target_url or f"sqlite:///{tmp_path / 'new/data/jobs.db'}"
    with open_bench(url, tmp_path / "new") as restored:
        assert restored.runner().rescuer.rescue() == 1
        job = restored.job(job_id)
        assert (job.status, job.loss_count) == ("queued", 1)


def test_a_backup_of_the_release_before_is_restored(
    empty_database_url: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    names = sorted(replaced())
    (tmp_path / "data").mkdir()
    given = {"DATA_DIR": str(tmp_path / "data"), "DATABASE_URL": empty_database_url}
    settings = Settings.read(given)
    with (
        closing(new_database(settings)) as database,
        closing(open_new(str(tmp_path / "backups"), settings)) as place,
        place.lock(),
    ):
        apply_exactly(database, names)
        database.execute(f"DELETE FROM schema_migration WHERE name = '{SCHEMA}'")
        database.run(QueueRow.insert(name="old"))
        create(database, open_uploads(settings), place, lambda *_: None)
    with ExitStack() as stack:
        url = ""
        if empty_database_url.startswith("postgresql"):
            server = request.getfixturevalue("postgres_server")
            url = stack.enter_context(server.new_database())
        assert put_back(tmp_path / "backups", tmp_path / "new", url).manifest.migrations == names
        new = tmp_path / "new"
        with open_bench(url or f"sqlite:///{new / 'data/jobs.db'}", new) as restored:
            assert read_state(restored.store.database).pending == []
            assert "old" in {each.name for each in restored.queues.all()}
            restored.enqueue()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
class TestFiles:
    """Files that are missing, damaged, or deleted while the backup is made."""

    def test_a_file_whose_bytes_have_changed_is_named(self, bench: Bench, tmp_path: Path) -> None:
        fill_store(bench)
        (upload,) = (folder_of(bench.store).folder / "files").iterdir()
        upload.write_bytes(FILE[:-2] + b"!\n")
        made = back_up(bench, tmp_path / "backups")
        assert [each["why"] for each in made.missing] == [
            "its bytes in the store have another hash"
        ]
        assert read_all(tmp_path / "backups").is_sound

    def test_a_file_that_is_missing_is_named_and_the_others_are_restored(
        self, bench: Bench, tmp_path: Path
    ) -> None:
        fill_store(bench)
        for path in (folder_of(bench.store).folder / "artifacts").iterdir():
            if path.stat().st_size == 0:
                path.unlink()
        made = back_up(bench, tmp_path / "backups")
        assert [each["name"] for each in made.missing] == ["b/c"]
        assert put_back(tmp_path / "backups", tmp_path / "new").absent == 1

    def test_a_file_that_is_deleted_during_the_backup_is_in_it(
        self, bench: Bench, tmp_path: Path
    ) -> None:
        fill_store(bench)
        (upload,) = (folder_of(bench.store).folder / "files").iterdir()

        def delete(what: str, _done: int, _total: int) -> None:
            if what == "database":
                upload.unlink(missing_ok=True)

        made = back_up(bench, tmp_path / "backups", delete)
        assert (made.manifest.files["count"], made.manifest.absent) == (2, [])

    def test_a_damaged_file_of_a_backup_is_found_and_not_restored(
        self, bench: Bench, tmp_path: Path
    ) -> None:
        fill_store(bench)
        back_up(bench, tmp_path / "backups")
        file = max(stored_in(tmp_path / "backups", "files"), key=lambda each: each.stat().st_size)
        file.write_bytes(file.read_bytes()[:-1] + b"!")
        found = read_all(tmp_path / "backups")
        assert [name.rpartition("/")[2] for name in found.damaged] == [file.name]
        assert list(found.incomplete.values()) == [found.damaged]
        with pytest.raises(Damaged, match=file.name):
            put_back(tmp_path / "backups", tmp_path / "new")
        assert not (tmp_path / "new/data/jobs.db").exists()
