"""Helpers for benchmarks: jobs with known processes, times and percentiles."""

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
    """Start a job of the type `act`; return its id and the ids of its processes."""
    path = service.folder / f"pids-{uuid4().hex}"
    payload = {"do": do, "arguments": arguments, "pids": str(path)}
    job_id = service.submit("act", payload, max_retries=100)
    return job_id, processes_of(path)


def processes_of(path: Path) -> list[int]:
    """Wait for the process ids that a job writes to a file, and remove it for the next attempt."""
    wait_for(path.exists)
    pids: list[int] = json.loads(path.read_text())
    path.unlink()
    return pids


def until_gone(pids: Sequence[int], since: float, patience: float = 30) -> float:
    """Wait until the processes are gone; return the seconds since `since` (monotonic clock)."""
    while living(list(pids)):
        if time.monotonic() > since + patience:
            raise SystemExit(f"processes are left after {patience:g} s: {living(list(pids))}")
        time.sleep(0.0005)
    return time.monotonic() - since


def time_of(moment: str) -> float:
    """A time of the API in epoch seconds."""
    return datetime.fromisoformat(moment).timestamp()


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least this share of all values does not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(len(ordered), max(1, -int(-share * len(ordered) // 1))) - 1]


def row(name: str, seconds: Sequence[float]) -> str:
    """A table row: count, median, 99th percentile and maximum, in milliseconds."""
    figures = [percentile(seconds, 0.5), percentile(seconds, 0.99), max(seconds)]
    numbers = " | ".join(f"{each * 1000:.1f}" for each in figures)
    return f"| {name} | {len(seconds)} | {numbers} |"
