"""Rows without a job are found and deleted. The rows of jobs stay."""

from uuid import UUID, uuid4

import pytest

from admin.store_checks.orphans import (
    BATCH,
    TABLES,
    Orphans,
    delete_lone_rows,
    delete_lone_uploads,
    lone_rows,
    lone_uploads,
)
from admin.store_checks.reading import Reader, TookTooLong
from storage.db.database import Database
from storage.db.models import (
    AttemptRow,
    CallbackRow,
    DependencyRow,
    EventRow,
    FollowerRow,
    JobFileRow,
    KeyRow,
    OutputRow,
    ServiceCallbackRow,
    TagRow,
    UploadRow,
)
from storage.records.job import Upload
from tests.support.stores import Bench

NOBODY = UUID(int=7)
EVENT = {"is_progress": False, "status": "queued", "attempt": 0, "run_at": 0}
ROWS = {
    "attempt": AttemptRow.insert(job_id=NOBODY, number=1, runner="r", started_at=0),
    "event": EventRow.insert(version=10**6, job_id=NOBODY, **EVENT),
    "output": OutputRow.insert(version=1, job_id=NOBODY, attempt=1, position=0, text=b""),
    "job_tag": TagRow.insert(tag="t", job_id=NOBODY),
    "job_file": JobFileRow.insert(
        job_id=NOBODY,
        name="a",
        position=0,
        size=1,
        media_type="",
        sha256="",
        file_id=NOBODY,
        attempt=1,
    ),
    "dependency": DependencyRow.insert(
        predecessor_id=NOBODY, job_id=NOBODY, cancels=True, passes=True
    ),
    "follower": FollowerRow.insert(predecessor_id=NOBODY, job_id=NOBODY),
    "submission_key": KeyRow.insert(key="k", fingerprint="f", job_id=NOBODY),
    "callback": CallbackRow.insert(job_id=NOBODY, due_at=0, tries=0),
    "service_callback": ServiceCallbackRow.insert(name="n", job_id=NOBODY, due_at=0, tries=0),
}


def insert_unchecked(database: Database, table: str) -> None:
    """Insert a row as a tool does that checks no foreign keys."""
    if database.postgresql:
        off, on = (f"SET session_replication_role = {role}" for role in ("replica", "origin"))
    else:
        off, on = (f"PRAGMA foreign_keys = {value}" for value in (0, 1))
    database.execute(off)
    database.run(ROWS[table])
    database.execute(on)


def test_all_tables_with_rows_of_jobs_are_checked() -> None:
    assert TABLES.keys() == ROWS.keys()


@pytest.mark.parametrize("table", ROWS)
def test_rows_without_a_job_are_counted_and_deleted(bench: Bench, table: str) -> None:
    database = bench.store.database
    bench.enqueue(tags=["kept"])
    bench.runner().claim_one()
    reader = Reader(database, None)
    assert lone_rows(reader, table) is None
    insert_unchecked(database, table)
    assert lone_rows(reader, table) == Orphans(table, 1)
    assert delete_lone_rows(database, table) == 1
    assert lone_rows(reader, table) is None
    kept = {row["job_id"] for row in database.rows(TagRow.select())}
    assert len(kept) == 1


def test_more_rows_than_a_batch_are_deleted(bench: Bench) -> None:
    database, count = bench.store.database, BATCH + 1
    with database.transaction():
        for number in range(count):
            database.run(TagRow.insert(tag=str(number), job_id=NOBODY))
    assert delete_lone_rows(database, "job_tag") == count
    assert lone_rows(Reader(database, None), "job_tag") is None


def test_uploads_without_a_job_are_deleted_and_those_of_jobs_stay(bench: Bench) -> None:
    database = bench.store.database
    used = Upload(uuid4(), "used", 1, "0")
    bench.enqueue(upload=used)
    lone = uuid4()
    database.run(UploadRow.insert(id=lone, name="lone", size=1, sha256="0"))
    reader = Reader(database, None)
    assert lone_uploads(reader) == Orphans("upload", 1)
    assert delete_lone_uploads(database) == [lone]
    assert lone_uploads(reader) is None
    assert [row["id"] for row in database.rows(UploadRow.select())] == [used.id]


def test_a_query_ends_when_its_time_is_over(bench: Bench) -> None:
    with pytest.raises(TookTooLong):
        Reader(bench.store.database, 0.0).rows("SELECT 1")
    endless = (
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000000)"
    )
    with pytest.raises(TookTooLong):
        Reader(bench.store.database, 0.1).rows(f"{endless} SELECT count(*) FROM n")
