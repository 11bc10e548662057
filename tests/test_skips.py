"""Which skips CI accepts."""

import pytest

from tests.support.skips import refuse_unknown_skip


@pytest.mark.parametrize(
    ("reason", "ci", "outcome"),
    [
        ("jq is not installed", "true", "failed"),
        ("this kernel has no Landlock", "true", "skipped"),
        ("jq is not installed", "", "skipped"),
    ],
)
def test_ci_refuses_to_skip_a_test_for_an_unknown_reason(
    reason: str, ci: str, outcome: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", ci)
    skipped = ("tests/test_a.py", 1, f"Skipped: {reason}")
    report = pytest.TestReport("test_a", ("a", 1, "a"), {}, "skipped", skipped, "call")
    refuse_unknown_skip(report)
    assert report.outcome == outcome
    assert reason in str(report.longrepr)
