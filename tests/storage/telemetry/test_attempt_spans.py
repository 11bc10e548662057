"""Trace data in the store, and when the end of an attempt is reported to tracing."""

import contextlib
from collections.abc import Iterator
from uuid import UUID

import pytest

from storage.claiming import rescue
from storage.jobs.transitions import Settlement
from storage.records.job import StoreInDoubt
from storage.records.states import RETRY
from storage.records.trace_context import ATTEMPT, WAIT, TraceOrigin, attempt_traceparent, span_id
from tests.support.claims_in_steps import completed
from tests.support.stores import RAISED, Bench, Holder, die

TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
JOB = UUID("01a21054-ecc3-7788-9e49-c6d97d1c0c65")


def test_a_job_stores_the_traceparent_of_its_trace(bench: Bench) -> None:
    traced, plain = bench.enqueue(traceparent=TRACEPARENT), bench.enqueue()
    assert bench.job(traced).traceparent == TRACEPARENT
    assert bench.job(plain).traceparent is None
    claimed = {job.id: job.fence.trace_origin for job in bench.runner().claims.claim(2)}
    assert claimed == {traced: TraceOrigin(TRACEPARENT, bench.clock()), plain: None}


@pytest.mark.parametrize(("run_at", "waits"), [(-5000, 2000), (1000, 1000)])
def test_a_wait_begins_when_the_job_is_stored_and_due(
    bench: Bench, run_at: int, waits: int
) -> None:
    bench.enqueue(traceparent=TRACEPARENT, run_at=bench.clock() + run_at)
    bench.clock.forward(2)
    (job,) = bench.runner().claims.claim(1)
    assert job.fence.trace_origin
    assert bench.clock() - job.fence.trace_origin.due_at == waits


def test_the_ends_of_traced_attempts_are_listed(bench: Bench) -> None:
    job_id, runner = bench.enqueue(traceparent=TRACEPARENT, max_retries=1), bench.runner()
    claims, fence = runner.claims, runner.claim_one()
    retry = Settlement(RETRY, fence, RAISED, delay_ms=0)
    claims.settle_and_claim([retry])
    assert claims.traced == [(retry, bench.clock())]
    (job,) = claims.settle_and_claim(limit=1).jobs.jobs()
    complete = completed(job.fence)
    claims.settle_and_claim([complete])
    assert claims.traced == [(complete, bench.clock())]
    assert (complete.fence.job_id, complete.fence.attempt) == (job_id, 2)
    claims.settle_and_claim()
    assert claims.traced == []


def test_attempts_without_a_trace_are_not_listed(bench: Bench) -> None:
    bench.enqueue()
    runner = bench.runner()
    assert runner.claims.settle_and_claim([completed(runner.claim_one())]).accepted == [True]
    assert runner.claims.traced == []


def test_an_end_that_comes_too_late_is_not_listed(bench: Bench) -> None:
    runner = held(bench)
    (job,) = runner.claims.held()
    runner.claims.release(job.fence)
    assert runner.claims.settle_and_claim([completed(job.fence)]).accepted == [False]
    assert runner.claims.traced == []


def test_a_lost_attempt_is_listed_by_its_rescuer(bench: Bench) -> None:
    dead, rescuer = held(bench), bench.runner()
    (job,) = dead.claims.held()
    bench.clock.forward(3)
    die(bench, dead)
    assert rescuer.rescuer.rescue() == 1
    ((end, at),) = rescuer.rescuer.traced
    assert (end.fence, end.fence.trace_origin) == (job.fence, job.fence.trace_origin)
    assert (end.outcome.kind, end.transition.target, at) == ("lost", "queued", bench.clock())
    assert rescuer.rescuer.rescue() == 0
    assert rescuer.rescuer.traced == []


def held(bench: Bench) -> Holder:
    """A runner that holds a traced job."""
    bench.enqueue(traceparent=TRACEPARENT)
    runner = bench.runner()
    runner.claim_one()
    return runner


def test_an_end_with_an_uncertain_commit_is_listed(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    runner = held(bench)
    (job,) = runner.claims.held()

    @contextlib.contextmanager
    def in_doubt() -> Iterator[None]:
        yield
        raise StoreInDoubt

    monkeypatch.setattr(bench.store.database, "transaction", in_doubt)
    monkeypatch.setattr(bench.store.database, "change_each_guarded", lambda *_: [True])
    with pytest.raises(StoreInDoubt):
        runner.claims.settle_and_claim([completed(job.fence)])
    assert [end.fence for end, _ in runner.claims.traced] == [job.fence]


def test_a_lost_attempt_whose_commit_is_uncertain_is_listed_by_its_rescuer(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    dead, rescuer = held(bench), bench.runner().rescuer
    (job,) = dead.claims.held()
    die(bench, dead)

    @contextlib.contextmanager
    def in_doubt(*args: object) -> Iterator[list[str]]:
        with bench.store.database.transaction():
            yield []
        raise StoreInDoubt

    monkeypatch.setattr(rescue, "notifying_transaction", in_doubt)
    with pytest.raises(StoreInDoubt):
        rescuer.rescue()
    assert [end.fence for end, _ in rescuer.traced] == [job.fence]


def test_each_span_has_its_own_reproducible_id() -> None:
    ids = [span_id(kind, JOB, attempt) for kind in (WAIT, ATTEMPT) for attempt in (1, 2)]
    assert len(set(ids)) == 4
    assert ids[2] == span_id(ATTEMPT, JOB, 1)
    named = f"00-4bf92f3577b34da6a3ce929d0e0e4736-{ids[2]:016x}-01"
    assert attempt_traceparent(TRACEPARENT, JOB, 1) == named
