"""The shared memory in which keepers store the calls that they have begun."""

import os
from collections.abc import Iterator
from contextlib import closing
from functools import partial

import pytest

from runner.pool.calls import KeeperChannel
from runner.pool.protocol import messages
from runner.pool.protocol.shared_memory import BegunCall, BegunCalls
from tests.support.pool import loads, pools
from tests.support.pool.pools import open_pool
from tests.support.waiting import wait_for


@pytest.fixture
def begun_calls() -> Iterator[BegunCalls]:
    """The memory of three keepers."""
    with closing(BegunCalls(3)) as begun_calls:
        yield begun_calls


@pytest.fixture
def channel(begun_calls: BegunCalls) -> Iterator[KeeperChannel]:
    """The channel to the keeper of the first slot, after three calls were sent to it."""
    pool_end, keeper_end = messages.new_channel()
    with pool_end, keeper_end:
        channel = KeeperChannel(pool_end, partial(begun_calls.last, 0))
        for call_id in ("first", "second", "third"):
            channel.send(call_id, b"{}", None)
        received = [messages.receive(keeper_end) for _ in range(3)]
        assert [each and each.fields["number"] for each in received] == [1, 2, 3]
        yield channel


def test_a_begun_call_is_visible_in_another_mapping_and_changes_no_other_slot(
    begun_calls: BegunCalls,
) -> None:
    mapping = BegunCalls(descriptor=os.dup(begun_calls.descriptor))
    mapping.begin(1, 2**42 - 1, 2**22 - 1)
    mapping.close()
    assert [begun_calls.last(slot) for slot in range(3)] == [(0, 0), (2**42 - 1, 2**22 - 1), (0, 0)]


def test_there_can_be_more_slots_than_a_page_holds() -> None:
    with closing(BegunCalls(5000)) as begun_calls:
        begun_calls.begin(4999, 7, 8)
        assert begun_calls.last(4999) == BegunCall(7, 8)


def test_the_last_begun_call_can_be_read_after_close() -> None:
    before = pools.open_descriptors()
    with closing(BegunCalls(1)) as begun_calls:
        begun_calls.begin(0, 7, 8)
    assert begun_calls.last(0) == BegunCall(7, 8)
    assert pools.open_descriptors() == before


def test_a_call_waits_until_its_keeper_begins_it(
    begun_calls: BegunCalls, channel: KeeperChannel
) -> None:
    assert [channel.calls[call_id].is_waiting for call_id in ("first", "second")] == [True, True]
    assert channel.calls["first"].pid is None
    begun_calls.begin(0, 1, 100)
    assert [channel.calls[call_id].is_waiting for call_id in ("first", "second")] == [False, True]
    assert [channel.calls[call_id].pid for call_id in ("first", "second")] == [100, None]


def test_a_call_before_the_last_begun_one_neither_waits_nor_runs(
    begun_calls: BegunCalls, channel: KeeperChannel
) -> None:
    begun_calls.begin(0, 2, 100)  # the outcome of the first call was not received yet
    assert [channel.calls[call_id].is_waiting for call_id in ("first", "second", "third")] == [
        False,
        False,
        True,
    ]
    assert [channel.calls[call_id].pid for call_id in ("first", "second", "third")] == [
        None,
        100,
        None,
    ]


def test_the_time_of_a_call_starts_when_the_call_before_it_ends(
    channel: KeeperChannel,
) -> None:
    sent_at = channel.first_since
    channel.find_call(messages.Message({"kind": "outcome", "call_id": "second"}))
    assert channel.first_since == sent_at
    channel.find_call(messages.Message({"kind": "outcome", "call_id": "first"}))
    assert channel.first_since > sent_at


def test_the_start_of_a_call_does_not_wake_the_owner() -> None:
    with open_pool(1) as owner:
        owner.value("echo", value=1)
        call_id = owner.submit("sleep_without_progress")
        pids = wait_for(owner.pool._calls.pids)
        wait_for(lambda: pools.state(pids[call_id]) == "S")
        assert not owner.is_woken()
        assert owner.pool.pids() == pids
        assert owner.kill(call_id).pid == pids[call_id]


def test_a_call_whose_keeper_is_killed_right_after_sending_it_is_at_fault() -> None:
    with open_pool(1, loads.load_keepers_killed_after_sending) as owner:
        outcome = owner.run("sleep_without_progress")
    assert (outcome.kind, outcome.not_at_fault) == ("lost", False)
    assert outcome.pid
    assert 0 < outcome.seconds < 10
