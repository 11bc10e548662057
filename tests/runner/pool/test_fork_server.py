"""The fork server: it forks keepers as children of the runner, and is replaced if it dies."""

import errno
import gc
import os
import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

from runner.pool.fork.server_main import PROCESS_NAME
from runner.pool.fork_server import ForkServer
from runner.pool.linux import processes
from runner.pool.pool import PoolError
from tests.support.pool import calls, loads, pools
from tests.support.pool.pools import Owner, open_pool
from tests.support.waiting import wait_for


def server_of(owner: Owner) -> int:
    """Return the pid of the fork server, the only child of this process with its name."""
    owner.value("pid")

    def named() -> list[int]:
        return [pid for pid in pools.children() if pools.name_of(pid) == PROCESS_NAME]

    wait_for(lambda: len(named()) == 1)  # a just forked keeper still has this name
    (pid,) = named()
    return pid


def lose_a_keeper(owner: Owner) -> int:
    """Kill the keeper of a job, and wait until it is replaced; returns its pid."""
    call_id, (pid,) = owner.start("sleep", seconds=60)
    keeper = pools.parent(pid)
    os.kill(keeper, signal.SIGKILL)
    assert owner.outcome(call_id).kind == "lost"
    return keeper


def test_processes_have_names_and_keepers_are_children_of_the_runner() -> None:
    with open_pool(2) as owner:
        pid = owner.value("pid")
        keeper = pools.parent(pid)
        assert pools.parent(keeper) == os.getpid()
        assert [pools.name_of(each) for each in (pid, keeper)] == ["job", "keeper"]


def test_new_keepers_come_from_the_same_fork_server() -> None:
    with open_pool(2) as owner:
        server, killed = server_of(owner), lose_a_keeper(owner)
        assert pools.parent(owner.value("pid")) != killed
        assert server_of(owner) == server


def test_a_killed_fork_server_ends_no_call_and_is_replaced_when_needed() -> None:
    with open_pool(2) as owner:
        call_id, (pid,) = owner.start("sleep", seconds=60)
        server = server_of(owner)
        os.kill(server, signal.SIGKILL)
        wait_for(partial(pools.has_ended, server))
        assert owner.value("echo", value=1) == 1
        assert pools.state(pid)
        assert owner.kill(call_id).kind == "killed"
        lose_a_keeper(owner)
        assert owner.value("echo", value=2) == 2
        assert server_of(owner) != server


def test_a_fork_server_that_is_killed_while_it_loads_is_started_again(tmp_path: Path) -> None:
    with open_pool(1, partial(loads.load_killed_twice, str(tmp_path))) as owner:
        assert owner.value("echo", value=1) == 1


def test_a_stopped_fork_server_is_resumed_when_needed() -> None:
    with open_pool(1) as owner:
        server = server_of(owner)
        os.kill(server, signal.SIGSTOP)
        wait_for(lambda: pools.state(server) == "T")
        lose_a_keeper(owner)
        assert owner.value("echo", value=1) == 1
        assert server_of(owner) == server


def test_a_fork_server_ignores_sigint_and_sigterm() -> None:
    with open_pool(1) as owner:
        server = server_of(owner)
        for number in (signal.SIGINT, signal.SIGTERM):
            os.kill(server, number)
        lose_a_keeper(owner)
        assert owner.value("echo", value=1) == 1
        assert server_of(owner) == server


@pytest.mark.parametrize("load", [loads.load_without_forks, loads.load_without_children])
def test_a_system_that_allows_no_fork_is_an_error(load: object) -> None:
    before = pools.children()
    error = os.strerror(errno.EAGAIN)
    with pytest.raises(PoolError, match=f"cannot be started: .*fork: {error}"), open_pool(2, load):
        pass
    assert pools.children() == before


@contextmanager
def fork_server() -> Iterator[ForkServer]:
    adopted = processes.set_subreaper()
    server = ForkServer(calls.load, (), ())
    try:
        yield server
    finally:
        server.close()
        processes.set_subreaper(adopted)


@pytest.mark.heavy
def test_more_descriptors_than_fit_into_one_message_are_sent() -> None:
    with open_pool(1):
        pass  # starts the tracker of multiprocessing
    gc.collect()
    before = pools.open_descriptors()
    with open_pool(130) as owner:  # each keeper gets all channels
        assert owner.value("echo", value=1) == 1
    gc.collect()
    assert pools.open_descriptors() == before


def test_a_fork_server_without_free_descriptors_reports_an_error() -> None:
    with fork_server() as server:
        before = pools.open_descriptors(server.pid)
        _, hard = resource.prlimit(server.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(server.pid, resource.RLIMIT_NOFILE, (before + 10, hard))
        with pytest.raises(OSError, match=os.strerror(errno.EMFILE)):
            server.fork([0] * 20)
        assert pools.open_descriptors(server.pid) == before


def test_a_fork_server_closes_the_descriptors_that_it_has_passed_on() -> None:
    with fork_server() as server:
        before = pools.open_descriptors(server.pid)
        for _ in range(3):
            read, write = os.pipe()
            os.close(write)  # the forked process reads EOF instead of a process object
            pid = server.fork([read, read, *[read] * 30])
            os.close(read)
            assert os.waitpid(pid, 0) == (pid, 0x100)  # so it exits with code 1
        assert pools.open_descriptors(server.pid) == before
