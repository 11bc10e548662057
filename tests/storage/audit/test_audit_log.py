"""The audit log, on both databases."""

from contextlib import suppress
from typing import Any
from unittest.mock import patch
from uuid import UUID

import peewee as pw
import pytest

from storage.audit import log
from storage.audit.log import AuditLog
from storage.audit.record import entry_id, record
from storage.batch_submission import Batches
from storage.db.models_audit import AuditRow
from storage.jobs.pattern_sets import PatternSets
from storage.jobs.retention import delete_job
from storage.queries.bulk import Bulk
from storage.records.audit import Action, Actor, AuditEntry, AuditFilters
from storage.records.batch import NewBatch
from storage.records.filters import Filters
from storage.records.ids import first_id_at, id_in_batch, new_batch_id
from storage.records.job import NewJob
from storage.records.schedule import Missed, Overlap, ScheduleSettings, Timing, template_of
from storage.schedules.schedules import Schedules
from storage.store import JobStore
from tests.support.stores import Bench

ANN = Actor("ann", "10.0.0.7")
ALL = AuditFilters()


@pytest.fixture
def audit(bench: Bench) -> AuditLog:
    """The log, with the clock of the bench."""
    return AuditLog(bench.store.database, bench.clock)


def anything(stored: object) -> None:
    """Let every caller make every change."""


def shown(entries: list[AuditEntry]) -> list[tuple[str, str, str, dict[str, Any]]]:
    """The changes in these entries, the oldest first. ann has made all of them."""
    assert {(each.caller, each.address) for each in entries} <= {("ann", "10.0.0.7")}
    return [(each.action, each.kind, each.subject, each.detail) for each in reversed(entries)]


def test_a_change_of_a_job_is_recorded_if_it_was_made(bench: Bench, audit: AuditLog) -> None:
    job_id = bench.enqueue()
    bench.jobs.change(job_id, {"priority": 3, "tags": ("x",)}, actor=ANN)
    bench.clock.forward(1)
    bench.jobs.cancel(job_id, "ann", actor=ANN)
    bench.jobs.cancel(job_id, "ann", actor=ANN)
    bench.jobs.change(job_id, {"priority": 4}, actor=ANN)
    bench.jobs.retry(job_id, actor=ANN)
    bench.jobs.retry(job_id, actor=ANN)
    delete_job(bench.store.database, job_id, None, ANN, bench.clock.now)
    bench.jobs.cancel(job_id, actor=ANN)
    delete_job(bench.store.database, job_id, None, ANN, bench.clock.now)
    job = str(job_id)
    known = {"type": "sleep", "submitted_by": None}
    assert shown(audit.page(ALL, 10)) == [
        ("change", "job", job, {"changes": {"priority": 3, "tags": ["x"]}}),
        ("cancel", "job", job, {}),
        ("retry", "job", job, {}),
        ("cancel", "job", job, {}),
        ("delete", "job", job, known),
    ]
    assert [each.at - bench.clock.now for each in audit.page(ALL, 10)] == [0, 0, 0, 0, -1000]


def test_the_cancel_of_a_running_job_is_recorded_once(bench: Bench, audit: AuditLog) -> None:
    job_id = bench.enqueue()
    bench.runner().claim_one()
    for _ in range(2):
        bench.jobs.cancel(job_id, "ann", actor=ANN)
    assert [each.action for each in audit.page(ALL, 10)] == ["cancel"]


def test_nothing_is_recorded_without_an_actor(bench: Bench, audit: AuditLog) -> None:
    job_id = bench.enqueue()
    bench.jobs.cancel(job_id, "ann")
    bench.jobs.retry(job_id)
    bench.queues.put("gpu")
    audit.record(None, "sign in", "token", "ann")
    assert audit.page(ALL, 10) == []


def test_a_change_that_is_rolled_back_leaves_no_entry(bench: Bench, audit: AuditLog) -> None:
    job_id = bench.enqueue()

    def refuse(job: object) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        bench.jobs.cancel(job_id, "ann", refuse, ANN)
    with suppress(ZeroDivisionError), bench.store.database.transaction():
        record(bench.store.database, ANN, "cancel", "job", job_id, bench.clock.now)
        refuse(None)
    assert audit.page(ALL, 10) == []


def test_each_job_of_a_bulk_call_is_recorded_and_the_call(bench: Bench, audit: AuditLog) -> None:
    ids = {str(bench.enqueue("b")) for _ in range(3)}
    bench.enqueue("a")
    many = Bulk(bench.store.database, bench.store.wakeup, bench.clock)
    filters = Filters(type="b")
    many.cancel(filters, None, dry_run=True, actor=ANN)
    many.cancel(filters, None, dry_run=False, actor=ANN)
    many.cancel(filters, None, dry_run=False, actor=ANN)
    *jobs, call = shown(audit.page(ALL, 10))
    assert {subject for _, _, subject, _ in jobs} == ids
    assert {(action, detail["many"]) for action, _, _, detail in jobs} == {("cancel", True)}
    wanted = {"type": "b", "statuses": ["queued", "running"]}
    assert call[:3] == ("cancel many", "jobs", "many")
    assert call[3]["changed"] == 3
    assert call[3]["filters"].items() <= wanted.items()
    many.retry(filters, None, dry_run=False, actor=ANN)
    assert [each.action for each in audit.page(ALL, 4)] == ["retry many", *["retry"] * 3]


def test_a_job_that_a_bulk_call_does_not_change_is_not_recorded(
    bench: Bench, audit: AuditLog
) -> None:
    bench.enqueue("b")
    bench.runner().claim_one()
    many = Bulk(bench.store.database, bench.store.wakeup, bench.clock)
    for _ in range(2):  # the second time, its cancel is requested already
        many.cancel(Filters(type="b"), None, dry_run=False, actor=ANN)
    assert [each.action for each in audit.page(ALL, 10)] == ["cancel many", "cancel"]


def test_changes_of_queues_sets_and_schedules_are_recorded(bench: Bench, audit: AuditLog) -> None:
    database, wakeup, clock = bench.store.database, bench.store.wakeup, bench.clock
    bench.queues.put("gpu", None, ANN, max_running=2, paused=False)
    bench.queues.change("gpu", None, ANN, paused=True)
    bench.queues.change("none", None, ANN, paused=True)
    bench.queues.delete("gpu", None, ANN)
    bench.queues.delete("gpu", None, ANN)
    sets = PatternSets(database, clock)
    sets.put("mine", ["a", "b"], "", "ann", anything, ANN)
    sets.delete("mine", anything, ANN)
    sets.delete("mine", anything, ANN)
    schedules = Schedules(database, wakeup, clock, bench.jobs.add)
    job = NewJob("sleep", {"seconds": 1})
    options: Any = {}, template_of(job), '{"seconds":1}'
    settings = ScheduleSettings(
        "sleep", {"seconds": 1}, Timing("@daily", None, "UTC"), Missed.ONCE, Overlap.SKIP,
        True, None, *options,
    )  # fmt: skip
    schedules.put("nightly", settings, "ann", anything, ANN)
    run = schedules.run("nightly", "ann", None, anything, ANN)
    assert run
    schedules.delete("nightly", anything, ANN)
    schedules.delete("nightly", anything, ANN)
    times = {"cron": "@daily", "timezone": "UTC"}
    assert shown(audit.page(ALL, 20)) == [
        ("put queue", "queue", "gpu", {"max_running": 2, "paused": False}),
        ("change queue", "queue", "gpu", {"paused": True}),
        ("delete queue", "queue", "gpu", {}),
        ("put pattern set", "pattern set", "mine", {"patterns": 2, "version": 1}),
        ("delete pattern set", "pattern set", "mine", {}),
        (
            "put schedule",
            "schedule",
            "nightly",
            {"type": "sleep", **times, "paused": True, "version": 1},
        ),
        ("run schedule", "schedule", "nightly", {"job_id": str(run.job_id)}),
        ("delete schedule", "schedule", "nightly", {}),
    ]


def batch_of(bench: Bench, **options: Any) -> NewBatch:
    """A batch of two jobs."""
    batch_id = new_batch_id()
    template = NewJob("sleep", {}, actor=ANN, batch_id=batch_id, **options)
    jobs = [(index, 0, '{"seconds":1}') for index in range(2)]
    return NewBatch(batch_id, [template], jobs, [], submitted_by="ann", actor=ANN)


def test_submissions_are_recorded_only_if_that_is_asked_for(bench: Bench, audit: AuditLog) -> None:
    store = bench.store
    bench.enqueue(actor=ANN)
    assert audit.page(ALL, 10) == []
    jobs = JobStore(store.database, store.wakeup, bench.clock, audits_submissions=True)
    new = [NewJob("b", {}, actor=ANN), NewJob("a", {}), NewJob("c", {}, queue="none", actor=ANN)]
    stored = jobs.enqueue(new)
    assert shown(audit.page(ALL, 10)) == [("submit", "job", str(stored[0]), {"type": "b"})]
    for options in ({}, {"tags": ("x",)}):
        batch = batch_of(bench, **options)
        Batches(store.database, store.wakeup, bench.clock, jobs).add(batch, lambda *_: {})
        (entry,) = shown(audit.page(ALL, 1))
        assert entry == ("submit batch", "batch", str(batch.id), {"jobs": 2})
    assert len(audit.page(ALL, 10)) == 3


def test_a_job_that_is_replaced_by_another_is_recorded(bench: Bench, audit: AuditLog) -> None:
    first = bench.enqueue(unique_key="k")
    own: Any = {"if_exists": "replace", "replaces_all": True}
    second = bench.enqueue(unique_key="k", actor=ANN, **own)
    replaced = ("replace", "job", str(first), {"job_id": str(second)})
    assert shown(audit.page(ALL, 10)) == [replaced]


def test_the_cancel_of_a_batch_names_it(bench: Bench, audit: AuditLog) -> None:
    store = bench.store
    batch = batch_of(bench)
    Batches(store.database, store.wakeup, bench.clock, bench.jobs).add(batch, lambda *_: {})
    many = Bulk(store.database, store.wakeup, bench.clock)
    many.cancel(Filters(batch=batch.id), None, dry_run=False, actor=ANN)
    found = shown(audit.page(AuditFilters(subject=str(batch.id)), 10))
    assert [each[0] for each in found] == ["submit batch", "cancel many"]
    job = audit.page(AuditFilters(subject=str(id_in_batch(batch.id, 0))), 10)
    assert [each.action for each in job] == ["cancel"]


def test_entries_are_found_by_all_filters_and_in_pages(bench: Bench, audit: AuditLog) -> None:
    start = bench.clock.now
    done: tuple[Action, ...] = ("create token", "use token", "revoke token")
    for number in range(6):
        actor = Actor("ann" if number % 2 else None, "::1")
        audit.record(actor, done[number % 3], "token", f"t{number}", number=number)
        bench.clock.forward(1)

    def numbers(limit: int = 10, after: UUID | None = None, **filters: Any) -> list[int]:
        found = audit.page(AuditFilters(**filters), limit, after)
        return [each.detail["number"] for each in found]

    assert numbers() == [5, 4, 3, 2, 1, 0]
    assert numbers(caller="ann") == [5, 3, 1]
    assert numbers(action="use token") == [4, 1]
    assert numbers(kind="token", subject="t2") == [2]
    assert numbers(kind="job") == []
    assert numbers(since=start + 4000) == [5, 4]
    assert numbers(before=start + 1000) == [0]
    first = audit.page(ALL, 4)
    assert numbers(4) == [5, 4, 3, 2]
    assert numbers(4, first[-1].id) == [1, 0]


def test_entries_of_one_millisecond_keep_their_order() -> None:
    ids = [entry_id(1_800_000_000_000) for _ in range(4096)]
    turn = max(range(len(ids)), key=lambda at: ids[at])
    assert sorted(ids) == [*ids[turn + 1 :], *ids[: turn + 1]]
    assert {each.version for each in ids} == {7}
    assert first_id_at(1_800_000_000_000) < min(ids)
    assert max(ids) < first_id_at(1_800_000_000_001)


def test_old_entries_are_deleted_a_batch_at_a_time(bench: Bench, audit: AuditLog) -> None:
    for number in range(5):
        audit.record(ANN, "use token", "token", f"t{number}")
        bench.clock.forward(1)
    limit = bench.clock.now - 2000
    with patch.object(log, "BATCH", 2):
        assert audit.delete_before(limit) is True
        assert audit.delete_before(limit) is False
    assert [each.subject for each in audit.page(ALL, 10)] == ["t4", "t3"]


def test_an_entry_cannot_be_changed(bench: Bench, audit: AuditLog) -> None:
    audit.record(ANN, "cancel", "job", "1")
    with pytest.raises(pw.DatabaseError, match="cannot be changed"):
        bench.store.database.run(AuditRow.update(caller="someone else"))
    assert [each.caller for each in audit.page(ALL, 10)] == ["ann"]


def test_only_the_first_use_of_a_token_from_an_address_is_recorded(audit: AuditLog) -> None:
    for name, address in (("ann", "::1"), ("ann", "::1"), ("ann", "10.0.0.1"), ("bob", "::1")):
        audit.record_use(name, address)
    found = [(each.subject, each.caller, each.address) for each in audit.page(ALL, 10)]
    assert found[::-1] == [("ann", "ann", "::1"), ("ann", "ann", "10.0.0.1"), ("bob", "bob", "::1")]
