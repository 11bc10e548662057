"""The outbox of callbacks for all jobs: each end that filters select, exactly once."""

from uuid import UUID

import pytest

from storage.db.models import CallbackPositionRow, JobRow, ServiceCallbackRow
from storage.jobs import service_callbacks
from storage.jobs.retention import delete_job
from storage.jobs.service_callbacks import ServiceCallbacks
from storage.records.service_callback import ServiceCallback
from storage.records.states import Status
from tests.support.failures import fail
from tests.support.stores import Bench

ALL = ServiceCallback("http://all.example.org/")


def opened(bench: Bench, **callbacks: ServiceCallback) -> ServiceCallbacks:
    """The outbox as a listener opens it; its callbacks begin now."""
    outbox = ServiceCallbacks(bench.store.database, bench.clock, callbacks)
    outbox.collect()
    return outbox


def stored(bench: Bench) -> set[tuple[str, UUID]]:
    """The callbacks in the outbox: names and jobs."""
    rows = bench.store.database.rows(ServiceCallbackRow.select())
    return {(row["name"], row["job_id"]) for row in rows}


def canceled(bench: Bench, **options: object) -> UUID:
    """A new job that was canceled."""
    job_id = bench.enqueue(**options)  # type: ignore[arg-type]
    bench.jobs.cancel(job_id)
    return job_id


def test_each_end_that_a_filter_selects_is_put_into_the_outbox_once(bench: Bench) -> None:
    canceled(bench)
    filters = {
        "all": ALL,
        "failed": ServiceCallback("u", statuses=frozenset({"failed"})),
        "typed": ServiceCallback("u", types=frozenset({"a", "b"})),
        "queued": ServiceCallback("u", queues=frozenset({"other"})),
        "tagged": ServiceCallback("u", tags=frozenset({"x", "y"})),
    }
    outbox = opened(bench, **filters)
    runner = bench.runner()
    failed = fail(bench, runner, "no", type="a")
    tagged = canceled(bench, tags=("x", "y", "z"))
    other = canceled(bench, tags=("x",), type="c")
    bench.enqueue()
    assert not outbox.collect()
    expected = {("all", each) for each in (failed, tagged, other)}
    expected |= {("failed", failed), ("typed", failed), ("tagged", tagged)}
    assert stored(bench) == expected
    bench.store.database.run(ServiceCallbackRow.delete())
    outbox.collect()
    opened(bench, **filters)
    assert stored(bench) == set()


def test_the_end_of_a_job_on_a_worker_of_the_previous_release_is_noticed(bench: Bench) -> None:
    """It knows nothing of these callbacks: it only changes the row of the job."""
    outbox, job_id, database = opened(bench, all=ALL), bench.enqueue(), bench.store.database
    with database.transaction():
        end = {"status": Status.SUCCEEDED, "finished_at": bench.clock(), "result": "1"}
        version = database.next_version()
        database.run(JobRow.update(version=version, **end).where(JobRow.id == job_id))
    outbox.collect()
    assert stored(bench) == {("all", job_id)}


def test_ends_are_kept_while_no_listener_runs_and_read_in_pages(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service_callbacks, "PAGE", 2)
    opened(bench, all=ALL)
    ids = {canceled(bench) for _ in range(5)}
    outbox = ServiceCallbacks(bench.store.database, bench.clock, {"all": ALL})
    assert outbox.collect()
    assert outbox.collect()
    assert not outbox.collect()
    assert stored(bench) == {("all", each) for each in ids}


def test_two_listeners_add_each_end_once(bench: Bench) -> None:
    first, second = opened(bench, all=ALL), opened(bench, all=ALL, more=ALL)
    ids = [canceled(bench)]
    positions = second._positions(second._newest())
    first.collect()
    (callback,) = first.take(9, 60)
    first.done(callback)
    assert not second._move("all", positions["all"], second._newest(), second._rows("all", []))
    second.collect()
    assert stored(bench) == {("more", ids[0])}
    ids.append(canceled(bench))
    second.collect()
    first.collect()
    assert stored(bench) == {("all", ids[1]), ("more", ids[0]), ("more", ids[1])}


def test_a_position_moves_without_ends_only_when_it_is_far_behind(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    outbox = opened(bench, failed=ServiceCallback("u", statuses=frozenset({"failed"})))

    def position() -> int:
        (row,) = bench.store.database.rows(CallbackPositionRow.select())
        return int(row["version"])

    before = position()
    canceled(bench)
    outbox.collect()
    assert position() == before
    monkeypatch.setattr(service_callbacks, "MAX_BEHIND", 1)
    canceled(bench)
    outbox.collect()
    assert position() > before


def test_due_callbacks_are_taken_retried_and_removed(bench: Bench) -> None:
    outbox = opened(bench, a=ALL, b=ServiceCallback("http://b.example.org/"))
    job_id = canceled(bench)
    outbox.collect()
    taken = sorted(outbox.take(9, 60), key=lambda each: each.name)
    assert [(each.name, each.url, each.tries) for each in taken] == [
        ("a", ALL.url, 1),
        ("b", "http://b.example.org/", 1),
    ]
    assert {each.job.id for each in taken} == {job_id}
    assert outbox.take(9, 60) == []
    outbox.retry(taken[0], 5)
    outbox.done(taken[1])
    bench.clock.forward(5)
    (again,) = outbox.take(9, 60)
    assert (again.name, again.tries) == ("a", 2)
    outbox.done(taken[0])  # no effect: it was taken again in the meantime
    outbox.postpone(again, 0)
    (third,) = outbox.take(9, 60)
    assert third.tries == 2
    outbox.done(third)
    assert stored(bench) == set()


def test_a_callback_that_a_clock_ahead_has_put_off_is_taken(bench: Bench) -> None:
    canceled(bench)
    outbox = opened(bench, all=ALL)
    bench.clock.forward(3600)
    canceled(bench)
    outbox.collect()
    bench.clock.forward(-3600)
    assert [each.name for each in outbox.take(9, 60)] == ["all"]


def test_callbacks_of_other_listeners_and_of_deleted_jobs_are_not_taken(bench: Bench) -> None:
    outbox, job_id = opened(bench, a=ALL, b=ALL), canceled(bench)
    outbox.collect()
    other = ServiceCallbacks(bench.store.database, bench.clock, {"b": ALL})
    assert [each.name for each in other.take(9, 0)] == ["b"]
    delete_job(bench.store.database, job_id)
    assert outbox.take(9, 60) == []
    assert stored(bench) == set()


def test_a_new_end_of_a_retried_job_begins_anew(bench: Bench) -> None:
    outbox, job_id = opened(bench, all=ALL), canceled(bench)
    outbox.collect()
    (first,) = outbox.take(9, 60)
    bench.jobs.retry(job_id)
    bench.clock.forward(60)
    assert outbox.take(9, 60) == []
    assert stored(bench) == set()
    bench.jobs.cancel(job_id)
    outbox.collect()
    (second,) = outbox.take(9, 60)
    assert (second.tries, second.job.version > first.job.version) == (1, True)


def test_an_end_that_replaces_an_earlier_one_is_due_at_once(bench: Bench) -> None:
    outbox, job_id = opened(bench, all=ALL), canceled(bench)
    outbox.collect()
    (first,) = outbox.take(9, 3600)
    outbox.retry(first, 3600)
    bench.jobs.retry(job_id)
    bench.jobs.cancel(job_id)
    outbox.collect()
    (second,) = outbox.take(9, 60)
    assert second.tries == 1
