"""Kills and timeouts in the pool: everything of the call is gone, and no neighbour notices."""

import gc
import os
import random
import signal
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from runner.pool.linux import proc
from tests.support.pool import loads as pool_loads
from tests.support.pool import pools
from tests.support.pool.pools import Owner, open_pool
from tests.support.waiting import wait_for

STUBBORN: list[tuple[str, dict[str, Any]]] = [
    ("sleep", {"seconds": 60}),
    ("spin", {}),
    ("power", {}),
    ("derive_key", {}),
    ("ignore_signals", {"names": ["SIGTERM", "SIGINT", "SIGHUP", "SIGALRM"]}),
    ("family", {"seconds": 60}),
    ("fork_without_end", {}),
    ("flood", {}),
]


@pytest.mark.parametrize(("do", "arguments"), STUBBORN)
def test_a_kill_ends_whatever_the_job_does(
    owner: Owner, tmp_path: Path, do: str, arguments: dict[str, Any]
) -> None:
    neighbour, (pid,) = owner.start("wait_for_file", path=str(tmp_path / "gate"))
    token, pids = owner.start(do, 60.0, **arguments)
    keeper = pools.parent(pids[0])
    outcome = owner.kill(token)
    assert outcome.kind == "killed"
    assert outcome.pid == pids[0]
    assert pools.existing(pids) == []
    # All that is below the keeper now is the next job process.
    wait_for(lambda: len(list(proc.descendants_of(keeper))) == 1)
    (tmp_path / "gate").touch()
    assert owner.outcome(neighbour).result == str(pid)
    assert owner.value("echo", value=1) == 1


@pytest.mark.parametrize("do", ["sleep", "family"])
def test_a_stopped_job_can_be_killed(owner: Owner, do: str) -> None:
    token, pids = owner.start(do, seconds=60)
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    wait_for(lambda: all(pools.state(pid) == "T" for pid in pids))
    assert owner.kill(token).kind == "killed"
    assert pools.existing(pids) == []


def test_a_job_whose_keeper_is_stopped_can_be_killed_and_no_neighbour_notices(
    owner: Owner, tmp_path: Path
) -> None:
    neighbour, (neighbours_pid,) = owner.start("wait_for_file", path=str(tmp_path / "gate"))
    token, pids = owner.start("family", seconds=60)
    keeper = pools.parent(pids[0])
    pools.stop(keeper)
    outcome = owner.kill(token)
    assert (outcome.kind, outcome.pid) == ("killed", pids[0])
    assert outcome.cpu_seconds is not None
    assert pools.existing(pids) == []
    assert pools.state(keeper) != "T"
    (tmp_path / "gate").touch()
    assert owner.outcome(neighbour).result == str(neighbours_pid)


def test_a_kill_is_asked_for_again_if_the_keeper_was_stopped_again() -> None:
    with open_pool(1, grace=2.0) as owner:
        token, (pid,) = owner.start("ignore_signals", names=["SIGTERM"])
        keeper = pools.parent(pid)
        owner.pool.kill(token)
        pools.stop(keeper)
        assert owner.kill(token).kind == "killed"


def test_a_keeper_that_is_stopped_again_and_again_is_found_each_time() -> None:
    with open_pool(1) as owner:
        for _ in range(3):
            token, (pid,) = owner.start("sleep", seconds=60)
            pools.stop(pools.parent(pid))
            assert owner.kill(token).kind == "killed"
        assert owner.value("echo", value=1) == 1


def test_a_kill_wakes_no_keeper_but_that_of_its_call() -> None:
    with open_pool(2) as owner:
        killed, _ = owner.start("sleep", seconds=60)
        idle = pools.parent(owner.value("pid"))
        turns = wait_for(lambda: asleep(idle))
        assert owner.kill(killed).kind == "killed"
        assert asleep(idle) == turns


def asleep(pid: int) -> int | None:
    """How often a process has gone to sleep; None if it does not sleep for a while."""
    turns = pools.turns(pid)
    time.sleep(0.1)
    return turns if pools.turns(pid) == turns else None


def test_a_call_that_stopped_keepers_do_not_start_can_be_killed() -> None:
    with open_pool(2) as owner:
        tokens = [owner.start("sleep", seconds=60) for _ in range(2)]
        keepers = [pools.parent(pid) for _, (pid,) in tokens]
        owner.kill_all()
        for keeper in keepers:
            pools.stop(keeper)
        token = owner.submit("sleep", seconds=60)
        assert owner.kill(token).kind == "killed"


def test_with_a_grace_a_stopped_job_may_clean_up(tmp_path: Path) -> None:
    with open_pool(1, grace=10.0) as owner:
        token, (pid,) = owner.start("heed_sigterm", path=str(tmp_path / "cleaned"))
        pools.stop(pid)
        outcome = owner.kill(token)
    assert outcome.kind == "killed"
    assert outcome.seconds < 8
    assert (tmp_path / "cleaned").read_text() == "clean"


def test_a_call_is_killed_before_it_has_started() -> None:
    with open_pool(1, pool_loads.load_slow_keepers) as owner:
        token = owner.submit("sleep", seconds=60)
        assert owner.pool.pids() == {}
        assert owner.kill(token).kind == "killed"
        assert owner.value("echo", value=1) == 1


def test_a_kill_of_what_has_ended_is_refused(owner: Owner) -> None:
    token = owner.submit("echo", value=1)
    owner.outcome(token)
    assert not owner.pool.kill(token)
    assert not owner.pool.kill("never heard of")


def test_a_second_kill_changes_nothing(owner: Owner) -> None:
    token, _ = owner.start("sleep", seconds=60)
    owner.pool.kill(token)
    assert owner.kill(token).kind == "killed"
    assert owner.value("echo", value=1) == 1


def test_what_came_first_wins_and_no_neighbour_is_hit() -> None:
    """Hundreds of kills in the moment in which a job ends by itself, whenever that is here."""
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
            results = [owner.outcome(token).result for token in neighbours if token]
            assert results == ["0", "1", "2"][: len(results)]
    assert set(kinds) == {"returned", "killed"}
    assert min(kinds.values()) > 5, kinds


def test_an_order_that_comes_late_hits_no_other_call(tmp_path: Path) -> None:
    with open_pool(1) as owner:
        for number in range(20):
            gate = tmp_path / str(number)
            token, _ = owner.start("wait_for_file", path=str(gate))
            gate.touch()
            wait_for(owner.is_woken)
            assert owner.pool.kill(token)  # its outcome is there, but not heard
            assert owner.outcome(token).kind == "returned"
            assert owner.value("echo", value=number) == number


@pytest.mark.timing
@pytest.mark.parametrize(
    ("do", "arguments"), [case for case in STUBBORN if case[0] != "ignore_signals"]
)
def test_a_timeout_is_kept_by_the_kernel(owner: Owner, do: str, arguments: dict[str, Any]) -> None:
    outcome = owner.run(do, 0.2, **arguments)
    assert (outcome.kind, outcome.error_type) == ("timed_out", "TimedOut")
    assert outcome.error_message == "the job ran longer than 0.2 s"
    assert 0.2 <= outcome.seconds < 1
    assert pools.existing([outcome.pid or 0]) == []


@pytest.mark.timing
def test_a_timeout_is_kept_by_the_keeper_if_the_job_ignores_the_kernel(owner: Owner) -> None:
    outcome = owner.run("ignore_signals", 0.2, names=["SIGALRM"])
    assert outcome.kind == "timed_out"
    assert 1.2 <= outcome.seconds < 3


def test_a_timeout_ends_with_its_call(owner: Owner) -> None:
    pids = {owner.run("pid", 0.2).pid or 0 for _ in range(4)}
    ended_at = time.monotonic()
    wait_for(lambda: time.monotonic() > ended_at + 0.3)
    assert set(pools.living(list(pids))) == pids
    assert owner.run("sleep", seconds=0.3).kind == "returned"


@pytest.mark.timing
def test_signals_that_a_job_has_ignored_work_in_the_next() -> None:
    with open_pool(1) as owner:
        names = ["SIGALRM", "SIGTERM", "SIGINT"]
        first = owner.run("ignore_signals", names=names, seconds=0)
        second = owner.run("sleep", 0.2, seconds=60)
    assert first.pid == second.pid
    assert second.kind == "timed_out"
    assert second.seconds < 1


@pytest.mark.parametrize(("do", "arguments"), [("family", {"seconds": 0}), ("leave_thread", {})])
def test_what_a_job_leaves_running_is_gone_when_its_outcome_comes(
    do: str, arguments: dict[str, Any]
) -> None:
    with open_pool(1) as owner:
        token, pids = owner.start(do, **arguments)
        outcome = owner.outcome(token)
        assert outcome.kind == "returned"
        assert pools.existing(pids) == []
        assert owner.value("pid") not in pids


def test_with_a_grace_a_job_may_clean_up(tmp_path: Path) -> None:
    with open_pool(1, grace=10.0) as owner:
        token, _ = owner.start("heed_sigterm", path=str(tmp_path / "cleaned"))
        outcome = owner.kill(token)
    assert outcome.kind == "killed"
    assert (outcome.result, outcome.error_type) == (None, None)
    assert outcome.seconds < 5
    assert (tmp_path / "cleaned").read_text() == "clean"


def test_a_grace_ends() -> None:
    with open_pool(1, grace=0.3) as owner:
        token, pids = owner.start("ignore_signals", names=["SIGTERM"])
        asked_at = time.monotonic()
        assert owner.kill(token).kind == "killed"
        assert 0.3 <= time.monotonic() - asked_at < 3
        assert pools.existing(pids) == []


def test_a_killed_job_is_charged_with_what_it_has_used() -> None:
    with open_pool(1) as owner:
        owner.run("use_cpu", seconds=0.5, in_child=False)
        token, (pid,) = owner.start("spin")
        run_before = 0.5
        wait_for(lambda: pools.cpu_seconds(pid) > run_before + 0.2)
        outcome = owner.kill(token)
    assert 0.1 < (outcome.cpu_seconds or 0) <= outcome.seconds + 0.1
    assert (outcome.peak_memory_bytes or 0) > 2**20


def test_hundreds_of_kills_leave_nothing_behind() -> None:
    with open_pool(2) as owner:
        assert owner.value("echo", value=1) == 1
        _, (pid,) = owner.start("sleep", seconds=60)
        keeper = pools.parent(pid)
        owner.kill_all()

        def used() -> list[int]:
            gc.collect()
            mine = pools.open_descriptors(), threading.active_count(), len(pools.children())
            return [*mine, pools.open_descriptors(keeper), len(proc.children_of(keeper))]

        wait_for(lambda: used()[-1] == 1)  # the next job process is there
        before = used()
        for _ in range(100):
            tokens = [owner.submit("sleep", seconds=60) for _ in range(2)]
            for token in tokens:
                owner.pool.kill(token)
            assert {outcome.kind for outcome in owner.outcomes(tokens)} == {"killed"}
        wait_for(lambda: used() == before)
