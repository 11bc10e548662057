"""The waits before the retries of a job, as its submission says."""

from typing import Any

import pytest

from storage.records.backoff import seconds_before_retry


@pytest.mark.parametrize(
    ("backoff", "expected"),
    [
        (30, [30, 30, 30]),
        (0, [0, 0, 0]),
        ([1, 10.5, 60], [1, 10.5, 60, 60, 60]),
        ({"base": 2, "factor": 3, "max": 60}, [2, 6, 18, 54, 60, 60]),
        ({"base": 0, "factor": 10, "max": 60}, [0, 0]),
    ],
)
def test_the_wait_follows_the_backoff(backoff: Any, expected: list[float]) -> None:
    waits = [seconds_before_retry(backoff, count + 1) for count in range(len(expected))]
    assert waits == expected


def test_late_retries_wait_for_the_longest_time() -> None:
    assert seconds_before_retry({"base": 1, "factor": 10, "max": 3600}, 10**6) == 3600
