"""Kills and timeouts: all processes of the call end, and no other call is affected."""

import gc
import os
import random
import signal
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from runner.pool.linux import processes
from tests.support.pool import loads, pools
from tests.support.pool.pools import Owner, open_pool
from tests.support.waiting import wait_for

JOBS: list[tuple[str, dict[str, Any]]] = [
    ("sleep", {"seconds": 60}),
    ("spin", {}),
    ("power", {}),
    ("derive_key", {}),
    ("ignore_signals", {"names": ["SIGTERM", "SIGINT", "SIGHUP", "SIGALRM"]}),
    ("family", {"seconds": 60}),
    ("fork_without_end", {}),
    ("flood", {}),
]


@pytest.mark.parametrize(("do", "arguments"), JOBS)
def test_a_kill_ends_the_whole_process_tree(
    owner: Owner, tmp_path: Path, do: str, arguments: dict[str, Any]
) -> None:
    neighbour, (pid,) = owner.start("wait_for_file", path=str(tmp_path / "gate"))
    call_id, pids = owner.start(do, 60.0, **arguments)
    keeper = pools.parent(pids[0])
    outcome = owner.kill(call_id)
    assert outcome.kind == "killed"
    assert outcome.pid == pids[0]
    assert pools.existing(pids) == []
    # The only process below the keeper is the next job process.
    wait_for(lambda: len(list(processes.descendants_of(keeper))) == 1)
    (tmp_path / "gate").touch()
    assert owner.outcome(neighbour).result == str(pid)
    assert owner.value("echo", value=1) == 1


@pytest.mark.parametrize("do", ["sleep", "family"])
def test_a_stopped_job_can_be_killed(owner: Owner, do: str) -> None:
    call_id, pids = owner.start(do, seconds=60)
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    wait_for(lambda: all(pools.state(pid) == "T" for pid in pids))
    assert owner.kill(call_id).kind == "killed"
    assert pools.existing(pids) == []


def test_a_job_whose_keeper_is_stopped_can_be_killed_without_affecting_others(
    owner: Owner, tmp_path: Path
) -> None:
    neighbour, (neighbours_pid,) = owner.start("wait_for_file", path=str(tmp_path / "gate"))
    call_id, pids = owner.start("family", seconds=60)
    keeper = pools.parent(pids[0])
    pools.stop(keeper)
    outcome = owner.kill(call_id)
    assert (outcome.kind, outcome.pid) == ("killed", pids[0])
    assert outcome.cpu_seconds is not None
    assert pools.existing(pids) == []
    assert pools.state(keeper) != "T"
    (tmp_path / "gate").touch()
    assert owner.outcome(neighbour).result == str(neighbours_pid)


def test_a_repeated_kill_resumes_a_keeper_that_was_stopped_again() -> None:
    with open_pool(1) as owner:
        call_id, (pid,) = owner.start("sleep", seconds=60)
        pools.stop(pools.parent(pid))
        owner.pool._calls.kill(call_id)  # as if it had resumed the keeper, which was stopped again
        assert owner.kill(call_id).kind == "killed"


def test_a_keeper_that_is_stopped_repeatedly_is_resumed_each_time() -> None:
    with open_pool(1) as owner:
        for _ in range(3):
            call_id, (pid,) = owner.start("sleep", seconds=60)
            pools.stop(pools.parent(pid))
            assert owner.kill(call_id).kind == "killed"
        assert owner.value("echo", value=1) == 1


def test_a_kill_wakes_only_the_keeper_of_its_call() -> None:
    with open_pool(2) as owner:
        killed, _ = owner.start("sleep", seconds=60)
        idle = pools.parent(owner.value("pid"))
        switches = wait_for(lambda: asleep(idle))
        assert owner.kill(killed).kind == "killed"
        assert asleep(idle) == switches


def asleep(pid: int) -> int | None:
    """Return how often a process has gone to sleep; None if it was active just now."""
    switches = pools.voluntary_switches(pid)
    time.sleep(0.1)
    return switches if pools.voluntary_switches(pid) == switches else None


def test_a_call_sent_to_a_stopped_keeper_can_be_killed() -> None:
    with open_pool(2) as owner:
        call_ids = [owner.start("sleep", seconds=60) for _ in range(2)]
        keepers = [pools.parent(pid) for _, (pid,) in call_ids]
        owner.kill_all()
        for keeper in keepers:
            pools.stop(keeper)
        call_id = owner.submit("sleep", seconds=60)
        assert owner.kill(call_id).kind == "killed"


def test_a_call_can_be_killed_before_it_starts() -> None:
    with open_pool(1, loads.load_slow_keepers) as owner:
        call_id = owner.submit("sleep", seconds=60)
        assert owner.pool.pids() == {}
        assert owner.kill(call_id).kind == "killed"
        assert owner.value("echo", value=1) == 1


def test_killing_a_call_that_has_ended_returns_false(owner: Owner) -> None:
    call_id = owner.submit("echo", value=1)
    owner.outcome(call_id)
    assert not owner.pool.kill(call_id)
    assert not owner.pool.kill("never heard of")


def test_a_second_kill_changes_nothing(owner: Owner) -> None:
    call_id, _ = owner.start("sleep", seconds=60)
    owner.pool.kill(call_id)
    assert owner.kill(call_id).kind == "killed"
    assert owner.value("echo", value=1) == 1


@pytest.mark.heavy
def test_the_earlier_of_kill_and_end_wins_and_no_other_call_is_killed() -> None:
    """Kill jobs at about the time at which they end; the delay adapts to this machine."""
    chance, moment = random.Random(5), 0.004
    kinds: dict[str, int] = {}
    with open_pool(3) as owner:
        for _ in range(200):
            neighbours = [owner.submit("echo", value=number) for number in range(2)]
            victim = owner.submit("sleep", seconds=chance.random() / 500)
            until = time.monotonic() + chance.random() * moment
            while time.monotonic() < until:
                pass
            owner.pool.kill(victim)
            neighbours.append(owner.submit("echo", value=2) if owner.pool.room() else "")
            kind = owner.outcome(victim).kind
            moment *= 1.2 if kind == "killed" else 0.8
            kinds[kind] = kinds.get(kind, 0) + 1
            results = [owner.outcome(call_id).result for call_id in neighbours if call_id]
            assert results == ["0", "1", "2"][: len(results)]
    assert set(kinds) == {"returned", "killed"}
    assert min(kinds.values()) > 5, kinds


def test_a_late_kill_order_does_not_hit_another_call(tmp_path: Path) -> None:
    with open_pool(1) as owner:
        for number in range(20):
            gate = tmp_path / str(number)
            call_id, _ = owner.start("wait_for_file", path=str(gate))
            gate.touch()
            wait_for(owner.is_woken)
            assert owner.pool.kill(call_id)  # its outcome was sent, but not received yet
            assert owner.outcome(call_id).kind == "returned"
            assert owner.value("echo", value=number) == number


@pytest.mark.timing
@pytest.mark.parametrize(
    ("do", "arguments"), [case for case in JOBS if case[0] != "ignore_signals"]
)
def test_the_kernel_enforces_a_timeout(owner: Owner, do: str, arguments: dict[str, Any]) -> None:
    outcome = owner.run(do, 0.2, **arguments)
    assert (outcome.kind, outcome.error_type) == ("timed_out", "TimedOut")
    assert outcome.error_message == "the job ran longer than 0.2 s"
    assert 0.2 <= outcome.seconds < 1
    assert pools.existing([outcome.pid or 0]) == []


@pytest.mark.timing
def test_the_keeper_enforces_a_timeout_if_the_job_ignores_sigalrm(owner: Owner) -> None:
    outcome = owner.run("ignore_signals", 0.2, names=["SIGALRM"])
    assert outcome.kind == "timed_out"
    assert 1.2 <= outcome.seconds < 3


def test_a_timeout_does_not_outlive_its_call(owner: Owner) -> None:
    pids = {owner.run("pid", 0.2).pid or 0 for _ in range(4)}
    ended_at = time.monotonic()
    wait_for(lambda: time.monotonic() > ended_at + 0.3)
    assert set(pools.living(list(pids))) == pids
    assert owner.run("sleep", seconds=0.3).kind == "returned"


@pytest.mark.timing
def test_signals_that_a_job_ignored_work_in_the_next_job() -> None:
    with open_pool(1) as owner:
        names = ["SIGALRM", "SIGTERM", "SIGINT"]
        first = owner.run("ignore_signals", names=names, seconds=0)
        second = owner.run("sleep", 0.2, seconds=60)
    assert first.pid == second.pid
    assert second.kind == "timed_out"
    assert second.seconds < 1


@pytest.mark.heavy
@pytest.mark.parametrize(("do", "arguments"), [("family", {"seconds": 0}), ("leave_thread", {})])
def test_stray_processes_and_threads_are_gone_before_the_outcome_arrives(
    do: str, arguments: dict[str, Any]
) -> None:
    with open_pool(1) as owner:
        call_id, pids = owner.start(do, **arguments)
        outcome = owner.outcome(call_id)
        assert outcome.kind == "returned"
        assert pools.existing(pids) == []
        assert owner.value("pid") not in pids


@pytest.mark.heavy
def test_the_outcome_of_a_killed_job_reports_its_resource_usage() -> None:
    with open_pool(1) as owner:
        owner.run("use_cpu", seconds=0.5, in_child=False)
        call_id, (pid,) = owner.start("spin")
        run_before = 0.5
        wait_for(lambda: pools.cpu_seconds(pid) > run_before + 0.2)
        outcome = owner.kill(call_id)
    assert 0.1 < (outcome.cpu_seconds or 0) <= outcome.seconds + 0.1
    assert (outcome.peak_memory_bytes or 0) > 2**20


@pytest.mark.heavy
def test_hundreds_of_kills_leak_no_resources() -> None:
    with open_pool(2) as owner:
        assert owner.value("echo", value=1) == 1
        _, (pid,) = owner.start("sleep", seconds=60)
        keeper = pools.parent(pid)
        owner.kill_all()

        def used() -> list[int]:
            gc.collect()
            mine = pools.open_descriptors(), threading.active_count(), len(pools.children())
            return [*mine, pools.open_descriptors(keeper), len(processes.children_of(keeper))]

        wait_for(lambda: used()[-1] == 1)  # the next job process has been forked
        before = used()
        for _ in range(100):
            call_ids = [owner.submit("sleep", seconds=60) for _ in range(2)]
            for call_id in call_ids:
                owner.pool.kill(call_id)
            assert {outcome.kind for outcome in owner.outcomes(call_ids)} == {"killed"}
        wait_for(lambda: used() == before)
