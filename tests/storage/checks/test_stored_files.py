"""Stored files are compared with their rows."""

import os
from uuid import uuid4

from storage.checks.stored_files import count_lone_files, delete_lone_files, find_missing
from storage.files.uploads import GRACE_SECONDS
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
    for upload in uploads:
        bench.enqueue(upload=upload)
    database, folder = bench.store.database, folder_of(bench.store)
    found = find_missing(database, folder, None)
    assert (found.checked, found.missing, found.is_complete) == (3, 0, True)
    folder.path(uploads[0]).unlink()
    folder.path(uploads[1]).write_bytes(b"ab")
    found = find_missing(database, folder, None)
    assert found.missing == 2
    assert sorted(found.examples) == sorted(f"upload {each.id}" for each in uploads[:2])


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
