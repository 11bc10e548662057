"""The figures of all jobs as one document, for a page that shows them."""

from collections.abc import Iterable, Mapping, Sequence

from server.documents.jobs import time
from server.documents.queues import queue_document
from server.documents.service_schemas import (
    FiguresDocument,
    HistoryDocument,
    MomentDocument,
    OverviewDocument,
    RunnerDocument,
    SumDocument,
)
from storage.liveness.runners import RegisteredRunner
from storage.queries.stats import LatencyHistogram, Stats, TypeStats
from storage.records.states import FINAL

_NONE = TypeStats({})


def overview_document(stats: Stats, types: Iterable[str]) -> OverviewDocument:
    """The same as `/metrics` tells; `types` are those that are shown though they have no job yet.

    What has been submitted and has finished is counted since the store was made, so two answers
    and the time between them give a rate.
    """
    known = {**dict.fromkeys(types, _NONE), **stats.types}
    runners = stats.runners
    return {
        "types": {name: _type_document(mine) for name, mine in sorted(known.items())},
        "queues": [queue_document(queue) for queue in stats.queues],
        "runners": [_runner_document(runner) for runner in runners],
        "slots": sum(runner.slots for runner in runners),
        "busy": sum(runner.busy for runner in runners),
    }


def history_document(moments: Sequence[Mapping[str, int]]) -> HistoryDocument:
    """The moments that `last_hour` gives."""
    return {"moments": [_moment_document(moment) for moment in moments]}


def _moment_document(moment: Mapping[str, int]) -> MomentDocument:
    return {
        "at": time(moment["at"]),
        "submitted": moment["submitted"],
        "finished": moment["finished"],
        "wait": {"count": moment["waits"], "seconds": moment["waited_ms"] / 1000},
    }


def _type_document(mine: TypeStats) -> FiguresDocument:
    return {
        "queued": mine.queued,
        "running": mine.running,
        "oldest_due_seconds": mine.oldest_due_seconds,
        "submitted": mine.counters.get("submitted", 0),
        "finished": {
            status: mine.counters.get(f"finished {status}", 0) for status in sorted(FINAL)
        },
        "wait": _sum_document(mine.histogram("wait")),
        "run": _sum_document(mine.histogram("run")),
    }


def _sum_document(histogram: LatencyHistogram) -> SumDocument:
    return {"count": sum(histogram.counts), "seconds": histogram.seconds}


def _runner_document(runner: RegisteredRunner) -> RunnerDocument:
    return {
        "name": runner.name,
        "slots": runner.slots,
        "busy": runner.busy,
        "queues": None if runner.queues is None else sorted(runner.queues),
        "started_at": time(runner.started_at),
    }
