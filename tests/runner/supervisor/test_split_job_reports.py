"""Plans and progress of parts, also of job processes that report nonsense."""

import json
from typing import Any

import pytest

from runner.supervisor.split_jobs import check_plan, sum_progress

PART = {"spec": 1, "progress": {}}


@pytest.mark.parametrize("plan", [[], [PART], [PART] * 1000])
def test_a_list_of_parts_is_a_plan(plan: Any) -> None:
    assert check_plan(plan, 0, 10) is None


WRONG_PROGRESS: tuple[Any, ...] = (None, 1, [], "x")
NO_PLANS: list[Any] = [
    *(5, None, "ab", {"spec": 1}, [1, 2], [{}], [PART, {**PART, "more": 1}], [[]], [PART] * 1001),
    *([{"spec": 1, "progress": progress}] for progress in WRONG_PROGRESS),
]


@pytest.mark.parametrize("plan", NO_PLANS)
def test_anything_else_is_no_plan(plan: Any) -> None:
    assert check_plan(plan, 0, 10) is not None


def test_a_large_file_may_have_more_parts() -> None:
    assert check_plan([PART] * 1400, 1000, 10) is None
    assert check_plan([PART] * 1401, 1000, 10) is not None


@pytest.mark.parametrize("first", [{"a": 1e308}, {"a": 10**308}, {"b": {"a": 1e308}}])
def test_sums_that_json_cannot_hold_are_left_out(first: dict[str, Any]) -> None:
    total = sum_progress([{**first, "c": 1}, {**first, "c": 2}, {"a": 0.5}])
    assert total["c"] == 3
    assert "Infinity" not in json.dumps(total, allow_nan=False)


def test_names_with_values_of_different_kinds_are_left_out() -> None:
    assert sum_progress([{"a": 1, "b": {"c": 1}}, {"a": "x", "b": 2}, {"a": True}]) == {}
