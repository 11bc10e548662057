"""Deaths of keepers, pools and runners: no process is left, and every call gets an outcome."""

import contextlib
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
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, NoReturn

import pytest

from runner.pool.executor import KeeperExecutor
from runner.pool.linux import processes
from runner.pool.pool import PoolError
from runner.pool.protocol.shared_memory import steady_now
from tests.support.paths import ROOT
from tests.support.pool import loads, pools
from tests.support.pool.pools import open_pool
from tests.support.waiting import wait_for

TREE_DIES_WITHIN = 0.25


def are_over(pids: list[int]) -> bool:
    return pools.living(pids) == []


def test_a_killed_keeper_loses_all_calls_but_only_its_own_is_at_fault() -> None:
    with open_pool(3) as owner:
        culprit, (pid, *others) = owner.start("family", seconds=60)
        bystander, (neighbour,) = owner.start("sleep", seconds=60)
        os.kill(pools.parent(pid), signal.SIGKILL)
        outcomes = owner.outcomes([culprit, bystander])
        assert pools.existing([pid, *others, neighbour]) == []
        assert [outcome.kind for outcome in outcomes] == ["lost", "lost"]
        assert [outcome.not_at_fault for outcome in outcomes] == [False, True]
        assert {outcome.error_type for outcome in outcomes} == {"Lost"}
        values = [owner.submit("echo", value=number) for number in range(3)]
        assert [outcome.result for outcome in owner.outcomes(values)] == ["0", "1", "2"]


NAMESPACE = ("unshare", "--user", "--map-root-user", "--pid")
KILLS_IN_A_NAMESPACE = """
import subprocess, sys
from runner.pool.linux import processes

processes.set_subreaper()
shell = subprocess.Popen(
    [*sys.argv[1:], "sh", "-c", "sleep 60 & sleep 60 & echo; wait"], stdout=subprocess.PIPE
)
shell.stdout.readline()
processes.kill_descendants()
"""


@pytest.mark.skipif(
    subprocess.run([*NAMESPACE, "true"], capture_output=True, check=False).returncode != 0,
    reason="this system allows no PID namespaces",
)
def test_the_first_process_of_a_pid_namespace_ends_after_all_others_in_it() -> None:
    """It waits until they are reaped, so who waits for it first waits forever."""
    command = [sys.executable, "-c", KILLS_IN_A_NAMESPACE, *NAMESPACE]
    subprocess.run(command, cwd=ROOT, timeout=20, check=True)


def test_calls_lost_to_a_terminated_keeper_are_not_at_fault() -> None:
    with open_pool(2) as owner:
        call_ids = [owner.start("sleep", seconds=60) for _ in range(2)]
        os.kill(pools.parent(call_ids[0][1][0]), signal.SIGTERM)
        outcomes = owner.outcomes([call_id for call_id, _ in call_ids])
        assert all(outcome.kind == "lost" and outcome.not_at_fault for outcome in outcomes)
        assert owner.value("echo", value=1) == 1


def test_an_outcome_sent_before_its_keeper_was_killed_counts(tmp_path: Path) -> None:
    with open_pool(1) as owner:
        call_id, (pid,) = owner.start("wait_for_file", path=str(tmp_path / "gate"))
        (tmp_path / "gate").touch()
        wait_for(owner.is_woken)
        os.kill(pools.parent(pid), signal.SIGKILL)
        assert owner.outcome(call_id).kind == "returned"


def test_a_keeper_killed_while_idle_is_replaced_at_once() -> None:
    with open_pool(1) as owner:
        pid = owner.value("pid")
        keeper = pools.parent(pid)
        os.kill(keeper, signal.SIGKILL)
        wait_for(owner.is_woken)
        assert not any(owner.pool.collect())
        assert pools.existing([keeper, pid]) == []
        assert owner.value("pid") != pid


@pytest.mark.parametrize("refusal", [None, OSError("handle is closed")])
def test_a_keeper_killed_while_others_start_only_causes_another_start(
    monkeypatch: pytest.MonkeyPatch, refusal: Exception | None
) -> None:
    killed: list[int] = []

    def refuse(*_: object) -> NoReturn:
        assert refusal is not None
        raise refusal

    def kill_the_first(executor: KeeperExecutor) -> None:
        watch_new_keepers(executor)
        if executor is not broken and not killed:
            (keeper,) = executor._keepers.values()
            killed.append(keeper.pid or 0)
            keeper.kill()
            wait_for(lambda: executor.broken)
            if refusal is not None:  # the error if the executor is being closed
                monkeypatch.setattr(executor._process_pool, "submit", refuse)

    watch_new_keepers = KeeperExecutor._watch_new_keepers
    with open_pool(2) as owner:
        broken = owner.pool._executor
        os.kill(pools.parent(owner.value("pid")), signal.SIGKILL)
        wait_for(owner.is_woken)
        monkeypatch.setattr(KeeperExecutor, "_watch_new_keepers", kill_the_first)
        wait_for(lambda: not any(owner.pool.collect()) and killed)
        wait_for(owner.is_woken)
        assert owner.value("echo", value=1) == 1


def test_a_call_is_accepted_while_the_executor_is_broken() -> None:
    with open_pool(1) as owner:
        _, (pid,) = owner.start("sleep", seconds=60)
        keeper = pools.parent(pid)
        owner.kill_all()
        wait_for(lambda: processes.children_of(keeper))  # its last action before it is idle
        os.kill(keeper, signal.SIGKILL)
        wait_for(lambda: pools.state(keeper) == "")  # waited for by the executor
        assert owner.value("echo", value=1) == 1


def test_a_call_submitted_while_keepers_die_gets_an_outcome() -> None:
    with open_pool(2) as owner:
        for number in range(8):
            call_id, pids = owner.start("sleep", seconds=60)
            os.kill(pools.parent(pids[0]), signal.SIGKILL)
            if number % 2:
                wait_for(partial(are_over, pids))
            outcome = owner.run("echo", value=number)
            assert outcome.kind == "returned" or (outcome.kind == "lost" and outcome.not_at_fault)
            assert owner.outcome(call_id).kind == "lost"


def test_a_stopped_keeper_does_not_delay_the_replacement_of_the_executor() -> None:
    with open_pool(2) as owner:
        call_ids = [owner.start("sleep", seconds=60) for _ in range(2)]
        stopped, killed = (pools.parent(pids[0]) for _, pids in call_ids)
        pools.stop(stopped)
        os.kill(killed, signal.SIGKILL)
        outcomes = owner.outcomes([call_id for call_id, _ in call_ids])
        assert {outcome.kind for outcome in outcomes} == {"lost"}
        assert pools.existing([stopped, killed, *(pids[0] for _, pids in call_ids)]) == []
        assert owner.value("echo", value=1) == 1


def test_calls_end_with_the_lease_even_if_the_pool_does_nothing() -> None:
    with open_pool(2) as owner:
        owner.pool.lease.end_at(steady_now() + 60)
        call_id, pids = owner.start("family", seconds=60)
        owner.pool.lease.end_at(steady_now() + 1)
        # The pool is not called here, as if its process were stopped.
        wait_for(lambda: pools.living(pids) == [])
        outcome = owner.outcome(call_id)
        assert (outcome.kind, outcome.not_at_fault) == ("lost", True)
        late = owner.run("echo", value=1)
        assert (late.kind, late.pid) == ("lost", None)  # it was never sent to a job process
        owner.pool.lease.end_at(math.inf)
        assert owner.value("echo", value=2) == 2


@pytest.mark.heavy
def test_a_lease_renewed_in_time_ends_no_call(tmp_path: Path) -> None:
    with open_pool(1) as owner:
        call_id, _ = owner.start("wait_for_file", path=str(tmp_path / "gate"))
        owner.pool.lease.end_at((began := steady_now()) + 4)
        wait_for(lambda: steady_now() > began + 1.5)  # its keeper has checked the lease
        owner.pool.lease.end_at(began + 60)
        wait_for(lambda: steady_now() > began + 4.5)
        (tmp_path / "gate").touch()
        assert owner.outcome(call_id).kind == "returned"


@pytest.mark.heavy
def test_an_entry_that_cannot_be_loaded_is_an_error() -> None:
    assert_not_opened(loads.load_raises, "the entry cannot be loaded: ImportError: no such")


@pytest.mark.heavy
def test_an_entry_that_exits_while_loading_is_an_error() -> None:
    assert_not_opened(loads.load_exits, "the fork-server exited with code 1")


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
        open_pool(2, loads.load_dying_keepers) as owner,
        pytest.raises(PoolError, match="died 5 times"),
    ):
        wait_for(lambda: owner.run("echo", value=1).kind == "returned")


@pytest.mark.heavy
def test_closing_a_pool_kills_its_calls_and_frees_its_resources() -> None:
    with open_pool(1) as owner:  # starts the tracker of multiprocessing, which stays
        owner.run("echo", value=1)

    def held() -> list[int]:
        gc.collect()
        return [pools.open_descriptors(), threading.active_count(), len(pools.children())]

    before = held()
    with open_pool(2) as owner:
        call_ids = [owner.start("family", seconds=60) for _ in range(2)]
        owner.pool.close()
        assert pools.existing([pid for _, pids in call_ids for pid in pids]) == []
        outcomes = dict(owner.pool.collect().outcomes)
        assert sorted(outcomes) == sorted(call_id for call_id, _ in call_ids)
        assert all(outcome.kind == "lost" and outcome.not_at_fault for outcome in outcomes.values())
        with pytest.raises(ValueError, match="closed"):
            owner.submit("echo", value=1)
    del owner
    assert held() == before


def test_a_pool_can_be_closed_while_it_starts() -> None:
    with open_pool(2, loads.load_slow_keepers) as owner:
        started_at = time.monotonic()
        owner.pool.close()
    assert time.monotonic() - started_at < 5


def test_closing_a_pool_kills_keepers_that_block_all_signals() -> None:
    before = pools.children()
    with open_pool(2, loads.load_keepers_that_block_signals) as owner:

        def blocking() -> list[int]:
            return [pid for pid in pools.children() - before if _blocks_all_signals(pid)]

        wait_for(lambda: len(blocking()) == 2)
        keepers = blocking()
        owner.pool.close(timeout=0.3)
        assert pools.existing(keepers) == []


def _blocks_all_signals(pid: int) -> bool:
    """Return whether a process blocks all signals. Each new keeper blocks only some of them."""
    status = Path(f"/proc/{pid}/status").read_text()
    blocked = int(status.partition("SigBlk:")[2].split()[0], 16)
    return bool(blocked >> (signal.SIGWINCH - 1) & 1)


def test_other_children_of_the_process_are_left_alone() -> None:
    with subprocess.Popen(["sleep", "60"]) as other:
        with open_pool(1) as owner:
            call_id, (pid,) = owner.start("sleep", seconds=60)
            os.kill(pools.parent(pid), signal.SIGKILL)
            assert owner.outcome(call_id).kind == "lost"
        spared = other.poll() is None
        other.kill()
    assert spared


def test_a_scan_of_proc_finds_the_same_children_as_the_children_file() -> None:
    with open_pool(2) as owner:
        call_id, (pid, *_) = owner.start("family", seconds=60)
        for parent in (os.getpid(), pools.parent(pid), pid):
            assert sorted(processes.children_by_scan(parent)) == sorted(
                processes.children_of(parent)
            )
        owner.kill(call_id)


@contextmanager
def runner(folder: Path, start: str = "run_pool") -> Iterator["subprocess.Popen[bytes]"]:
    """Start a function of runner_process.py as a runner in its own process group."""
    call = f"runner_process.{start}(*sys.argv[1:])"
    code = f"import sys; from tests.support.pool import runner_process; {call}"
    arguments = [sys.executable, "-c", code, str(folder / "lock"), str(folder / "gate")]
    # Unbuffered: select() does not see lines that are already in a buffer.
    with subprocess.Popen(
        arguments, bufsize=0, cwd=ROOT, stdout=subprocess.PIPE, start_new_session=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def read_line(process: "subprocess.Popen[bytes]") -> str:
    """Return the next line that the runner prints."""
    assert process.stdout is not None
    return process.stdout.readline().decode().strip()


def tree_below(runner: int) -> list[int]:
    """Return all processes below a runner, once all its keepers have job processes.

    Three keepers with a job process each, one of them with a family of three; the fork server; and
    the tracker of multiprocessing.
    """

    def found() -> list[int]:
        pids = pools.living(list(processes.descendants_of(runner)))
        # While the last keeper is being forked, the number of processes is the same, but the keeper
        # is not a child of the runner yet.
        is_complete = len(processes.children_of(runner)) == 3 + 1 + 1
        return pids if is_complete and len(pids) == 3 + 3 + 3 + 1 + 1 else []

    return wait_for(found)


def is_free(lock: Path) -> bool:
    with lock.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True


@pytest.mark.timing
def test_nothing_outlives_a_killed_runner_and_its_lock_is_freed_last(tmp_path: Path) -> None:
    with runner(tmp_path) as process:
        assert read_line(process) == "created"
        assert read_line(process) == "running"
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
    with runner(tmp_path, "run_pool_below_a_subreaper") as process:
        pid = int(read_line(process))
        assert read_line(process) == "created"
        assert read_line(process) == "running"
        below = tree_below(pid)
        stopped = [pid for pid in below if "resource_tracker" not in pools.command(pid)]
        for each in stopped:
            os.kill(each, signal.SIGSTOP)
        wait_for(lambda: all(pools.state(each) == "T" for each in stopped))
        os.kill(pid, signal.SIGKILL)
        wait_for(partial(are_over, below))
        assert is_free(tmp_path / "lock")


def test_a_keeper_that_was_stopped_and_resumed_keeps_its_job(tmp_path: Path) -> None:
    with open_pool(1) as owner:
        call_id, (pid,) = owner.start("wait_for_file", path=str(tmp_path / "gate"))
        keeper = pools.parent(pid)
        for number in (signal.SIGCONT, signal.SIGSTOP, signal.SIGCONT):
            os.kill(keeper, number)
        (tmp_path / "gate").touch()
        assert owner.outcome(call_id).result == str(pid)
        assert pools.state(keeper)


def three_keepers(runner: int) -> tuple[list[int], list[int], list[int]] | None:
    """Return all processes below a runner, its keepers, and the children of these.

    Returns None until all of them exist.
    """
    below = tree_below(runner)
    keepers = [pid for pid in below if os.getpgid(pid) == pid != os.getsid(pid)]
    children = [pid for pid in below if pools.parent(pid) in keepers]
    return (below, keepers, children) if (len(keepers), len(children)) == (3, 4) else None


def test_job_processes_die_when_runner_and_keepers_are_killed_at_once(tmp_path: Path) -> None:
    with runner(tmp_path) as process:
        assert read_line(process) == "created"
        assert read_line(process) == "running"
        below, keepers, daemons_and_jobs = wait_for(partial(three_keepers, process.pid))
        for number in (signal.SIGSTOP, signal.SIGKILL):
            for pid in [
                *keepers,
                process.pid,
            ]:  # the runner last: its death would resume the keepers
                os.kill(pid, number)
        wait_for(lambda: len(pools.living(daemons_and_jobs)) == 1)
        for pid in pools.living(below):  # children of job processes can outlive them
            os.kill(pid, signal.SIGKILL)


def test_a_runner_that_dies_while_keepers_start_leaves_no_process(tmp_path: Path) -> None:
    for _ in range(3):
        with runner(tmp_path) as process:
            assert read_line(process) == "created"
            below = list(processes.descendants_of(process.pid))
            process.kill()
            wait_for(partial(are_over, below))
            # A keeper that was just starting still has to notice that the runner is gone.
            wait_for(partial(is_free, tmp_path / "lock"))


def test_interrupting_the_runner_with_ctrl_c_does_not_affect_keepers(tmp_path: Path) -> None:
    with runner(tmp_path) as process:
        assert read_line(process) == "created"
        assert process.stdout is not None
        while not select.select([process.stdout], [], [], 0.01)[0]:
            os.killpg(process.pid, signal.SIGINT)
        assert read_line(process) == "running"
        os.killpg(process.pid, signal.SIGINT)
        (tmp_path / "gate").touch()
        assert read_line(process) == "returned"
        assert process.wait(10) == 0


def test_what_a_keeper_would_end_is_killed_before_it(monkeypatch: pytest.MonkeyPatch) -> None:
    kill, left = BaseProcess.kill, list[int]()

    def check_and_kill(keeper: BaseProcess) -> None:
        with contextlib.suppress(AssertionError):
            wait_for(lambda: pools.existing(pids) == [], timeout=5)
        left.extend(pools.existing(pids))
        kill(keeper)

    with open_pool(1) as owner:
        _, pids = owner.start("family", seconds=60)
        monkeypatch.setattr(BaseProcess, "kill", check_and_kill)
        owner.pool.close(timeout=0)
    assert left == []
