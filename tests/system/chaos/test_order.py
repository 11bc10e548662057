"""The checker of chaos runs finds a job that started before others, or without their results."""

import json
from dataclasses import replace

import pytest

from tests.system.chaos.history import Acknowledged, Change, History
from tests.system.chaos.order import check_inputs, check_order


def change(job_id: str, status: str, version: int, client_retries: int = 0) -> Change:
    return Change(
        "update", job_id, status, 1, None, 0, 1, False, version, client_retries=client_retries
    )


AGAIN = [
    ("a", "failed", 5, 0),
    ("b", "canceled", 6, 0),
    ("a", "queued", 7, 1),
    ("b", "queued", 8, 1),
]
"""A job that was canceled with its predecessor, and a retry of both."""


@pytest.mark.parametrize(
    ("entries", "runs_anyway", "found"),
    [
        ([("a", "succeeded", 5, 0), ("b", "running", 6, 0)], False, 0),
        ([("b", "running", 4, 0), ("a", "succeeded", 5, 0)], False, 1),
        ([("b", "running", 4, 0)], False, 1),
        ([("a", "failed", 5, 0), ("b", "running", 6, 0)], False, 1),
        ([("a", "failed", 5, 0), ("b", "running", 6, 0)], True, 0),
        ([("b", "running", 4, 0), ("a", "canceled", 5, 0)], True, 1),
        ([("a", "failed", 5, 0), ("b", "canceled", 6, 0), ("b", "running", 7, 1)], False, 1),
        ([*AGAIN, ("b", "running", 9, 1), ("a", "succeeded", 10, 1)], False, 1),
        ([*AGAIN, ("b", "running", 9, 1), ("a", "succeeded", 10, 1)], True, 1),
        ([*AGAIN, ("a", "succeeded", 9, 1), ("b", "running", 10, 1)], False, 0),
    ],
)
def test_a_start_before_the_end_of_a_predecessor_is_found(
    entries: list[tuple[str, str, int, int]], runs_anyway: bool, found: int
) -> None:
    history = History([change(*each) for each in entries])
    history.acknowledged = [Acknowledged("b", "chaos", 1, None, ("a",), runs_anyway)]
    assert [each.promise for each in check_order(history)] == ["P16"] * found


@pytest.mark.parametrize(
    ("source", "given", "runs_anyway", "found"),
    [
        ("succeeded", "r1", False, 0),
        ("succeeded", None, False, 1),
        ("succeeded", "r0", False, 1),
        ("failed", None, True, 0),
        ("failed", "r0", True, 1),
    ],
)
def test_a_success_without_the_result_of_another_job_is_found(
    source: str, given: str | None, runs_anyway: bool, found: int
) -> None:
    first = replace(change("a", source, 5), result=json.dumps({"run": "r1"}))
    second = replace(change("b", "succeeded", 7), result=json.dumps({"input": given}))
    history = History([first, second])
    history.acknowledged = [Acknowledged("b", "chaos", 1, None, ("a",), runs_anyway, "a")]
    assert [each.promise for each in check_inputs(history)] == ["P16"] * found
