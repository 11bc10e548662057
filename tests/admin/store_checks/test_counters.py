"""Counters are compared with rows, and corrected."""

from admin.store_checks.counters import (
    CounterDifference,
    advance_version,
    correct_counters,
    counter_differences,
    version_behind,
)
from admin.store_checks.reading import Reader
from storage.db.models import CounterRow, JobRow
from storage.queries.stats import read_stats
from tests.support.stores import Bench


def reader(bench: Bench) -> Reader:
    return Reader(bench.store.database, None)


def differences(bench: Bench) -> list[CounterDifference]:
    return counter_differences(reader(bench), bench.store.database.postgresql)


def queued(bench: Bench, type: str) -> int:
    stats = read_stats(bench.store.database, bench.clock, bench.store.runners_folder)
    return stats.types[type].queued


def test_the_counters_of_jobs_in_all_states_agree_with_their_rows(bench: Bench) -> None:
    bench.enqueue()
    bench.enqueue(type="other", delay=60)
    canceled = bench.enqueue()
    bench.jobs.cancel(canceled)
    again = bench.enqueue()
    bench.jobs.cancel(again)
    bench.jobs.retry(again)
    bench.runner().claims.claim(1)
    assert differences(bench) == []
    assert version_behind(reader(bench)) is None


def test_jobs_that_were_deleted_by_hand_are_found_and_count_as_canceled(bench: Bench) -> None:
    for _ in range(3):
        bench.enqueue()
    bench.enqueue(type="other")
    bench.store.database.run(JobRow.delete().where(JobRow.type == "sleep"))
    assert differences(bench) == [CounterDifference("sleep", 0, 3)]
    correct_counters(bench.store.database, differences(bench))
    assert differences(bench) == []
    assert queued(bench, "sleep") == 0
    assert queued(bench, "other") == 1


def test_jobs_that_no_counter_knows_count_as_submitted(bench: Bench) -> None:
    bench.enqueue()
    bench.enqueue()
    bench.store.database.run(CounterRow.delete().where(CounterRow.type == "sleep"))
    assert differences(bench) == [CounterDifference("sleep", 2, 0)]
    correct_counters(bench.store.database, differences(bench))
    assert differences(bench) == []
    assert queued(bench, "sleep") == 2


def test_a_correction_adds_to_what_the_counters_have_become_meanwhile(bench: Bench) -> None:
    bench.enqueue()
    bench.store.database.run(JobRow.delete())
    found = differences(bench)
    bench.enqueue()
    correct_counters(bench.store.database, found)
    assert differences(bench) == []
    assert queued(bench, "sleep") == 1


def test_a_version_that_is_behind_the_events_is_found_and_set(bench: Bench) -> None:
    bench.enqueue()
    bench.enqueue()
    is_version = CounterRow.name == "version"
    bench.store.database.run(CounterRow.update(value=1).where(is_version))
    assert version_behind(reader(bench)) == (1, 2)
    advance_version(bench.store.database, 2)
    assert version_behind(reader(bench)) is None
    advance_version(bench.store.database, 1)
    assert version_behind(reader(bench)) is None
