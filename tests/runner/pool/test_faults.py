"""Faults around the pool: what the system refuses, and what a job does to its keeper."""

import gc
import math
import os
import resource
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from runner.pool.keeper.job_process import JobProcess
from runner.pool.keeper.limits_exceeded import LimitWatchdog
from runner.pool.keeper.orders import CallOrders
from runner.pool.keeper.watch import CallWatch, WatchedDescriptors
from runner.pool.linux.limits import JobLimits
from runner.pool.pool import PoolError
from runner.pool.protocol import messages
from runner.pool.protocol.lease import Lease
from runner.pool.protocol.output import Output
from runner.pool.protocol.setup import CallLimits
from tests.support.paths import ROOT
from tests.support.pool import calls as pool_work
from tests.support.pool import loads as pool_loads
from tests.support.pool import pools
from tests.support.pool.pools import descriptors_below, free_descriptor, open_descriptors, open_pool
from tests.support.waiting import wait_for


def test_a_result_that_cannot_be_received_is_lost_and_not_made_up() -> None:
    with open_pool(1) as owner:
        owner.run("echo", value=1)
        with descriptors_below(free_descriptor()):
            outcome = owner.run("repeat", value="x", times=10**5)
        assert (outcome.kind, outcome.innocent, outcome.result) == ("lost", False, None)
        assert outcome.error_message == "the result could not be received: too many open files"
        assert owner.value("echo", value=1) == 1


def test_a_request_that_cannot_be_sent_is_lost_without_fault_and_costs_no_keeper() -> None:
    with open_pool(1) as owner:
        pid = owner.value("pid")
        with descriptors_below(free_descriptor()):
            outcome = owner.run("echo", value="x" * 10**5)
        assert (outcome.kind, outcome.innocent) == ("lost", True)
        assert "the job could not be handed over: [Errno 24]" in (outcome.error_message or "")
        assert owner.value("pid") == pid


def test_a_request_that_cannot_be_received_is_lost_without_fault_and_costs_no_neighbour() -> None:
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
        assert (outcome.kind, outcome.innocent) == ("lost", True)
        assert outcome.error_message == "the job could not be received: too many open files"
        assert owner.value("pid") == pid
        assert owner.kill(neighbour).kind == "killed"


def test_a_keeper_that_cannot_fork_loses_only_its_call() -> None:
    with open_pool(1, pool_loads.load_where_forks_fail) as owner:
        assert owner.run("leave", code=0).kind == "crashed"  # a new process is refused then
        outcome = owner.run("echo", value=1)
        assert (outcome.kind, outcome.innocent) == ("lost", True)
        assert "could not fork or make a folder: [Errno 11]" in (outcome.error_message or "")
        assert owner.value("echo", value=1) == 1


@pytest.mark.parametrize("more", [1, 2, 3])
def test_a_job_process_for_which_descriptors_are_too_few_leaves_none_open(more: int) -> None:
    before = open_descriptors()
    with descriptors_below(free_descriptor(more)), pytest.raises(OSError, match="Too many"):
        JobProcess(pool_work.entry, [], CallLimits(), "/tmp")  # noqa: S108: not used
    assert open_descriptors() == before


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


def test_the_owner_is_woken_until_it_has_collected_what_a_failed_keeper_cost() -> None:
    with open_pool(1) as owner:
        token = owner.submit("write_to_channel", text='{"kind": "returned"}')
        wait_for(owner.pool.pids)
        wait_for(owner.is_woken)
        owner.pool.progress()
        assert owner.is_woken()
        assert owner.outcome(token).kind == "lost"
        wait_for(lambda: owner.pool.collect() == [] and not owner.is_woken())


@pytest.mark.parametrize("text", ["garbage", "[1]", "{}"])
def test_a_job_that_writes_to_the_channel_of_its_process_has_crashed(text: str) -> None:
    with open_pool(1) as owner:
        outcome = owner.run("write_to_channel", text=text)
        assert (outcome.kind, outcome.error_type) == ("crashed", "Crashed")
        assert outcome.error_message == "the job wrote to the channel of its process"
        assert owner.value("echo", value=1) == 1


def test_a_job_whose_answer_breaks_its_keeper_is_the_guilty_one() -> None:
    with open_pool(2) as owner:
        innocent, _ = owner.start("sleep", seconds=60)
        guilty = owner.submit("write_to_channel", text='{"kind": "returned"}')
        outcomes = owner.outcomes([innocent, guilty])
        assert [outcome.kind for outcome in outcomes] == ["lost", "lost"]
        assert [outcome.innocent for outcome in outcomes] == [True, False]
        assert owner.value("echo", value=1) == 1


def test_what_was_sent_is_heard_though_its_sender_left_something_unread() -> None:
    ours, theirs = messages.channel()
    with ours:
        with theirs:
            messages.send(theirs, {"number": 1})
            messages.send(theirs, {"number": 2}, b"text")
            messages.send(ours, {"not": "read"})
        assert messages.receive(ours) == messages.Message({"number": 1})
        assert messages.receive(ours) == messages.Message({"number": 2}, b"text")
        with pytest.raises(EOFError):
            messages.receive(ours)


def output_of(code: str) -> tuple[int, str]:
    """The exit code and the output of another interpreter."""
    command = [sys.executable, "-c", code]
    ended = subprocess.run(command, stdout=subprocess.PIPE, text=True, cwd=ROOT, check=False)
    return ended.returncode, ended.stdout


def test_a_process_whose_parent_is_gone_already_ends_at_once() -> None:
    not_its_parent = os.getppid()
    code = (
        f"from runner.pool.linux import processes; processes.die_with_parent({not_its_parent}, 15)"
    )
    assert output_of(f"{code}; print('lives')") == (1, "")


def test_the_channel_tells_the_keeper_of_a_busy_job_that_the_runner_is_gone() -> None:
    code = "from tests.support.pool import runner_process; runner_process.watch_without_runner()"
    assert output_of(code) == (0, "gone\n")


def test_a_keeper_ends_when_it_finds_that_the_runner_is_gone() -> None:
    code = "from tests.support.pool import runner_process; runner_process.keep_without_runner()"
    assert output_of(code) == (128 + signal.SIGTERM, "")


@pytest.mark.parametrize(("name", "says"), [("SIGTERM", "ended: -15"), ("SIGCONT", "returned")])
def test_a_signal_to_a_job_process_just_forked_does_not_run_what_its_keeper_does_then(
    name: str, says: str
) -> None:
    code = f"from tests.support.pool import runner_process; runner_process.fork_while_a_signal_comes({name!r})"
    assert output_of(code) == (0, f"{says}\n")


class OddProcess(JobProcess):
    """What a keeper takes for its job process: it lives, and sends whatever the test likes."""

    def __init__(self, send: Callable[[], messages.Message]):
        self.channel, theirs = messages.channel()
        theirs.close()
        self.limits = JobLimits()
        self.output = Output(0)
        self.heard = 0
        self._send = send

    def hear(self) -> messages.Message | None:
        self.heard += 1
        assert self.heard < 100_000, "heard without end"
        return self._send()

    def exit_code(self) -> int | None:
        return None

    def over_cpu_limit(self) -> float:
        return -math.inf


@contextmanager
def watch(process: OddProcess) -> Iterator[tuple[CallWatch, socket.socket]]:
    """A keeper's watch of it, and the pool's end of the keeper's channel."""
    pool, channel = messages.channel()
    wakeup = os.eventfd(0, os.EFD_NONBLOCK)
    with pool, channel, process.channel:
        ears, excess = (
            WatchedDescriptors(CallOrders(channel), wakeup, Lease()),
            LimitWatchdog(process.limits, lambda enough: 0),
        )
        yield CallWatch(ears, process, excess, "token", None, 0.0), pool
    os.close(wakeup)


def test_a_flood_of_progress_delays_no_kill() -> None:
    progress = messages.Message({"kind": "progress", "token": "token", "text": "1"})
    process = OddProcess(lambda: progress)
    with watch(process) as (watched, pool):
        messages.send(pool, {"kind": "kill", "token": "token"})
        assert watched.ending().kind == "killed"


class DyingProcess(OddProcess):
    """One that answers and dies right after it was heard for the first time."""

    def hear(self) -> messages.Message | None:
        answer = super().hear()
        return None if self.heard == 1 else answer

    def exit_code(self) -> int | None:
        return 0 if self.heard else None


ANSWER = messages.Message({"kind": "returned", "cpu_seconds": 0}, b"1")


def test_an_answer_counts_though_its_process_has_died_since_it_was_last_heard() -> None:
    with watch(DyingProcess(lambda: ANSWER)) as (watched, _):
        assert watched.ending().kind == "returned"


def test_a_keeper_is_not_busy_with_a_channel_that_is_closed() -> None:
    def end() -> messages.Message:
        raise EOFError

    process = OddProcess(end)
    with watch(process) as (watched, _):
        ending = watched.ending()
    assert (ending.kind, ending.error) == (
        "crashed",
        ("Crashed", "the job process closed its channel"),
    )
    assert process.heard < 10
