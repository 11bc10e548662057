"""Wake-ups between programs, on both databases."""

import errno
import os
import select
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from storage.notify import wakeup as wakeup_module
from storage.notify.wakeup import (
    LISTENER,
    WORKER,
    PostgresWaiter,
    SocketWakeup,
    Waiter,
    notifying_transaction,
)
from tests.support.claims_in_steps import completed
from tests.support.pool.pools import descriptors_below, free_descriptor, open_descriptors
from tests.support.stores import Bench
from tests.support.waiting import wait_for


def readable(waiter: Waiter) -> bool:
    return bool(select.select([waiter], [], [], 0)[0])


def test_a_waiter_is_woken_for_its_topic_and_no_other(bench: Bench) -> None:
    wakeup = bench.store.wakeup
    worker, listener = wakeup.waiter(WORKER), wakeup.waiter(LISTENER)
    wakeup.notify(WORKER)
    wait_for(lambda: readable(worker))
    assert not readable(listener)
    worker.clear()
    assert not readable(worker)
    worker.close()
    listener.close()


def test_all_waiters_of_a_topic_are_woken(bench: Bench) -> None:
    waiters = [bench.store.wakeup.waiter(LISTENER) for _ in range(3)]
    bench.store.wakeup.notify(LISTENER)
    for waiter in waiters:
        wait_for(lambda waiter=waiter: readable(waiter))  # type: ignore[misc]
        waiter.close()


def test_a_new_job_and_a_cancel_wake_the_worker(bench: Bench) -> None:
    waiter = bench.store.wakeup.waiter(WORKER)
    job_id = bench.enqueue()
    wait_for(lambda: readable(waiter))
    waiter.clear()
    bench.jobs.cancel(job_id)
    wait_for(lambda: readable(waiter))
    waiter.close()


@pytest.mark.heavy
def test_more_wake_ups_than_anyone_reads_do_no_harm(bench: Bench) -> None:
    waiter = bench.store.wakeup.waiter(WORKER)
    for _ in range(1000):
        bench.store.wakeup.notify(WORKER)
    wait_for(lambda: readable(waiter))
    waiter.close()
    bench.store.wakeup.notify(WORKER)


def test_a_waiter_without_room_for_its_socket_waits_for_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wakeup = SocketWakeup(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(wakeup_module, "_address", lambda *_: "/dev/full/no")
        patch.setattr(wakeup_module, "PASSING", {errno.ENOTDIR})
        waiter = wakeup.waiter(WORKER)
        waiter.clear()
        assert waiter.fileno() == -1
    waiter.clear()
    wakeup.notify(WORKER)
    wait_for(lambda: readable(waiter))
    waiter.close()
    wakeup.close()
    assert list(tmp_path.iterdir()) == []


def test_the_socket_of_a_dead_waiter_is_removed(tmp_path: Path) -> None:
    wakeup = SocketWakeup(tmp_path)
    waiter = wakeup.waiter(WORKER)
    waiter._socket.close()  # as the kernel does when its process is killed
    assert len(list(tmp_path.iterdir())) == 1
    wakeup.notify(WORKER)
    assert list(tmp_path.iterdir()) == []
    waiter.close()
    wakeup.close()


def test_the_name_of_a_socket_cannot_be_read_in_proc(tmp_path: Path) -> None:
    wakeup = SocketWakeup(tmp_path)
    waiter = wakeup.waiter(WORKER)
    (name,) = os.listdir(tmp_path)
    assert name.startswith(f"{WORKER}-")
    assert name not in Path("/proc/net/unix").read_text()
    waiter.close()
    wakeup.close()


def test_a_process_without_free_descriptors_wakes_nobody_and_continues(tmp_path: Path) -> None:
    wakeup = SocketWakeup(tmp_path)
    before = open_descriptors()
    with descriptors_below(free_descriptor()):
        wakeup.notify(WORKER)
    with descriptors_below(free_descriptor() + 1), pytest.raises(OSError, match="Too many open"):
        wakeup.waiter(WORKER)  # which needs two
    assert open_descriptors() == before
    wakeup.close()


def test_the_folder_is_listed_again_only_after_a_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wakeup = SocketWakeup(tmp_path)
    first = wakeup.waiter(WORKER)
    os.utime(tmp_path, (1, 1))  # a change that is long past
    listings, list_folder = list[int](), os.listdir

    def listing(folder: int) -> list[str]:
        listings.append(folder)
        return list_folder(folder)

    monkeypatch.setattr(os, "listdir", listing)
    for _ in range(3):
        wakeup.notify(WORKER)
    assert len(listings) == 1
    second = wakeup.waiter(WORKER)
    wakeup.notify(WORKER)
    assert readable(second)
    wakeup.notify(WORKER)
    assert len(listings) == 3  # twice: another waiter could have come at the time of the second
    for waiter in (first, second):
        waiter.close()
    wakeup.close()


def test_a_folder_whose_path_is_longer_than_a_unix_address_can_be_used(tmp_path: Path) -> None:
    wakeup = SocketWakeup(tmp_path / ("x" * 100) / ("y" * 100))
    waiter = wakeup.waiter(WORKER)
    wakeup.notify(WORKER)
    assert readable(waiter)
    waiter.close()
    wakeup.close()


def test_a_dropped_connection_listens_again(bench: Bench) -> None:
    if not bench.store.database.postgresql:
        pytest.skip("only where wake-ups are NOTIFY")
    waiter = bench.store.wakeup.waiter(WORKER)
    assert isinstance(waiter, PostgresWaiter)
    assert isinstance(waiter._connection, psycopg.Connection)
    pid = waiter._connection.info.backend_pid
    bench.store.database.execute("SELECT pg_terminate_backend(%s)", (pid,))

    def woken_again() -> bool:
        waiter.clear()
        bench.store.wakeup.notify(WORKER)
        return waiter.fileno() >= 0 and bool(select.select([waiter], [], [], 0.1)[0])

    wait_for(woken_again)
    waiter.close()


def test_waiters_are_woken_by_a_commit_but_not_by_a_rollback(bench: Bench) -> None:
    store = bench.store
    workers, listeners = store.wakeup.waiter(WORKER), store.wakeup.waiter(LISTENER)
    try:
        with (
            pytest.raises(ZeroDivisionError),
            notifying_transaction(store.wakeup, store.database, WORKER),
        ):
            raise ZeroDivisionError
        with notifying_transaction(store.wakeup, store.database, LISTENER) as woken:
            store.database.next_version()
            woken.append(LISTENER)
        wait_for(lambda: readable(listeners))
        assert not readable(workers)
    finally:
        workers.close()
        listeners.close()


def test_a_claim_transaction_wakes_waiters_only_when_its_caller_says_so(bench: Bench) -> None:
    bench.enqueue()
    claims = bench.runner().claims
    ends = [completed(job.fence) for job in claims.claim(1)]
    with closing(bench.store.wakeup.waiter(LISTENER)) as listeners:
        claimed = claims.settle_and_claim(ends)
        if not bench.store.database.postgresql:  # which wakes with the commit
            assert not readable(listeners)
        claims.wake(claimed)
        wait_for(lambda: readable(listeners))
