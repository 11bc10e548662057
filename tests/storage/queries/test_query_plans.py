"""SQLite's plans for the queries that run for every job: none may cost more in a long queue or
list.

(PostgreSQL chooses plans by statistics, which a test with few rows does not have.)
"""

import re
from dataclasses import replace
from itertools import product
from typing import Any
from uuid import UUID

import pytest

from storage.jobs.events import Events
from storage.jobs.retention import Retention
from storage.queries import failures, search
from storage.queries.caller_use import count_own
from storage.queries.failures import find_failures
from storage.queries.files_by_hash import files_by_hash
from storage.records.filters import Filters, View
from storage.records.job import NewJob
from storage.records.retention_rules import parse_rules
from storage.records.states import Status
from tests.support.stores import RAISED, RETURNED, Bench, id_at

SELECT_FEW = 'SELECT "t1"."id" FROM "job" AS "t1" INDEXED BY "job_unfinished" WHERE'
STATUSES = (frozenset[Status](), *(frozenset({status}) for status in Status), frozenset(Status))


@pytest.fixture
def plans(bench: Bench) -> "Plans":
    if bench.store.database.postgresql:
        pytest.skip("plans of PostgreSQL depend on statistics")
    return Plans(bench)


class Plans:
    """Records the statements that run from now on, and explains their plans."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        engine: Any = bench.store.database.engine
        self._connection = engine.connection()
        self._statements: list[str] = []
        self._connection.set_trace_callback(self._statements.append)

    def found(self) -> dict[str, str]:
        """The plan of each recorded statement."""
        self._connection.set_trace_callback(None)
        chosen = {
            each for each in self._statements if each.startswith(("SELECT", "UPDATE", "WITH"))
        }
        return {each: self._plan(each) for each in chosen}

    def _plan(self, statement: str) -> str:
        rows = self._connection.execute(f"EXPLAIN QUERY PLAN {statement}").fetchall()
        return "; ".join(row[-1] for row in rows)


def slow(plans: dict[str, str]) -> dict[str, str]:
    """Plans that sort rows, or scan a whole table or index. `version` has one row; `chain` and
    `level` have only rows that the statement itself has found. Few unfinished jobs are sorted."""
    return {
        text: plan
        for text, plan in plans.items()
        if ("TEMP B-TREE" in plan and not text.startswith(SELECT_FEW))
        or ("SCAN" in re.sub(r"SCAN (version|chain|level)", "", plan) and "LIMIT" not in text)
    }


def test_the_life_of_a_job_sorts_nothing_and_reads_no_table_whole(
    bench: Bench, plans: Plans
) -> None:
    runner = bench.runner()
    for priority in (0, 5):
        bench.enqueue(priority=priority)
    runner.claims.seconds_to_next()
    runner.claims.claim(1)
    fence = runner.claim_one()
    runner.claims.to_cancel()
    runner.claims.progress(fence, "1")
    runner.claims.complete(fence, "null", RETURNED)
    bench.jobs.get(fence.job_id)
    events = Events(bench.store.database)
    assert len(events.after(2)) == len(events.of_job(fence.job_id, 0)) == 3
    found = plans.found()
    assert len(found) > 8
    assert not slow(found)


@pytest.mark.parametrize("few", [0, search.FEW])
def test_lists_sort_nothing_and_read_no_more_than_a_page(
    bench: Bench, plans: Plans, few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "FEW", few)
    job_id = bench.enqueue()
    for type, statuses, before in product((None, "sleep"), STATUSES, (None, job_id)):
        bench.jobs.list(Filters(statuses, type), 10, before)
    found = plans.found()
    assert not slow(found)
    lists = [plan for text, plan in found.items() if "LIMIT" in text]
    assert len(lists) > 5
    assert all("USING INDEX" in plan or "USING COVERING INDEX" in plan for plan in lists)


def test_lists_by_tag_read_no_more_than_a_page_of_the_rarest_tag(
    bench: Bench, plans: Plans
) -> None:
    job_id = bench.enqueue(tags=("x", "y"))
    for tags, statuses, before in product(({"x"}, {"x", "y"}), STATUSES, (None, job_id)):
        bench.jobs.list(Filters(statuses, tags=frozenset(tags)), 10, before)
    found = plans.found()
    assert not slow(found)
    of_tag = [plan for text, plan in found.items() if 'FROM "job_tag" AS "t1"' in text]
    assert len(of_tag) > 5
    assert all("SEARCH t1 USING PRIMARY KEY" in plan for plan in of_tag), of_tag


def test_lists_of_own_jobs_read_no_more_than_a_page_of_these(bench: Bench, plans: Plans) -> None:
    job_id = bench.enqueue(submitted_by="me")
    queues = frozenset({"default", "other"})
    for view, statuses, before in product(
        (View("me"), View("me", queues)), STATUSES, (None, job_id)
    ):
        bench.jobs.list(Filters(statuses, view=view), 10, before)
    count_own(bench.store.database, "me")
    found = plans.found()
    assert not {text: plan for text, plan in slow(found).items() if "GROUP BY" not in text}
    counts = [plan for text, plan in found.items() if "GROUP BY" in text]
    assert ["INDEX job_submitted_by (submitted_by=?)" in plan for plan in counts] == [True], counts
    own = [plan for plan in found.values() if "INDEX job_submitted_by (" in plan]
    assert len(own) > 4


def test_failures_are_read_by_their_own_index_or_that_of_a_rare_tag(
    bench: Bench, plans: Plans, monkeypatch: pytest.MonkeyPatch
) -> None:
    for few, tags in product((0, failures.FEW), ((), ("x",))):
        monkeypatch.setattr(failures, "FEW", few)
        for filters in (Filters(), Filters(type="a", queue="b", finished_after=1)):
            find_failures(bench.store.database, replace(filters, tags=frozenset(tags)))
    found = plans.found()
    tagged = [plan for text, plan in found.items() if 'FROM "job_tag" AS "t2"' in text]
    by_time = {text: plan for text, plan in found.items() if "job_failed" in text}
    assert len(tagged) == 2
    assert all("SEARCH t2 USING PRIMARY KEY (tag=?)" in plan for plan in tagged), tagged
    assert len(by_time) == 4
    assert not slow(by_time)
    assert all("INDEX job_failed" in plan for plan in by_time.values()), by_time


def test_expired_jobs_are_found_without_reading_others(bench: Bench, plans: Plans) -> None:
    for options in ({}, {"keep_for": 0}, {"tags": ("x",)}):
        bench.jobs.cancel(bench.enqueue(**options))
    rules = parse_rules("failed:1d,type=other:1d,tag=x:0s")
    bench.clock.forward(1)
    assert Retention(bench.store.database, rules, 0).prune(bench.clock())[0] == 3
    found = plans.found()
    assert not slow(found)
    kept = [plan for text, plan in found.items() if "keep_ms" in text and "event" not in text]
    assert any("USING INDEX job_keep" in plan for plan in kept), kept


def test_the_holder_of_a_unique_key_is_found_without_reading_others(
    bench: Bench, plans: Plans
) -> None:
    job_id = bench.enqueue(unique_key="x")
    bench.jobs.cancel(job_id)
    bench.jobs.enqueue([NewJob("sleep", {}, unique_key=each) for each in ("x", "y")])
    bench.jobs.retry(job_id)
    found = plans.found()
    assert not slow(found)
    of_holders = [plan for text, plan in found.items() if "unique_scope = 'final'" in text]
    assert len(of_holders) > 1
    assert all("USING INDEX job_unique_key" in plan for plan in of_holders), of_holders


def test_files_are_found_by_their_hashes_without_reading_others(bench: Bench, plans: Plans) -> None:
    files_by_hash(bench.store.database, "00" * 32)
    found = plans.found()
    assert len(found) == 2
    assert not any("SCAN" in plan or "TEMP B-TREE" in plan for plan in found.values()), found
    assert {name for name in ("upload_sha256", "job_file_sha256") if name in str(found)} == {
        "upload_sha256",
        "job_file_sha256",
    }


def test_a_queue_finds_its_first_job_without_reading_the_others(bench: Bench) -> None:
    now = bench.clock()
    for priority, seconds in ((5, 300), (5, 400), (-1, 20), (-1, 10), (0, 50)):
        bench.enqueue(priority=priority, run_at=now + 1000 * seconds)
    assert bench.runner().claims.seconds_to_next() == 10


@pytest.mark.heavy
@pytest.mark.parametrize("few", [0, search.FEW])
def test_lists_find_each_status_in_the_order_of_ids(
    bench: Bench, few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "FEW", few)
    stored = store_all_statuses(bench)
    for type, statuses, text in product((None, "a", "b"), STATUSES, ("", "seconds", "no")):
        expected = [
            job_id
            for of, status, job_id in stored
            if type in (None, of) and (not statuses or status in statuses) and text != "no"
        ]
        assert all_pages(bench, Filters(statuses, type, text=text)) == expected


def store_all_statuses(bench: Bench) -> list[tuple[str, Status, UUID]]:
    """Store jobs of two types in all statuses; return them, newest first."""
    runner, stored = bench.runner(), list[tuple[str, Status, UUID]]()
    for number in range(30):
        type, status = ("a", "b")[number % 2], list(Status)[number % 7 % 5]
        job_id = bench.enqueue(type, priority=0 if status is Status.QUEUED else 5)
        stored.insert(0, (type, status, job_id))
        if status is Status.CANCELED:
            bench.jobs.cancel(job_id)
        elif status is not Status.QUEUED:
            fence = runner.claim_one()
            if status is Status.SUCCEEDED:
                runner.claims.complete(fence, "1", RETURNED)
            elif status is Status.FAILED:
                runner.claims.fail(fence, RAISED)
    return stored


def all_pages(bench: Bench, filters: Filters) -> list[UUID]:
    """Follow all pages of a list."""
    found, before, is_last = list[UUID](), None, False
    while not is_last:
        page = bench.jobs.list(filters, 3, before)
        found += [job.id for job in page.jobs]
        before, is_last = page.next, page.next is None
    return found


def test_filters_without_an_index_read_jobs_in_the_order_of_one(bench: Bench, plans: Plans) -> None:
    now = bench.clock()
    bench.enqueue(id=id_at(now))
    for statuses in STATUSES:
        bench.jobs.list(Filters(statuses, None, now, now + 1, "x"), 10)
    found = plans.found()
    assert not slow(found)
    looks = [plan for text, plan in found.items() if "INSTR" in text]
    assert looks
    assert all("SCAN" not in plan for plan in looks)


def test_jobs_that_are_not_due_are_skipped(bench: Bench) -> None:
    later = bench.clock() + 1000
    for _ in range(3):
        bench.enqueue(priority=9, run_at=later)
    low, high = bench.enqueue(priority=-3), bench.enqueue(priority=4)
    claimed = bench.runner().claims.claim(9)
    assert [job.id for job in claimed] == [high, low]
