"""The checks of a run notice jobs that are lost or wrong."""

from typing import Any

import pytest

from tests.system.releases.load import Submitted, find_wrong

SLEPT = Submitted("j1", "succeeded", {"slept": 1})
COUNTED = Submitted("j2", "succeeded", {"ERROR": 5})
CANCELED = Submitted("j3", "canceled", None)


@pytest.mark.parametrize(
    ("expected", "job", "wrong"),
    [
        (SLEPT, {"status": "succeeded", "result": {"slept": 1}}, ""),
        (COUNTED, {"status": "succeeded", "result": {"counts": {"ERROR": 5}, "lines": 9}}, ""),
        (CANCELED, {"status": "canceled", "result": None}, ""),
        (SLEPT, None, "is lost"),
        (SLEPT, {"status": "queued", "result": None}, "is queued, not succeeded"),
        (SLEPT, {"status": "succeeded", "result": {"slept": 2}}, "has the result"),
        (COUNTED, {"status": "succeeded", "result": {"counts": {"ERROR": 4}}}, "has the result"),
        (CANCELED, {"status": "succeeded", "result": {}}, "is succeeded, not canceled"),
    ],
)
def test_a_lost_or_wrong_job_is_named(
    expected: Submitted, job: dict[str, Any] | None, wrong: str
) -> None:
    found = find_wrong(expected, job)
    assert [wrong in text for text in found] == ([True] if wrong else [])
