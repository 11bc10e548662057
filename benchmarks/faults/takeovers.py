"""Measures how long the process tree of a killed runner lives, and when its jobs run again."""

import signal
import time
from typing import Any

from benchmarks.jobs import row, start, time_of, until_gone
from tests.support.pool.pools import living
from tests.support.programs import Program, Service

SURVIVAL_SECONDS = 0.25
"""The time after which no process of a killed runner may be left."""


class TakeoverBench:
    """Kills one runner after the other, while another one is ready to take its jobs."""

    def __init__(self, service: Service):
        self._service = service
        self._gone: list[float] = []
        self._taken: list[float] = []
        self._survivors = 0
        self.problems: list[str] = []

    def run(self, count: int) -> None:
        """Kill `count` runners."""
        worker = self._service.worker(CONCURRENCY_LIMIT="2")
        for _ in range(count):
            jobs = [start(self._service, "family", seconds=600)[0] for _ in range(2)]
            other = self._service.worker(CONCURRENCY_LIMIT="2")
            killed_at = self._kill(worker)
            for job_id in jobs:
                self._taken.append(self._taken_over(job_id, killed_at))
                self._service.call("POST", f"/jobs/{job_id}/cancel")
                self._service.result(job_id)
            worker = other
        if self._survivors:
            self.problems.append(f"{self._survivors} processes outlived their runner")

    def table(self) -> list[str]:
        """Return a table of the times in milliseconds."""
        return [
            "| after `kill -9` of a runner, ms | times | median | p99 | most |",
            "|---" * 5 + "|",
            row("its tree is gone", self._gone),
            row("another has started one of its jobs, without the backoff", self._taken),
            "",
            f"Processes left after {SURVIVAL_SECONDS * 1000:.0f} ms: {self._survivors}",
        ]

    def _kill(self, worker: Program) -> float:
        """Kill a runner; returns when, as Unix time."""
        below = [each.pid for each in worker.family() if each.pid != worker.process.pid]
        now, since = time.time(), time.monotonic()
        worker.process.send_signal(signal.SIGKILL)
        worker.process.wait()
        while living(below) and time.monotonic() < since + SURVIVAL_SECONDS:
            time.sleep(0.0005)
        self._survivors += len(living(below))
        self._gone.append(until_gone(below, since))
        return now

    def _taken_over(self, job_id: str, killed_at: float) -> float:
        """Return the seconds from the kill to the second attempt, minus the backoff."""
        job = self._second_attempt(job_id)
        lost, second = job["attempts"]
        backoff = time_of(job["run_at"]) - time_of(lost["finished_at"])
        return time_of(second["started_at"]) - killed_at - backoff

    def _second_attempt(self, job_id: str) -> dict[str, Any]:
        while len((job := self._service.job(job_id))["attempts"]) < 2:
            time.sleep(0.01)
        return job
