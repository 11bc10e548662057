"""When the use of callers is counted, and what is added to the counts."""

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import pytest

from server.jobs.quotas import usage as use_counts
from server.jobs.quotas.usage import COST_FACTOR, MAX_PAUSE_SECONDS, UseCounts
from server.store.threads import StoreThreads
from storage.records.job import StoreUnavailable

pytestmark = pytest.mark.gen_test
LIMIT = 100


class Counted:
    """Counts of a store that a test makes, and the time."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.found = 0
        self.calls: list[str] = []
        self.seconds = 0.0
        self.gate = threading.Event()
        self.gate.set()
        self.threads = StoreThreads()
        self._tasks: set[asyncio.Task[None]] = set()
        self.counts = UseCounts(self.threads, self.run, self.count)

    def run(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def count(self, name: str, limit: int) -> int:
        self.calls.append(name)
        assert self.gate.wait(20)
        self.now += self.seconds
        return min(self.found, limit)

    async def idle(self) -> None:
        """Wait for the counts under way."""
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def use(self, room: int = 0, name: str = "ann", limit: int = LIMIT) -> int:
        """Ask for the use of a caller, as a request does."""
        # Only this module gets other clocks: the event loop needs the real one for its timeouts.
        clocks = SimpleNamespace(monotonic=self.clock, perf_counter=self.clock)
        with patch.object(use_counts, "time", clocks):
            use = await self.counts.current(name, limit, room)
            amount = use.amount
            await self.idle()
        return amount

    def clock(self) -> float:
        return self.now


@pytest.fixture
def store() -> Iterator[Counted]:
    """Counts that a test makes."""
    counted = Counted()
    yield counted
    counted.threads.close()


async def test_a_caller_is_counted_once_a_second_and_only_for_requests(store: Counted) -> None:
    for _ in range(5):
        assert await store.use() == 0
    assert len(store.calls) == 1
    store.now += 0.9
    await store.use()
    assert len(store.calls) == 1
    store.now, store.found = store.now + 0.2, 7
    assert await store.use() == 0
    assert len(store.calls) == 2
    assert await store.use() == 7


async def test_dear_counts_are_rarer(store: Counted) -> None:
    store.seconds = 0.5
    await store.use()
    store.now += 0.5 * COST_FACTOR - 0.1
    await store.use()
    assert len(store.calls) == 1
    store.now += 0.2
    await store.use()
    assert len(store.calls) == 2
    store.seconds = 3600
    store.now += 60
    await store.use()
    store.now += MAX_PAUSE_SECONDS + 1
    await store.use()
    assert len(store.calls) == 4


async def test_a_request_without_room_waits_for_a_count_that_is_due(store: Counted) -> None:
    store.found = LIMIT
    assert await store.use(room=1) == LIMIT
    store.found = 5
    assert await store.use(room=1) == LIMIT
    assert len(store.calls) == 1
    store.now += use_counts.FULL_COUNT_SECONDS
    assert await store.use(room=1) == 5


async def test_what_is_stored_during_a_count_is_not_lost(store: Counted) -> None:
    use = await store.counts.current("ann", LIMIT)
    use.stored += 2
    store.gate.clear()
    waiting = asyncio.ensure_future(store.counts.current("ann", 2 * LIMIT))
    while len(store.calls) < 2:
        await asyncio.sleep(0)
    use.stored += 3
    use.reserved += 4
    store.gate.set()
    assert (await waiting).amount == 3 + 4


async def store_during_a_count(store: Counted, amount: int) -> None:
    """Let a request store something while a count runs, which finds it already."""
    store.gate.clear()
    waiting = asyncio.ensure_future(store.counts.current("ann", LIMIT))
    while not store.calls:
        await asyncio.sleep(0)
    store.found = amount
    store.counts._uses["ann"].stored += amount
    store.gate.set()
    assert (await waiting).amount == 2 * amount


async def test_what_may_be_counted_twice_refuses_no_request(store: Counted) -> None:
    await store_during_a_count(store, 40)
    with patch.object(use_counts, "FULL_COUNT_SECONDS", 3600):
        assert (await store.counts.current("ann", LIMIT, 60)).amount == 40
        assert len(store.calls) == 2
        assert (await store.counts.current("ann", LIMIT, 61)).amount == 40
        assert len(store.calls) == 2


async def test_a_count_that_cannot_make_room_is_not_waited_for(store: Counted) -> None:
    await store_during_a_count(store, 40)
    with patch.object(use_counts, "FULL_COUNT_SECONDS", 3600):
        assert (await store.counts.current("ann", LIMIT, 61)).amount == 80
        assert len(store.calls) == 1


async def test_a_dear_count_is_not_waited_for(store: Counted) -> None:
    await store_during_a_count(store, 40)
    store.counts._uses["ann"].cost = 0.2
    with patch.object(use_counts, "FULL_COUNT_SECONDS", 3600):
        assert (await store.counts.current("ann", LIMIT, 60)).amount == 80


async def test_counts_run_one_at_a_time_and_requests_of_a_caller_share_one(store: Counted) -> None:
    store.gate.clear()
    asked = [asyncio.ensure_future(store.counts.current(name, LIMIT)) for name in "abab"]
    for _ in range(100):
        await asyncio.sleep(0.001)
        assert len(store.calls) <= 1
    store.gate.set()
    await asyncio.gather(*asked)
    assert sorted(store.calls) == ["a", "b"]


async def test_a_request_that_is_given_up_leaves_the_count_to_others(store: Counted) -> None:
    store.gate.clear()
    one, other = (asyncio.ensure_future(store.counts.current("ann", LIMIT)) for _ in range(2))
    while not store.calls:
        await asyncio.sleep(0)
    one.cancel()
    store.gate.set()
    assert (await other).amount == 0


async def test_a_count_that_fails_is_made_again_for_the_next_request(store: Counted) -> None:
    broken = patch.object(store.counts, "_count", side_effect=StoreUnavailable("gone"))
    with broken, pytest.raises(StoreUnavailable):
        await store.use()
    assert await store.use() == 0


async def test_an_old_count_stays_while_the_store_fails_in_the_background(store: Counted) -> None:
    store.found = 7
    await store.use()
    store.now += 2
    with patch.object(store.counts, "_count", side_effect=StoreUnavailable("gone")):
        assert await store.use() == 7
        assert await store.use() == 7


async def test_a_higher_limit_and_a_change_of_unknown_size_need_a_count(store: Counted) -> None:
    store.found = 500
    assert await store.use() == LIMIT
    assert await store.use(limit=1000) == 500
    store.found = 3
    store.counts.forget("ann")
    assert await store.use(limit=1000) == 3


async def test_the_callers_that_ask_least_are_forgotten_but_not_what_they_have_reserved(
    store: Counted,
) -> None:
    with patch.object(use_counts, "MAX_CALLERS", 3):
        (await store.counts.current("ann", LIMIT)).reserved += 1
        for name in ("bob", "sue", "eve", "bob"):
            await store.use(name=name)
    assert store.calls == ["ann", "bob", "sue", "eve", "bob"]
    assert await store.use() == 1
    assert store.calls.count("ann") == 1
