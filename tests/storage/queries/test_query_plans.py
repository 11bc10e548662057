"""SQLite's plans for the queries that run for every job: none may cost more in a long queue or
list.

(PostgreSQL chooses plans by statistics, which a test with few rows does not have.)
"""

from itertools import product

import pytest

from storage.jobs.events import Events
from storage.records.filters import Filters
from storage.records.states import Status
from tests.support.stores import RETURNED, Bench, id_at

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
        self._connection = bench.store.database.engine.connection()
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
    """Plans that sort rows, or scan a whole table or index. `version` has one row, and `chain` only
    rows that the statement itself has found."""
    return {
        text: plan
        for text, plan in plans.items()
        if "TEMP B-TREE" in plan
        or (
            "SCAN" in plan.replace("SCAN version", "").replace("SCAN chain", "")
            and "LIMIT" not in text
        )
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


def test_lists_sort_nothing_and_read_no_more_than_a_page(bench: Bench, plans: Plans) -> None:
    job_id = bench.enqueue()
    for type, statuses, before in product((None, "sleep"), STATUSES, (None, job_id)):
        bench.jobs.list(Filters(statuses, type), 10, before)
    found = plans.found()
    assert not slow(found)
    lists = [plan for text, plan in found.items() if "LIMIT" in text]
    assert len(lists) > 5
    assert all("USING INDEX" in plan or "USING COVERING INDEX" in plan for plan in lists)


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
