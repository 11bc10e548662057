"""Tags and metadata of jobs: stored with the job, found by the tag, deleted with the job."""

import random
from itertools import product
from typing import Any
from uuid import UUID

import pytest

from storage.db.models import TagRow
from storage.jobs.retention import delete_job
from storage.queries import search
from storage.records.filters import Filters
from storage.records.job import NewJob
from storage.records.states import Status
from tests.support.stores import Bench


def tags_of(bench: Bench) -> list[tuple[str, UUID]]:
    rows = bench.store.database.rows(TagRow.select().order_by(TagRow.tag, TagRow.job_id))
    return [(row["tag"], row["job_id"]) for row in rows]


def listed(bench: Bench, filters: Filters, limit: int = 3) -> list[UUID]:
    found, before, is_last = list[UUID](), None, False
    while not is_last:
        page = bench.jobs.list(filters, limit, before)
        found += [job.id for job in page.jobs]
        before, is_last = page.next, page.next is None
    return found


def test_tags_and_metadata_are_kept_with_the_job(bench: Bench) -> None:
    metadata = {"customer": 42, "ü": [None, "\u2028"]}
    job = bench.job(bench.enqueue(tags=("nightly", "größe:'\"\\"), metadata=metadata))
    assert job.tags == ("nightly", "größe:'\"\\")
    assert job.metadata == metadata
    plain = bench.job(bench.enqueue())
    assert (plain.tags, plain.metadata) == ((), None)


def test_jobs_with_and_without_tags_are_stored_together_in_order(bench: Bench) -> None:
    jobs = [NewJob("a", {}), NewJob("b", {}, tags=("x",)), NewJob("c", {}, metadata={"n": 1})]
    jobs += [NewJob("d", {}, tags=("x", "y"), metadata={}), NewJob("e", {})]
    ids = bench.jobs.enqueue(jobs)
    assert ids == [job.id for job in jobs]
    stored = [bench.job(job.id) for job in jobs]
    versions = [job.version for job in stored]
    assert versions == list(range(versions[0], versions[0] + len(jobs)))
    assert [job.tags for job in stored] == [(), ("x",), (), ("x", "y"), ()]


def test_a_claimed_job_has_its_tags(bench: Bench) -> None:
    bench.enqueue(tags=("x",), metadata={"n": 1})
    (job,) = bench.runner().claims.claim(1)
    assert (job.tags, job.metadata) == (("x",), {"n": 1})


@pytest.mark.heavy
@pytest.mark.parametrize("few", [0, 4096])
def test_lists_by_tag_hold_exactly_the_jobs_with_all_tags_newest_first(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, few: int
) -> None:
    monkeypatch.setattr(search, "WINDOWS", (4, 8))
    monkeypatch.setattr(search, "FEW", few)
    chance = random.Random(7)
    jobs: list[tuple[UUID, str, Status, frozenset[str]]] = []
    for _ in range(60):
        kind = chance.choice(["a", "b"])
        tags = tuple(
            tag for tag in ("rare", "often", "x y") if chance.random() < 0.1 + len(tag) / 9
        )
        job_id = bench.enqueue(kind, tags=tags)
        status = chance.choice([Status.QUEUED, Status.CANCELED])
        if status is Status.CANCELED:
            bench.jobs.cancel(job_id)
        jobs.insert(0, (job_id, kind, status, frozenset(tags)))
    wanted_tags = (["rare"], ["often"], ["x y", "rare"], ["rare", "often", "x y"], ["none"])
    statuses = (frozenset[Status](), frozenset({Status.CANCELED}), frozenset(Status))
    for wanted, among, type in product(map(frozenset, wanted_tags), statuses, (None, "a")):
        expected = [
            job_id
            for job_id, of, status, tags in jobs
            if wanted <= tags and (not among or status in among) and type in (None, of)
        ]
        assert listed(bench, Filters(among, type, tags=wanted)) == expected


def test_few_canceled_jobs_are_found_by_their_status_and_not_by_a_frequent_tag(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = [bench.enqueue(tags=("often",)) for _ in range(5)]
    for job_id in (ids[1], bench.enqueue(tags=("rare",)), bench.enqueue()):
        bench.jobs.cancel(job_id)
    guards: list[list[str]] = []
    windows = search._SearchRun._windows

    def recording(self: Any, guard: dict[str, Any], looked_at: dict[str, Any]) -> Any:
        guards.append([*guard])
        return windows(self, guard, looked_at)

    monkeypatch.setattr(search._SearchRun, "_windows", recording)
    canceled = frozenset({Status.CANCELED})
    assert listed(bench, Filters(canceled, tags=frozenset({"often"}))) == [ids[1]]
    assert len(listed(bench, Filters(canceled, tags=frozenset({"rare"})))) == 1
    assert guards == [["type", "status"], ["tag"]]


def test_times_and_text_are_checked_among_the_jobs_with_a_tag(bench: Bench) -> None:
    first = bench.enqueue(payload={"n": "one"}, tags=("x",))
    bench.clock.forward(10)
    second = bench.enqueue(payload={"n": "two"}, tags=("x",))
    bench.enqueue(payload={"n": "two"})
    tagged = frozenset({"x"})
    assert listed(bench, Filters(text="two", tags=tagged)) == [second]
    assert listed(bench, Filters(created_before=bench.clock(), tags=tagged)) == [first]
    assert listed(bench, Filters(created_after=bench.clock(), tags=tagged)) == [second]


def test_the_tags_of_a_deleted_job_are_deleted_and_no_others(bench: Bench) -> None:
    deleted, kept = bench.enqueue(tags=("x", 'y"')), bench.enqueue(tags=("x", 'y"'))
    bench.jobs.cancel(deleted)
    delete_job(bench.store.database, deleted)
    assert tags_of(bench) == [("x", kept), ('y"', kept)]
