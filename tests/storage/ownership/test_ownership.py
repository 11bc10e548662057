"""A store uses only stored files that are its own, in a folder and in a bucket."""

import hashlib
import logging
import os
import shutil
import time
from pathlib import Path
from uuid import uuid4

import pytest

from storage.db.models import CounterRow
from storage.db.store_id import change_store_id, read_store_id, store_id
from storage.files.owner import OWNER, Owner
from storage.files.uploads import GRACE_SECONDS
from storage.open import Store, adopt_uploads
from storage.ownership.ownership import find_problem, own_since
from storage.ownership.stored_files import delete_lone_files
from storage.records.job import StoreUnusable, Upload
from storage.sweeps import sweep_files_of_jobs, sweep_uploads
from tests.support.servers.s3 import Bucket
from tests.support.stores import Bench, folder_of, open_bench
from tests.support.warm_start import run_program

Place = dict[str, str]
NAME = "version store id"


@pytest.fixture(params=["folder", "bucket"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """Settings that let several stores use one place for their files."""
    if request.param == "folder":
        return {"UPLOADS_URL": f"file://{tmp_path}/uploads"}
    bucket: Bucket = request.getfixturevalue("bucket")
    return bucket.settings


def store_file(store: Store) -> Upload:
    writer = store.uploads.writer()
    writer.write(b"text")
    return writer.finish("a.log", hashlib.sha256(b"text").hexdigest())


def disown(store: Store) -> None:
    """Make the files look like files of an earlier release, which wrote no owner."""
    store.uploads.give_to(Owner("", 0))
    if store.uploads.folder:
        (store.uploads.folder / OWNER).unlink()
    else:
        import obstore

        obstore.delete(store.uploads.bucket, OWNER)  # type: ignore[attr-defined]


def test_a_store_has_one_id_on_each_database(bench: Bench) -> None:
    database = bench.store.database
    id = store_id(database)
    assert (len(id), store_id(database), read_store_id(database)) == (16, id, id)
    changed = change_store_id(database.execute)
    assert (changed != id, store_id(database)) == (True, changed)


def test_a_store_refuses_the_files_of_another_one_and_names_both(
    place: Place, tmp_path: Path
) -> None:
    with open_bench("", tmp_path / "a", **place) as first:
        upload = store_file(first.store)
        ids = [store_id(first.store.database)]
    with (
        pytest.raises(StoreUnusable, match="--adopt-uploads") as error,
        open_bench("", tmp_path / "b", **place),
    ):
        pass
    with open_bench("", tmp_path / "b") as other:
        ids.append(store_id(other.store.database))
    for name in (*ids, str(tmp_path / "b/data/jobs.db"), place["UPLOADS_URL"].partition("//")[2]):
        assert name in str(error.value)
    with open_bench("", tmp_path / "a", **place) as first:
        assert first.store.uploads.size(upload) == 4


def test_a_new_store_refuses_files_without_an_owner(place: Place, tmp_path: Path) -> None:
    with open_bench("", tmp_path / "a", **place) as first:
        first.enqueue(upload=store_file(first.store))
        disown(first.store)
    with (
        pytest.raises(StoreUnusable, match="is new, and has never had a job"),
        open_bench("", tmp_path / "b", **place),
    ):
        pass
    with open_bench("", tmp_path / "a", **place) as first:  # the one that names them
        owner = first.store.uploads.owner()
        assert owner
        assert owner.store == store_id(first.store.database)
        assert owner.since > time.time() - 60


@pytest.mark.parametrize("has_file", [False, True])
def test_a_store_with_jobs_takes_files_without_an_owner_unless_it_names_others(
    place: Place, tmp_path: Path, has_file: bool
) -> None:
    with open_bench("", tmp_path / "a", **place) as first:
        first.enqueue(upload=store_file(first.store))
        disown(first.store)
    with open_bench("", tmp_path / "b") as other:
        other.enqueue(upload=store_file(other.store) if has_file else None)
        subject = other.store.settings, other.store.database, first.store.uploads
        if has_file:
            assert "not those that" in (find_problem(*subject) or "")
            with pytest.raises(StoreUnusable, match="not those that"):
                own_since(*subject)
        else:
            assert own_since(*subject) > 0


def test_a_transferred_store_takes_the_files_over_and_the_old_one_keeps_away(
    place: Place, tmp_path: Path
) -> None:
    with open_bench("", tmp_path / "a", **place) as first:
        old = store_id(first.store.database)
        upload = store_file(first.store)
    with open_bench("", tmp_path / "b") as second:
        database = second.store.database
        database.run(CounterRow.update(value=int(old, 16)).where(CounterRow.name == NAME))
        new = change_store_id(database.execute, keeps_former=True)
    for _ in range(2):
        shutil.rmtree(tmp_path / "b/data/uploads", ignore_errors=True)
        with open_bench("", tmp_path / "b", **place) as second:
            assert second.store.uploads.owner() == Owner(new, 0.0)
            assert second.store.uploads.size(upload) == 4
    with pytest.raises(StoreUnusable, match=new), open_bench("", tmp_path / "a", **place):
        pass


@pytest.mark.heavy
@pytest.mark.parametrize("program", ["server", "runner"])
def test_a_program_refuses_files_until_it_is_told_to_take_them_over(
    tmp_path: Path, program: str
) -> None:
    with open_bench("", tmp_path) as bench:
        upload = store_file(bench.store)
    for file in (tmp_path / "data").glob("jobs.db*"):
        file.unlink()
    environ = {"DATA_DIR": str(tmp_path / "data"), "PORT": "0", "JOB_TYPES": "nowhere"}
    answer = run_program(program, "--adopt-uploads", **environ)
    assert answer.returncode == 1
    assert "the stored files were taken over" in answer.stderr
    assert "nowhere" in answer.stderr
    with open_bench("", tmp_path) as bench:
        assert bench.store.uploads.size(upload) == 4
        bench.store.uploads.give_to(Owner("another", 0))
    answer = run_program(program, **{**environ, "JOB_TYPES": ""})
    assert answer.returncode == 1
    assert "cannot start: " in answer.stderr
    assert "--adopt-uploads" in answer.stderr


def test_a_new_store_takes_an_empty_place(place: Place, tmp_path: Path) -> None:
    with open_bench("", tmp_path / "a", **place) as first:
        assert first.store.uploads.owner() == Owner(store_id(first.store.database), 0.0)


def test_no_sweep_deletes_adopted_files(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with open_bench("", tmp_path) as bench:
        upload = store_file(bench.store)
        left = folder_of(bench.store).artifacts.folder / f"{uuid4()}.1.{uuid4()}"
        left.write_bytes(b"x")
        settings = bench.store.settings
    for file in (tmp_path / "data").glob("jobs.db*"):
        file.unlink()
    with pytest.raises(StoreUnusable, match="--adopt-uploads"), open_bench("", tmp_path):
        pass
    adopt_uploads(settings)
    assert "the stored files were taken over" in caplog.text
    with open_bench("", tmp_path) as bench:
        folder = folder_of(bench.store)
        new = store_file(bench.store)
        past = time.time() - 2 * GRACE_SECONDS
        owner = folder.owner()
        assert owner
        folder.give_to(Owner(owner.store, past))
        for path in (folder.path(upload), left):
            os.utime(path, (past - 9, past - 9))
        os.utime(folder.path(new), (past + 9, past + 9))
        sweep_uploads(bench.store)
        sweep_files_of_jobs(bench.store)
        there = [folder.path(upload), left, folder.path(new)]
        assert [path.exists() for path in there] == [True, True, False]
        assert "uploads without a job were deleted" in caplog.text
        delete_lone_files(bench.store.database, folder)  # on request
        assert not any(path.exists() for path in there)


def test_a_running_worker_does_not_sweep_files_that_another_store_has_taken_over(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    folder = folder_of(bench.store)
    upload = store_file(bench.store)
    os.utime(folder.path(upload), (1, 1))
    folder.give_to(Owner("another", 0))
    sweep_uploads(bench.store)
    sweep_files_of_jobs(bench.store)
    assert folder.path(upload).exists()
    errors = [each.why for each in caplog.records if each.levelno == logging.ERROR]  # type: ignore[attr-defined]
    assert len(errors) == 2
    assert "files of the store another" in errors[0]


def test_no_sweep_deletes_most_of_all_files(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    folder = folder_of(bench.store)
    kept = store_file(bench.store)
    bench.enqueue(upload=kept)
    folder.give_to(Owner(store_id(bench.store.database), 0))
    lone = [folder.path(Upload(uuid4(), "a", 0, "0")) for _ in range(101)]
    left = [folder.artifacts.folder / f"{uuid4()}.1.{uuid4()}" for _ in range(101)]
    for path in lone + left:
        path.touch()
        os.utime(path, (1, 1))
    sweep_uploads(bench.store)
    sweep_files_of_jobs(bench.store)
    assert "101 of 102 uploads belong to no job" in str([vars(each) for each in caplog.records])
    assert all(path.exists() for path in lone + left)
    lone.pop().unlink()
    left.pop().unlink()
    sweep_uploads(bench.store)
    sweep_files_of_jobs(bench.store)
    assert not any(path.exists() for path in lone + left)


def test_a_bucket_keeps_files_from_before_its_owner(bucket: Bucket, tmp_path: Path) -> None:
    with open_bench("", tmp_path, **bucket.settings) as bench:
        upload = store_file(bench.store)
        uploads, later = bench.store.uploads, time.time() + 60
        uploads._clock = lambda: 0.0  # type: ignore[attr-defined]
        assert uploads.sweep(lambda ids: ids, later) == set()
        uploads._clock = lambda: GRACE_SECONDS  # type: ignore[attr-defined]
        assert uploads.sweep(lambda ids: ids, later) == set()
        bucket.put(f"artifacts/{uuid4()}.1.{uuid4()}", b"x")
        assert uploads.artifacts.sweep(lambda keys: keys, later) == set()
        assert len(uploads.artifacts.sweep(lambda keys: keys)) == 1
        assert uploads.size(upload) == 4
