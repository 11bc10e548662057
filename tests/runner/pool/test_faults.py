"""Faults: system calls that fail, broken channels, and jobs that disturb their keeper."""

import gc
import os
import resource
import signal
import subprocess
import sys

import pytest

from runner.pool.keeper.job_process import JobProcess
from runner.pool.pool import PoolError
from runner.pool.protocol import messages
from runner.pool.protocol.setup import CallLimits
from storage.records.attempt_outcome import AttemptOutcome
from tests.support.paths import ROOT
from tests.support.pool import calls, loads, pools
from tests.support.pool.fake_process import KILL, FakeProcess, watch
from tests.support.pool.pools import descriptors_below, free_descriptor, open_descriptors, open_pool
from tests.support.waiting import wait_for


def test_a_call_whose_result_cannot_be_received_is_lost() -> None:
    with open_pool(1) as owner:
        owner.run("echo", value=1)
        with descriptors_below(free_descriptor()):
            outcome = owner.run("repeat", value="x", times=10**5)
        assert (outcome.kind, outcome.not_at_fault, outcome.result) == ("lost", False, None)
        assert outcome.error_message == "the result could not be received: too many open files"
        assert owner.value("echo", value=1) == 1


def test_a_call_whose_result_cannot_be_sent_is_lost_and_its_keeper_survives() -> None:
    with open_pool(2) as owner:
        neighbour, (pid,) = owner.start("sleep", seconds=60)
        keepers = {pools.parent(pid), pools.parent(owner.value("pid"))}
        (keeper,) = keepers - {pools.parent(pid)}
        limits = resource.prlimit(keeper, resource.RLIMIT_FSIZE)
        resource.prlimit(keeper, resource.RLIMIT_FSIZE, (1000, limits[1]))
        outcome = owner.run("repeat", value="x", times=10**5)
        assert (outcome.kind, outcome.not_at_fault, outcome.result) == ("lost", False, None)
        assert outcome.error_message == ("the result could not be sent: [Errno 27] File too large")
        assert pools.parent(owner.value("pid")) == keeper
        assert owner.kill(neighbour).kind == "killed"


def test_a_call_that_cannot_be_sent_is_lost_without_fault_and_its_keeper_survives() -> None:
    with open_pool(1) as owner:
        pid = owner.value("pid")
        with descriptors_below(free_descriptor()):
            outcome = owner.run("echo", value="x" * 10**5)
        assert (outcome.kind, outcome.not_at_fault) == ("lost", True)
        assert "the job could not be handed over: [Errno 24]" in (outcome.error_message or "")
        assert owner.value("pid") == pid


def test_a_call_that_cannot_be_received_is_lost_without_fault_and_others_survive() -> None:
    with open_pool(2) as owner:
        neighbour, _ = owner.start("sleep", seconds=60)
        pid = owner.value("pid")
        keeper = pools.parent(pid)
        taken = {int(name) for name in os.listdir(f"/proc/{keeper}/fd")}
        free = min(set(range(len(taken) + 1)) - taken)
        limits = resource.prlimit(keeper, resource.RLIMIT_NOFILE)
        resource.prlimit(keeper, resource.RLIMIT_NOFILE, (free, limits[1]))
        outcome = owner.run("echo", value="x" * 10**5)
        resource.prlimit(keeper, resource.RLIMIT_NOFILE, limits)
        assert (outcome.kind, outcome.not_at_fault) == ("lost", True)
        assert outcome.error_message == "the job could not be received: too many open files"
        assert owner.value("pid") == pid
        assert owner.kill(neighbour).kind == "killed"


def test_a_keeper_that_cannot_fork_loses_only_its_call() -> None:
    with open_pool(1, loads.load_where_forks_fail) as owner:
        assert (
            owner.run("exit_with_code", code=0).kind == "crashed"
        )  # the keeper cannot fork the next process
        outcome = owner.run("echo", value=1)
        assert (outcome.kind, outcome.not_at_fault) == ("lost", True)
        assert "could not fork or make a folder: [Errno 11]" in (outcome.error_message or "")
        assert owner.value("echo", value=1) == 1


@pytest.mark.parametrize("more", [1, 2, 3])
def test_a_job_process_that_fails_to_start_leaks_no_descriptors(more: int) -> None:
    before = open_descriptors()
    with descriptors_below(free_descriptor(more)), pytest.raises(OSError, match="Too many"):
        JobProcess(calls.entry, [], CallLimits(), "/tmp")
    assert open_descriptors() == before


@pytest.mark.heavy
@pytest.mark.parametrize("more", [2, 3, 5, 6, 8, 12, 16])
def test_keepers_that_cannot_be_started_are_an_error(more: int) -> None:
    with open_pool(1):
        pass  # starts the tracker of multiprocessing
    gc.collect()
    limit = free_descriptor(more)
    with open_pool(1) as owner:
        pid = owner.value("pid")
        os.kill(pools.parent(pid), signal.SIGKILL)
        wait_for(owner.is_woken)
        with descriptors_below(limit), pytest.raises(PoolError, match="cannot be started"):
            owner.pool.collect()


def test_the_owner_is_woken_until_it_collects_the_calls_of_a_failed_keeper() -> None:
    with open_pool(1) as owner:
        call_id, (pid,) = owner.start("sleep", seconds=60)
        os.kill(pools.parent(pid), signal.SIGKILL)
        wait_for(owner.is_woken)
        owner.pool.pids()
        assert owner.is_woken()
        assert owner.outcome(call_id).kind == "lost"
        wait_for(lambda: not any(owner.pool.collect()) and not owner.is_woken())


def test_messages_arrive_even_if_the_sender_closed_with_unread_data() -> None:
    end, other_end = messages.new_channel()
    with end:
        with other_end:
            messages.send(other_end, {"number": 1})
            messages.send(other_end, {"number": 2}, b"text")
            messages.send(end, {"not": "read"})
        assert messages.receive(end) == messages.Message({"number": 1})
        assert messages.receive(end) == messages.Message({"number": 2}, b"text")
        with pytest.raises(EOFError):
            messages.receive(end)


def output_of(code: str) -> tuple[int, str]:
    """Run code in another interpreter; returns its exit code and output."""
    command = [sys.executable, "-c", code]
    ended = subprocess.run(command, stdout=subprocess.PIPE, text=True, cwd=ROOT, check=False)
    return ended.returncode, ended.stdout


def test_a_process_whose_parent_is_already_gone_exits_at_once() -> None:
    not_its_parent = os.getppid()
    code = (
        f"from runner.pool.linux import processes; processes.die_with_parent({not_its_parent}, 15)"
    )
    assert output_of(f"{code}; print('lives')") == (1, "")


def test_a_keeper_with_a_running_job_notices_that_the_runner_is_gone() -> None:
    code = "from tests.support.pool import runner_process; runner_process.watch_without_runner()"
    assert output_of(code) == (0, "gone\n")


def test_a_keeper_that_cannot_send_to_the_runner_exits() -> None:
    call = "start_keeper_without_runner()"
    code = f"from tests.support.pool import runner_process; runner_process.{call}"
    assert output_of(code) == (128 + signal.SIGTERM, "")


@pytest.mark.parametrize(("name", "says"), [("SIGTERM", "ended: -15"), ("SIGCONT", "returned")])
def test_a_just_forked_job_process_does_not_run_the_signal_handlers_of_its_keeper(
    name: str, says: str
) -> None:
    call = f"fork_while_a_signal_comes({name!r})"
    code = f"from tests.support.pool import runner_process; runner_process.{call}"
    assert output_of(code) == (0, f"{says}\n")


def test_a_flood_of_progress_does_not_delay_a_kill() -> None:
    process = FakeProcess(lambda: "{}")
    with watch(process) as (call_watch, pool):
        messages.send(pool, KILL)
        assert call_watch.wait_for_end().kind == "killed"


class DyingProcess(FakeProcess):
    """A fake job process that answers and exits right after the first receive."""

    def receive(self) -> str | AttemptOutcome | None:
        answer = super().receive()
        return None if self.receive_count == 1 else answer

    def exit_code(self) -> int | None:
        return 0 if self.receive_count else None


ANSWER = AttemptOutcome("returned", "1", cpu_seconds=0.0, peak_memory_bytes=0)


def test_an_answer_sent_between_the_last_receive_and_the_exit_counts() -> None:
    with watch(DyingProcess(lambda: ANSWER), signaled=True) as (call_watch, _):
        assert call_watch.wait_for_end().kind == "returned"


def test_a_keeper_does_not_busy_wait_on_a_closed_channel() -> None:
    def raise_eof() -> str:
        raise EOFError

    process = FakeProcess(raise_eof)
    with watch(process) as (call_watch, _):
        end = call_watch.wait_for_end()
    assert (end.kind, end.error_message) == ("crashed", "the job process closed its channel")
    assert process.receive_count < 10
