"""Prefetching: calls and jobs that wait at a keeper behind short ones."""

import errno
import math
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from runner.pool.calls import KeeperChannel
from runner.pool.protocol import messages
from runner.pool.protocol.prefetch import (
    MAX_EXPECTED_WAIT_SECONDS,
    MAX_PREFETCH,
    MAX_PREFETCH_TOTAL,
    PrefetchDepth,
)
from runner.pool.protocol.shared_memory import BegunCall, steady_now
from tests.support.pool import pools
from tests.support.pool.pools import Owner, descriptors_below, free_descriptor, open_pool
from tests.support.stores import Bench, die
from tests.support.waiting import wait_for
from tests.support.workers import Worker, open_worker

INLINE_VALUE = "x" * 16_000


@pytest.fixture
def owner() -> Iterator[Owner]:
    """A pool with one slot."""
    with open_pool(1) as owner:
        yield owner


class Gate:
    """A running call that ends when the gate is opened."""

    def __init__(self, owner: Owner, path: Path):
        self.path = path
        self.call_id = owner.submit("wait_for_file", path=str(path))
        wait_for(lambda: self.call_id in owner.pool.pids())

    def open(self) -> None:
        self.path.touch()


@pytest.fixture
def gate(owner: Owner, tmp_path: Path) -> Gate:
    return Gate(owner, tmp_path / "gate")


def test_waiting_calls_run_in_order(owner: Owner, gate: Gate, tmp_path: Path) -> None:
    texts = [*map(str, range(5)), "x" * 100_000]
    notes = tmp_path / "notes"
    call_ids = [owner.submit("append_to_file", path=str(notes), text=f"{text}\n") for text in texts]
    gate.open()
    assert {outcome.kind for outcome in owner.outcomes([gate.call_id, *call_ids])} == {"returned"}
    assert notes.read_text().split() == texts


def test_a_kill_order_for_an_ended_call_does_not_hit_the_next_call(
    owner: Owner, gate: Gate, tmp_path: Path
) -> None:
    owner.progress(gate.call_id)
    behind = owner.submit("wait_for_file", path=str(tmp_path / "second gate"))
    gate.open()
    wait_for(owner.is_woken)
    assert owner.pool.kill(gate.call_id)  # its outcome was sent, but not received yet
    wait_for(lambda: behind in owner.pool.pids())
    (tmp_path / "second gate").touch()
    assert [outcome.kind for outcome in owner.outcomes([gate.call_id, behind])] == ["returned"] * 2


def test_a_waiting_call_killed_while_its_keeper_is_stopped_never_starts(
    owner: Owner, tmp_path: Path
) -> None:
    notes = tmp_path / "notes"
    first, (pid,) = owner.start("answer_and_die", path=str(tmp_path / "gate"))
    behind = owner.submit("append_to_file", path=str(notes), text="no")
    keeper = pools.parent(pid)
    os.kill(keeper, signal.SIGSTOP)
    (tmp_path / "gate").touch()
    wait_for(lambda: pools.has_ended(pid))
    owner.pool._calls.kill(behind)  # Pool.kill would also resume the keeper
    os.kill(keeper, signal.SIGCONT)
    outcomes = owner.outcomes([first, behind])
    assert [outcome.kind for outcome in outcomes] == ["returned", "killed"]
    assert outcomes[1].pid is None
    assert not notes.exists()


def test_a_waiting_call_that_is_killed_never_starts(
    owner: Owner, gate: Gate, tmp_path: Path
) -> None:
    notes = tmp_path / "notes"
    killed, runs = (
        owner.submit("append_to_file", path=str(notes), text=text) for text in ("no", "yes")
    )
    outcome = owner.kill(killed)
    assert (outcome.kind, outcome.pid, outcome.not_at_fault) == ("killed", None, True)
    assert gate.call_id in owner.pool.pids()
    gate.open()
    assert owner.outcome(runs).kind == "returned"
    assert notes.read_text() == "yes"


@pytest.fixture
def full(owner: Owner, gate: Gate) -> list[str]:
    """Calls at a stopped keeper. The last of them are not sent yet, because its channel is full."""
    owner.progress(gate.call_id)
    pools.stop(pools.parent(owner.pool.pids()[gate.call_id]))
    call_ids = [owner.submit("echo", value=INLINE_VALUE) for _ in range(MAX_PREFETCH - 1)]
    with pytest.raises(BlockingIOError):
        messages.send(channel_of(owner).socket, {}, nonblocking=True)
    return call_ids


def channel_of(owner: Owner) -> KeeperChannel:
    (channel,) = owner.pool._executor._channels.values()
    return channel


def resume_keepers(owner: Owner) -> None:
    owner.pool._executor.resume_stopped_keepers()


def test_calls_for_which_the_channel_was_full_are_sent_later(
    owner: Owner, gate: Gate, full: list[str]
) -> None:
    resume_keepers(owner)
    gate.open()
    assert {outcome.kind for outcome in owner.outcomes([gate.call_id, *full])} == {"returned"}


def test_a_call_for_which_the_channel_was_full_can_be_killed(
    owner: Owner, gate: Gate, full: list[str], tmp_path: Path
) -> None:
    notes = tmp_path / "notes"
    last = owner.submit("append_to_file", path=str(notes), text="no")
    outcome = owner.kill(last)
    assert (outcome.kind, outcome.pid, outcome.not_at_fault) == ("killed", None, True)
    gate.open()
    assert {outcome.kind for outcome in owner.outcomes([gate.call_id, *full])} == {"returned"}
    assert not notes.exists()


def test_a_call_whose_delayed_send_fails_is_lost_without_fault(
    owner: Owner, gate: Gate, full: list[str]
) -> None:
    call_id = owner.submit("echo", value="x" * 100_000)  # sent as a descriptor
    gate.open()
    with descriptors_below(free_descriptor()):
        resume_keepers(owner)
        outcome = owner.outcome(call_id)
    assert (outcome.kind, outcome.not_at_fault) == ("lost", True)
    assert "the job could not be handed over: [Errno 24]" in (outcome.error_message or "")
    assert {outcome.kind for outcome in owner.outcomes([gate.call_id, *full])} == {"returned"}


def test_a_send_with_too_many_descriptors_in_transit_is_retried_only_if_the_keeper_has_calls(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pool_end, keeper_end = messages.new_channel()
    with pool_end, keeper_end:
        channel = KeeperChannel(pool_end, BegunCall)
        with monkeypatch.context() as patched:
            patched.setattr(messages, "send", too_many_descriptors)
            with pytest.raises(OSError, match="too many"):
                channel.send("first", b"{}", None)
        assert channel.calls == {}
        channel.send("second", b"{}", None)
        with monkeypatch.context() as patched:
            patched.setattr(messages, "send", too_many_descriptors)
            channel.send("third", b"{}", None)
            assert list(channel.send_unsent()) == []
        assert list(channel.send_unsent()) == []
        received = [messages.receive(keeper_end), messages.receive(keeper_end)]
        assert [each and each.fields["call_id"] for each in received] == ["second", "third"]


def too_many_descriptors(*_: object, **__: object) -> None:
    raise OSError(errno.ETOOMANYREFS, "too many")


def test_killing_the_running_call_does_not_affect_waiting_calls(owner: Owner, gate: Gate) -> None:
    call_id = owner.submit("echo", value=7)
    assert owner.kill(gate.call_id).kind == "killed"
    assert owner.outcome(call_id).result == "7"


@pytest.mark.parametrize("do", ["crash", "close_everything", "leave_thread"])
def test_a_waiting_call_is_not_affected_by_the_end_of_the_call_before_it(
    owner: Owner, gate: Gate, do: str
) -> None:
    owner.submit(do)
    call_id = owner.submit("echo", value=7)
    gate.open()
    assert owner.outcome(call_id).result == "7"


def test_the_timeout_of_a_call_starts_when_the_call_begins(owner: Owner, tmp_path: Path) -> None:
    owner.submit("sleep", seconds=1)
    call_id = owner.submit("echo", timeout=0.9, value=7)
    assert owner.outcome(call_id).kind == "returned"


def test_calls_that_wait_at_a_killed_keeper_are_lost_without_fault(
    owner: Owner, gate: Gate
) -> None:
    waiting = owner.submit("echo", value=7)
    os.kill(psutil.Process(owner.pool.pids()[gate.call_id]).ppid(), signal.SIGKILL)
    lost, waited = owner.outcomes([gate.call_id, waiting])
    assert (lost.kind, lost.not_at_fault) == ("lost", False)
    assert (waited.kind, waited.not_at_fault) == ("lost", True)


def test_no_waiting_call_starts_after_the_end_of_the_lease(owner: Owner, tmp_path: Path) -> None:
    owner.pool.lease.end_at(
        steady_now() + 60
    )  # keepers do not check again a lease that does not end
    gate = Gate(owner, tmp_path / "gate")
    waiting = owner.submit("echo", value=7)
    owner.pool.lease.end_at(steady_now())
    lost, waited = owner.outcomes([gate.call_id, waiting])
    assert (lost.kind, waited.kind, waited.not_at_fault) == ("lost", "lost", True)
    owner.pool.lease.end_at(math.inf)


def test_no_call_may_wait_behind_a_long_call(owner: Owner, gate: Gate) -> None:
    wait_for(lambda: owner.pool.room(prefetch=MAX_PREFETCH) == 0)
    assert list(owner.pool.waiting(0.0)) == []
    call_id = owner.submit("echo", value=7)
    assert list(owner.pool.waiting(0.0)) == [call_id]
    assert list(owner.pool.waiting(60.0)) == []


def test_the_prefetch_depth_rises_after_short_calls_and_drops_to_zero_after_a_long_one() -> None:
    prefetch = PrefetchDepth()
    assert prefetch.depth() == 0
    for _ in range(100):
        prefetch.record(0.0)
    assert prefetch.depth() == MAX_PREFETCH
    prefetch.record(MAX_EXPECTED_WAIT_SECONDS / 4)
    assert prefetch.depth() == 3
    prefetch.record(3600.0)
    assert prefetch.depth() == 0


def test_the_prefetch_depth_per_slot_falls_with_the_number_of_slots() -> None:
    for slots, most in ((1, MAX_PREFETCH), (16, MAX_PREFETCH_TOTAL // 16), (1000, 0)):
        prefetch = PrefetchDepth(slots)
        for _ in range(100):
            prefetch.record(0.0)
        assert prefetch.depth() == most


def test_jobs_that_may_not_lose_their_worker_are_not_prefetched(bench: Bench) -> None:
    first, second = bench.enqueue(max_losses=0), bench.enqueue(max_losses=0)
    third, fourth = bench.enqueue(max_retries=0), bench.enqueue(max_retries=0)
    claims = bench.runner().claims
    assert [job.id for job in claims.claim(1, prefetch=2)] == [first, third]
    assert [job.id for job in claims.claim(0, prefetch=1)] == []
    assert [job.id for job in claims.claim(1)] == [second]
    assert [job.id for job in claims.claim(0, prefetch=1)] == [fourth]


def test_jobs_that_have_lost_their_worker_are_not_prefetched(bench: Bench) -> None:
    suspect, dead, alive = bench.enqueue(), bench.runner(), bench.runner()
    dead.claim_one()
    die(bench, dead)
    assert alive.rescuer.rescue() == 1
    bench.clock.forward(60)
    innocent = bench.enqueue()
    assert [job.id for job in alive.claims.claim(0, prefetch=2)] == [innocent]
    assert [job.id for job in alive.claims.claim(1)] == [suspect]


@pytest.fixture
def worker(database_url: str, tmp_path: Path) -> Iterator[Worker]:
    """A worker that prefetches, as after many short jobs."""
    with open_worker(database_url, tmp_path, size=1) as worker:
        worker.supervisor._running_jobs._prefetch_depth._expected_seconds = 0.0
        worker.turn_until(lambda: worker.pool.room(1) == 2)
        yield worker


def test_a_prefetched_job_that_waits_too_long_is_released(worker: Worker, tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    slow = worker.enqueue(payload={"seconds": 600})
    fast = worker.enqueue("note", payload={"notes": str(notes)})
    worker.turn_until(lambda: worker.job(fast).attempts)
    assert worker.job(fast).status == "running"  # although it only waits at its keeper
    worker.turn_until(lambda: worker.job(fast).status == "queued")
    assert worker.job(slow).status == "running"
    assert (worker.job(fast).attempts[0].outcome, worker.job(fast).retry_count) == ("released", 0)
    worker.jobs.cancel(slow)
    worker.turn_until(lambda: worker.job(fast).final)
    assert worker.job(slow).status == "canceled"
    assert notes.read_text() == "ran\n"


def test_a_prefetched_job_can_be_canceled(worker: Worker, tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    slow = worker.enqueue(payload={"seconds": 600})
    fast = worker.enqueue("note", payload={"notes": str(notes)})
    worker.turn_until(lambda: worker.job(fast).attempts)
    worker.jobs.cancel(fast)
    worker.turn_until(lambda: worker.job(fast).final)
    assert worker.job(fast).status == "canceled"
    worker.jobs.cancel(slow)
    worker.turn_until(lambda: worker.job(slow).final)
    assert not notes.exists()


def test_a_drain_releases_waiting_jobs_and_lets_running_jobs_finish(
    worker: Worker, tmp_path: Path
) -> None:
    worker.supervisor._drain_seconds = 600.0
    notes = tmp_path / "notes"
    runs = worker.enqueue("note", payload={"notes": str(notes), "seconds": 1})
    waits = worker.enqueue("note", payload={"notes": str(notes)})
    worker.turn_until(lambda: worker.job(waits).attempts)
    worker.supervisor.drain()
    worker.turn_until(worker.supervisor.is_drained)
    assert worker.job(runs).status == "succeeded"
    assert worker.job(waits).status == "queued"
    assert notes.read_text() == "ran\n"


def test_a_flood_of_short_jobs_runs_each_once(worker: Worker, tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    ids = [worker.enqueue("note", payload={"notes": str(notes)}) for _ in range(60)]
    worker.turn_until(lambda: all(worker.job(job_id).final for job_id in ids))
    assert {worker.job(job_id).status for job_id in ids} == {"succeeded"}
    assert notes.read_text() == "ran\n" * 60
    assert {worker.job(job_id).retry_count for job_id in ids} == {0}
