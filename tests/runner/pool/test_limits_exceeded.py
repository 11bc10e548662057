"""Jobs that exceed the limits of files, folders and processes, and the effect on other jobs."""

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from runner.pool.linux import processes
from runner.pool.protocol.setup import JobLimits
from tests.support.pool import isolation_calls, pools
from tests.support.pool.fake_process import FakeProcess, watch
from tests.support.pool.pools import Owner, open_pool
from tests.support.waiting import wait_for

MIB = 2**20
LIMITS = JobLimits(file_bytes=MIB, folder_bytes=4 * MIB, processes=40, nice=5)


@pytest.fixture
def owner() -> Iterator[Owner]:
    with open_pool(2, isolation_calls.load, job=LIMITS) as owner:
        yield owner


def assert_usable(owner: Owner) -> None:
    """Check that all slots run jobs again, in empty folders."""
    call_ids = [owner.submit("folder_facts") for _ in range(4)]
    for outcome in owner.outcomes(call_ids):
        assert outcome.kind == "returned", outcome
        assert json.loads(outcome.result or "")["entries"] == []


def test_exceeding_the_file_size_raises_an_error_that_names_the_setting(owner: Owner) -> None:
    assert owner.value("write_file", size=MIB) == MIB
    outcome = owner.run("write_file", size=MIB + 1)
    assert (outcome.kind, outcome.error_type) == ("raised", "OSError")
    assert outcome.error_message == f"[Errno 27] File too large (JOB_FOLDER_BYTES={MIB})"


def test_the_file_size_limit_does_not_apply_to_results(owner: Owner) -> None:
    assert len(owner.value("repeat", value="x", times=2 * MIB)) == 2 * MIB


def test_a_job_killed_by_sigxfsz_fails_with_file_too_large(owner: Owner) -> None:
    outcome = owner.run("write_file_by_signal", size=MIB + 1)
    assert (outcome.kind, outcome.error_type) == ("crashed", "FileTooLarge")
    outcome = owner.run("write_file", size=MIB + 1)
    assert outcome.kind == "raised"


@pytest.mark.heavy
@pytest.mark.parametrize("size", [0, MIB])
def test_a_job_that_fills_its_folder_is_killed(owner: Owner, size: int) -> None:
    neighbour = owner.submit("sleep", seconds=1)
    call_id, (_, folder) = owner.start("fill_folder_endlessly", size=size)
    outcome = owner.outcome(call_id)
    assert (outcome.kind, outcome.error_type) == ("crashed", "FolderExceeded")
    message = f"the job wrote more than JOB_FOLDER_BYTES={4 * MIB} to its folder"
    assert outcome.error_message == message
    assert not Path(folder).exists()
    assert owner.outcome(neighbour).kind == "returned"
    assert_usable(owner)


@pytest.mark.heavy
def test_a_fork_bomb_is_killed_completely(owner: Owner) -> None:
    neighbour = owner.submit("sleep", seconds=1)
    call_id, (pid,) = owner.start("fork_bomb", limit=600)
    keeper = pools.parent(pid)
    outcome = owner.outcome(call_id)
    assert (outcome.kind, outcome.error_type) == ("crashed", "ProcessesExceeded")
    message = "the job had more processes and threads than JOB_PROCESSES=40 allows"
    assert outcome.error_message == message
    wait_for(lambda: len(list(processes.descendants_of(keeper))) <= 1)
    assert owner.outcome(neighbour).kind == "returned"
    assert_usable(owner)


def test_threads_count_like_processes(owner: Owner) -> None:
    assert owner.run("run_threads", number=30, seconds=0.6).kind == "returned"
    outcome = owner.run("run_threads", number=50, seconds=30)
    assert (outcome.kind, outcome.error_type) == ("crashed", "ProcessesExceeded")
    assert_usable(owner)


def test_processes_of_other_jobs_do_not_count(owner: Owner) -> None:
    call_ids = [owner.submit("run_threads", number=30, seconds=0.6) for _ in range(2)]
    assert {outcome.kind for outcome in owner.outcomes(call_ids)} == {"returned"}


def test_a_killed_job_counts_as_killed_even_if_it_exceeds_a_limit(owner: Owner) -> None:
    call_id, _ = owner.start("fill_folder_endlessly", size=MIB)
    assert owner.kill(call_id).kind == "killed"


def test_slow_checks_are_made_less_often() -> None:
    def used_bytes(limit: int) -> int:
        time.sleep(0.1)
        return 0

    process = FakeProcess(lambda: None, JobLimits(folder_bytes=1))
    with watch(process, used_bytes) as (call_watch, _):
        call_watch._next_check_at = before = time.monotonic()
        assert call_watch._check_limits() is None
        assert call_watch._next_check_at - before >= 1.0


@pytest.mark.timing
def test_checking_an_idle_job_takes_little_cpu_time(owner: Owner) -> None:
    call_id, (pid,) = owner.start("sleep", seconds=60)
    keeper = pools.parent(pid)
    before = pools.cpu_seconds(keeper)
    time.sleep(1)
    assert pools.cpu_seconds(keeper) - before < 0.02
    owner.kill(call_id)
    assert os.path.exists(f"/proc/{keeper}")
