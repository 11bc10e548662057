"""The result of a job becomes the field `input` of the payload of a job that waits for it."""

import json

import pytest

from storage.jobs.retention import delete_job
from storage.records.attempt_outcome import AttemptOutcome
from storage.waiting import inputs
from storage.waiting.reactions import react_to_ended
from tests.support.stores import RAISED, Bench


def react(bench: Bench) -> None:
    while react_to_ended(bench.store.database, bench.store.wakeup, bench.clock):
        pass


def complete(bench: Bench, result: str) -> None:
    runner = bench.runner()
    fence = runner.claim_one()
    runner.claims.complete(fence, result, AttemptOutcome("returned"))


@pytest.mark.parametrize("payload", [{}, {"a": {"b": "}"}}])
def test_a_result_becomes_the_input(bench: Bench, payload: dict[str, object]) -> None:
    first, other = bench.enqueue(), bench.enqueue(priority=-1)
    last = bench.enqueue(payload=payload, after=(first, other), input_from=first)
    result = {"text": 'ü "}', "list": [1, None]}
    before = bench.job(last)
    complete(bench, json.dumps(result))
    react(bench)
    job = bench.job(last)
    assert (job.payload, job.held) == ({**payload, "input": result}, True)
    assert job.version > before.version
    assert job.input_from == first
    complete(bench, "1")
    react(bench)
    assert bench.runner().claim_one().job_id == last
    assert bench.job(last).payload == {**payload, "input": result}


def test_a_job_that_has_succeeded_before_passes_its_result_on(bench: Bench) -> None:
    first = bench.enqueue()
    complete(bench, '"early"')
    last = bench.enqueue(payload={}, after=(first,), input_from=first)
    assert bench.job(last).payload == {"input": "early"}
    assert bench.runner().claim_one().job_id == last


def test_a_job_that_runs_in_any_case_gets_null_from_one_that_failed(bench: Bench) -> None:
    first, runner = bench.enqueue(), bench.runner()
    last = bench.enqueue(payload={}, after=(first,), input_from=first, on_failure="run")
    runner.claims.fail(runner.claim_one(), RAISED)
    react(bench)
    assert bench.job(last).payload == {"input": None}
    assert runner.claim_one().job_id == last


def test_a_job_whose_input_was_deleted_is_canceled(bench: Bench) -> None:
    first = bench.enqueue()
    last = bench.enqueue(payload={}, after=(first,), input_from=first)
    complete(bench, "1")
    delete_job(bench.store.database, first)
    react(bench)
    job = bench.job(last)
    assert job.error
    assert (job.status, job.error["type"], job.payload) == ("canceled", "InputDeleted", {})


def test_a_result_that_is_too_large_is_not_passed_on(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inputs, "MAX_BYTES", 5)
    first = bench.enqueue()
    fits = bench.enqueue(payload={}, after=(first,), input_from=first)
    complete(bench, '"abc"')
    second = bench.enqueue(priority=1)
    last = bench.enqueue(payload={}, after=(second,), input_from=second)
    complete(bench, '"abcd"')
    react(bench)
    assert bench.job(fits).payload == {"input": "abc"}
    job = bench.job(last)
    assert job.error
    assert (job.status, job.error["type"]) == ("canceled", "InputTooLarge")
    assert "6 bytes, at most 5" in job.error["message"]


def test_a_job_that_was_canceled_meanwhile_gets_no_input(bench: Bench) -> None:
    first = bench.enqueue()
    last = bench.enqueue(payload={}, after=(first,), input_from=first)
    bench.jobs.cancel(last)
    complete(bench, "1")
    react(bench)
    assert bench.job(last).payload == {}
