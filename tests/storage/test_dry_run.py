"""`JobStore.try_enqueue` stores nothing, and returns what would be stored."""

from typing import Any

import pytest

from storage.db.models import CounterRow, EventRow, JobRow, TagRow, UploadRow
from storage.jobs.unique_keys import KeyHolder
from storage.records.ids import new_id
from storage.records.job import Job, NewJob, Upload
from storage.records.states import Status
from storage.store import Refusal
from tests.support.stores import Bench

TABLES: tuple[Any, ...] = (JobRow, EventRow, TagRow, UploadRow, CounterRow)


def contents(bench: Bench) -> list[list[dict[str, Any]]]:
    return [bench.store.database.rows(table.select()) for table in TABLES]


def test_a_tried_job_leaves_nothing_behind(bench: Bench) -> None:
    bench.enqueue(tags=("a",))
    before = contents(bench)
    upload = Upload(new_id(), "app.log", 3, "0" * 64)
    new = NewJob("t", {"x": 1}, tags=("a", "b"), priority=7, expires_in=60, upload=upload)
    job = bench.jobs.try_enqueue(new)
    assert isinstance(job, Job)
    assert (job.id, job.priority, job.tags, job.upload) == (new.id, 7, ("a", "b"), upload)
    assert job.expires_at == job.created_at + 60_000
    assert contents(bench) == before
    assert bench.jobs.get(new.id) is None
    assert bench.jobs.enqueue([new]) == [new.id]


def test_a_tried_job_finds_the_holder_of_its_key_and_replaces_nothing(bench: Bench) -> None:
    first = bench.enqueue(unique_key="k")
    before = contents(bench)
    refused = bench.jobs.try_enqueue(NewJob("t", {}, unique_key="k"))
    assert refused == KeyHolder(first, Status.QUEUED, "k", "running")
    answered = bench.jobs.try_enqueue(NewJob("t", {}, unique_key="k", if_exists="return"))
    assert answered == bench.job(first)
    new = NewJob("t", {}, unique_key="k", if_exists="replace", replaces_all=True)
    replacing = bench.jobs.try_enqueue(new)
    assert isinstance(replacing, Job)
    assert replacing.id == new.id
    assert contents(bench) == before


@pytest.mark.parametrize(
    ("given", "refusal"),
    [({"queue": "none"}, Refusal.QUEUE), ({"source": new_id()}, Refusal.SOURCE)],
)
def test_a_refused_job_is_refused(bench: Bench, given: dict[str, Any], refusal: Refusal) -> None:
    assert bench.jobs.try_enqueue(NewJob("t", {}, **given)) is refusal
