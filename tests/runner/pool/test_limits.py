"""Limits of memory, CPU time and open files, and the outcomes of jobs that exceed them."""

import json
import os
import resource
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from runner.pool.keeper import job_process
from runner.pool.protocol.setup import JobLimits
from storage.records.attempt_outcome import AttemptOutcome
from tests.support.cgroups import small_cgroup
from tests.support.paths import ROOT
from tests.support.pool import limit_calls, pools
from tests.support.pool.pools import Owner, open_pool

LIMITED = JobLimits(memory_bytes=128 * 2**20, cpu_seconds=1)
MIB = 2**20


def assert_out_of_memory(outcome: AttemptOutcome, message: str) -> None:
    assert (outcome.kind, outcome.error_type) == ("out_of_memory", "OutOfMemory"), outcome
    assert message in (outcome.error_message or "")
    assert outcome.retryable
    assert outcome.cpu_seconds is not None


@pytest.mark.heavy
@pytest.mark.parametrize(
    ("do", "arguments"), [("hold_memory", {"mebibytes": 300, "keep": False}), ("fill_memory", {})]
)
def test_a_job_that_exceeds_its_memory_limit_fails_and_its_process_is_replaced(
    do: str, arguments: dict[str, Any]
) -> None:
    limits = JobLimits(memory_bytes=LIMITED.memory_bytes)  # a busy machine takes seconds to fill it
    with open_pool(1, limit_calls.load, job=limits) as owner:
        first = owner.value("pid")
        outcome = owner.run(do, **arguments)
        assert_out_of_memory(outcome, f"(JOB_MEMORY_BYTES={LIMITED.memory_bytes})")
        assert outcome.pid == first
        assert pools.existing([first]) == []
        assert (outcome.peak_memory_bytes or 0) > 10 * MIB
        assert owner.value("pid") != first


def test_a_job_that_is_refused_memory_without_a_limit_is_out_of_memory_too(owner: Owner) -> None:
    outcome = owner.run("hold_memory", mebibytes=2**40, keep=False)
    assert_out_of_memory(outcome, "the job was refused memory")


def test_memory_kept_from_earlier_jobs_does_not_reduce_the_limit_of_the_next() -> None:
    with open_pool(1, limit_calls.load, job=LIMITED) as owner:
        for _ in range(4):
            outcome = owner.run("hold_memory", mebibytes=70, keep=True)
            assert outcome.kind == "returned", outcome


@pytest.mark.heavy
def test_the_cpu_limit_applies_to_each_job_of_a_process() -> None:
    with open_pool(1, limit_calls.load, job=LIMITED) as owner:
        for _ in range(3):
            outcome = owner.run("use_more_cpu", seconds=0.7)
            assert outcome.kind == "returned"
        pid = outcome.pid
        outcome = owner.run("spin")
        assert outcome.pid == pid
        assert (outcome.kind, outcome.error_type) == ("timed_out", "CpuTimeExceeded")
        message = "the job used more CPU time than JOB_CPU_SECONDS=1 allows"
        assert outcome.error_message == message
        assert 0.5 < (outcome.cpu_seconds or 0) < 3  # measured by another clock than the limit
        assert owner.run("sleep", seconds=1.2).kind == "returned"


@pytest.mark.heavy
def test_the_keeper_ends_a_job_that_ignores_sigxcpu() -> None:
    with open_pool(1, limit_calls.load, job=LIMITED) as owner:
        outcome = owner.run("spin_ignoring", names=["SIGXCPU"])
        assert (outcome.kind, outcome.error_type) == ("timed_out", "CpuTimeExceeded")
        assert owner.run("spin").kind == "timed_out"


def test_a_sigxcpu_from_elsewhere_is_a_crash() -> None:
    with open_pool(1, limit_calls.load, job=LIMITED) as owner:
        outcome = owner.run("raise_signal", number=24)
    assert outcome.error_message == "the job process was killed by SIGXCPU"


def test_a_job_process_can_report_that_its_job_had_too_many_open_files() -> None:
    with open_pool(1, limit_calls.load, job=LIMITED) as owner:
        assert len(owner.value("open_files", number=30)) == 10**5
        outcome = owner.run("open_files", number=30)
        assert (outcome.kind, outcome.error_type) == ("raised", "OSError")
        assert "Too many open files" in (outcome.error_message or "")


def test_the_limits_apply_to_programs_that_a_job_starts() -> None:
    with open_pool(1, limit_calls.load, job=LIMITED) as owner:
        own, childs = owner.value("limits_seen")
    assert own == childs
    assert own[0] == LIMITED.memory_bytes
    assert own[1] in (1, 2)  # the CPU time used before is rounded up to seconds


def test_without_limits_a_job_has_the_limits_of_the_worker() -> None:
    mine = [resource.RLIMIT_DATA, resource.RLIMIT_CPU, resource.RLIMIT_NOFILE]
    with open_pool(1, limit_calls.load) as owner:
        assert owner.value("limits_seen")[0] == [resource.getrlimit(which)[0] for which in mine]


@pytest.mark.parametrize("job", [LIMITED, JobLimits()])
def test_limits_that_a_job_lowered_are_restored_for_the_next_job(job: JobLimits) -> None:
    with open_pool(1, limit_calls.load, job=job) as owner:
        memory, _, files = owner.value("limits_seen")[0]
        assert owner.run("lower_limits").kind == "returned"
        assert owner.value("limits_seen")[0][::2] == [memory, files]


def test_a_job_killed_by_the_oom_killer_is_out_of_memory() -> None:
    with ExitStack() as held:
        try:
            folder = held.enter_context(small_cgroup(200 * MIB))
        except OSError as error:
            if os.environ.get("CI") and os.geteuid() == 0:
                raise
            pytest.skip(f"no cgroup can be made: {error}")
        outcomes = run_in(folder, "run_out_of_memory('400')")
    assert_out_of_memory(AttemptOutcome(**outcomes["large"]), "memory ran out")
    assert outcomes["small"]["kind"] == "returned"


def test_a_job_killed_by_another_process_has_crashed(owner: Owner) -> None:
    call_id, (pid,) = owner.start("sleep", seconds=60)
    os.kill(pid, 9)
    outcome = owner.outcome(call_id)
    assert (outcome.kind, outcome.error_message) == (
        "crashed",
        "the job process was killed by SIGKILL",
    )


def run_in(cgroup: Path, call: str) -> dict[str, dict[str, Any]]:
    """Run a function of runner_process.py in a cgroup; returns the JSON that it prints."""
    code = f"from tests.support.pool import runner_process; runner_process.{call}"
    shell = 'echo $$ > "$1" && exec "$2" -c "$3"'
    command = ["sh", "-c", shell, "sh", str(cgroup / "cgroup.procs"), sys.executable, code]
    ended = subprocess.run(command, stdout=subprocess.PIPE, text=True, cwd=ROOT, check=True)
    found: dict[str, dict[str, Any]] = json.loads(ended.stdout)
    return found


MOUNTS_V1 = """\
35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw
36 31 0:33 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu
"""
MOUNTS_V1_IN_CONTAINER = (
    "35 31 0:32 /docker/1f /sys/fs/cgroup/memory ro master:1 - cgroup cgroup rw,memory\n"
)
MOUNTS_V2 = "41 31 0:38 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
MEMORY_V1, MEMORY_V2 = "/sys/fs/cgroup/memory", "/sys/fs/cgroup"


@pytest.mark.parametrize(
    ("cgroups", "mounts", "first"),
    [
        ("4:memory:/a/b\n0::/c\n", MOUNTS_V1, f"{MEMORY_V1}/a/b/memory.oom_control"),
        ("4:hugetlb,memory:/\n", MOUNTS_V1, f"{MEMORY_V1}/memory.oom_control"),
        ("4:memory:/docker/1f\n", MOUNTS_V1_IN_CONTAINER, f"{MEMORY_V1}/memory.oom_control"),
        ("0::/user.slice/x:y\n", MOUNTS_V2, f"{MEMORY_V2}/user.slice/x:y/memory.events"),
        ("0::/\n", MOUNTS_V2, f"{MEMORY_V2}/memory.events"),
        ("0::/c\n", MOUNTS_V1.splitlines()[1], f"{MEMORY_V2}/unified/c/memory.events"),
        ("", MOUNTS_V2, "/proc/vmstat"),
        ("0::/\n", "", "/proc/vmstat"),
    ],
)
def test_the_counter_of_oom_kills_is_found_in_both_versions_of_cgroups(
    cgroups: str, mounts: str, first: str
) -> None:
    found = list(job_process.candidate_files(cgroups, mounts))
    assert os.path.normpath(found[0]) == first
    assert str(found[-1]) == "/proc/vmstat"
