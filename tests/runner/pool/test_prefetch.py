"""Calls and jobs that wait in line behind short ones, so that no slot has to wait for them."""

import errno
import math
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from runner.pool.channel import KeeperChannel
from runner.pool.protocol import messages
from runner.pool.protocol.begun_calls import BegunCall
from runner.pool.protocol.lease import steady_now
from runner.pool.protocol.prefetch import LINE_SECONDS, MOST_AHEAD, MOST_IN_ALL, PrefetchDepth
from tests.support.pool import pools
from tests.support.pool.pools import Owner, descriptors_below, free_descriptor, open_pool
from tests.support.stores import Bench
from tests.support.waiting import wait_for
from tests.support.workers import Worker, open_worker

FITS_INTO_A_MESSAGE = "x" * 16_000


@pytest.fixture
def owner() -> Iterator[Owner]:
    """A pool of one slot."""
    with open_pool(1) as owner:
        yield owner


class Gate:
    """A call that runs until it is let go."""

    def __init__(self, owner: Owner, path: Path):
        self.path = path
        self.token = owner.submit("wait_for_file", path=str(path))
        wait_for(lambda: self.token in owner.pool.pids())

    def open(self) -> None:
        self.path.touch()


@pytest.fixture
def gate(owner: Owner, tmp_path: Path) -> Gate:
    return Gate(owner, tmp_path / "gate")


def test_calls_in_line_run_in_their_order(owner: Owner, gate: Gate, tmp_path: Path) -> None:
    texts = [*map(str, range(5)), "x" * 100_000]
    notes = tmp_path / "notes"
    tokens = [owner.submit("note", path=str(notes), text=f"{text}\n") for text in texts]
    gate.open()
    assert {outcome.kind for outcome in owner.outcomes([gate.token, *tokens])} == {"returned"}
    assert notes.read_text().split() == texts


def test_an_order_for_a_call_that_has_ended_hits_not_the_one_that_was_behind_it(
    owner: Owner, gate: Gate, tmp_path: Path
) -> None:
    owner.progress(gate.token)
    behind = owner.submit("wait_for_file", path=str(tmp_path / "second gate"))
    gate.open()
    wait_for(owner.is_woken)
    assert owner.pool.kill(gate.token)  # its outcome is there, but not heard
    wait_for(lambda: behind in owner.pool.pids())
    (tmp_path / "second gate").touch()
    assert [outcome.kind for outcome in owner.outcomes([gate.token, behind])] == ["returned"] * 2


def test_a_call_in_line_whose_keeper_was_stopped_when_it_was_killed_never_starts(
    owner: Owner, tmp_path: Path
) -> None:
    notes = tmp_path / "notes"
    first, (pid,) = owner.start("answer_and_die", path=str(tmp_path / "gate"))
    behind = owner.submit("note", path=str(notes), text="no")
    keeper = pools.parent(pid)
    os.kill(keeper, signal.SIGSTOP)
    (tmp_path / "gate").touch()
    wait_for(lambda: pools.has_ended(pid))
    owner.pool._calls.kill(behind)  # without the pool's SIGCONT
    os.kill(keeper, signal.SIGCONT)
    outcomes = owner.outcomes([first, behind])
    assert [outcome.kind for outcome in outcomes] == ["returned", "killed"]
    assert outcomes[1].pid is None
    assert not notes.exists()


def test_a_call_in_line_that_is_killed_never_starts(
    owner: Owner, gate: Gate, tmp_path: Path
) -> None:
    notes = tmp_path / "notes"
    killed, runs = (owner.submit("note", path=str(notes), text=text) for text in ("no", "yes"))
    outcome = owner.kill(killed)
    assert (outcome.kind, outcome.pid, outcome.innocent) == ("killed", None, True)
    assert gate.token in owner.pool.pids()
    gate.open()
    assert owner.outcome(runs).kind == "returned"
    assert notes.read_text() == "yes"


@pytest.fixture
def full(owner: Owner, gate: Gate) -> list[str]:
    """Calls in line of which the last have not been sent: their keeper, which is stopped, has a
    channel that holds no more."""
    owner.progress(gate.token)
    pools.stop(pools.parent(owner.pool.pids()[gate.token]))
    tokens = [owner.submit("echo", value=FITS_INTO_A_MESSAGE) for _ in range(MOST_AHEAD - 1)]
    with pytest.raises(BlockingIOError):
        messages.send(link_of(owner).channel, {}, at_once=True)
    return tokens


def link_of(owner: Owner) -> KeeperChannel:
    (link,) = owner.pool._crew._links.values()
    return link


def go_on(owner: Owner) -> None:
    owner.pool._crew.thaw()


def test_calls_that_a_channel_has_no_room_for_are_run_in_their_turn(
    owner: Owner, gate: Gate, full: list[str]
) -> None:
    go_on(owner)
    gate.open()
    assert {outcome.kind for outcome in owner.outcomes([gate.token, *full])} == {"returned"}


def test_a_call_that_a_channel_had_no_room_for_is_killed_and_never_starts(
    owner: Owner, gate: Gate, full: list[str], tmp_path: Path
) -> None:
    notes = tmp_path / "notes"
    last = owner.submit("note", path=str(notes), text="no")
    outcome = owner.kill(last)
    assert (outcome.kind, outcome.pid, outcome.innocent) == ("killed", None, True)
    gate.open()
    assert {outcome.kind for outcome in owner.outcomes([gate.token, *full])} == {"returned"}
    assert not notes.exists()


def test_a_call_that_cannot_be_sent_once_there_is_room_is_lost_without_fault(
    owner: Owner, gate: Gate, full: list[str]
) -> None:
    token = owner.submit("echo", value="x" * 100_000)  # travels as a descriptor
    gate.open()
    with descriptors_below(free_descriptor()):
        go_on(owner)
        outcome = owner.outcome(token)
    assert (outcome.kind, outcome.innocent) == ("lost", True)
    assert "the job could not be handed over: [Errno 24]" in (outcome.error_message or "")
    assert {outcome.kind for outcome in owner.outcomes([gate.token, *full])} == {"returned"}


def test_too_many_descriptors_on_their_way_are_waited_for_only_where_a_keeper_will_tell(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ours, theirs = messages.channel()
    with ours, theirs:
        link = KeeperChannel(ours, BegunCall)
        with monkeypatch.context() as patched:
            patched.setattr(messages, "send", too_many_descriptors)
            with pytest.raises(OSError, match="too many"):
                link.send("first", b"{}", None)
        assert len(link) == 0
        link.send("second", b"{}", None)
        with monkeypatch.context() as patched:
            patched.setattr(messages, "send", too_many_descriptors)
            link.send("third", b"{}", None)
            assert list(link.go_on()) == []
        assert list(link.go_on()) == []
        heard = [messages.receive(theirs), messages.receive(theirs)]
        assert [each and each.fields["token"] for each in heard] == ["second", "third"]


def too_many_descriptors(*_: object, **__: object) -> None:
    raise OSError(errno.ETOOMANYREFS, "too many")


def test_who_is_killed_takes_none_along_that_wait(owner: Owner, gate: Gate) -> None:
    token = owner.submit("echo", value=7)
    assert owner.kill(gate.token).kind == "killed"
    assert owner.outcome(token).result == "7"


@pytest.mark.parametrize("do", ["crash", "close_everything", "leave_thread"])
def test_whoever_runs_before_a_call_costs_it_nothing(owner: Owner, gate: Gate, do: str) -> None:
    owner.submit(do)
    token = owner.submit("echo", value=7)
    gate.open()
    assert owner.outcome(token).result == "7"


def test_the_timeout_of_a_call_begins_when_it_does(owner: Owner, tmp_path: Path) -> None:
    owner.submit("sleep", seconds=1)
    token = owner.submit("echo", timeout=0.9, value=7)
    assert owner.outcome(token).kind == "returned"


def test_a_keeper_that_dies_takes_those_in_line_along_as_innocents(
    owner: Owner, gate: Gate
) -> None:
    waiting = owner.submit("echo", value=7)
    os.kill(psutil.Process(owner.pool.pids()[gate.token]).ppid(), signal.SIGKILL)
    lost, innocent = owner.outcomes([gate.token, waiting])
    assert (lost.kind, lost.innocent) == ("lost", False)
    assert (innocent.kind, innocent.innocent) == ("lost", True)


def test_no_call_in_line_starts_once_the_lease_has_ended(owner: Owner, tmp_path: Path) -> None:
    owner.pool.lease.end_at(steady_now() + 60)  # one without an end, keepers do not look at again
    gate = Gate(owner, tmp_path / "gate")
    waiting = owner.submit("echo", value=7)
    owner.pool.lease.end_at(steady_now())
    lost, innocent = owner.outcomes([gate.token, waiting])
    assert (lost.kind, innocent.kind, innocent.innocent) == ("lost", "lost", True)
    owner.pool.lease.end_at(math.inf)


def test_none_is_to_wait_behind_a_call_that_takes_long(owner: Owner, gate: Gate) -> None:
    wait_for(lambda: owner.pool.room(ahead=MOST_AHEAD) == 0)
    assert list(owner.pool.waiting(0.0)) == []
    token = owner.submit("echo", value=7)
    assert list(owner.pool.waiting(0.0)) == [token]
    assert list(owner.pool.waiting(60.0)) == []


def test_none_waits_before_any_call_was_short_and_after_one_was_long() -> None:
    pace = PrefetchDepth()
    assert pace.ahead() == 0
    for _ in range(100):
        pace.note(0.0)
    assert pace.ahead() == MOST_AHEAD
    pace.note(LINE_SECONDS / 4)
    assert pace.ahead() == 3
    pace.note(3600.0)
    assert pace.ahead() == 0


def test_behind_many_slots_fewer_wait_for_each() -> None:
    for slots, most in ((1, MOST_AHEAD), (16, MOST_IN_ALL // 16), (1000, 0)):
        pace = PrefetchDepth(slots)
        for _ in range(100):
            pace.note(0.0)
        assert pace.ahead() == most


def test_only_jobs_that_can_be_retried_are_claimed_to_wait(bench: Bench) -> None:
    first, second = bench.enqueue(max_retries=0), bench.enqueue(max_retries=0)
    third, fourth = bench.enqueue(max_retries=1), bench.enqueue(max_retries=1)
    claims = bench.runner().claims
    assert [job.id for job in claims.claim(1, prefetch=2)] == [first, third]
    assert [job.id for job in claims.claim(0, prefetch=1)] == []
    assert [job.id for job in claims.claim(1)] == [second]
    assert [job.id for job in claims.claim(0, prefetch=1)] == [fourth]


@pytest.fixture
def worker(database_url: str, tmp_path: Path) -> Iterator[Worker]:
    """One that has run enough short jobs to let others wait behind them."""
    with open_worker(database_url, tmp_path, size=1) as worker:
        worker.supervisor._roster._pace._seconds = 0.0
        worker.turn_until(lambda: worker.pool.room(1) == 2)
        yield worker


def test_a_job_that_waits_too_long_goes_back_to_the_queue(worker: Worker, tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    slow = worker.enqueue(payload={"seconds": 600})
    fast = worker.enqueue("note", payload={"notes": str(notes)})
    worker.turn_until(lambda: worker.job(fast).attempts)
    assert worker.job(fast).status == "running"  # though it waits
    worker.turn_until(lambda: worker.job(fast).status == "queued")
    assert worker.job(slow).status == "running"
    assert (worker.job(fast).attempts[0].outcome, worker.job(fast).retry_count) == ("released", 0)
    worker.jobs.cancel(slow)
    worker.turn_until(lambda: worker.job(fast).final)
    assert worker.job(slow).status == "canceled"
    assert notes.read_text() == "ran\n"


def test_a_job_that_waits_can_be_canceled(worker: Worker, tmp_path: Path) -> None:
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


def test_a_drain_gives_back_what_waits_and_lets_what_runs_end(
    worker: Worker, tmp_path: Path
) -> None:
    worker.supervisor._drain_seconds = 600.0
    notes = tmp_path / "notes"
    runs = worker.enqueue("note", payload={"notes": str(notes), "seconds": 1})
    waits = worker.enqueue("note", payload={"notes": str(notes)})
    worker.turn_until(lambda: worker.job(waits).attempts)
    worker.supervisor.drain()
    worker.turn_until(worker.supervisor.done)
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
