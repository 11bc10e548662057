"""Runners whose lease has ended stay known for a day."""

from typing import Any

import peewee as pw
import pytest

from server.api.monitoring.metrics import exposition
from server.api.monitoring.overview import overview_document
from storage.db.models_liveness import LostRunnerRow
from storage.liveness import liveness
from storage.liveness.lost_runners import (
    KEEP_SECONDS,
    LostRunner,
    count_lost_runners,
    lost_runners,
)
from storage.queries.stats import LOST_SECONDS, Stats, read_stats
from tests.support.stores import Bench, die

LOST, AGAIN = "box2-7-0a1b2c3d-aaaaaa", "box2-7-0a1b2c3d-bbbbbb"


with_leases = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


def register(bench: Bench, monkeypatch: pytest.MonkeyPatch, name: str) -> Any:
    """Register a runner that has this name."""
    with monkeypatch.context() as patch:
        patch.setattr(liveness, "new_runner_name", lambda: name)
        return bench.runner({"default"})


def age(bench: Bench, seconds: float) -> None:
    """Make the loss of runners look `seconds` older."""
    ms = pw.Value(int(seconds * 1000))
    bench.store.database.run(LostRunnerRow.update(lost_at=LostRunnerRow.lost_at - ms))


def lose(bench: Bench, monkeypatch: pytest.MonkeyPatch, name: str = LOST) -> None:
    runner = register(bench, monkeypatch, name)
    bench.enqueue()
    bench.enqueue(max_losses=0)
    runner.claims.claim(2)
    die(bench, runner)
    assert bench.runner().rescuer.rescue() == 2


@with_leases
def test_a_lost_runner_is_known_for_a_day_with_what_became_of_its_jobs(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = bench.store.database
    assert list(lost_runners(database)) == []
    lose(bench, monkeypatch)
    (lost,) = lost_runners(database)
    assert isinstance(lost, LostRunner)
    assert (lost.name, lost.queued_again, lost.ended) == (LOST, 1, 1)
    assert lost.queues == frozenset({"default"})
    assert 0 <= lost.heartbeat_age < 60
    age(bench, 3000)
    assert lost_runners(database, 2000) == []
    assert [each.name for each in lost_runners(database)] == [LOST]
    age(bench, KEEP_SECONDS)
    assert lost_runners(database) == []
    lose(bench, monkeypatch, "box3-7-0a1b2c3d-aaaaaa")
    assert [row["name"] for row in database.rows(LostRunnerRow.select())] != [LOST]


@with_leases
def test_a_runner_that_continues_under_a_new_name_is_not_lost(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    lose(bench, monkeypatch)
    register(bench, monkeypatch, AGAIN)
    assert lost_runners(bench.store.database) == []


@with_leases
def test_a_runner_that_ends_in_order_is_not_lost(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    register(bench, monkeypatch, LOST).claims.deregister()
    bench.runner().rescuer.rescue()
    assert lost_runners(bench.store.database) == []


@with_leases
def test_a_lost_runner_is_in_the_overview_for_an_hour_and_not_in_the_metrics(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stats() -> Stats:
        return read_stats(bench.store.database, bench.clock, bench.store.runners_folder)

    lose(bench, monkeypatch)
    found = {each["name"]: each for each in overview_document(stats(), ())["runners"]}
    assert (found[LOST]["stale"], found[LOST]["busy"]) == (True, 0)
    assert LOST not in [each.name for each in stats().runners]
    assert LOST.encode() not in exposition(stats(), (), "", None)[0]
    assert b"job_service_runners_lost_total 1.0" in exposition(stats(), (), "", None)[0]
    age(bench, LOST_SECONDS)
    assert LOST not in [each["name"] for each in overview_document(stats(), ())["runners"]]


def test_lost_runners_are_counted_on_both_databases_and_others_are_not(bench: Bench) -> None:
    bench.runner().claims.deregister()
    die(bench, bench.runner())
    for _ in range(2):
        bench.runner().rescuer.rescue()
        assert count_lost_runners(bench.store.database) == 1


def test_a_free_lock_proves_that_a_runner_has_ended(bench: Bench) -> None:
    if bench.store.database.postgresql:
        return
    dead = bench.runner()
    die(bench, dead)
    bench.runner().rescuer.rescue()
    assert bench.store.database.rows(LostRunnerRow.select()) == []
