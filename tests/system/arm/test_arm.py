"""The lock and the analyses for the emulated machine."""

from pathlib import Path

import pytest

from tests.support.paths import ROOT
from tests.system.arm import analyses
from tests.system.arm.__main__ import for_arm


def test_the_lock_for_arm_has_no_conditions_and_only_what_arm_needs() -> None:
    lock = for_arm((ROOT / "requirements.lock").read_text())
    assert ";" not in lock
    assert "\npysqlite3==" not in lock
    assert "\ntornado==" in lock
    assert "\n--find-links" in lock
    entries = [line for line in lock.splitlines() if "==" in line]
    assert all(line.endswith(" \\") for line in entries)
    assert lock.count("--hash=sha256:") >= len(entries) > 20


@pytest.mark.heavy
def test_the_results_of_analyses_do_not_depend_on_the_time(tmp_path: Path) -> None:
    first, second = (analyses.analyze_all(tmp_path) for _ in range(2))
    assert first == second
    assert len(first) == 9
    assert first["app.log patterns+histogram+samples+context"]["counts"]["error"] == 2000
