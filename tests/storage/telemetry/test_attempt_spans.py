"""What the store keeps for traces, and when it tells of the end of an attempt."""

import contextlib
from uuid import UUID

import pytest

from storage.records.attempt_ends import Settled, SettledAttempt, SettledPublisher
from storage.records.job import AttemptOutcome, Fence, StoreInDoubt
from storage.records.states import Status
from storage.records.trace_context import ATTEMPT, WAIT, TraceOrigin, attempt_traceparent, span_id
from tests.support.stores import RAISED, RETURNED, Bench, Holder, die

TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
JOB = UUID("01a21054-ecc3-7788-9e49-c6d97d1c0c65")


def heard(*ends: SettledPublisher) -> list[SettledAttempt]:
    """What is told from now on."""
    told: list[SettledAttempt] = []

    def hear(end: Settled) -> None:
        assert isinstance(end, SettledAttempt)
        told.append(end)

    for each in ends:
        each.subscriber = hear
    return told


def test_a_job_keeps_where_its_trace_goes_on(bench: Bench) -> None:
    traced, plain = bench.enqueue(traceparent=TRACEPARENT), bench.enqueue()
    assert bench.job(traced).traceparent == TRACEPARENT
    assert bench.job(plain).traceparent is None
    claimed = {job.id: job.fence.trace_origin for job in bench.runner().claims.claim(2)}
    assert claimed == {traced: TraceOrigin(TRACEPARENT, bench.clock()), plain: None}


@pytest.mark.parametrize(("run_at", "waits"), [(-5000, 2000), (1000, 1000)])
def test_a_wait_begins_when_the_job_is_due_and_there(bench: Bench, run_at: int, waits: int) -> None:
    bench.enqueue(traceparent=TRACEPARENT, run_at=bench.clock() + run_at)
    bench.clock.forward(2)
    (job,) = bench.runner().claims.claim(1)
    assert job.fence.trace_origin
    assert bench.clock() - job.fence.trace_origin.due_at == waits


def test_the_ends_of_traced_attempts_are_told_once_they_are_stored(bench: Bench) -> None:
    job_id, runner = bench.enqueue(traceparent=TRACEPARENT, max_retries=1), bench.runner()
    told = heard(runner.claims.settled)
    fence = runner.claim_one()
    with runner.claims.transaction():
        runner.claims.retry(fence, RAISED, 0)
        assert told == []
    with runner.claims.transaction():
        (job,) = runner.claims.claim(1)
    with runner.claims.transaction():
        runner.claims.complete(job.fence, "null", RETURNED)
    ends = [(each.fence.job_id, each.fence.attempt, each.end, each.status) for each in told]
    assert ends == [
        (job_id, 1, RAISED, Status.QUEUED),
        (job_id, 2, RETURNED, Status.SUCCEEDED),
    ]


def test_jobs_without_a_trace_are_not_told_of(bench: Bench) -> None:
    bench.enqueue()
    runner = bench.runner()
    told = heard(runner.claims.settled)
    with runner.claims.transaction():
        runner.claims.complete(runner.claim_one(), "null", RETURNED)
    assert told == []


def test_what_was_not_stored_is_not_told(bench: Bench) -> None:
    runner = held(bench)
    told = heard(runner.claims.settled)
    (job,) = runner.claims.held()
    with contextlib.suppress(ZeroDivisionError), runner.claims.transaction():
        assert runner.claims.complete(job.fence, "null", RETURNED)
        raise ZeroDivisionError
    with runner.claims.transaction():
        pass
    assert told == []


def test_an_end_that_comes_too_late_is_not_told(bench: Bench) -> None:
    runner = held(bench)
    told = heard(runner.claims.settled)
    (job,) = runner.claims.held()
    with runner.claims.transaction():
        runner.claims.release(job.fence)
        assert not runner.claims.complete(job.fence, "null", RETURNED)
    assert [each.end.outcome for each in told] == [AttemptOutcome.RELEASED]


def test_an_attempt_that_was_lost_is_told_by_who_rescues_it(bench: Bench) -> None:
    dead, rescuer = held(bench), bench.runner()
    (job,) = dead.claims.held()
    told = heard(rescuer.rescuer.settled)
    bench.clock.forward(3)
    die(bench, dead)
    assert rescuer.rescuer.rescue() == 1
    (end,) = told
    assert (end.fence, end.fence.trace_origin) == (job.fence, job.fence.trace_origin)
    assert (end.end.outcome, end.status, end.at) == (
        AttemptOutcome.LOST,
        Status.QUEUED,
        bench.clock(),
    )


def held(bench: Bench) -> Holder:
    """A runner with a traced job."""
    bench.enqueue(traceparent=TRACEPARENT)
    runner = bench.runner()
    runner.claim_one()
    return runner


def test_what_may_have_been_stored_is_told() -> None:
    ends = SettledPublisher()
    told, fence = heard(ends), Fence(JOB, "me", 1, trace_origin=TraceOrigin(TRACEPARENT, 0))
    with contextlib.suppress(StoreInDoubt), ends.publish_after_commit():
        ends.record(fence, RETURNED, Status.SUCCEEDED, 5)
        raise StoreInDoubt
    assert told == [SettledAttempt(fence, RETURNED, Status.SUCCEEDED, 5)]


def test_each_span_has_an_id_of_its_own_that_anybody_can_tell() -> None:
    ids = [span_id(kind, JOB, attempt) for kind in (WAIT, ATTEMPT) for attempt in (1, 2)]
    assert len(set(ids)) == 4
    assert ids[2] == span_id(ATTEMPT, JOB, 1)
    named = f"00-4bf92f3577b34da6a3ce929d0e0e4736-{ids[2]:016x}-01"
    assert attempt_traceparent(TRACEPARENT, JOB, 1) == named
