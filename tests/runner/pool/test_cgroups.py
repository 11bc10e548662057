"""Control groups of jobs, where this machine lets tests make some; else only how they are found.

`tests/system/cgroups/run` runs this file in a small virtual machine that has all controllers.
"""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from runner.pool.linux import cgroups
from runner.pool.linux.cgroups import NoCgroups, own_group
from tests.support.paths import ROOT
from tests.support.pool.in_cgroup import MIB

MOUNTS = """\
25 1 0:23 / /proc rw - proc proc rw
33 25 0:28 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
30 25 0:26 {root} /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate
"""


@pytest.mark.parametrize(
    ("path", "root", "folder"),
    [
        ("/", "/", "/sys/fs/cgroup"),
        ("/a.slice/b.service", "/", "/sys/fs/cgroup/a.slice/b.service"),
        ("/docker/abc", "/docker/abc", "/sys/fs/cgroup"),
    ],
)
def test_the_own_group_is_found_by_the_mount_of_version_2(
    path: str, root: str, folder: str
) -> None:
    found = own_group(f"4:memory:/other\n0::{path}\n", MOUNTS.format(root=root))
    assert os.path.normpath(found) == folder


@pytest.mark.parametrize(("groups", "mounts"), [("4:memory:/\n", MOUNTS), ("0::/\n", "")])
def test_without_version_2_there_is_no_group(groups: str, mounts: str) -> None:
    with pytest.raises(NoCgroups, match="no control groups of version 2"):
        own_group(groups, mounts.format(root="/"))


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({}, "root group"),
        ({"cgroup.events": "", "cgroup.controllers": "cpu pids"}, "no controller memory"),
        (
            {"cgroup.events": "", "cgroup.controllers": "memory pids", "cgroup.procs": "1\n2\n"},
            "other processes are in its group",
        ),
    ],
)
def test_a_group_is_taken_over_only_if_it_is_that_of_the_worker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, str], reason: str
) -> None:
    monkeypatch.setattr(cgroups, "own_group", lambda *_: tmp_path)
    for name, text in {"cgroup.subtree_control": "", **files}.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(NoCgroups, match=reason):
        cgroups.take_over(1)
    assert not (tmp_path / cgroups.WORKER).exists()


@pytest.fixture(scope="module")
def group() -> Iterator[Path]:
    """An empty group with all controllers."""
    try:
        own = own_group(
            Path("/proc/self/cgroup").read_text(), Path("/proc/self/mountinfo").read_text()
        )
        folder = own / f"job-service-test-{os.getpid()}"
        (own / "cgroup.subtree_control").write_text("+memory +pids +cpu")
        folder.mkdir()
    except (NoCgroups, OSError) as error:
        pytest.skip(f"no group with controllers can be made: {error}")
    try:
        yield folder
    finally:
        for each in (*sorted(folder.glob("*/"), reverse=True), folder):
            with contextlib.suppress(OSError):
                each.rmdir()


@pytest.fixture(scope="module")
def found(group: Path) -> dict[str, Any]:
    """The outcomes of calls in a pool whose jobs have groups."""
    command = [sys.executable, "-m", "tests.support.pool.in_cgroup", str(group)]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, timeout=50)
    assert done.returncode == 0
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def test_a_job_runs_in_the_group_of_its_slot_with_its_limits(found: dict[str, Any]) -> None:
    usual = {
        "name": "slot-0",
        "memory.max": str(400 * MIB),
        "pids.max": "21",
        "cpu.weight.nice": "5",
        "memory.oom.group": "1",
    }
    assert found["usual"] == usual
    assert found["limited"] == {**usual, "memory.max": str(100 * MIB), "cpu.weight.nice": "19"}
    assert found["next"] == usual
    assert found["left"] == ["slot-0", "worker"]


def test_the_memory_of_all_processes_of_a_job_counts_together(found: dict[str, Any]) -> None:
    assert found["within"] == "returned"
    kind, error_type, message = found["beyond"]
    assert (kind, error_type) == ("out_of_memory", "OutOfMemory")
    limit = f"memory_bytes={100 * MIB}"
    assert message == f"all processes of the job together had more memory than {limit} allows"


def test_a_fork_bomb_stops_at_the_limit(found: dict[str, Any]) -> None:
    kind, error_type, message, most = found["bomb"]
    # Either the keeper finds it first, or the job process is refused another process first.
    assert (kind, error_type) in (("crashed", "ProcessesExceeded"), ("raised", "BlockingIOError"))
    assert "JOB_PROCESSES=20" in message
    assert int(most) <= 21
