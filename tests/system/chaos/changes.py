"""Finds the transition of storage/records/states.py that a change of a job made. Pure functions."""

import json
from collections.abc import Callable
from dataclasses import replace

from storage.records.states import FINAL, TRANSITIONS, Status, Transition
from tests.system.chaos.history import Change

PROGRESS = "progress"
"""The name of a change that stores progress and is no transition."""

Rule = Callable[[Change, Change], bool]


def transition_of(before: Change, after: Change) -> str | None:
    """Return the name of the first transition that allows a change, or None."""
    if _is_sound(before, after):
        for transition in TRANSITIONS:
            if _allows(transition, before, after):
                return transition.name
        if before.status == after.status == "running" and _same(before, after):
            return PROGRESS
    return None


def _is_sound(before: Change, after: Change) -> bool:
    """Whether a change satisfies the rules that hold for all changes."""
    again = after.client_retries == before.client_retries + 1
    return (
        (after.max_retries, after.max_losses) == (before.max_retries, before.max_losses)
        and after.retry_count <= after.max_retries
        and (after.status == "failed" or after.loss_count <= after.max_losses)
        and (again or after.client_retries == before.client_retries)
        and again == (Status(before.status) in FINAL)
        and (again or after.cancel_requested >= before.cancel_requested)
        and (after.holder is not None) == (after.status == "running")
        and (after.result is not None) == (after.status == "succeeded")
    )


def _allows(transition: Transition, before: Change, after: Change) -> bool:
    required = transition.cancel_requested
    return (
        Status(before.status) in transition.sources
        and after.status == transition.target
        and (required is None or before.cancel_requested is required)
        and RULES[transition.name](before, after)
    )


def _same(before: Change, after: Change) -> bool:
    return before.cancel_requested is after.cancel_requested and _same_hold(before, after)


def _same_hold(before: Change, after: Change) -> bool:
    return before.holder == after.holder and _same_attempt(before, after)


def _same_attempt(before: Change, after: Change) -> bool:
    return before.attempt == after.attempt and _same_counts(before, after)


def _same_counts(before: Change, after: Change) -> bool:
    return before.retry_count == after.retry_count and before.loss_count == after.loss_count


def _claims(before: Change, after: Change) -> bool:
    return (
        after.attempt == before.attempt + 1
        and _same_counts(before, after)
        and not before.cancel_requested
    )


def _begins_again(before: Change, after: Change) -> bool:
    """The job is like a new one, except that its attempts are counted on."""
    fresh = (
        after.retry_count == after.loss_count == 0
        and not after.cancel_requested
        and after.error is None
    )
    return fresh and after.attempt == before.attempt


def _uses_a_retry(before: Change, after: Change) -> bool:
    return _same_attempt(replace(before, retry_count=before.retry_count + 1), after)


def _uses_a_loss(before: Change, after: Change) -> bool:
    return _same_attempt(replace(before, loss_count=before.loss_count + 1), after)


def _gives_up(before: Change, after: Change) -> bool:
    """The job has failed: it has no retries left, or its error is not retryable."""
    reason = json.loads(after.error or "null")
    spent = before.retry_count == before.max_retries
    return _same_attempt(before, after) and bool(reason) and (spent or reason["type"] in FOR_GOOD)


def _lost_too_often(before: Change, after: Change) -> bool:
    reason = json.loads(after.error or "null")
    too_many = after.loss_count == after.max_losses + 1
    return _uses_a_loss(before, after) and too_many and bool(reason) and reason["type"] == "Lost"


FOR_GOOD = ("NotRetryable",)

RULES: dict[str, Rule] = {
    "claim": _claims,
    "reschedule": _same_attempt,
    "cancel": _same_attempt,
    "requeue": _begins_again,
    "request_cancel": lambda before, after: (
        after.cancel_requested and not before.cancel_requested and _same_hold(before, after)
    ),
    "complete": lambda before, after: after.error is None and _same_attempt(before, after),
    "fail": _gives_up,
    "retry": _uses_a_retry,
    "release": _same_attempt,
    "rescue": _uses_a_loss,
    "abandon": _lost_too_often,
    "confirm_cancel": _same_attempt,
}

assert set(RULES) == {transition.name for transition in TRANSITIONS}
