"""Of the jobs with a concurrency key, at most `max_per_key` have a place at any time."""

from typing import Any
from uuid import UUID

import pytest

from storage.db.models import CounterRow, JobRow
from storage.jobs.retention import delete_job
from storage.queries.explain import explain
from storage.records.holds import Hold, Watch
from storage.records.job import Job, NewJob
from storage.waiting import ended
from storage.waiting.place_sweep import PlaceSweep
from storage.waiting.places import HAS_PLACE, PATIENCE_MS
from storage.waiting.reactions import react_to_ended
from tests.support.held_jobs import held_job, outbox, release_jobs
from tests.support.stores import RAISED, RETURNED, Bench, Holder


def keyed(bench: Bench, key: str = "k", most: int | None = None, **options: Any) -> UUID:
    return bench.enqueue(concurrency_key=key, max_per_key=most, **options)


def with_places(bench: Bench) -> set[UUID]:
    """The jobs that have a place of their key."""
    return {row["id"] for row in bench.store.database.rows(JobRow.select().where(HAS_PLACE))}


def react(bench: Bench) -> None:
    """Do what a worker does when jobs have ended."""
    while react_to_ended(bench.store.database, bench.store.wakeup, bench.clock):
        pass


def sweep(bench: Bench) -> bool:
    return sweeper(bench).run()


def sweeper(bench: Bench) -> PlaceSweep:
    return PlaceSweep(bench.store.database, bench.store.wakeup, bench.clock)


def claim(bench: Bench, runner: Holder) -> list[UUID]:
    """Claim all jobs that may start, as a worker does: it also fills the places of started keys."""
    ids: list[UUID] = []
    while jobs := runner.claims.claim(100):
        ids += [job.id for job in jobs]
        sweeper(bench).fill(runner.claims.started_keys)
    return ids


def end_all(bench: Bench, runner: Holder) -> list[UUID]:
    """Claim and end all jobs that may start, as often as some may; return them in order."""
    order: list[UUID] = []
    while jobs := runner.claims.claim(100):
        for job in jobs:
            runner.claims.complete(job.fence, "1", RETURNED)
        order += [job.id for job in jobs]
        react(bench)
    return order


@pytest.mark.heavy
@pytest.mark.parametrize("most", [None, 1, 3])
def test_only_so_many_jobs_of_a_key_can_start(bench: Bench, most: int | None) -> None:
    ids, other = [keyed(bench, most=most) for _ in range(7)], keyed(bench, "other")
    runner, count = bench.runner(), most or 1
    assert claim(bench, runner) == [ids[0], other, *ids[1:count]]
    assert claim(bench, runner) == []
    for number in range(count, 7):
        job = bench.job(ids[number - count])
        runner.claims.complete(job.fence, "1", RETURNED)
        react(bench)
        assert claim(bench, runner) == [ids[number]]
        assert len(with_places(bench)) <= count + 1
    assert bench.job(ids[0]).max_per_key == count


def test_jobs_get_places_in_the_order_of_priority_and_time(bench: Bench) -> None:
    first = keyed(bench)
    bench.clock.forward(1)
    usual, urgent = keyed(bench), keyed(bench, priority=5)
    bench.clock.forward(1)
    later, also_urgent = keyed(bench), keyed(bench, priority=5)
    order = end_all(bench, bench.runner())
    assert order == [first, urgent, also_urgent, usual, later]


def test_a_key_with_many_jobs_takes_turns_with_others(bench: Bench) -> None:
    heavy = [keyed(bench, "heavy") for _ in range(4)]
    bench.clock.forward(1)
    light = [keyed(bench, f"light {n}") for n in range(3)]
    runner, order = bench.runner(), list[UUID]()
    for _ in range(7):
        bench.clock.forward(1)
        (job,) = runner.claims.claim(1)
        runner.claims.complete(job.fence, "1", RETURNED)
        react(bench)
        order.append(job.id)
    assert order == [heavy[0], *light, *heavy[1:]]


def test_jobs_that_are_stored_together_share_the_places(bench: Bench) -> None:
    new = [NewJob("sleep", {}, concurrency_key="k", max_per_key=2) for _ in range(5)]
    bench.jobs.enqueue(new)
    assert with_places(bench) == {new[0].id}
    counters = bench.store.database.rows(CounterRow.select())
    assert {r["value"] for r in counters if r["name"] == "waited for a place"} == {4}
    assert claim(bench, bench.runner()) == [new[0].id, new[1].id]


def test_a_key_has_only_one_job_in_front_of_the_jobs_of_others(bench: Bench) -> None:
    heavy = [keyed(bench, "heavy", most=5) for _ in range(5)]
    bench.clock.forward(1)
    light, runner = [keyed(bench, f"light {n}") for n in range(2)], bench.runner()
    order: list[UUID] = []
    while jobs := runner.claims.claim(1):
        order += [job.id for job in jobs]
        bench.clock.forward(1)
        sweeper(bench).fill(runner.claims.started_keys)
    assert order == [heavy[0], *light, *heavy[1:]]


def test_a_job_that_does_not_start_does_not_keep_others_of_its_key_from_it(bench: Bench) -> None:
    bench.queues.put("stopped", paused=True)
    stopped = keyed(bench, most=2, queue="stopped")
    other, runner = keyed(bench, most=2), bench.runner()
    sweep(bench)
    assert with_places(bench) == {stopped}
    bench.clock.forward(PATIENCE_MS / 1000)
    sweep(bench)
    assert with_places(bench) == {stopped, other}
    assert claim(bench, runner) == [other]


def test_a_job_that_waits_for_a_retry_does_not_keep_others_of_its_key_from_starting(
    bench: Bench,
) -> None:
    first, runner = keyed(bench, most=2, max_retries=1), bench.runner()
    second = keyed(bench, most=2)
    runner.claims.retry(runner.claim_one(), RAISED, 60_000)
    sweep(bench)
    assert with_places(bench) == {first, second}


@pytest.mark.parametrize("how", ["fail", "cancel", "expire"])
def test_every_end_of_a_job_frees_its_place(bench: Bench, how: str) -> None:
    first, second, runner = keyed(bench), keyed(bench), bench.runner()
    if how == "fail":
        runner.claims.fail(runner.claim_one(), RAISED)
    else:
        bench.jobs.cancel(first)
    react(bench)
    assert claim(bench, runner) == [second]


def test_a_job_keeps_its_place_while_it_waits_for_a_retry(bench: Bench) -> None:
    first, runner = keyed(bench, max_retries=1), bench.runner()
    keyed(bench)
    runner.claims.retry(runner.claim_one(), RAISED, 60_000)
    react(bench)
    sweep(bench)
    assert with_places(bench) == {first}
    assert claim(bench, runner) == []


def test_a_job_takes_no_place_before_its_time(bench: Bench) -> None:
    later, runner = keyed(bench, delay=60), bench.runner()
    now = keyed(bench)
    assert claim(bench, runner) == [now]
    sweep(bench)
    assert bench.job(later).holds == Hold.KEY | Hold.TIME
    bench.clock.forward(60)
    sweep(bench)
    react(bench)
    assert bench.job(later).holds == Hold.KEY
    runner.claims.complete(bench.job(now).fence, "1", RETURNED)
    react(bench)
    assert claim(bench, runner) == [later]


def test_a_delayed_job_starts_when_it_is_due(bench: Bench) -> None:
    later, runner = keyed(bench, delay=60), bench.runner()
    bench.clock.forward(60)
    sweep(bench)
    react(bench)
    assert claim(bench, runner) == [later]


def test_a_canceled_job_leaves_the_line(bench: Bench) -> None:
    first, second, third = [keyed(bench) for _ in range(3)]
    bench.jobs.cancel(second)
    assert end_all(bench, bench.runner()) == [first, third]


def test_a_retry_by_a_client_waits_for_a_place(bench: Bench) -> None:
    first, runner = keyed(bench), bench.runner()
    bench.jobs.cancel(first)
    react(bench)
    second = keyed(bench)
    assert bench.jobs.retry(first)[0] is True
    assert bench.job(first).run_at == bench.clock()
    react(bench)
    assert (with_places(bench), bench.job(first).holds) == ({second}, Hold.KEY)
    assert end_all(bench, runner) == [second, first]
    alone = keyed(bench, "alone")
    bench.jobs.cancel(alone)
    bench.jobs.retry(alone)
    react(bench)
    assert end_all(bench, runner) == [alone]


def test_a_job_with_other_holds_takes_no_place_until_they_are_gone(bench: Bench) -> None:
    held = held_job(bench, Hold.PREDECESSORS, concurrency_key="k")
    free, runner = keyed(bench), bench.runner()
    assert bench.job(held).holds == Hold.PREDECESSORS | Hold.KEY
    assert claim(bench, runner) == [free]
    assert release_jobs(bench, [held], Hold.PREDECESSORS) == []
    react(bench)
    assert claim(bench, runner) == []
    runner.claims.complete(bench.job(free).fence, "1", RETURNED)
    react(bench)
    assert claim(bench, runner) == [held]


def test_a_job_whose_other_holds_are_gone_takes_a_free_place(bench: Bench) -> None:
    held = held_job(bench, Hold.PREDECESSORS, concurrency_key="k")
    release_jobs(bench, [held], Hold.PREDECESSORS)
    react(bench)
    assert claim(bench, bench.runner()) == [held]


def test_a_place_whose_job_was_deleted_at_once_is_found(bench: Bench) -> None:
    first, second = keyed(bench), keyed(bench)
    bench.jobs.cancel(first)
    delete_job(bench.store.database, first)
    react(bench)
    sweep(bench)
    assert claim(bench, bench.runner()) == [second]


def test_the_sweep_looks_at_all_keys_in_turn(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("storage.waiting.place_sweep.BATCH", 2)
    firsts = [keyed(bench, f"k{n}") for n in range(5)]
    seconds = [keyed(bench, f"k{n}") for n in range(5)]
    for job_id in firsts:
        bench.jobs.cancel(job_id)
        delete_job(bench.store.database, job_id)
    watcher = sweeper(bench)
    for _ in range(3):
        watcher.run()
    assert with_places(bench) == set(seconds)


def test_a_changed_time_is_kept_while_a_job_waits(bench: Bench) -> None:
    first, urgent, third = keyed(bench), keyed(bench, priority=5), keyed(bench)
    bench.jobs.change(urgent, {"run_at": bench.clock() + 5000})
    bench.jobs.cancel(first)
    react(bench)
    runner = bench.runner()
    assert claim(bench, runner) == [third]
    runner.claims.complete(bench.job(third).fence, "1", RETURNED)
    react(bench)
    assert claim(bench, runner) == []
    bench.clock.forward(5)
    sweep(bench)
    assert claim(bench, runner) == [urgent]


def test_places_of_many_keys_that_end_together_are_filled(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ended, "BATCH", 4)
    firsts = [keyed(bench, f"k{n}") for n in range(6)]
    seconds = {keyed(bench, f"k{n}") for n in range(6)}
    runner = bench.runner()
    assert claim(bench, runner) == firsts
    runner.claims.complete_each([(bench.job(each).fence, "1", RETURNED) for each in firsts])
    assert react_to_ended(bench.store.database, bench.store.wakeup, bench.clock) is True
    react(bench)
    assert with_places(bench) == seconds
    assert outbox(bench) == []


def test_a_waiting_job_explains_who_has_its_place(bench: Bench) -> None:
    first, second = keyed(bench), keyed(bench)
    store = bench.store
    found = explain(store.database, bench.clock, store.runners_folder, second)
    assert found
    (wait,) = found.waits
    assert (wait.hold, list(wait.jobs), wait.count) == (Hold.KEY, [first], 1)


def test_a_tried_job_takes_no_place(bench: Bench) -> None:
    job = bench.jobs.try_enqueue(NewJob("sleep", {}, concurrency_key="k"))
    assert isinstance(job, Job)
    assert (job.held, with_places(bench)) == (False, set())
    keyed(bench)
    job = bench.jobs.try_enqueue(NewJob("sleep", {}, concurrency_key="k"))
    assert isinstance(job, Job)
    assert job.held


def test_ordinary_jobs_are_neither_held_nor_watched(bench: Bench) -> None:
    job = bench.job(bench.enqueue())
    assert (job.holds, job.watched, job.max_per_key) == (None, None, None)
    assert bench.job(keyed(bench)).watched == Watch.KEYS
