"""Stored files are compared with their rows."""

import os
from uuid import uuid4

from storage.db.models import UploadRow
from storage.files.uploads import GRACE_SECONDS
from storage.ownership.stored_files import count_lone_files, delete_lone_files, find_missing
from storage.records.job import Upload
from tests.support.stores import Bench, folder_of


def stored(bench: Bench, content: bytes = b"abc") -> Upload:
    writer = bench.store.uploads.writer()
    writer.write(content)
    return writer.finish("a.log", "0")


def make_old(bench: Bench, upload: Upload) -> None:
    past = 2 * GRACE_SECONDS
    path = folder_of(bench.store).path(upload)
    status = path.stat()
    os.utime(path, (status.st_atime - past, status.st_mtime - past))


def test_files_with_a_row_are_found_and_missing_ones_are_named(bench: Bench) -> None:
    uploads = [stored(bench) for _ in range(3)]
    jobs = [bench.enqueue(upload=upload) for upload in uploads]
    database, folder = bench.store.database, folder_of(bench.store)
    found = find_missing(database, folder, None)
    assert (found.checked, found.missing, found.is_complete) == (3, 0, True)
    folder.path(uploads[0]).unlink()
    folder.path(uploads[1]).write_bytes(b"ab")
    found = find_missing(database, folder, None)
    assert found.missing == 2
    named = [f"upload {each.id} of job {job}" for each, job in zip(uploads, jobs, strict=True)]
    assert sorted(found.examples) == sorted(named[:2])


def test_a_missing_file_of_several_jobs_and_of_none_is_named(bench: Bench) -> None:
    shared, alone = stored(bench), stored(bench)
    first = bench.enqueue(upload=shared)
    jobs = {str(first), *(str(bench.enqueue(source=first)) for _ in range(4))}
    database, folder = bench.store.database, folder_of(bench.store)
    database.run(UploadRow.insert(**vars(alone)))
    for upload in (shared, alone):
        folder.path(upload).unlink()
    found = find_missing(database, folder, None).examples
    (of_shared,) = (each for each in found if str(shared.id) in each)
    assert sum(job in of_shared for job in jobs) == 3
    assert of_shared.endswith(" and others")
    assert f"upload {alone.id} of no job yet" in found


def test_only_old_files_without_a_row_are_counted_and_deleted(bench: Bench) -> None:
    kept, young, lone = (stored(bench) for _ in range(3))
    bench.enqueue(upload=kept)
    database, folder = bench.store.database, folder_of(bench.store)
    for upload in (kept, lone):
        make_old(bench, upload)
    artifact = f"{uuid4()}.1.{uuid4()}"
    (folder.artifacts.folder / artifact).write_bytes(b"x")
    assert count_lone_files(database, folder) == 2
    delete_lone_files(database, folder)
    assert count_lone_files(database, folder) == 0
    assert folder.path(kept).exists()
    assert folder.path(young).exists()
    assert not folder.path(lone).exists()
    assert not (folder.artifacts.folder / artifact).exists()
