"""The check of tests/system/power finds each kind of loss, and nothing else."""

import hashlib
from pathlib import Path
from typing import Any

import pytest

from storage.records.job import NewJob
from tests.support.stores import Bench, folder_of
from tests.system.power import notes
from tests.system.power.notes import Notes, Recovered

DONE = {
    "job_id": "a",
    "status": "succeeded",
    "result": {"n": 1},
    "error": None,
    "finished_at": "2026-01-01T00:00:00.000Z",
}


def answers(sha256: str | None = None, final: bool = True) -> Notes:
    notes = Notes({"a": sha256})
    if final:
        notes.add_final(DONE)
    return notes


def test_an_unchanged_job_is_no_loss() -> None:
    assert notes.losses(answers("abc"), Recovered({"a": DONE}, {"a": "abc"})) == {}


def test_a_missing_job_is_lost() -> None:
    assert notes.losses(answers(), Recovered({}, {})) == {"a": "the job is lost"}


@pytest.mark.parametrize(
    ("files", "lost"),
    [
        ({}, "its file is lost"),
        ({"a": None}, "its file is lost"),
        ({"a": "abd"}, "its file is damaged"),
    ],
)
def test_a_missing_or_changed_file_is_lost(files: dict[str, Any], lost: str) -> None:
    assert notes.losses(answers("abc"), Recovered({"a": DONE}, files)) == {"a": lost}


@pytest.mark.parametrize(
    "change",
    [{"status": "failed"}, {"result": {"n": 2}}, {"error": {}}, {"finished_at": "later"}],
)
def test_a_final_job_that_has_changed_is_a_loss(change: dict[str, Any]) -> None:
    assert "a" in notes.losses(answers(), Recovered({"a": {**DONE, **change}}, {}))


def test_a_job_that_never_becomes_final_is_a_loss() -> None:
    queued = {**DONE, "status": "queued"}
    assert notes.losses(answers(final=False), Recovered({"a": queued}, {})) == {
        "a": "is still queued"
    }


def test_a_final_job_is_recorded_as_it_was_first_read() -> None:
    notes = Notes()
    notes.add_final({**DONE, "status": "running"})
    assert notes.finals == {}
    notes.add_final(DONE)
    notes.add_final({**DONE, "result": {"n": 2}})
    assert notes.finals["a"]["result"] == {"n": 1}


def test_answers_after_a_cut_are_ignored() -> None:
    notes = Notes(power=False)
    notes.add_final(DONE)
    notes.add_accepted("a", "abc")
    assert (notes.acknowledged, notes.finals) == ({}, {})


def test_the_files_of_jobs_are_found_with_their_content(bench: Bench) -> None:
    if bench.store.database.postgresql:
        pytest.skip("the check reads a SQLite database")
    writer = bench.store.uploads.writer()
    writer.write(b"text")
    upload = writer.finish("a.log", hashlib.sha256(b"text").hexdigest())
    (job_id,) = bench.jobs.enqueue([NewJob("analyze", {}, upload=upload)])
    bench.enqueue()
    database = Path(bench.store.database.engine.database)
    folder = folder_of(bench.store).path(upload).parent
    assert notes.files_of(database, folder) == {str(job_id): upload.sha256}
    bench.store.uploads.delete([upload.id])
    assert notes.files_of(database, folder) == {str(job_id): None}


def test_only_a_damaged_database_is_reported(bench: Bench) -> None:
    if bench.store.database.postgresql:
        pytest.skip("PRAGMA integrity_check is a check of SQLite")
    for _ in range(100):
        bench.enqueue()
    bench.store.database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database = Path(bench.store.database.engine.database)
    assert notes.damage(database) == []
    copy = database.with_name("copy.db")
    content = database.read_bytes()
    copy.write_bytes(content[:8192] + b"\xff" * 8192 + content[16384:])
    assert notes.damage(copy) != []
    assert notes.damage(database.with_name("none.db")) != []
