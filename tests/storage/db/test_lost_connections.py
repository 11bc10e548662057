"""A client that is cut off from PostgreSQL or idles in a transaction blocks no writer."""

import contextlib
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import peewee as pw
import pytest

from storage.db.database import Database
from storage.db.errors import store_error_from
from storage.records.job import NewJob, StoreError, StoreUnavailable
from tests.support.servers import postgres
from tests.support.stores import Bench
from tests.support.waiting import wait_for
from tests.system.chaos import networks


@contextmanager
def idle_transaction(database: Database) -> Iterator[list[StoreError]]:
    """Keep a write transaction of another thread idle during the block.

    Yields the errors that the thread gets when it continues after the block.
    """
    holds, may_go_on = threading.Event(), threading.Event()
    raised: list[StoreError] = []

    def idle() -> None:
        try:
            with database.transaction():
                database.next_version()
                holds.set()
                may_go_on.wait()
                database.next_version()
        except StoreError as error:
            raised.append(error)
        with database.transaction():  # by a new connection
            database.next_version()

    thread = threading.Thread(target=idle)
    thread.start()
    try:
        assert holds.wait(10)
        yield raised
    finally:
        may_go_on.set()
        thread.join()


@pytest.mark.heavy
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_an_idle_transaction_is_ended_by_the_server_and_blocks_no_writer(
    bench: Bench,
) -> None:
    def others_can_write() -> bool:
        with contextlib.suppress(StoreUnavailable):
            return bool(bench.jobs.enqueue([NewJob("sleep", {"seconds": 0})]))
        return False

    with idle_transaction(bench.store.database) as raised:
        wait_for(others_can_write, timeout=30)
    assert [type(error) for error in raised] == [StoreUnavailable]
    assert "idle-in-transaction" in str(raised[0])


def test_every_error_of_a_lost_connection_is_a_state_of_the_store() -> None:
    error = pw.InternalError("terminating connection due to idle-in-transaction timeout")
    assert isinstance(store_error_from(error, "jobs", lost=True), StoreUnavailable)
    assert store_error_from(error, "jobs", lost=False) is None


@pytest.mark.heavy
def test_client_and_server_both_detect_a_cut_network() -> None:
    if lack := postgres.missing() or networks.missing():
        pytest.skip(lack)
    command = [sys.executable, "-m", "tests.support.lost_connections"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "asked while the network is cut": "StoreUnavailable",
        "asked when it is whole again": [1],
        "sessions that the server has given up": ["idle", "in transaction"],
    }
