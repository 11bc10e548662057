"""`/overview` and `/overview/history`: the statistics of all jobs, as JSON."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from typing_extensions import TypedDict

from runner.job_types.base import AnyJobType
from server.api.openapi.operation import Operation
from server.documents.job_documents import limits_document, rfc3339
from server.documents.queues import QueueDocument, queue_document
from server.documents.schemas.common import Time
from server.documents.schemas.job_schemas import LimitsDocument
from server.handlers.base import Handler
from server.store.threads import Batcher, StoreThreads
from storage.liveness.runners import RegisteredRunner
from storage.queries.stats import LatencyHistogram, Stats, TypeStats
from storage.records.states import FINAL


class SumDocument(TypedDict):
    """A number of durations and their sum."""

    count: int
    """Number of durations."""
    seconds: float
    """Sum of the durations in seconds."""


class FiguresDocument(TypedDict):
    """The jobs of one type. `submitted` and `finished` count since the store was created."""

    queued: int
    """Number of queued jobs."""
    running: int
    """Number of running jobs."""
    oldest_due_seconds: float | None
    """How long the longest due job has waited; null without one."""
    submitted: int
    """Number of jobs that were submitted."""
    finished: dict[str, int]
    """Number of jobs that became final, by status."""
    wait: SumDocument
    """How long jobs waited from being due to their start."""
    run: SumDocument
    """How long attempts ran."""


class RunnerDocument(TypedDict):
    """A living runner."""

    name: str
    """Name of the runner, unique for each start of a worker."""
    slots: int
    """Number of jobs that it can run at once."""
    busy: int
    """Number of its slots that have a job."""
    queues: list[str] | None
    """Names of the queues that it takes jobs from; null for all queues."""
    started_at: Time
    """When the worker started."""
    cgroups: bool | None
    """Whether each of its jobs has a control group; null for a runner of an earlier release."""
    limits: LimitsDocument | None
    """What its jobs may use; null for a runner of an earlier release."""
    heartbeat_age: float | None
    """Seconds since its last heartbeat; null if it is unknown."""
    stale: bool
    """Whether the runner hangs or is stopped, or has lost its lease within an hour."""


class OverviewDocument(TypedDict):
    """Figures about all jobs, and the living runners."""

    types: dict[str, FiguresDocument]
    """Figures of the jobs, by the name of their type."""
    queues: list[QueueDocument]
    """All queues."""
    runners: list[RunnerDocument]
    """All living runners."""
    slots: int
    """Number of jobs that can run at once, without stale runners."""
    busy: int
    """Number of slots that have a job, without stale runners."""


class MomentDocument(TypedDict):
    """Counters at one moment; they count since the store was created."""

    at: Time
    """The moment."""
    submitted: int
    """Number of jobs that were submitted until then."""
    finished: int
    """Number of jobs that became final until then."""
    wait: SumDocument
    """How long jobs waited until then."""


class HistoryDocument(TypedDict):
    """Counters at moments of the last hour; there are no moments for times without activity."""

    moments: list[MomentDocument]
    """The moments, the oldest first."""


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


class OverviewHandler(Handler):
    """The statistics of all jobs, as JSON."""

    stats: Batcher[None, Stats]
    job_types: Mapping[str, AnyJobType]
    ROUTE = "/overview"

    @Operation("getOverview", "service", {200: OverviewDocument})
    async def get(self) -> None:
        """Figures about all jobs as JSON.

        A summary of the metrics: by job type, by queue, and of all living runners.
        """
        stats = await self.stats.call(None)
        self.send_json(overview_document(stats, self.job_types))


class HistoryHandler(Handler):
    """The statistics of the last hour, as JSON."""

    last_hour: Callable[[], list[dict[str, int]]]
    threads: StoreThreads
    ROUTE = "/overview/history"

    @Operation("getHistory", "service", {200: HistoryDocument})
    async def get(self) -> None:
        """Figures of the last hour.

        Counters once a minute; two of them give a rate. Nothing is recorded while nothing happens.
        """
        self.send_json(history_document(await self.threads.run(self.last_hour)))
