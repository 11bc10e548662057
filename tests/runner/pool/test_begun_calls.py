"""Marks of the calls that keepers have begun: what the pool knows by them, at no one's cost."""

from collections.abc import Iterator
from functools import partial

import pytest

from runner.pool.channel import KeeperChannel
from runner.pool.protocol import messages
from runner.pool.protocol.begun_calls import BegunCall, BegunCalls, new_begun_calls
from tests.support.pool import loads as pool_loads
from tests.support.pool import pools
from tests.support.pool.pools import open_pool
from tests.support.waiting import wait_for


@pytest.fixture
def marks() -> Iterator[BegunCalls]:
    """Those of three keepers."""
    with new_begun_calls(3) as marks:
        yield marks


@pytest.fixture
def link(marks: BegunCalls) -> Iterator[KeeperChannel]:
    """A link to the keeper of the first slot, which was sent three calls."""
    ours, theirs = messages.channel()
    with ours, theirs:
        link = KeeperChannel(ours, partial(marks.begun, 0))
        for token in ("first", "second", "third"):
            link.send(token, b"{}", None)
        heard = [messages.receive(theirs) for _ in range(3)]
        assert [each and each.fields["number"] for each in heard] == [1, 2, 3]
        yield link


def test_a_mark_is_seen_in_another_mapping_and_changes_no_other(marks: BegunCalls) -> None:
    keepers = BegunCalls(marks.descriptor)
    keepers.begin(1, 2**42 - 1, 2**22 - 1)
    keepers.close()
    assert [marks.begun(slot) for slot in range(3)] == [(0, 0), (2**42 - 1, 2**22 - 1), (0, 0)]


def test_there_may_be_more_marks_than_a_page_holds() -> None:
    with new_begun_calls(5000) as marks:
        marks.begin(4999, 7, 8)
        assert marks.begun(4999) == BegunCall(7, 8)


def test_what_was_marked_last_is_known_after_the_end() -> None:
    before = pools.open_descriptors()
    with new_begun_calls(1) as marks:
        marks.begin(0, 7, 8)
    assert marks.begun(0) == BegunCall(7, 8)
    assert pools.open_descriptors() == before


def test_a_call_waits_until_its_keeper_marks_it(marks: BegunCalls, link: KeeperChannel) -> None:
    assert [link.waits(token) for token in ("first", "second")] == [True, True]
    assert link.pid_of("first") is None
    marks.begin(0, 1, 100)
    assert [link.waits(token) for token in ("first", "second")] == [False, True]
    assert [link.pid_of(token) for token in ("first", "second")] == [100, None]


def test_a_call_that_others_have_followed_neither_waits_nor_runs(
    marks: BegunCalls, link: KeeperChannel
) -> None:
    marks.begin(0, 2, 100)  # the outcome of the first is there, but not heard
    assert [link.waits(token) for token in ("first", "second", "third")] == [False, False, True]
    assert [link.pid_of(token) for token in ("first", "second", "third")] == [None, 100, None]


def test_a_call_runs_since_the_one_before_has_ended_and_not_one_behind(link: KeeperChannel) -> None:
    sent_at = link.since
    link.heard(messages.Message({"kind": "outcome", "token": "second"}))
    assert link.since == sent_at
    link.heard(messages.Message({"kind": "outcome", "token": "first"}))
    assert link.since > sent_at


def test_the_start_of_a_call_wakes_nobody() -> None:
    with open_pool(1) as owner:
        owner.value("echo", value=1)
        token = owner.submit("say_nothing")
        pids = wait_for(owner.pool._calls.pids)
        wait_for(lambda: pools.state(pids[token]) == "S")
        assert not owner.is_woken()
        assert owner.pool.pids() == pids
        assert owner.kill(token).pid == pids[token]


def test_a_job_whose_keeper_is_killed_when_it_has_handed_it_over_is_not_innocent() -> None:
    with open_pool(1, pool_loads.load_what_kills_keepers_at_the_hand_over) as owner:
        outcome = owner.run("say_nothing")
    assert (outcome.kind, outcome.innocent) == ("lost", False)
    assert outcome.pid
    assert 0 < outcome.seconds < 10
