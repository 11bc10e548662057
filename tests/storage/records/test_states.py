"""The state table: every transition, from every status, by the holder and by others."""

from dataclasses import replace
from itertools import product
from typing import Any
from uuid import UUID

import pytest

from storage.db.models import JobRow
from storage.jobs.transitions import Settlement, Transitions
from storage.records.job import Fence
from storage.records.states import (
    CANCEL,
    CLAIM,
    FINAL,
    REQUEST_CANCEL,
    REQUEUE,
    RESCHEDULE,
    TRANSITIONS,
    Status,
    Transition,
)
from tests.support.stores import CANCELED, RAISED, RETURNED, Bench


def job_in_status(bench: Bench, status: Status, cancel_requested: bool) -> tuple[UUID, Fence]:
    """Create a job in a status, and return it with the fence of its last holder."""
    job_id = bench.enqueue()
    if status is Status.QUEUED:
        return job_id, Fence(job_id, "nobody", 1)
    if status is Status.CANCELED and not cancel_requested:
        bench.jobs.cancel(job_id)
        return job_id, Fence(job_id, "nobody", 1)
    runner = bench.runner()
    fence = runner.claim_one()
    if status is Status.FAILED:
        runner.claims.fail(fence, RAISED)
    if cancel_requested or status is Status.CANCELED:
        bench.jobs.cancel(job_id)
    if status is Status.SUCCEEDED:
        runner.claims.complete(fence, "1", RETURNED)
    if status is Status.CANCELED:
        runner.claims.confirm_cancel(fence, CANCELED)
    assert bench.job(job_id).status is status
    return job_id, fence


def apply_transition(bench: Bench, transition: Transition, fence: Fence) -> bool:
    """Apply only the transition, with the values that its target status needs."""
    transitions = Transitions(bench.store.database)
    if transition.fenced:
        with bench.store.database.transaction():
            return transitions.settle([Settlement(transition, fence, RAISED)], bench.clock())[0]
    claimed: dict[str, Any] = {"locked_by": "runner", "attempt": 1}
    extra: dict[str, Any] = {CLAIM: claimed, REQUEUE: {"finished_at": None}}.get(transition, {})
    with bench.store.database.transaction():
        return transitions.apply(transition, fence.job_id, bench.clock(), **extra)


@pytest.mark.heavy
@pytest.mark.parametrize("status", Status)
def test_a_transition_applies_only_to_its_source_statuses(bench: Bench, status: Status) -> None:
    for transition, cancel_requested in product(TRANSITIONS, (False, True)):
        job_id, fence = job_in_status(bench, status, cancel_requested)
        requested = bench.job(job_id).cancel_requested_at is not None
        wanted = transition.cancel_requested
        allowed = status in transition.sources and wanted in (None, requested)
        case = transition.name, cancel_requested
        assert apply_transition(bench, transition, fence) is allowed, case
        assert bench.job(job_id).status is (transition.target if allowed else status), case
        bench.store.database.run(JobRow.delete())  # the next case has a store of its own


HELD = [transition for transition in TRANSITIONS if transition.fenced]


@pytest.mark.heavy
@pytest.mark.parametrize("transition", HELD, ids=lambda transition: transition.name)
def test_a_fenced_transition_applies_only_for_the_holder(
    bench: Bench, transition: Transition
) -> None:
    wants_cancel = bool(transition.cancel_requested)
    job_id, fence = job_in_status(bench, Status.RUNNING, cancel_requested=wants_cancel)
    before = bench.job(job_id)
    assert not apply_transition(bench, transition, replace(fence, runner="another"))
    assert not apply_transition(bench, transition, replace(fence, attempt=fence.attempt + 1))
    assert bench.job(job_id) == before
    assert apply_transition(bench, transition, fence)


def test_only_final_statuses_cannot_be_left_without_a_client() -> None:
    others = [transition for transition in TRANSITIONS if transition is not REQUEUE]
    assert {source for each in others for source in each.sources} == set(Status) - FINAL
    assert REQUEUE.sources == FINAL - {Status.SUCCEEDED}


def test_the_transitions_without_a_fence_are_claim_cancel_requeue_and_reschedule() -> None:
    free = {transition for transition in TRANSITIONS if not transition.fenced}
    assert free == {CLAIM, RESCHEDULE, CANCEL, REQUEST_CANCEL, REQUEUE}
