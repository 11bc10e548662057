"""Schedules that are due submit their jobs: each time once, whoever fires it."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import pytest

from storage.db.models import CounterRow, FiringRow, ScheduleRow
from storage.jobs.unique_keys import KeyHolder
from storage.records.filters import Filters
from storage.records.holds import Hold
from storage.records.job import Job, NewJob
from storage.records.schedule import (
    FiringOutcome,
    Missed,
    Overlap,
    Schedule,
    ScheduleSettings,
    Timing,
    template_of,
)
from storage.records.states import Status
from storage.schedules import firing, schedules
from storage.schedules.firing import Firer
from storage.schedules.schedules import Schedules, TooManySchedules
from storage.store import JobStore
from tests.support.stores import Bench

START = 1_800_000_000_000
"""The time of the clock of a bench: 2027-01-15 08:00 UTC."""
MINUTE = 60_000


def settings(cron: str | None = "* * * * *", **changes: Any) -> ScheduleSettings:
    options = changes.pop("options", {})
    payload = changes.pop("payload", {"seconds": 1})
    timing = Timing(cron, changes.pop("every", None), changes.pop("timezone", "UTC"))
    job = NewJob("sleep", payload, **options)
    usual = ScheduleSettings(
        "sleep",
        payload,
        timing,
        Missed.ONCE,
        Overlap.SKIP,
        False,
        None,
        {},
        template_of(job),
        '{"seconds":1}',
    )
    return replace(usual, **changes)


@pytest.fixture
def store(bench: Bench) -> Schedules:
    return Schedules(bench.store.database, bench.store.wakeup, bench.clock, bench.jobs.add)


@pytest.fixture
def firer(bench: Bench) -> Firer:
    return new_firer(bench)


def new_firer(bench: Bench, one_in: Callable[[int], int] = lambda most: 0) -> Firer:
    store = bench.store
    jobs = JobStore(store.database, store.wakeup, bench.clock)
    return Firer(store.database, store.wakeup, bench.clock, jobs.add, one_in)


def put(store: Schedules, name: str = "s", **changes: Any) -> Schedule:
    return store.put(name, settings(**changes), None, lambda stored: None)[0]


def jobs_of(bench: Bench, name: str = "s") -> list[Job]:
    """The jobs of a schedule, the oldest first."""
    return bench.jobs.list(Filters(schedule=name), 500).jobs[::-1]


def nominal_times(bench: Bench, name: str = "s") -> list[int]:
    return [job.nominal_at or 0 for job in jobs_of(bench, name)]


def outcomes(store: Schedules, name: str = "s") -> list[tuple[int, str]]:
    """The nominal times and outcomes of the firings of a schedule, the oldest first."""
    return [(each.nominal_at, str(each.outcome)) for each in store.recent(name)][::-1]


def end_jobs(bench: Bench) -> None:
    """Cancel all queued jobs."""
    for job in bench.jobs.list(Filters(frozenset({Status.QUEUED})), 500).jobs:
        bench.jobs.cancel(job.id)


def test_a_schedule_that_is_due_submits_its_job(
    bench: Bench, store: Schedules, firer: Firer
) -> None:
    options = {"priority": 7, "tags": ("nightly",), "max_retries": 3, "expires_in": 30.0}
    put(store, options=options)
    assert firer.seconds_to_next() == 60
    bench.clock.forward(59.999)
    assert (firer.fire(), jobs_of(bench)) == (False, [])
    bench.clock.forward(0.5)
    assert firer.fire() is False
    (job,) = jobs_of(bench)
    assert (job.schedule, job.nominal_at) == ("s", START + MINUTE)
    assert (job.type, job.payload, job.priority, job.tags) == (
        "sleep",
        {"seconds": 1},
        7,
        ("nightly",),
    )
    assert (job.max_retries, job.run_at) == (3, bench.clock())
    assert job.expires_at == bench.clock() + 30_000
    assert firer.fire() is False
    assert len(jobs_of(bench)) == 1
    stored = store.get("s")
    assert stored
    assert (stored.last_job_id, stored.next_at) == (job.id, START + 2 * MINUTE)
    (fired,) = store.recent("s")
    assert (fired.nominal_at, fired.fired_at) == (START + MINUTE, bench.clock())
    assert (fired.job_id, fired.outcome, fired.job_status) == (job.id, "submitted", "queued")


@pytest.mark.heavy
def test_each_time_is_fired_once_by_many_workers(bench: Bench, store: Schedules) -> None:
    names = [f"s{number}" for number in range(40)]
    for name in names:
        put(store, name)
    with patch.object(firing, "BATCH", 7), ThreadPoolExecutor(4) as threads:
        for _ in range(3):
            bench.clock.forward(60)

            def fire_all(_: int) -> None:
                worker = new_firer(bench)
                while worker.fire():
                    pass

            list(threads.map(fire_all, range(4)))
            end_jobs(bench)
        for _ in range(4):
            threads.submit(bench.store.database.engine.close).result()
    wanted = [START + MINUTE, START + 2 * MINUTE, START + 3 * MINUTE]
    for name in names:
        assert nominal_times(bench, name) == wanted


def test_a_firing_that_fails_leaves_nothing_behind(
    bench: Bench, store: Schedules, firer: Firer
) -> None:
    put(store)
    bench.clock.forward(60)
    with (
        patch.object(bench.store.database.counters, "add", side_effect=KeyError),
        pytest.raises(KeyError),
    ):
        firer.fire()
    assert (jobs_of(bench), store.recent("s")) == ([], [])
    firer.fire()
    assert nominal_times(bench) == [START + MINUTE]


def test_a_time_that_has_a_firing_is_not_fired_again(
    bench: Bench, store: Schedules, firer: Firer
) -> None:
    put(store)
    bench.clock.forward(60)
    firer.fire()
    database = bench.store.database
    database.run(ScheduleRow.update(next_at=START + MINUTE, last_job_id=None))
    firer.fire()
    assert nominal_times(bench) == [START + MINUTE]
    bench.clock.forward(60)
    firer.fire()
    assert nominal_times(bench) == [START + MINUTE, START + 2 * MINUTE]


def test_no_time_comes_twice_after_the_clock_was_an_hour_ahead(
    bench: Bench, store: Schedules, firer: Firer
) -> None:
    put(store)
    bench.clock.forward(3660)
    firer.fire()
    end_jobs(bench)
    ahead = nominal_times(bench)
    assert ahead == [START + 61 * MINUTE]
    bench.clock.forward(-3600)
    put(store, cron="*/1 * * * *")
    assert firer.restart() == 0
    for _ in range(63):
        firer.fire()
        end_jobs(bench)
        bench.clock.forward(60)
    assert nominal_times(bench) == [*ahead, START + 62 * MINUTE, START + 63 * MINUTE]


def test_a_clock_that_was_a_year_ahead_does_not_silence_a_schedule(
    bench: Bench, store: Schedules, firer: Firer
) -> None:
    put(store)
    bench.clock.forward(366 * 86400)
    firer.fire()
    end_jobs(bench)
    bench.clock.forward(-366 * 86400)
    assert firer.restart() == 1
    bench.clock.forward(60)
    firer.fire()
    assert START + MINUTE in nominal_times(bench)


def test_a_job_that_is_not_final_is_not_overlapped(
    bench: Bench, store: Schedules, firer: Firer
) -> None:
    put(store)
    for _ in range(3):
        bench.clock.forward(60)
        firer.fire()
    assert outcomes(store) == [
        (START + MINUTE, "submitted"),
        (START + 2 * MINUTE, "skipped"),
        (START + 3 * MINUTE, "skipped"),
    ]
    assert store.recent("s")[0].reason == "the last job of the schedule was not final"
    (job,) = jobs_of(bench)
    runner = bench.runner()
    runner.claim_one()
    bench.clock.forward(60)
    firer.fire()
    assert outcomes(store)[-1] == (START + 4 * MINUTE, "skipped")
    bench.jobs.cancel(job.id)
    bench.store.database.run(FiringRow.delete())
    bench.clock.forward(60)
    firer.fire()
    assert outcomes(store) == [(START + 5 * MINUTE, "skipped")]  # its cancel is only requested


def test_a_deleted_job_keeps_no_schedule_from_going_on(
    bench: Bench, store: Schedules, firer: Firer
) -> None:
    put(store)
    bench.clock.forward(60)
    firer.fire()
    bench.store.database.run(ScheduleRow.update(last_job_id=bench.enqueue()))
    end_jobs(bench)
    bench.clock.forward(60)
    firer.fire()
    assert len(jobs_of(bench)) == 2


@pytest.mark.parametrize(
    ("policy", "late", "fired", "missed"),
    [
        (Missed.ONCE, 0, [5], [(4, "nor those before: 4 in all")]),
        (Missed.ONCE, 59, [5], [(4, "nor those before: 4 in all")]),
        (Missed.SKIP, 59, [5], [(4, "nor those before: 4 in all")]),
        (Missed.ALL, 0, [1, 2, 3, 4, 5], []),
    ],
)
def test_times_without_a_worker_are_made_up_for_as_the_schedule_says(
    bench: Bench,
    store: Schedules,
    firer: Firer,
    policy: Missed,
    late: int,
    fired: list[int],
    missed: list[tuple[int, str]],
) -> None:
    put(store, missed=policy)
    bench.clock.forward(5 * 60 + late)
    with patch.object(firing, "FINAL", ("queued", "submitted")):
        firer.fire()
    found = [time for time, outcome in outcomes(store) if outcome != "missed"]
    assert found == [START + minute * MINUTE for minute in fired]
    reasons = [
        ((each.nominal_at - START) // MINUTE, each.reason or "")
        for each in store.recent("s")
        if each.outcome is FiringOutcome.MISSED
    ]
    assert [minute for minute, _ in reasons] == [minute for minute, _ in missed]
    for (_, reason), (_, part) in zip(reasons, missed, strict=True):
        assert part in reason
    stored = store.get("s")
    assert stored
    assert stored.next_at == START + 6 * MINUTE


def test_a_late_time_is_left_out_with_skip(bench: Bench, store: Schedules, firer: Firer) -> None:
    put(store, cron="0 * * * *", missed=Missed.SKIP)
    bench.clock.forward(3661)
    firer.fire()
    (only,) = store.recent("s")
    assert (only.nominal_at, only.outcome) == (START + 60 * MINUTE, "missed")
    assert only.reason == "no worker fired it in time"
    assert jobs_of(bench) == []


def test_only_the_newest_times_are_made_up_for(
    bench: Bench, store: Schedules, firer: Firer
) -> None:
    put(store, missed=Missed.ALL)
    bench.clock.forward(150 * 60)
    firer.fire()
    found = bench.store.database.rows(FiringRow.select().order_by(FiringRow.nominal_at))
    times = [(row["nominal_at"] - START) // MINUTE for row in found]
    assert times == [51, *range(101, 151)]  # others were pruned, but the job of 51 is queued
    counts = counters(bench)
    assert (counts["schedule missed"], counts["schedule submitted"]) == (1, 1)
    assert counts["schedule skipped"] == 99


def counters(bench: Bench) -> dict[str, int]:
    rows = bench.store.database.rows(CounterRow.select().where(CounterRow.type == "sleep"))
    return {row["name"]: row["value"] for row in rows}


def test_a_paused_schedule_is_not_due_and_goes_on_from_now(
    bench: Bench, store: Schedules, firer: Firer
) -> None:
    put(store)
    bench.clock.forward(60)
    put(store, paused=True)
    assert firer.seconds_to_next() is None
    bench.clock.forward(600)
    assert firer.fire() is False
    put(store)
    assert firer.seconds_to_next() == 60
    assert store.recent("s") == []


def test_a_schedule_that_is_put_again_keeps_a_time_that_is_due(
    bench: Bench, store: Schedules, firer: Firer
) -> None:
    put(store)
    bench.clock.forward(65)
    again = put(store, options={"priority": 1})
    assert again.version == 2
    firer.fire()
    (job,) = jobs_of(bench)
    assert (job.priority, job.nominal_at) == (1, START + MINUTE)
    put(store, cron="0 * * * *")
    assert firer.seconds_to_next() == 3600 - 65


def test_a_schedule_ends(bench: Bench, store: Schedules, firer: Firer) -> None:
    put(store, until=START + MINUTE)
    bench.clock.forward(120)
    firer.fire()
    assert nominal_times(bench) == [START + MINUTE]
    assert firer.seconds_to_next() is None
    put(store, until=START + 30 * MINUTE)
    assert firer.seconds_to_next() == 60


def test_a_job_that_cannot_be_stored_is_refused_and_the_others_are_stored(
    bench: Bench, store: Schedules, firer: Firer
) -> None:
    put(store, "bad", options={"queue": "gone"})
    put(store, "good")
    put(store, "source", options={"source": bench.enqueue()})
    bench.clock.forward(60)
    firer.fire()
    (refused,) = store.recent("bad")
    assert (refused.outcome, refused.job_id) == ("refused", None)
    assert refused.reason == "there is no such queue; PUT /queues/NAME creates one"
    (refused,) = store.recent("source")
    assert refused.reason == "its source job has no file, or was deleted"
    assert nominal_times(bench, "good") == [START + MINUTE]
    stored = store.get("bad")
    assert stored
    assert (stored.next_at, stored.last_job_id) == (START + 2 * MINUTE, None)


def test_jobs_of_a_schedule_heed_unique_and_concurrency_keys(
    bench: Bench, store: Schedules, firer: Firer
) -> None:
    holder = bench.enqueue(unique_key="once")
    placed = bench.enqueue(concurrency_key="few")
    put(store, "unique", options={"unique_key": "once"})
    put(store, "few", options={"concurrency_key": "few"})
    bench.clock.forward(60)
    firer.fire()
    (refused,) = store.recent("unique")
    assert (refused.outcome, refused.reason) == (
        "refused",
        f"the job {holder} holds its unique key",
    )
    (waiting,) = jobs_of(bench, "few")
    assert waiting.holds == Hold.KEY
    bench.jobs.cancel(placed)
    run = store.run("unique", "ann", None, lambda stored: None)
    assert run
    assert isinstance(run.refusal, KeyHolder)


def test_a_zone_that_a_worker_does_not_know_stops_only_its_schedule(
    bench: Bench, store: Schedules, firer: Firer
) -> None:
    put(store, "bad")
    put(store, "good")
    bad = ScheduleRow.name == "bad"
    bench.store.database.run(ScheduleRow.update(timezone="Mars/Base").where(bad))
    bench.clock.forward(60)
    while firer.fire():
        pass  # on a busy machine, a transaction ends before all are fired
    (missed,) = store.recent("bad")
    assert "Mars/Base" in (missed.reason or "")
    assert nominal_times(bench, "good") == [START + MINUTE]
    assert firer.seconds_to_next() == 60


@pytest.mark.heavy
def test_old_firings_are_deleted(bench: Bench, store: Schedules) -> None:
    put(store, missed=Missed.ALL)
    put(store, "other")
    pruning = new_firer(bench)
    for _ in range(70):
        bench.clock.forward(60)
        pruning.fire()
        end_jobs(bench)
    for name in ("s", "other"):
        mine = FiringRow.select().where(FiringRow.schedule == name)
        assert len(bench.store.database.rows(mine)) == firing.KEPT
    assert len(store.recent("s")) == schedules.RECENT


def test_a_run_by_a_client_is_a_firing_of_its_own(
    bench: Bench, store: Schedules, firer: Firer
) -> None:
    put(store, paused=True)
    first = store.run("s", "ann", None, lambda stored: None)
    assert first
    assert first.job_id
    job = bench.job(first.job_id)
    assert (job.schedule, job.nominal_at, job.submitted_by) == ("s", START + 1, "ann")
    busy = store.run("s", "ann", None, lambda stored: None)
    assert busy
    assert (busy.busy, busy.job_id) == (first.job_id, None)
    end_jobs(bench)
    second = store.run("s", "ann", None, lambda stored: None)
    assert second
    assert second.job_id
    assert bench.job(second.job_id).nominal_at == START + 2
    assert [time for time, _ in outcomes(store)] == [START + 1, START + 2]
    assert store.run("none", "ann", None, lambda stored: None) is None


def test_a_run_with_a_key_submits_one_job(bench: Bench, store: Schedules) -> None:
    put(store)
    put(store, "other")
    first = store.run("s", None, "k", lambda stored: None)
    again = store.run("s", None, "k", lambda stored: None)
    assert first
    assert again
    assert (again.job_id, again.is_replayed) == (first.job_id, True)
    other = store.run("other", None, "k", lambda stored: None)
    assert other
    assert other.other_key
    assert len(jobs_of(bench)) == 1


def test_a_key_of_a_refused_run_can_be_used_again(bench: Bench, store: Schedules) -> None:
    put(store, options={"queue": "gone"})
    refused = store.run("s", None, "k", lambda stored: None)
    assert refused
    assert refused.refusal == "queue"
    bench.queues.put("gone")
    done = store.run("s", None, "k", lambda stored: None)
    assert done
    assert done.job_id


def test_a_deleted_schedule_leaves_its_jobs(bench: Bench, store: Schedules, firer: Firer) -> None:
    put(store)
    bench.clock.forward(60)
    firer.fire()
    assert store.delete("s", lambda stored: None) is True
    assert store.delete("s", lambda stored: None) is False
    assert (store.get("s"), store.recent("s"), len(jobs_of(bench))) == (None, [], 1)


def test_schedules_are_listed_by_name_and_limited(bench: Bench, store: Schedules) -> None:
    for name in ("b", "a", "c"):
        put(store, name)
    assert [each.name for each in store.page(2)] == ["a", "b"]
    assert [each.name for each in store.page(2, "b")] == ["c"]
    with patch.object(schedules, "MAX_SCHEDULES", 3):
        put(store, "a")
        with pytest.raises(TooManySchedules):
            put(store, "d")
    with patch.object(schedules, "MAX_SCHEDULES", 5):
        first = store.get("a")
        assert first
        given = first.settings, "ann", lambda stored: None, None, "ann"
        store.put("d", *given)
        with pytest.raises(TooManySchedules):
            store.put("e", *given)


def test_jobs_are_found_by_their_schedule_and_other_filters(
    bench: Bench, store: Schedules, firer: Firer
) -> None:
    put(store, options={"tags": ("t",)})
    put(store, "other", options={"tags": ("t",)})
    bench.enqueue()
    bench.clock.forward(60)
    firer.fire()

    def count(**filters: Any) -> int:
        return len(bench.jobs.list(Filters(**filters), 10).jobs)

    assert count(schedule="s") == 1
    assert count(schedule="none") == 0
    assert count(schedule="s", tags=frozenset({"t"})) == 1
    assert count(schedule="s", statuses=frozenset({"queued"})) == 1
    assert count(schedule="s", statuses=frozenset({"failed"})) == 0
    assert count(schedule="s", type="sleep", queue="default") == 1
    assert count(schedule="s", type="none") == 0
    assert count(tags=frozenset({"t"})) == 2
