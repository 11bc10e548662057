"""At most one job at a time holds a unique key, whoever submits, claims, ends or retries jobs."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import pytest

from storage.db.models import CounterRow, JobRow, KeyRow
from storage.jobs.idempotency import KeyedJob, StoredKey
from storage.jobs.retention import delete_job
from storage.jobs.unique_keys import HOLDS_KEY, KeyHolder
from storage.records.filters import Filters
from storage.records.job import NewJob, Upload
from storage.records.states import Status
from storage.store import Refusal, Refused
from tests.support.stores import RAISED, RETURNED, Bench


def submit(bench: Bench, **options: Any) -> UUID | Refused:
    """Submit a job with the key k; return its id, or why it was not stored."""
    (stored,) = bench.jobs.enqueue([new_job(**options)])
    return stored


def new_job(**options: Any) -> NewJob:
    return NewJob("sleep", {"seconds": 1}, **{"unique_key": "k", **options})


def accepted(bench: Bench, **options: Any) -> UUID:
    stored = submit(bench, **options)
    assert isinstance(stored, UUID)
    return stored


def holders(bench: Bench) -> list[UUID]:
    """The ids of the jobs that hold a key."""
    return [row["id"] for row in bench.store.database.rows(JobRow.select().where(HOLDS_KEY))]


def counts(bench: Bench) -> dict[str, int]:
    """The counters of unique keys."""
    rows = bench.store.database.rows(CounterRow.select().where(CounterRow.value > 0))
    return {row["name"]: row["value"] for row in rows if row["name"].startswith("unique ")}


@pytest.mark.parametrize(
    ("scope", "held"),
    [
        ("queued", [True, False, False, False]),
        ("running", [True, True, True, False]),
        ("final", [True, True, True, True]),
        (None, [True, True, True, False]),
    ],
)
def test_a_job_holds_its_key_as_long_as_its_scope_says(
    bench: Bench, scope: str | None, held: list[bool]
) -> None:
    job_id, runner = accepted(bench, unique_scope=scope, max_retries=1), bench.runner()
    found = [holders(bench) == [job_id]]
    fence = runner.claim_one()
    found.append(holders(bench) == [job_id])
    runner.claims.retry(fence, RAISED, 0)
    found.append(holders(bench) == [job_id])
    fence = runner.claim_one()
    runner.claims.complete(fence, "1", RETURNED)
    found.append(holders(bench) == [job_id])
    assert found == held
    if held[-1]:
        assert submit(bench) == KeyHolder(job_id, Status.SUCCEEDED, "k", "final")
        delete_job(bench.store.database, job_id)
    assert holders(bench) == []
    accepted(bench)


def test_a_second_job_is_refused_and_told_the_first(bench: Bench) -> None:
    first = accepted(bench)
    for options in ({}, {"if_exists": "refuse"}, {"unique_scope": "queued"}):
        assert submit(bench, **options) == KeyHolder(first, Status.QUEUED, "k", "running")
    accepted(bench, unique_key="other")
    assert len(bench.jobs.list(Filters(), 10).jobs) == 2
    assert counts(bench) == {"unique refused": 3}


def test_a_second_job_can_ask_for_the_first(bench: Bench) -> None:
    first = accepted(bench)
    upload = Upload(UUID(int=1), "a.log", 3, "0" * 64)
    found = submit(bench, if_exists="return", upload=upload)
    assert found == KeyHolder(first, Status.QUEUED, "k", "running", is_answer=True)
    bench.runner().claim_one()
    found = submit(bench, if_exists="return", upload=upload)
    assert isinstance(found, KeyHolder)
    assert found.status == "running"
    assert counts(bench) == {"unique returned": 2}
    accepted(bench, unique_key="other", upload=upload)  # its id is still free


def test_a_second_job_can_replace_a_queued_one(bench: Bench) -> None:
    first = accepted(bench)
    second = accepted(bench, if_exists="replace", replaces_all=True)
    old = bench.job(first)
    assert (old.status, old.error and old.error["type"]) == ("canceled", "Replaced")
    assert str(second) in (old.error or {})["message"]
    assert holders(bench) == [second]
    assert counts(bench) == {"unique replaced": 1}
    assert bench.runner().claim_one().job_id == second


def test_a_running_job_is_never_replaced(bench: Bench) -> None:
    first = accepted(bench)
    bench.runner().claim_one()
    found = submit(bench, if_exists="replace", replaces_all=True)
    assert found == KeyHolder(first, Status.RUNNING, "k", "running")
    assert bench.job(first).cancel_requested_at is None


def test_a_caller_replaces_only_jobs_of_its_own(bench: Bench) -> None:
    first = accepted(bench, submitted_by="ci")
    assert isinstance(submit(bench, if_exists="replace", submitted_by="other"), KeyHolder)
    assert isinstance(submit(bench, if_exists="replace"), KeyHolder)
    assert bench.job(first).status == "queued"
    accepted(bench, if_exists="replace", submitted_by="ci")
    assert (bench.job(first).status, bench.job(first).canceled_by) == ("canceled", "ci")


def test_a_job_that_is_refused_replaces_nothing(bench: Bench) -> None:
    first = accepted(bench)
    replacing = {"if_exists": "replace", "replaces_all": True}
    assert submit(bench, queue="missing", **replacing) is Refusal.QUEUE
    assert submit(bench, source=UUID(int=1), **replacing) is Refusal.SOURCE
    assert bench.job(first).status == "queued"


def test_jobs_that_are_stored_together_hold_one_key_one_after_the_other(bench: Bench) -> None:
    replacing = {"if_exists": "replace", "replaces_all": True}
    jobs = [
        new_job(),
        new_job(),
        new_job(unique_key=None),
        new_job(if_exists="return"),
        new_job(**replacing),
        new_job(**replacing),
        new_job(unique_key="other"),
    ]
    stored = bench.jobs.enqueue(jobs)
    first = jobs[0].id
    assert stored[0] == first
    assert stored[1] == KeyHolder(first, Status.QUEUED, "k", "running")
    assert stored[3] == KeyHolder(first, Status.QUEUED, "k", "running", is_answer=True)
    for number in (2, 4, 5, 6):
        assert stored[number] == jobs[number].id
    statuses = [bench.job(jobs[number].id).status for number in (0, 2, 4, 5, 6)]
    assert statuses == ["canceled", "queued", "canceled", "queued", "queued"]
    assert set(holders(bench)) == {jobs[5].id, jobs[6].id}


def keyed(key: str, **options: Any) -> KeyedJob:
    return KeyedJob(key, "print", new_job(**options))


def test_the_idempotency_key_of_a_refused_job_is_free_again(bench: Bench) -> None:
    first = accepted(bench)
    (refused,) = bench.jobs.enqueue_once([keyed("a")])
    assert isinstance(refused, KeyHolder)
    bench.jobs.cancel(first)
    again = keyed("a")
    assert bench.jobs.enqueue_once([again]) == [StoredKey(again.job.id, "print")]


def test_the_idempotency_key_of_an_answered_job_stands_for_the_answer(bench: Bench) -> None:
    first = accepted(bench)
    (answered,) = bench.jobs.enqueue_once([keyed("a", if_exists="return")])
    assert isinstance(answered, KeyHolder)
    bench.jobs.cancel(first)
    again = bench.jobs.enqueue_once([keyed("a", if_exists="return")])
    assert again == [StoredKey(first, "print")]
    delete_job(bench.store.database, first)
    assert bench.store.database.rows(KeyRow.select()) == []


def test_a_retry_is_refused_while_another_job_holds_the_key(bench: Bench) -> None:
    first = accepted(bench)
    bench.jobs.cancel(first)
    second = accepted(bench)
    retried, job = bench.jobs.retry(first)
    assert retried == KeyHolder(second, Status.QUEUED, "k", "running")
    assert job
    assert job.status == "canceled"
    bench.jobs.cancel(second)
    assert bench.jobs.retry(first)[0] is True
    assert holders(bench) == [first]
    assert bench.jobs.retry(second)[0] == KeyHolder(first, Status.QUEUED, "k", "running")


def test_a_job_that_holds_its_key_forever_can_be_retried(bench: Bench) -> None:
    job_id = accepted(bench, unique_scope="final")
    bench.jobs.cancel(job_id)
    assert bench.jobs.retry(job_id)[0] is True


def test_a_job_whose_key_was_taken_while_it_ran_still_gets_its_retries(bench: Bench) -> None:
    first, runner = accepted(bench, unique_scope="queued"), bench.runner()
    fence = runner.claim_one()
    second = accepted(bench, unique_scope="queued")
    runner.claims.retry(fence, RAISED, 0)
    assert bench.job(first).status == "queued"
    assert holders(bench) == [second]


def test_two_submissions_at_the_same_time_make_one_job(bench: Bench) -> None:
    def submit_often() -> int:
        return sum(isinstance(submit(bench), UUID) for _ in range(20))

    with ThreadPoolExecutor(4) as threads:
        made = list(threads.map(lambda _: bench.elsewhere(submit_often), range(4)))
    assert sum(made) == 1
