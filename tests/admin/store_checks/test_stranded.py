"""Queued jobs that no worker can run are found, with the cause."""

from collections.abc import Collection

from admin.doctor.checks.stranded_jobs import Stranded, stranded_jobs
from admin.store_checks.reading import Reader
from storage.db.models import QueueRow
from storage.liveness.runners import registered_runners
from storage.records.job_limits import WorkerLimits
from tests.support.stores import Bench


def found(bench: Bench, types: Collection[str] | None = None) -> list[Stranded]:
    database = bench.store.database
    runners = registered_runners(database, bench.store.runners_folder)
    return list(stranded_jobs(Reader(database, None), database.postgresql, runners, types))


def test_jobs_that_a_worker_can_run_are_not_stranded(bench: Bench) -> None:
    bench.enqueue()
    bench.enqueue(limits={"memory_bytes": 2**27})
    bench.runner(limits=WorkerLimits(memory_bytes=2**28))
    assert found(bench, {"sleep"}) == []


def test_without_a_worker_all_queued_jobs_are_stranded(bench: Bench) -> None:
    bench.enqueue()
    assert found(bench) == [Stranded("no worker", "default", 1)]


def test_jobs_of_a_queue_that_no_worker_takes_are_stranded(bench: Bench) -> None:
    bench.queues.put("slow")
    bench.enqueue(queue="slow")
    bench.enqueue()
    bench.runner(queues=["default"])
    assert found(bench) == [Stranded("no worker for the queue", "slow", 1)]


def test_jobs_of_a_paused_queue_and_of_a_missing_one_are_stranded(bench: Bench) -> None:
    bench.queues.put("paused", paused=True)
    bench.queues.put("gone")
    bench.enqueue(queue="paused")
    bench.enqueue(queue="gone")
    bench.store.database.run(QueueRow.delete().where(QueueRow.name == "gone"))
    bench.runner()
    assert found(bench) == [Stranded("no queue", "gone", 1), Stranded("paused", "paused", 1)]


def test_jobs_of_an_unknown_type_are_stranded_if_the_types_are_known(bench: Bench) -> None:
    bench.enqueue(type="odd")
    bench.runner()
    assert found(bench, None) == []
    assert found(bench, {"sleep"}) == [Stranded("no type", "odd", 1)]


def test_jobs_beyond_the_limits_of_all_workers_are_stranded(bench: Bench) -> None:
    bench.enqueue(limits={"memory_bytes": 2**30})
    bench.runner(limits=WorkerLimits(memory_bytes=2**28))
    assert found(bench) == [Stranded("limits", f"memory_bytes={2**30}", 1)]
