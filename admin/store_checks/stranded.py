"""Queued jobs that no worker can run as things are."""

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from admin.store_checks.reading import Reader
from storage.liveness.runners import RegisteredRunner
from storage.records.job_limits import allows

Cause = Literal["no queue", "paused", "no worker", "no worker for the queue", "no type", "limits"]


@dataclass(frozen=True)
class Stranded:
    """Queued jobs that nobody can run, why, and the queue, the type or the limits concerned."""

    cause: Cause
    name: str
    jobs: int


def stranded_jobs(
    reader: Reader,
    postgresql: bool,
    runners: Sequence[RegisteredRunner],
    types: Collection[str] | None,
) -> Iterator[Stranded]:
    """Yield the groups of queued jobs that nobody can run.

    `runners` are the runners that are alive. `types` are the names of the job types, None if they
    are unknown. Raises TookTooLong and StoreError.
    """
    queues = {
        str(name): paused for name, paused in reader.rows("SELECT name, paused_at FROM queue")
    }
    index = "" if postgresql else " INDEXED BY job_unfinished"
    queued = f"FROM job{index} WHERE finished_at IS NULL AND status = 'queued'"
    groups = reader.rows(f"SELECT queue, type, count(*) {queued} GROUP BY queue, type")
    by_queue, by_type = dict[str, int](), dict[str, int]()
    for queue, type, count in groups:
        by_queue[queue] = by_queue.get(queue, 0) + count
        by_type[type] = by_type.get(type, 0) + count
    for queue, count in sorted(by_queue.items()):
        if cause := _cause(queue, queues, runners):
            yield Stranded(cause, queue, count)
    for type, count in sorted(by_type.items()):
        if types is not None and type not in types:
            yield Stranded("no type", type, count)
    if runners:
        yield from _beyond_limits(reader, queued, runners)


def _cause(
    queue: str, queues: dict[str, int | None], runners: Sequence[RegisteredRunner]
) -> Cause | None:
    if queue not in queues:
        return "no queue"
    if queues[queue] is not None:
        return "paused"
    if not runners:
        return "no worker"
    return None if any(each.takes(queue) for each in runners) else "no worker for the queue"


def _beyond_limits(
    reader: Reader, queued: str, runners: Sequence[RegisteredRunner]
) -> Iterator[Stranded]:
    """Yield the groups of jobs whose own limits no worker allows."""
    groups = reader.rows(f"SELECT limits, count(*) {queued} AND limits IS NOT NULL GROUP BY limits")
    for text, count in groups:
        limits = json.loads(text)
        if not any(allows(each.limits, limits) for each in runners):
            yield Stranded("limits", ", ".join(f"{k}={v}" for k, v in limits.items()), count)
