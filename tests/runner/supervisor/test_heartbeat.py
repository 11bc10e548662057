"""The heartbeat file of a worker, and what a health check says about it."""

import os
import time
from pathlib import Path

import pytest

from runner.supervisor.heartbeat import Heartbeat


def test_a_worker_that_has_run_its_loop_lately_is_healthy(tmp_path: Path) -> None:
    heartbeat = Heartbeat(tmp_path / "runners", "box")
    assert heartbeat.problem() == "no worker is running on this host"
    heartbeat.beat()
    assert heartbeat.problem() is None
    heartbeat.stop()
    assert heartbeat.problem() == "no worker is running on this host"


def test_a_health_check_tells_how_long_the_loop_has_stood_still(tmp_path: Path) -> None:
    heartbeat = Heartbeat(tmp_path, "box")
    heartbeat.beat()
    past = time.time() - 95
    os.utime(tmp_path / "box.alive", (past, past))
    problem = heartbeat.problem()
    assert problem is not None
    seconds = int(problem.partition(" still for ")[2].partition(" s")[0])
    assert seconds == pytest.approx(95, abs=20)
    assert "hangs or is stopped" in problem
