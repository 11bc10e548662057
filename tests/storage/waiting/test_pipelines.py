"""Batches whose jobs wait for each other, in any order of the batch."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import pytest

from storage.batch_submission import Batches
from storage.records.attempt_outcome import AttemptOutcome
from storage.records.batch import Batch, BatchRefused, NewBatch
from storage.records.ids import id_in_batch, new_batch_id
from storage.records.job import NewJob
from storage.records.states import Status
from storage.store import MissingPredecessors
from storage.waiting.reactions import react_to_ended
from tests.support.stores import Bench, Holder

RETURNED = AttemptOutcome("returned")


@pytest.fixture
def batches(bench: Bench) -> Batches:
    return Batches(bench.store.database, bench.store.wakeup, bench.clock, bench.jobs)


def pipeline(*after: Sequence[int], **options: dict[str, Any]) -> NewBatch:
    """A batch in which each job waits for those at the given indexes; `_2` has options of job 2."""
    batch_id = new_batch_id()
    templates = []
    for index, before in enumerate(after):
        ids = tuple(id_in_batch(batch_id, each) for each in before)
        own = options.get(f"_{index}", {})
        templates.append(NewJob("sleep", {}, batch_id=batch_id, after=ids, **own))
    jobs = [(index, index, "{}") for index in range(len(after))]
    names = {f"job-{index}": index for index in range(len(after))}
    return NewBatch(batch_id, templates, jobs, [], is_atomic=True, names=names)


def refuse(index: int, reason: Any, job: NewJob) -> dict[str, Any]:
    return {"index": index, "reason": reason}


def ids(batch: Batch | NewBatch, count: int) -> list[UUID]:
    return [id_in_batch(batch.id, index) for index in range(count)]


def react(bench: Bench) -> None:
    while react_to_ended(bench.store.database, bench.store.wakeup, bench.clock):
        pass


def run_all(bench: Bench, runner: Holder, count: int) -> list[UUID]:
    """Run so many jobs to their ends, one at a time; return their ids in this order."""
    ran = []
    for _ in range(count):
        (job,) = runner.claims.claim(1)
        runner.claims.complete(job.fence, f'"{job.id}"', RETURNED)
        ran.append(job.id)
        react(bench)
    assert runner.claims.claim(1) == []
    return ran


def test_the_jobs_of_a_batch_run_after_each_other(bench: Bench, batches: Batches) -> None:
    batch = batches.add(pipeline([1, 2], [3], [3], []), refuse)
    last, left, right, first = ids(batch, 4)
    assert bench.job(last).status == Status.QUEUED
    assert run_all(bench, bench.runner(), 4) == [first, left, right, last]


def test_a_chain_is_stored_that_is_longer_than_what_is_stored_at_once(
    bench: Bench, batches: Batches, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.batch_submission._AT_ONCE", 3)
    batch = batches.add(pipeline(*([n + 1] for n in range(7)), []), refuse)
    assert run_all(bench, bench.runner(), 8) == ids(batch, 8)[::-1]


def test_a_job_gets_the_result_of_another_of_its_batch(bench: Bench, batches: Batches) -> None:
    sent = pipeline([1], [], _1={"tags": ("x",)})
    sent.templates[0].__dict__["input_from"] = id_in_batch(sent.id, 1)
    second, first = ids(batches.add(sent, refuse), 2)
    assert run_all(bench, bench.runner(), 2) == [first, second]
    assert bench.job(second).payload["input"] == str(first)


def test_a_canceled_job_cancels_those_of_its_batch_that_follow(
    bench: Bench, batches: Batches
) -> None:
    first, *rest = ids(batches.add(pipeline([], [0], [1], [0]), refuse), 4)
    bench.jobs.cancel(first)
    react(bench)
    assert {bench.job(each).status for each in rest} == {Status.CANCELED}


def test_a_refused_job_of_a_batch_is_missing_for_those_that_follow(
    bench: Bench, batches: Batches
) -> None:
    sent = pipeline([1], [2], [], _2={"queue": "nowhere"})
    with pytest.raises(BatchRefused) as refused:
        batches.add(sent, refuse)
    third, second, _ = (each["reason"] for each in refused.value.refusals)
    assert third == MissingPredecessors((id_in_batch(sent.id, 1),))
    assert second == MissingPredecessors((id_in_batch(sent.id, 2),))
    assert bench.jobs.get(id_in_batch(sent.id, 2)) is None


def test_a_job_follows_another_of_its_batch_with_the_same_key(
    bench: Bench, batches: Batches
) -> None:
    key = {"unique_key": "k", "if_exists": "replace", "replaces_all": True}
    sent = pipeline([], [], [1], _0=key, _1=key)
    replaced, first, second = ids(batches.add(sent, refuse), 3)
    assert bench.job(replaced).status == Status.CANCELED
    assert run_all(bench, bench.runner(), 2) == [first, second]


def test_a_repeated_batch_has_its_names(bench: Bench, batches: Batches) -> None:
    sent = pipeline([], [0])
    keyed = NewBatch(**{**vars(sent), "key": ("k", "same")})
    again = NewBatch(**{**vars(pipeline([], [0])), "key": ("k", "same")})
    assert batches.add(keyed, refuse).names == {"job-0": 0, "job-1": 1}
    stored = batches.add(again, refuse)
    assert (stored.id, stored.names) == (sent.id, {"job-0": 0, "job-1": 1})
