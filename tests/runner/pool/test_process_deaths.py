"""The ends of keepers, of the pool and of its runner: nothing is left, and no call is forgotten."""

import fcntl
import gc
import math
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

import pytest

from runner.pool.executor import KeeperExecutor
from runner.pool.linux import proc
from runner.pool.pool import PoolError
from runner.pool.protocol.lease import steady_now
from tests.support.paths import ROOT
from tests.support.pool import loads as pool_loads
from tests.support.pool import pools
from tests.support.pool.pools import open_pool
from tests.support.waiting import wait_for

TREE_DIES_WITHIN = 0.25


def are_over(pids: list[int]) -> bool:
    return pools.living(pids) == []


def test_a_killed_keeper_costs_its_call_and_its_neighbours_are_innocent() -> None:
    with open_pool(3) as owner:
        guilty, (pid, *others) = owner.start("family", seconds=60)
        innocent, (neighbour,) = owner.start("sleep", seconds=60)
        os.kill(pools.parent(pid), signal.SIGKILL)
        outcomes = owner.outcomes([guilty, innocent])
        assert pools.existing([pid, *others, neighbour]) == []
        assert [outcome.kind for outcome in outcomes] == ["lost", "lost"]
        assert [outcome.innocent for outcome in outcomes] == [False, True]
        assert {outcome.error_type for outcome in outcomes} == {"Lost"}
        values = [owner.submit("echo", value=number) for number in range(3)]
        assert [outcome.result for outcome in owner.outcomes(values)] == ["0", "1", "2"]


def test_a_terminated_keeper_costs_no_call() -> None:
    with open_pool(2) as owner:
        tokens = [owner.start("sleep", seconds=60) for _ in range(2)]
        os.kill(pools.parent(tokens[0][1][0]), signal.SIGTERM)
        outcomes = owner.outcomes([token for token, _ in tokens])
        assert all(outcome.kind == "lost" and outcome.innocent for outcome in outcomes)
        assert owner.value("echo", value=1) == 1


def test_an_outcome_that_was_sent_is_not_lost_with_its_keeper(tmp_path: Path) -> None:
    with open_pool(1) as owner:
        token, (pid,) = owner.start("wait_for_file", path=str(tmp_path / "gate"))
        (tmp_path / "gate").touch()
        wait_for(owner.is_woken)
        os.kill(pools.parent(pid), signal.SIGKILL)
        assert owner.outcome(token).kind == "returned"


def test_a_keeper_killed_while_idle_is_replaced_at_once() -> None:
    with open_pool(1) as owner:
        pid = owner.value("pid")
        keeper = pools.parent(pid)
        os.kill(keeper, signal.SIGKILL)
        wait_for(owner.is_woken)
        assert owner.pool.collect() == []
        assert pools.existing([keeper, pid]) == []
        assert owner.value("pid") != pid


@pytest.mark.parametrize("refusal", [None, OSError("handle is closed")])
def test_a_keeper_killed_while_the_others_are_started_costs_no_more_than_another_start(
    monkeypatch: pytest.MonkeyPatch, refusal: Exception | None
) -> None:
    killed: list[int] = []

    def refuse(*_: object) -> NoReturn:
        assert refusal is not None
        raise refusal

    def kill_the_first(crew: KeeperExecutor) -> None:
        note_keepers(crew)
        if crew is not broken and not killed:
            (keeper,) = crew._keepers.values()
            killed.append(keeper.pid or 0)
            keeper.kill()
            wait_for(lambda: crew.broken)
            if refusal is not None:  # what comes if the executor is just about to be closed
                monkeypatch.setattr(crew._executor, "submit", refuse)

    note_keepers = KeeperExecutor._note_keepers
    with open_pool(2) as owner:
        broken = owner.pool._crew
        os.kill(pools.parent(owner.value("pid")), signal.SIGKILL)
        wait_for(owner.is_woken)
        monkeypatch.setattr(KeeperExecutor, "_note_keepers", kill_the_first)
        wait_for(lambda: owner.pool.collect() == [] and killed)
        wait_for(owner.is_woken)
        assert owner.value("echo", value=1) == 1


def test_a_call_is_taken_though_the_executor_is_broken() -> None:
    with open_pool(1) as owner:
        _, (pid,) = owner.start("sleep", seconds=60)
        keeper = pools.parent(pid)
        owner.kill_all()
        wait_for(lambda: proc.children_of(keeper))  # the last thing to do before it is idle
        os.kill(keeper, signal.SIGKILL)
        wait_for(lambda: pools.state(keeper) == "")  # the executor has waited for it
        assert owner.value("echo", value=1) == 1


def test_a_call_submitted_while_keepers_die_gets_an_outcome() -> None:
    with open_pool(2) as owner:
        for number in range(8):
            token, pids = owner.start("sleep", seconds=60)
            os.kill(pools.parent(pids[0]), signal.SIGKILL)
            if number % 2:
                wait_for(partial(are_over, pids))
            outcome = owner.run("echo", value=number)
            assert outcome.kind == "returned" or (outcome.kind == "lost" and outcome.innocent)
            assert owner.outcome(token).kind == "lost"


def test_a_stopped_keeper_holds_up_no_replacement_of_the_others() -> None:
    with open_pool(2) as owner:
        tokens = [owner.start("sleep", seconds=60) for _ in range(2)]
        stopped, killed = (pools.parent(pids[0]) for _, pids in tokens)
        pools.stop(stopped)
        os.kill(killed, signal.SIGKILL)
        outcomes = owner.outcomes([token for token, _ in tokens])
        assert {outcome.kind for outcome in outcomes} == {"lost"}
        assert pools.existing([stopped, killed, *(pids[0] for _, pids in tokens)]) == []
        assert owner.value("echo", value=1) == 1


def test_calls_end_with_the_lease_though_the_process_of_the_pool_is_stopped() -> None:
    with open_pool(2) as owner:
        owner.pool.lease.end_at(steady_now() + 60)
        token, pids = owner.start("family", seconds=60)
        owner.pool.lease.end_at(steady_now() + 1)
        # Nothing is asked of the pool here, as while its process is stopped.
        wait_for(lambda: pools.living(pids) == [])
        outcome = owner.outcome(token)
        assert (outcome.kind, outcome.innocent) == ("lost", True)
        late = owner.run("echo", value=1)
        assert (late.kind, late.pid) == ("lost", None)  # no process has had it
        owner.pool.lease.end_at(math.inf)
        assert owner.value("echo", value=2) == 2


def test_a_lease_that_is_put_off_in_time_ends_no_call(tmp_path: Path) -> None:
    with open_pool(1) as owner:
        token, _ = owner.start("wait_for_file", path=str(tmp_path / "gate"))
        owner.pool.lease.end_at((began := steady_now()) + 4)
        wait_for(lambda: steady_now() > began + 1.5)  # its keeper has seen that
        owner.pool.lease.end_at(began + 60)
        wait_for(lambda: steady_now() > began + 4.5)
        (tmp_path / "gate").touch()
        assert owner.outcome(token).kind == "returned"


def test_an_entry_that_cannot_be_loaded_is_an_error() -> None:
    assert_not_opened(pool_loads.load_nothing, "the entry cannot be loaded: ImportError: no such")


def test_an_entry_whose_load_ends_its_process_is_an_error() -> None:
    assert_not_opened(pool_loads.load_and_die, "the fork-server exited with code 1")


def assert_not_opened(load: Callable[[], Any], error: str) -> None:
    with open_pool(1):
        pass  # starts the tracker of multiprocessing
    gc.collect()
    before = pools.children(), pools.open_descriptors()
    with pytest.raises(PoolError, match=error), open_pool(2, load):
        pass
    gc.collect()
    assert (pools.children(), pools.open_descriptors()) == before


def test_keepers_that_always_die_are_an_error() -> None:
    with (
        open_pool(2, pool_loads.load_what_ends_keepers) as owner,
        pytest.raises(PoolError, match="died 5 times"),
    ):
        wait_for(lambda: owner.run("echo", value=1).kind == "returned")


def test_a_closed_pool_has_killed_what_ran_and_holds_nothing() -> None:
    with open_pool(1) as owner:  # starts the tracker of multiprocessing, which stays
        owner.run("echo", value=1)

    def held() -> list[int]:
        gc.collect()
        return [pools.open_descriptors(), threading.active_count(), len(pools.children())]

    before = held()
    with open_pool(2) as owner:
        tokens = [owner.start("family", seconds=60) for _ in range(2)]
        owner.pool.close()
        assert pools.existing([pid for _, pids in tokens for pid in pids]) == []
        outcomes = dict(owner.pool.collect())
        assert sorted(outcomes) == sorted(token for token, _ in tokens)
        assert all(outcome.kind == "lost" and outcome.innocent for outcome in outcomes.values())
        with pytest.raises(ValueError, match="closed"):
            owner.submit("echo", value=1)
    del owner
    assert held() == before


def test_a_pool_may_be_closed_while_it_starts() -> None:
    with open_pool(2, pool_loads.load_slow_keepers) as owner:
        started_at = time.monotonic()
        owner.pool.close()
    assert time.monotonic() - started_at < 5


def test_a_pool_ends_keepers_that_heed_no_signal() -> None:
    before = pools.children()
    with open_pool(2, pool_loads.load_deaf_keepers) as owner:

        def deaf() -> list[int]:
            return [pid for pid in pools.children() - before if _is_deaf(pid)]

        wait_for(lambda: len(deaf()) == 2)
        keepers = deaf()
        owner.pool.close(patience=0.3)
        assert pools.existing(keepers) == []


def _is_deaf(pid: int) -> bool:
    """Whether a process blocks all signals, and not only those that a keeper is born without."""
    status = Path(f"/proc/{pid}/status").read_text()
    blocked = int(status.partition("SigBlk:")[2].split()[0], 16)
    return bool(blocked >> (signal.SIGWINCH - 1) & 1)


def test_other_children_of_the_process_are_left_alone() -> None:
    with subprocess.Popen(["sleep", "60"]) as other:
        with open_pool(1) as owner:
            token, (pid,) = owner.start("sleep", seconds=60)
            os.kill(pools.parent(pid), signal.SIGKILL)
            assert owner.outcome(token).kind == "lost"
        spared = other.poll() is None
        other.kill()
    assert spared


def test_children_are_found_without_the_help_of_a_kernel_option() -> None:
    with open_pool(2) as owner:
        token, (pid, *_) = owner.start("family", seconds=60)
        for parent in (os.getpid(), pools.parent(pid), pid):
            assert sorted(proc.children_by_scan(parent)) == sorted(proc.children_of(parent))
        owner.kill(token)


@contextmanager
def runner(folder: Path, start: str = "hold_pool") -> Iterator["subprocess.Popen[bytes]"]:
    """A runner in a process group of its own; see pool_runner.hold_pool."""
    code = f"import sys; from tests.support.pool import runner_process; runner_process.{start}(*sys.argv[1:])"
    arguments = [sys.executable, "-c", code, str(folder / "lock"), str(folder / "gate")]
    # Nothing is read ahead: what it has said next would be in no pipe that is waited on.
    with subprocess.Popen(
        arguments, bufsize=0, cwd=ROOT, stdout=subprocess.PIPE, start_new_session=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def say(process: "subprocess.Popen[bytes]") -> str:
    """The next line that the runner prints."""
    assert process.stdout is not None
    return process.stdout.readline().decode().strip()


def tree_below(runner: int) -> list[int]:
    """All processes below a runner, once all its slots are warm.

    Three keepers with a job process each, one of them with a family of three; the fork server; and
    the tracker of multiprocessing.
    """

    def found() -> list[int]:
        pids = pools.living(list(proc.descendants_of(runner)))
        # There are as many while the last keeper is being forked: it is no child of the runner yet.
        is_whole = len(proc.children_of(runner)) == 3 + 1 + 1
        return pids if is_whole and len(pids) == 3 + 3 + 3 + 1 + 1 else []

    return wait_for(found)


def is_free(lock: Path) -> bool:
    with lock.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True


@pytest.mark.timing
def test_nothing_outlives_a_killed_runner_and_its_lock_is_free_only_then(tmp_path: Path) -> None:
    with runner(tmp_path) as process:
        assert say(process) == "made"
        assert say(process) == "running"
        pids = [process.pid, *tree_below(process.pid)]
        (tracker,) = [pid for pid in pids if "resource_tracker" in pools.command(pid)]
        process.kill()
        killed_at = time.monotonic()
        while not is_free(tmp_path / "lock"):
            assert time.monotonic() - killed_at < 10, pools.living(pids)
        assert set(pools.living(pids)) <= {tracker}
        assert time.monotonic() - killed_at < TREE_DIES_WITHIN
        wait_for(partial(are_over, pids))


def test_nothing_outlives_a_killed_runner_whose_keepers_and_jobs_are_stopped(
    tmp_path: Path,
) -> None:
    with runner(tmp_path, "hold_pool_below_an_adopter") as process:
        pid = int(say(process))
        assert say(process) == "made"
        assert say(process) == "running"
        below = tree_below(pid)
        stopped = [pid for pid in below if "resource_tracker" not in pools.command(pid)]
        for each in stopped:
            os.kill(each, signal.SIGSTOP)
        wait_for(lambda: all(pools.state(each) == "T" for each in stopped))
        os.kill(pid, signal.SIGKILL)
        wait_for(partial(are_over, below))
        assert is_free(tmp_path / "lock")


def test_a_keeper_that_goes_on_after_a_stop_keeps_its_job(tmp_path: Path) -> None:
    with open_pool(1) as owner:
        token, (pid,) = owner.start("wait_for_file", path=str(tmp_path / "gate"))
        keeper = pools.parent(pid)
        for number in (signal.SIGCONT, signal.SIGSTOP, signal.SIGCONT):
            os.kill(keeper, number)
        (tmp_path / "gate").touch()
        assert owner.outcome(token).result == str(pid)
        assert pools.state(keeper)


def three_keepers_and_theirs(runner: int) -> tuple[list[int], list[int], list[int]] | None:
    """All below a runner, its keepers, and what those have below them, once all of it is there."""
    below = tree_below(runner)
    keepers = [pid for pid in below if os.getpgid(pid) == pid != os.getsid(pid)]
    theirs = [pid for pid in below if pools.parent(pid) in keepers]
    return (below, keepers, theirs) if (len(keepers), len(theirs)) == (3, 4) else None


def test_job_processes_die_when_runner_and_keepers_are_killed_at_once(tmp_path: Path) -> None:
    with runner(tmp_path) as process:
        assert say(process) == "made"
        assert say(process) == "running"
        below, keepers, daemons_and_jobs = wait_for(partial(three_keepers_and_theirs, process.pid))
        for number in (signal.SIGSTOP, signal.SIGKILL):
            for pid in [*keepers, process.pid]:  # the runner last, or its death wakes the keepers
                os.kill(pid, number)
        wait_for(lambda: len(pools.living(daemons_and_jobs)) == 1)
        for pid in pools.living(below):  # what those had below them can outlive all three
            os.kill(pid, signal.SIGKILL)


def test_a_runner_that_dies_while_keepers_start_leaves_nothing(tmp_path: Path) -> None:
    for _ in range(3):
        with runner(tmp_path) as process:
            assert say(process) == "made"
            below = list(proc.descendants_of(process.pid))
            process.kill()
            wait_for(partial(are_over, below))
            # One that it has started in its last moment has still to see that it is gone.
            wait_for(partial(is_free, tmp_path / "lock"))


def test_keys_that_interrupt_the_runner_disturb_no_keeper(tmp_path: Path) -> None:
    with runner(tmp_path) as process:
        assert say(process) == "made"
        assert process.stdout is not None
        while not select.select([process.stdout], [], [], 0.01)[0]:
            os.killpg(process.pid, signal.SIGINT)
        assert say(process) == "running"
        os.killpg(process.pid, signal.SIGINT)
        (tmp_path / "gate").touch()
        assert say(process) == "returned"
        assert process.wait(10) == 0
