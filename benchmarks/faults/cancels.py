"""Measures cancels by HTTP of several kinds of jobs, and checks that nothing is left behind."""

import time
from dataclasses import dataclass

import psutil

from benchmarks.jobs import row, start, until_gone
from tests.support.programs import Program, Service

KINDS: dict[str, tuple[str, dict[str, object]]] = {
    "sleep": ("sleep", {"seconds": 600}),
    "busy loop": ("spin", {}),
    "C code": ("power", {}),
    "ignores SIGTERM": ("ignore_signals", {"names": ["SIGTERM", "SIGINT"], "seconds": 600}),
    "children and a daemon": ("family", {"seconds": 600}),
}
WARM_UP = 10
"""Cancels of each kind before the measurement."""
MEMORY_BYTES = 10 * 2**20
"""How much the memory of all programs may grow."""


@dataclass(frozen=True)
class Holdings:
    """Resources that the programs hold."""

    processes: int
    descriptors: int
    threads: int
    memory_bytes: int

    @classmethod
    def of(cls, *programs: Program) -> "Holdings":
        """Sum up the programs and their descendants; memory without the job processes."""
        processes = [process for program in programs for process in program.family()]
        kept = [each for each in processes if not _is_below_keeper(each)]
        return cls(
            len(processes),
            sum(each.num_fds() for each in processes),
            sum(each.num_threads() for each in processes),
            sum(each.memory_full_info().uss for each in kept),
        )


def _is_below_keeper(process: psutil.Process) -> bool:
    parent = process.parent()
    return parent is not None and parent.name() == "keeper"


class CancelBench:
    """Cancels jobs of each kind one after the other, while other jobs run."""

    def __init__(self, service: Service):
        self._service = service
        self._worker = service.worker(CONCURRENCY_LIMIT="3")
        self._seconds: dict[str, list[float]] = {}
        self._holdings: list[Holdings] = []
        self.problems: list[str] = []

    def run(self, count: int) -> None:
        """Cancel `count` of each kind."""
        neighbours = [start(self._service, "sleep", seconds=3600)[0] for _ in range(2)]
        for kind in KINDS:
            self._cancel(kind, WARM_UP)
        self._holdings.append(self._measure())
        for kind in KINDS:
            self._seconds[kind] = self._cancel(kind, count)
        self._holdings.append(self._measure())
        for job in map(self._service.job, neighbours):
            if (job["status"], job["attempt"]) != ("running", 1):
                self.problems.append(f"another job was affected: {job}")
        self._compare(*self._holdings)

    def table(self) -> list[str]:
        """Return tables of the times in milliseconds, and of the resources before and after."""
        lines = [
            "| cancel to processes gone, ms | times | median | p99 | most |",
            "|---" * 5 + "|",
        ]
        lines += [row(kind, seconds) for kind, seconds in self._seconds.items()]
        lines += ["", "| | processes | descriptors | threads | MiB |", "|---" * 5 + "|"]
        for name, held in zip(("before", "after"), self._holdings, strict=True):
            numbers = f"{held.processes} | {held.descriptors} | {held.threads}"
            lines.append(f"| {name} | {numbers} | {held.memory_bytes / 2**20:.1f} |")
        return lines

    def _cancel(self, kind: str, count: int) -> list[float]:
        return [self._cancel_one(*KINDS[kind]) for _ in range(count)]

    def _cancel_one(self, do: str, arguments: dict[str, object]) -> float:
        job_id, pids = start(self._service, do, **arguments)
        since = time.monotonic()
        status, _ = self._service.call("POST", f"/jobs/{job_id}/cancel")
        seconds = until_gone(pids, since)
        job = self._service.result(job_id)
        if status not in (200, 202) or job["status"] != "canceled":
            self.problems.append(f"a cancel was answered with {status}: {job}")
        return seconds

    def _measure(self) -> Holdings:
        """Measure the resources once the last job process has been replaced."""
        self._service.result(self._service.submit("sleep", {"seconds": 0}))
        return Holdings.of(self._service.listener, self._worker)

    def _compare(self, before: Holdings, after: Holdings) -> None:
        for name in ("processes", "descriptors", "threads"):
            if getattr(after, name) > getattr(before, name):
                self.problems.append(f"{name} have increased")
        if after.memory_bytes > before.memory_bytes + MEMORY_BYTES:
            self.problems.append("memory has increased")
