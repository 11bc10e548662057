"""Heartbeats tell that a runner hangs or is stopped, and decide nothing."""

import math
import os
from typing import Any

import pytest

from storage.db.clock import DATABASE_NOW
from storage.db.models import RunnerRow
from storage.liveness.liveness import FileLiveness, LeaseLiveness
from storage.liveness.runners import STALE_SECONDS, RegisteredRunner, lock_path, registered_runners
from tests.support.api import Client
from tests.support.heartbeats import make_stale
from tests.support.stores import Bench, Holder, die


def registered(bench: Bench) -> list[RegisteredRunner]:
    return registered_runners(bench.store.database, bench.store.runners_folder)


def test_a_new_runner_has_a_fresh_heartbeat(bench: Bench) -> None:
    bench.runner()
    (found,) = registered(bench)
    assert found.heartbeat_age is not None
    assert 0 <= found.heartbeat_age < STALE_SECONDS
    assert not found.is_stale


def test_a_runner_that_has_not_run_its_loop_is_stale_until_it_does_so_again(bench: Bench) -> None:
    runner, rescuer = bench.runner(), bench.runner()
    make_stale(bench, runner, 95)
    found = {each.name: each for each in registered(bench)}[runner.liveness.name]
    assert found.is_stale
    assert found.heartbeat_age == pytest.approx(95, abs=20)
    assert rescuer.rescuer.rescue() == 0
    renew_now(runner)
    assert not any(each.is_stale for each in registered(bench))


def renew_now(runner: Holder) -> None:
    """Run a runner's loop, as if its last heartbeat was long ago."""
    if isinstance(runner.liveness, FileLiveness):
        runner.liveness._touched_at = -math.inf
    else:
        assert isinstance(runner.liveness, LeaseLiveness)
        runner.liveness._renewed_at = -math.inf
    runner.liveness.renew()


def test_a_runner_writes_a_heartbeat_only_every_few_seconds(bench: Bench) -> None:
    runner = bench.runner()
    make_stale(bench, runner, 95)
    runner.liveness.renew()
    assert registered(bench)[0].is_stale


def test_the_heartbeat_of_a_runner_of_the_previous_release_is_unknown(bench: Bench) -> None:
    runner = bench.runner()
    if bench.store.database.postgresql:
        bench.store.database.run(RunnerRow.update(renewed_at=None))
    else:
        os.utime(lock_path(bench.store.runners_folder, runner.liveness.name))
    (found,) = registered(bench)
    assert (found.heartbeat_age, found.is_stale) == (None, False)


def test_a_runner_whose_lease_has_ended_is_stale_until_it_is_rescued(bench: Bench) -> None:
    if not bench.store.database.postgresql:
        pytest.skip("on SQLite, a runner is dead at once")
    dead, alive = bench.runner(), bench.runner()
    die(bench, dead)
    assert {each.name: each.is_stale for each in registered(bench)} == {
        dead.liveness.name: True,
        alive.liveness.name: False,
    }
    alive.rescuer.rescue()
    assert [each.name for each in registered(bench)] == [alive.liveness.name]


def test_a_long_lease_is_renewed_before_its_heartbeat_is_stale(bench: Bench) -> None:
    if not bench.store.database.postgresql:
        pytest.skip("only PostgreSQL has leases")
    liveness = LeaseLiveness(bench.store.database, 3600)
    liveness.register(1, 0)
    liveness._renewed_at -= STALE_SECONDS / 2
    past = RunnerRow.update(renewed_at=1).where(RunnerRow.name == liveness.name)
    bench.store.database.run(past)
    liveness.renew()
    row = bench.store.database.rows(RunnerRow.select(RunnerRow, DATABASE_NOW.alias("now")))[0]
    assert row["now"] - row["renewed_at"] < 1000 * STALE_SECONDS


@pytest.mark.gen_test
async def test_a_stale_runner_is_reported_everywhere_and_has_no_slots(
    client: Client, bench: Bench
) -> None:
    held, waiting = bench.enqueue(), bench.enqueue(delay=0)
    runner = bench.runner()
    runner.claim_one()
    assert (await client.get("/readyz"))["stale_runners"] == []
    make_stale(bench, runner, 95)
    ready = await client.get("/readyz")
    assert (ready["status"], ready["runners"]) == ("ready", 0)
    (stale,) = ready["stale_runners"]
    assert stale["name"] == runner.liveness.name
    assert stale["heartbeat_age"] > 90
    overview = await client.get("/overview")
    assert (overview["slots"], overview["busy"]) == (0, 0)
    assert [each["stale"] for each in overview["runners"]] == [True]
    text = (await client.fetch("/metrics")).body.decode()
    assert "job_service_runners_stale 1.0" in text
    assert f'job_service_runner_heartbeat_age_seconds{{runner="{runner.liveness.name}"}} 9' in text
    assert "job_service_runners 0.0" in text
    assert await reasons(client, held) == ["running", "runner_stale", "no_runner"]
    codes = await reasons(client, waiting)
    assert "runner_stale" in codes
    assert "no_runner" in codes


async def reasons(client: Client, job_id: Any) -> list[str]:
    """The codes of the reasons why a job does not run."""
    document = await client.get(f"/jobs/{job_id}/explain")
    assert document["estimated_seconds"] is None
    return [reason["code"] for reason in document["reasons"]]
