"""Builds the documents with the statistics of all jobs, for the overview page."""

from collections.abc import Iterable, Mapping, Sequence

from server.documents.jobs import limits_document, rfc3339
from server.documents.queues import queue_document
from server.documents.schemas.overview import (
    FiguresDocument,
    HistoryDocument,
    OverviewDocument,
    RunnerDocument,
    SumDocument,
)
from server.documents.schemas.service import ReadyDocument
from storage.liveness.runners import RegisteredRunner
from storage.queries.stats import LatencyHistogram, Stats, TypeStats
from storage.records.states import FINAL


def overview_document(stats: Stats, types: Iterable[str]) -> OverviewDocument:
    """Build the overview from the statistics that `/metrics` reports as well.

    `types` are job types to report even if they have no jobs yet. `submitted` and `finished` count
    since the store was created, so a client gets a rate from the difference between two responses.
    """
    stats_by_type = {**dict.fromkeys(types, TypeStats({})), **stats.types}
    ready = stats.ready_runners
    return {
        "types": {name: _type_document(each) for name, each in sorted(stats_by_type.items())},
        "queues": [queue_document(queue) for queue in stats.queues],
        "runners": [_runner_document(runner) for runner in (*stats.runners, *stats.lost_runners)],
        "slots": sum(runner.slots for runner in ready),
        "busy": sum(runner.busy for runner in ready),
    }


def ready_document(runners: Sequence[RegisteredRunner]) -> ReadyDocument:
    """Build the document of a listener that accepts jobs."""
    stale = [runner for runner in runners if runner.is_stale]
    return {
        "status": "ready",
        "runners": len(runners) - len(stale),
        "stale_runners": [
            {"name": runner.name, "heartbeat_age": round_age(runner)} for runner in stale
        ],
    }


def history_document(moments: Sequence[Mapping[str, int]]) -> HistoryDocument:
    """Build the history document from the rows of `storage.queries.history.last_hour`."""
    return {
        "moments": [
            {
                "at": rfc3339(moment["at"]),
                "submitted": moment["submitted"],
                "finished": moment["finished"],
                "wait": {"count": moment["waits"], "seconds": moment["waited_ms"] / 1000},
            }
            for moment in moments
        ]
    }


def _type_document(stats: TypeStats) -> FiguresDocument:
    counts = stats.counters
    return {
        "queued": stats.queued,
        "running": stats.running,
        "oldest_due_seconds": stats.oldest_due_seconds,
        "submitted": counts.get("submitted", 0),
        "finished": {status: counts.get(f"finished {status}", 0) for status in sorted(FINAL)},
        "wait": _sum_document(stats.histogram("wait")),
        "run": _sum_document(stats.histogram("run")),
    }


def _sum_document(histogram: LatencyHistogram) -> SumDocument:
    return {"count": sum(histogram.counts), "seconds": histogram.seconds}


def _runner_document(runner: RegisteredRunner) -> RunnerDocument:
    return {
        "name": runner.name,
        "slots": runner.slots,
        "busy": runner.busy,
        "queues": None if runner.queues is None else sorted(runner.queues),
        "started_at": rfc3339(runner.started_at),
        "cgroups": None if runner.limits is None else runner.limits.cgroups,
        "limits": None if runner.limits is None else limits_document(vars(runner.limits)),
        "heartbeat_age": round_age(runner),
        "stale": runner.is_stale,
    }


def round_age(runner: RegisteredRunner) -> float | None:
    """Return the age of a runner's heartbeat in seconds, None if unknown."""
    return None if runner.heartbeat_age is None else round(runner.heartbeat_age, 1)
