"""Jobs of a benchmark, with the processes they are made of."""

import json
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from uuid import uuid4

from tests.support.pool.pools import living
from tests.support.programs import Service
from tests.support.waiting import wait_for


def start(service: Service, do: str, **arguments: object) -> tuple[str, list[int]]:
    """A job of the type `act` that runs, and the ids of its processes."""
    path = service.folder / f"pids-{uuid4().hex}"
    payload = {"do": do, "arguments": arguments, "pids": str(path)}
    job_id = service.submit("act", payload, max_retries=100)
    return job_id, processes_of(path)


def processes_of(path: Path) -> list[int]:
    """What a job has told there, once it has; the file is removed, for the next attempt."""
    wait_for(path.exists)
    pids: list[int] = json.loads(path.read_text())
    path.unlink()
    return pids


def until_gone(pids: Sequence[int], since: float, patience: float = 30) -> float:
    """Seconds from `since`, of the monotonic clock, until none of the processes lives."""
    while living(list(pids)):
        if time.monotonic() > since + patience:
            raise SystemExit(f"processes are left after {patience:g} s: {living(list(pids))}")
        time.sleep(0.0005)
    return time.monotonic() - since


def time_of(moment: str) -> float:
    """Seconds since 1970 of a moment as the API tells it."""
    return datetime.fromisoformat(moment).timestamp()


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that this share of all does not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(len(ordered), max(1, -int(-share * len(ordered) // 1))) - 1]


def row(name: str, seconds: Sequence[float]) -> str:
    """A row of a table: count, median, 99th percentile and most, in milliseconds."""
    figures = [percentile(seconds, 0.5), percentile(seconds, 0.99), max(seconds)]
    numbers = " | ".join(f"{each * 1000:.1f}" for each in figures)
    return f"| {name} | {len(seconds)} | {numbers} |"
