"""A job process that sends what no honest one would: its own call fails, and nothing else."""

import fcntl
import gc
import json
import os
import signal
import socket
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from runner.pool.calls import Calls, KeeperChannel
from runner.pool.linux.semaphores import semaphore_files
from runner.pool.protocol import messages
from runner.pool.protocol.setup import CallLimits
from runner.pool.protocol.shared_memory import BegunCalls
from storage.liveness.runners import is_lock_free
from tests.support.pool import forgeries, pools
from tests.support.pool.forgeries import FORGERIES
from tests.support.pool.pools import Owner, open_pool
from tests.support.waiting import wait_for


@pytest.fixture(scope="module")
def owner() -> Iterator[Owner]:
    """A pool with two slots. One of them runs a call throughout."""
    with open_pool(2, forgeries.load) as owner:
        neighbour, (pid,) = owner.start("sleep", seconds=600)
        keeper = pools.parent(pid)
        yield owner
        assert pools.parent(pid) == keeper
        assert owner.kill(neighbour).kind == "killed"


@pytest.mark.parametrize("name", FORGERIES)
def test_an_invalid_message_fails_its_call_and_ends_its_process(owner: Owner, name: str) -> None:
    before = owner.run("pid")
    keeper = pools.parent(int(before.result or 0))
    outcome = owner.run("forge", name=name)
    assert (outcome.kind, outcome.error_type) == ("crashed", "InvalidMessage")
    assert (outcome.error_message or "").startswith("the job process sent an invalid message: ")
    assert len(outcome.error_message or "") < 300
    assert (outcome.pid, outcome.result) == (json.loads(before.result or ""), None)
    assert pools.existing([outcome.pid or 0]) == []
    assert pools.parent(owner.value("pid")) == keeper


def test_forged_descriptors_are_closed(owner: Owner) -> None:
    keeper = pools.parent(owner.value("pid"))

    def count() -> int:
        return len(os.listdir(f"/proc/{keeper}/fd"))

    before = count()
    for name in ("endless file", "silent pipe", "two bodies", "huge empty memory"):
        owner.run("forge", name=name)
    owner.value("pid")
    assert count() == before


def test_a_second_answer_neither_becomes_nor_fails_the_next_call() -> None:
    with open_pool(1, forgeries.load) as owner:
        for _ in range(20):
            first, second = owner.submit("answer_twice"), owner.submit("echo", value="next")
            assert owner.outcome(first).result == '"first"'
            outcome = owner.outcome(second)
            if outcome.kind == "returned":
                assert outcome.result == '"next"'
            else:
                assert (outcome.kind, outcome.not_at_fault) == ("lost", True)


def test_a_process_that_has_sent_a_second_answer_runs_no_other_job() -> None:
    with open_pool(1, forgeries.load) as owner:
        pid = owner.value("pid")
        assert owner.run("answer_twice").result == '"first"'
        wait_for(lambda: pools.existing([pid]) == [] or pools.state(pid) == "S")
        following = owner.run("pid")
    assert following.kind == "returned"
    assert following.result != str(pid)


def test_progress_after_the_answer_is_dropped(owner: Owner) -> None:
    call_id = owner.submit("report_after_the_answer")
    assert owner.outcome(call_id).result == '"first"'
    following = owner.run("echo", value="next")  # lost if the progress arrived after its request
    assert (following.result, following.not_at_fault) in (('"next"', False), (None, True))
    with pytest.raises(KeyError):
        owner.last_progress(call_id)


@pytest.mark.parametrize("do", ["send_nothing", "close_channel"])
def test_a_process_that_seems_to_close_its_channel_has_crashed(owner: Owner, do: str) -> None:
    outcome = owner.run(do)
    assert (outcome.kind, outcome.error_message) == (
        "crashed",
        "the job process closed its channel",
    )
    assert owner.value("echo", value=1) == 1


def test_a_flood_of_garbage_ends_at_its_first_message(owner: Owner) -> None:
    assert owner.run("flood_with_garbage").error_type == "InvalidMessage"


@pytest.mark.heavy
def test_a_flood_of_progress_can_be_killed(owner: Owner) -> None:
    call_id, _ = owner.start("flood_with_progress")
    assert owner.kill(call_id).kind == "killed"


def test_a_kill_at_the_moment_of_an_invalid_message_has_one_outcome() -> None:
    with open_pool(1, forgeries.load) as owner:
        for _ in range(10):
            call_id = owner.submit("forge", name="garbage")
            owner.pool.kill(call_id)
            assert owner.outcome(call_id).kind in ("killed", "crashed")
        assert owner.value("echo", value=1) == 1


def test_a_job_cannot_free_the_lock_of_its_runner(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    path.write_bytes(b"x")
    with path.open("r+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with open_pool(1, forgeries.load, keep_fds=[file.fileno()]) as owner:
            owner.value("unlock")
            assert not is_lock_free(path)
            assert f"r--s {path}" in owner.value("shared_mappings")
    assert is_lock_free(path)


@pytest.mark.heavy
@pytest.mark.parametrize("value", [0, 1, 255])
def test_a_job_that_overwrites_all_shared_memory_harms_nobody(value: int) -> None:
    with open_pool(2, forgeries.load_with_semaphore) as owner:
        neighbour, (pid,) = owner.start("sleep", seconds=600)
        assert owner.value("use_semaphore") == "used"
        assert owner.value("overwrite_shared_memory", value=value) == 1  # the module's own mapping
        assert list(owner.pool.pids()) == [neighbour]
        os.kill(pools.parent(pid), signal.SIGKILL)
        assert owner.outcome(neighbour).kind == "lost"
        assert owner.value("echo", value=1) == 1


@pytest.mark.heavy
def test_a_job_that_overwrites_the_files_of_semaphores_harms_nobody() -> None:
    before = semaphore_files()
    with open_pool(2, forgeries.load) as owner:
        files = semaphore_files() - before
        assert files
        neighbour, (pid,) = owner.start("sleep", seconds=600)
        owner.value("pid")
        wait_for(lambda: not (owner.pool.pids() and semaphore_files() & files))
        assert owner.value("overwrite_files", paths=sorted(files)) == 0
        os.kill(pools.parent(pid), signal.SIGKILL)
        assert owner.outcome(neighbour).kind == "lost"
        assert owner.value("echo", value=1) == 1
        gc.collect()
    assert [file for file in files if Path(file).exists()] == []


@pytest.mark.heavy
def test_an_honest_job_process_is_kept(owner: Owner) -> None:
    assert len({owner.value("pid") for _ in range(5)}) == 1


class OneKeeper:
    """The pool's side of one keeper, to which one call was sent."""

    def __init__(self, end: socket.socket, begun_calls: BegunCalls):
        self.channel = KeeperChannel(end, partial(begun_calls.last, 0))
        self.calls = Calls(CallLimits(log_bytes=1000))
        self.calls.unfinished["call"] = self.channel.send("call", b"{}", None)
        begun_calls.begin(0, 1, 4711)

    def handle(self, message: messages.Message) -> None:
        """Handle a message as the pool does."""
        if call := self.channel.find_call(message):
            self.calls.handle(call, message)


@pytest.fixture
def one_keeper() -> Iterator[OneKeeper]:
    end, keeper_end = messages.new_channel()
    with end, keeper_end, closing(BegunCalls(1)) as begun_calls:
        yield OneKeeper(end, begun_calls)


@pytest.mark.parametrize(
    ("outcome", "body"),
    [
        (None, None),
        ([], None),
        ({"kind": "unknown"}, None),
        ({"kind": "returned"}, None),
        ({"kind": "returned"}, b"{"),
        ({"kind": "returned", "seconds": -1}, b"1"),
        ({"kind": "returned", "pid": 2**63}, b"1"),
        ({"kind": "returned", "peak_memory_bytes": 2**63}, b"1"),
        ({"kind": "returned", "not_at_fault": 1}, b"1"),
        ({"kind": "returned", "result": "1"}, b"1"),
        ({"kind": "crashed"}, None),
        ({"kind": "crashed", "error_type": "x", "error_message": "\0"}, None),
        ({"kind": "raised", "error_type": "x", "error_message": "x"}, b"\xff"),
    ],
)
def test_the_pool_refuses_an_invalid_outcome_of_a_keeper(
    one_keeper: OneKeeper, outcome: Any, body: bytes | None
) -> None:
    fields = {"kind": "outcome", "call_id": "call", "outcome": outcome}
    one_keeper.handle(messages.Message(fields, body))
    ((call_id, accepted),) = one_keeper.calls.outcomes
    assert (call_id, accepted.kind, accepted.error_type) == ("call", "crashed", "InvalidMessage")
    assert one_keeper.calls.unfinished == {}


@pytest.mark.parametrize(
    ("fields", "body"),
    [
        ({"kind": "progress", "text": "{"}, None),
        ({"kind": "progress", "text": 1}, None),
        ({"kind": "output", "position": -1}, b"text"),
        ({"kind": "output", "position": 0}, b"x" * 1001),
        ({"kind": "unknown"}, None),
        ({"kind": ["outcome"]}, None),
    ],
)
def test_the_pool_kills_a_call_about_which_a_keeper_sends_an_invalid_message(
    one_keeper: OneKeeper, fields: dict[str, Any], body: bytes | None
) -> None:
    one_keeper.handle(messages.Message({**fields, "call_id": "call"}, body))
    assert one_keeper.calls.unfinished["call"].kill_sent
    outcome = {"kind": "outcome", "call_id": "call", "outcome": {"kind": "killed"}}
    one_keeper.handle(messages.Message(outcome))
    ((_, accepted),) = one_keeper.calls.outcomes
    assert (accepted.kind, accepted.error_type) == ("crashed", "InvalidMessage")


@pytest.mark.parametrize("call_id", [None, 1, [], "unknown"])
@pytest.mark.parametrize("kind", ["outcome", "progress", "output", "terminated", "x", None])
def test_the_pool_drops_messages_about_calls_of_other_keepers(
    one_keeper: OneKeeper, kind: str | None, call_id: Any
) -> None:
    before = len(os.listdir("/proc/self/fd"))
    body = forgeries.sealed(0)
    one_keeper.handle(messages.Message({"kind": kind, "call_id": call_id}, body))
    assert len(os.listdir("/proc/self/fd")) == before
    assert one_keeper.calls.outcomes == []
    assert one_keeper.calls.progress == {}
    assert one_keeper.calls.output == {}
    assert "call" in one_keeper.calls.unfinished
