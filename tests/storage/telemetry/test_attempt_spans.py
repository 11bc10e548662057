"""Trace data in the store, and when the end of an attempt is reported to tracing."""

import contextlib
from uuid import UUID

import pytest

from storage.records.attempt_ends import Settled, SettledAttempt, SettledPublisher
from storage.records.job import Fence, Outcome, StoreInDoubt
from storage.records.states import Status
from storage.records.trace_context import ATTEMPT, WAIT, TraceOrigin, attempt_traceparent, span_id
from tests.support.stores import RAISED, RETURNED, Bench, Holder, die

TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
JOB = UUID("01a21054-ecc3-7788-9e49-c6d97d1c0c65")


def reported_ends(*ends: SettledPublisher) -> list[SettledAttempt]:
    """A list that grows with each end that the observers report."""
    reported: list[SettledAttempt] = []

    def hear(end: Settled) -> None:
        assert isinstance(end, SettledAttempt)
        reported.append(end)

    for each in ends:
        each.subscriber = hear
    return reported


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


def test_the_ends_of_traced_attempts_are_reported_after_the_commit(bench: Bench) -> None:
    job_id, runner = bench.enqueue(traceparent=TRACEPARENT, max_retries=1), bench.runner()
    reported = reported_ends(runner.claims.settled)
    fence = runner.claim_one()
    with runner.claims.transaction():
        runner.claims.retry(fence, RAISED, 0)
        assert reported == []
    with runner.claims.transaction():
        (job,) = runner.claims.claim(1)
    with runner.claims.transaction():
        runner.claims.complete(job.fence, "null", RETURNED)
    ends = [(each.fence.job_id, each.fence.attempt, each.end, each.status) for each in reported]
    assert ends == [
        (job_id, 1, RAISED, Status.QUEUED),
        (job_id, 2, RETURNED, Status.SUCCEEDED),
    ]


def test_attempts_without_a_trace_are_not_reported(bench: Bench) -> None:
    bench.enqueue()
    runner = bench.runner()
    reported = reported_ends(runner.claims.settled)
    with runner.claims.transaction():
        runner.claims.complete(runner.claim_one(), "null", RETURNED)
    assert reported == []


def test_an_end_that_is_rolled_back_is_not_reported(bench: Bench) -> None:
    runner = held(bench)
    reported = reported_ends(runner.claims.settled)
    (job,) = runner.claims.held()
    with contextlib.suppress(ZeroDivisionError), runner.claims.transaction():
        assert runner.claims.complete(job.fence, "null", RETURNED)
        raise ZeroDivisionError
    with runner.claims.transaction():
        pass
    assert reported == []


def test_an_end_that_comes_too_late_is_not_reported(bench: Bench) -> None:
    runner = held(bench)
    reported = reported_ends(runner.claims.settled)
    (job,) = runner.claims.held()
    with runner.claims.transaction():
        runner.claims.release(job.fence)
        assert not runner.claims.complete(job.fence, "null", RETURNED)
    assert [each.end.outcome for each in reported] == [Outcome.RELEASED]


def test_a_lost_attempt_is_reported_by_its_rescuer(bench: Bench) -> None:
    dead, rescuer = held(bench), bench.runner()
    (job,) = dead.claims.held()
    reported = reported_ends(rescuer.rescuer.settled)
    bench.clock.forward(3)
    die(bench, dead)
    assert rescuer.rescuer.rescue() == 1
    (end,) = reported
    assert (end.fence, end.fence.trace_origin) == (job.fence, job.fence.trace_origin)
    assert (end.end.outcome, end.status, end.at) == (
        Outcome.LOST,
        Status.QUEUED,
        bench.clock(),
    )


def held(bench: Bench) -> Holder:
    """A runner that holds a traced job."""
    bench.enqueue(traceparent=TRACEPARENT)
    runner = bench.runner()
    runner.claim_one()
    return runner


def test_an_end_with_an_uncertain_commit_is_reported() -> None:
    ends = SettledPublisher()
    reported, fence = (
        reported_ends(ends),
        Fence(JOB, "me", 1, trace_origin=TraceOrigin(TRACEPARENT, 0)),
    )
    with contextlib.suppress(StoreInDoubt), ends.publish_after_commit():
        ends.record(fence, RETURNED, Status.SUCCEEDED, 5)
        raise StoreInDoubt
    assert reported == [SettledAttempt(fence, RETURNED, Status.SUCCEEDED, 5)]


def test_each_span_has_its_own_reproducible_id() -> None:
    ids = [span_id(kind, JOB, attempt) for kind in (WAIT, ATTEMPT) for attempt in (1, 2)]
    assert len(set(ids)) == 4
    assert ids[2] == span_id(ATTEMPT, JOB, 1)
    named = f"00-4bf92f3577b34da6a3ce929d0e0e4736-{ids[2]:016x}-01"
    assert attempt_traceparent(TRACEPARENT, JOB, 1) == named
