"""Groups of failed jobs: what is in them, how they are read, and the list of the jobs of one."""

import random
from collections import Counter
from itertools import product
from uuid import UUID

import pytest

from storage.db.models import QueueRow
from storage.queries import failures
from storage.queries.bulk import Bulk
from storage.queries.failures import Failures, Position, find_failures
from storage.records.failure_kind import failure_kind
from storage.records.filters import Filters
from storage.records.states import Status
from tests.support.failures import fail
from tests.support.stores import RAISED, Bench, Holder


@pytest.fixture
def runner(bench: Bench) -> Holder:
    return bench.runner()


def found(bench: Bench, before: Position | None = None, **filters: object) -> Failures:
    return find_failures(bench.store.database, Filters(**filters), before)  # type: ignore[arg-type]


def listed(bench: Bench, **filters: object) -> list[UUID]:
    page = bench.jobs.list(Filters(**filters), 100)  # type: ignore[arg-type]
    assert page.next is None
    return [job.id for job in page.jobs]


def test_jobs_that_failed_alike_are_one_group(bench: Bench, runner: Holder) -> None:
    start = bench.clock.now
    ids = [fail(bench, runner, f"no file {number}") for number in range(8, 15)]
    other = fail(bench, runner, "no file 1", type="other")
    bench.jobs.cancel(bench.enqueue())
    bench.enqueue()
    runner.claims.complete(runner.claim_one(), "1")
    result = found(bench)
    assert (result.failed, result.next) == (8, None)
    many, one = result.groups
    assert many.kind == failure_kind("sleep", '{"type":"ValueError","message":"no file 3"}')
    assert (many.count, one.count) == (7, 1)
    assert many.job_ids == ids[:1:-1]
    assert (many.first_at, many.last_at) == (start + 1000, start + 7000)
    assert many.example == '{"type":"ValueError","message":"no file 14"}'
    assert (one.kind.type, one.job_ids) == ("other", [other])


def test_groups_are_sorted_by_size_and_then_by_time(bench: Bench, runner: Holder) -> None:
    for message in ("once", "twice", "also twice", "twice", "also twice"):
        fail(bench, runner, message)
    messages = [each.kind.message for each in found(bench).groups]
    assert messages == ["also twice", "twice", "once"]


@pytest.mark.heavy
def test_filters_select_failures_by_type_queue_tags_and_time(
    bench: Bench, runner: Holder, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = bench.store.database
    database.run(QueueRow.insert(name="night"))
    chosen = random.Random(3)
    jobs = []
    for _ in range(40):
        type, queue = chosen.choice("ab"), chosen.choice(("default", "night"))
        tags = tuple(sorted(chosen.sample("xyz", chosen.randrange(4))))
        message = chosen.choice(("no", "file 1", "file 2"))
        fail(bench, runner, message, type, queue=queue, tags=tags)
        jobs.append((type, queue, {*tags}, bench.clock.now, message))
    since = jobs[20][3]
    for few, size in ((0, 7), (failures.FEW, 100)):
        monkeypatch.setattr(failures, "FEW", few)
        monkeypatch.setattr(failures, "WINDOWS", (size, size))
        for given in product(
            (None, "a"), (None, "night"), (set[str](), {"x"}, {"x", "y"}), (None, since)
        ):
            wanted_type, wanted_queue, wanted_tags, after = given
            wanted = Counter(
                (job[0], "file" in job[4])
                for job in jobs
                if wanted_type in (None, job[0]) and wanted_queue in (None, job[1])
                if wanted_tags <= job[2] and job[3] >= (after or 0)
            )
            filters = Filters(
                type=wanted_type,
                queue=wanted_queue,
                tags=frozenset(wanted_tags),
                finished_after=after,
            )
            result = find_failures(bench.store.database, filters)
            counts = {
                (each.kind.type, "file" in each.kind.message): each.count for each in result.groups
            }
            assert counts == wanted, given
            assert result.failed == wanted.total()


def test_a_search_that_ends_early_continues_with_the_failures_it_has_not_looked_at(
    bench: Bench, runner: Holder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(failures, "WINDOWS", (4, 4))
    bench.clock.forward = lambda seconds: None  # type: ignore[method-assign]
    ids = {fail(bench, runner, f"at {chr(97 + number)}") for number in range(10)}
    seen, before, sizes = list[UUID](), None, list[int]()
    while True:
        result = find_failures(bench.store.database, Filters(), before, seconds=-1)
        sizes.append(result.failed)
        seen += [job_id for each in result.groups for job_id in each.job_ids]
        before = result.next
        if before is None:
            break
    assert sizes == [4, 4, 2]
    assert len(seen) == 10
    assert {*seen} == ids


def test_an_answer_groups_a_limited_number_of_failures(
    bench: Bench, runner: Holder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(failures, "WINDOWS", (2, 2))
    monkeypatch.setattr(failures, "MAX_FAILURES", 4)
    for _ in range(7):
        fail(bench, runner, "no")
    result = found(bench)
    assert result.failed == 4
    assert result.next
    assert found(bench, result.next).failed == 3


def test_a_retried_job_is_no_failure_until_it_fails_again(bench: Bench, runner: Holder) -> None:
    job_id = fail(bench, runner, "no")
    assert bench.jobs.retry(job_id)[0]
    assert found(bench).groups == []
    runner.claims.fail(runner.claim_one(), RAISED._replace(error_message="again"))
    (group,) = found(bench).groups
    assert (group.kind.message, group.job_ids) == ("again", [job_id])


def test_jobs_with_a_rare_tag_that_did_not_fail_are_no_failures(
    bench: Bench, runner: Holder
) -> None:
    failed = fail(bench, runner, "no", tags=("rare",))
    bench.enqueue(tags=("rare",))
    runner.claims.complete(runner.claim_one(), "1")
    (group,) = found(bench, tags=frozenset({"rare"})).groups
    assert group.job_ids == [failed]


def test_the_jobs_of_a_group_are_listed(bench: Bench, runner: Holder) -> None:
    alike = [fail(bench, runner, f"no {number}", tags=("x",)) for number in range(3)]
    fail(bench, runner, "other", tags=("x",))
    fail(bench, runner, "no 5", type="other")
    bench.jobs.cancel(bench.enqueue())
    bench.enqueue()
    waiting = runner.claim_one()
    runner.claims.retry(waiting, RAISED._replace(error_message="no 9"), 1000)
    key = failure_kind("sleep", '{"type":"ValueError","message":"no 7"}').key
    assert listed(bench, failure=key) == alike[::-1]
    for filters in (
        {"type": "sleep"},
        {"tags": frozenset("x")},
        {"statuses": frozenset({Status.FAILED, Status.CANCELED})},
        {"text": "second"},
    ):
        assert listed(bench, failure=key, **filters) == alike[::-1], filters
    ended = bench.job(alike[1]).finished_at
    assert listed(bench, failure=key, finished_after=ended) == alike[:0:-1]
    assert listed(bench, failure=key, finished_before=ended) == alike[:1]
    assert listed(bench, failure="0" * 16) == []
    assert listed(bench, failure=key, type="other") == []
    assert listed(bench, failure=key, statuses=frozenset({Status.CANCELED})) == []


def test_the_jobs_of_a_group_are_retried_and_no_others(bench: Bench, runner: Holder) -> None:
    alike = {fail(bench, runner, f"no {number}") for number in range(3)}
    other = fail(bench, runner, "other")
    canceled = bench.enqueue()
    bench.jobs.cancel(canceled)
    bulk = Bulk(bench.store.database, bench.store.wakeup, bench.clock)
    key = failure_kind("sleep", '{"type":"ValueError","message":"no 7"}').key
    assert bulk.retry(Filters(failure=key), None, dry_run=True).matched == 3
    done = bulk.retry(Filters(failure=key), None, dry_run=False)
    assert (done.matched, done.changed, done.next) == (3, 3, None)
    assert {*listed(bench, statuses=frozenset({Status.QUEUED}))} == alike
    assert bench.job(other).status == Status.FAILED
    assert bench.job(canceled).status == Status.CANCELED
    assert bulk.cancel(Filters(failure=key), None, dry_run=False).matched == 0
