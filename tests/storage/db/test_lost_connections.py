"""Who is cut off from PostgreSQL, or stands still, holds up nobody else, and notices it."""

import contextlib
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from storage.db.database import Database
from storage.records.job import NewJob, StoreError, StoreUnavailable
from tests.support.servers import postgres
from tests.support.stores import Bench
from tests.support.waiting import wait_for
from tests.system.chaos import networks


@contextmanager
def standing_still(database: Database) -> Iterator[list[StoreError]]:
    """Another thread in a transaction, which has begun to write, and goes on at the end of the
    block; with the error that it then gets."""
    holds, may_go_on = threading.Event(), threading.Event()
    told: list[StoreError] = []

    def stand_still() -> None:
        try:
            with database.transaction():
                database.next_version()
                holds.set()
                may_go_on.wait()
                database.next_version()
        except StoreError as error:
            told.append(error)
        with database.transaction():  # by a new connection
            database.next_version()

    thread = threading.Thread(target=stand_still)
    thread.start()
    try:
        assert holds.wait(10)
        yield told
    finally:
        may_go_on.set()
        thread.join()


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_transaction_that_stands_still_holds_nobody_up_and_is_told_of_its_end(
    bench: Bench,
) -> None:
    def others_go_on() -> bool:
        with contextlib.suppress(StoreUnavailable):
            return bool(bench.jobs.enqueue([NewJob("sleep", {"seconds": 0})]))
        return False

    with standing_still(bench.store.database) as told:
        wait_for(others_go_on, timeout=30)
    assert [type(error) for error in told] == [StoreUnavailable]
    assert "idle-in-transaction" in str(told[0])


def test_both_ends_notice_a_cut_of_the_network_without_a_word() -> None:
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
