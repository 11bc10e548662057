"""Jobs that take too much: files, folders, processes. Their neighbours do not notice."""

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from runner.pool.keeper.limits_exceeded import LimitWatchdog
from runner.pool.linux import proc
from runner.pool.linux.limits import JobLimits
from tests.support.pool import isolation_calls as isolation_work
from tests.support.pool import pools
from tests.support.pool.pools import Owner, open_pool
from tests.support.waiting import wait_for

MIB = 2**20
BOUNDED = JobLimits(file_bytes=MIB, folder_bytes=4 * MIB, processes=40, open_files=50, nice=5)


@pytest.fixture
def owner() -> Iterator[Owner]:
    with open_pool(2, isolation_work.load, job=BOUNDED) as owner:
        yield owner


def assert_usable(owner: Owner) -> None:
    """Whether all slots run jobs again, in empty folders."""
    tokens = [owner.submit("place") for _ in range(4)]
    for outcome in owner.outcomes(tokens):
        assert outcome.kind == "returned", outcome
        assert json.loads(outcome.result or "")["entries"] == []


def test_a_file_that_gets_too_large_is_an_error_that_names_the_setting(owner: Owner) -> None:
    assert owner.value("write_file", size=MIB) == MIB
    outcome = owner.run("write_file", size=MIB + 1)
    assert (outcome.kind, outcome.error_type) == ("raised", "OSError")
    assert outcome.error_message == f"[Errno 27] File too large (JOB_FILE_BYTES={MIB})"


def test_results_and_output_are_no_files_of_the_job(owner: Owner) -> None:
    assert len(owner.value("repeat", value="x", times=2 * MIB)) == 2 * MIB


def test_a_job_that_heeds_the_signal_of_the_limit_is_told_of_it_as_well(owner: Owner) -> None:
    outcome = owner.run("write_file_by_signal", size=MIB + 1)
    assert (outcome.kind, outcome.error_type) == ("crashed", "FileTooLarge")
    outcome = owner.run("write_file", size=MIB + 1)
    assert outcome.kind == "raised"


def test_too_many_open_files_name_their_setting(owner: Owner) -> None:
    outcome = owner.run("open_files", number=100)
    assert (
        outcome.error_message == "[Errno 24] Too many open files: '/dev/null' (JOB_OPEN_FILES=50)"
    )


@pytest.mark.parametrize("size", [0, MIB])
def test_a_job_that_fills_its_folder_is_ended(owner: Owner, size: int) -> None:
    neighbour = owner.submit("sleep", seconds=1)
    token, (_, folder) = owner.start("fill_on", size=size)
    outcome = owner.outcome(token)
    assert (outcome.kind, outcome.error_type) == ("crashed", "FolderExceeded")
    message = f"the job wrote more than JOB_FOLDER_BYTES={4 * MIB} to its folder"
    assert outcome.error_message == message
    assert not Path(folder).exists()
    assert owner.outcome(neighbour).kind == "returned"
    assert_usable(owner)


def test_a_job_that_forks_too_much_is_ended_with_all_it_has_forked(owner: Owner) -> None:
    neighbour = owner.submit("sleep", seconds=1)
    token, (pid,) = owner.start("breed", most=600)
    keeper = pools.parent(pid)
    outcome = owner.outcome(token)
    assert (outcome.kind, outcome.error_type) == ("crashed", "ProcessesExceeded")
    message = "the job had more processes and threads than JOB_PROCESSES=40 allows"
    assert outcome.error_message == message
    wait_for(lambda: len(list(proc.descendants_of(keeper))) <= 1)
    assert owner.outcome(neighbour).kind == "returned"
    assert_usable(owner)


def test_threads_count_as_processes_do(owner: Owner) -> None:
    assert owner.run("run_threads", number=30, seconds=0.6).kind == "returned"
    outcome = owner.run("run_threads", number=50, seconds=30)
    assert (outcome.kind, outcome.error_type) == ("crashed", "ProcessesExceeded")
    assert_usable(owner)


def test_processes_of_the_neighbours_do_not_count(owner: Owner) -> None:
    tokens = [owner.submit("run_threads", number=30, seconds=0.6) for _ in range(2)]
    assert {outcome.kind for outcome in owner.outcomes(tokens)} == {"returned"}


def test_a_kill_is_told_as_a_kill_whatever_the_job_has_taken(owner: Owner) -> None:
    token, _ = owner.start("fill_on", size=MIB)
    assert owner.kill(token).kind == "killed"


def test_looks_that_take_long_come_seldom() -> None:
    def used(enough: int) -> int:
        time.sleep(0.1)
        return 0

    excess = LimitWatchdog(JobLimits(folder_bytes=1), used)
    excess.next_at = before = time.monotonic()
    assert excess.found() is None
    assert excess.next_at - before >= 1.0
    assert LimitWatchdog(JobLimits(), used).next_at > 10**9


@pytest.mark.timing
def test_a_job_that_does_nothing_costs_few_looks(owner: Owner) -> None:
    token, (pid,) = owner.start("sleep", seconds=60)
    keeper = pools.parent(pid)
    before = pools.cpu_seconds(keeper)
    time.sleep(1)
    assert pools.cpu_seconds(keeper) - before < 0.02
    owner.kill(token)
    assert os.path.exists(f"/proc/{keeper}")
