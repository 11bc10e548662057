"""Faults around the pool: what the system refuses, and what a job does to its keeper."""

import gc
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from runner import messages
from runner.pool import PoolError
from tests import pool_work, pools
from tests.pools import open_pool
from tests.waiting import wait_for


@contextmanager
def descriptors_below(limit: int) -> Iterator[None]:
    """Let this process open no descriptor from this number on."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def free_descriptor(number: int = 0) -> int:
    """The descriptor that this process would get after it has opened so many others."""
    with ExitStack() as files:
        opened = [files.enter_context(open(os.devnull)) for _ in range(number + 1)]
        return opened[-1].fileno()


def test_a_result_that_cannot_be_received_is_lost_and_not_made_up() -> None:
    with open_pool(1) as owner:
        owner.run("echo", value=1)
        with descriptors_below(free_descriptor()):
            outcome = owner.run("echo", value="x" * 10**5)
        assert (outcome.kind, outcome.innocent, outcome.result) == ("lost", False, None)
        assert outcome.error_message == "the result could not be received: too many open files"
        assert owner.value("echo", value=1) == 1


def test_a_keeper_that_cannot_fork_loses_only_its_call() -> None:
    with open_pool(1, pool_work.load_where_forks_fail) as owner:
        assert owner.run("leave", code=0).kind == "crashed"  # a new process is refused then
        outcome = owner.run("echo", value=1)
        assert (outcome.kind, outcome.innocent) == ("lost", True)
        assert "could not fork: [Errno 11]" in (outcome.error_message or "")
        assert owner.value("echo", value=1) == 1


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
    ended = subprocess.run(command, stdout=subprocess.PIPE, text=True, cwd=pools.ROOT, check=False)
    return ended.returncode, ended.stdout


def test_a_process_whose_parent_is_gone_already_ends_at_once() -> None:
    not_its_parent = os.getppid()
    code = f"from runner import processes; processes.die_with_parent({not_its_parent}, 15)"
    assert output_of(f"{code}; print('lives')") == (1, "")


def test_the_channel_tells_the_keeper_of_a_busy_job_that_the_runner_is_gone() -> None:
    code = "from tests import pool_runner; pool_runner.watch_without_runner()"
    assert output_of(code) == (0, "gone\n")
