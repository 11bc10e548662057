"""A peer with its server, worker and client, as processes in a folder that is thrown away."""

import json
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.jobs import percentile
from benchmarks.peers.apps import marks
from benchmarks.peers.processes import output_of, running
from benchmarks.peers.servers import Server

APPS = "benchmarks.peers.apps"
TRIPS = 100
CANCELS = 15


@dataclass(frozen=True)
class Place:
    """Where a peer runs for one measure, and what its programs find in their environment."""

    folder: Path
    environ: dict[str, str]


@dataclass(frozen=True)
class Peer:
    """What its measures need. `{python}` and `{url}` in commands are replaced."""

    name: str
    python: Path
    worker: list[str]
    server: Server | None = None
    worker_processes: int = 1
    """How many times the worker's command is started."""
    prepare: list[str] = field(default_factory=list)
    """A command before all others."""
    environ: dict[str, str] = field(default_factory=dict)
    trip_environ: dict[str, str] = field(default_factory=dict)
    """What its programs find besides, where round trips are measured."""
    jobs_share: float = 1
    """How much of the jobs it runs; less for a slow one."""

    def rate(self, jobs: int) -> tuple[float]:
        """Submitted and run, jobs a second."""
        with self.place() as place, self.working(place):
            return (float(self.client(place, "rate", self._count(jobs))),)

    def filled(self, jobs: int) -> tuple[float]:
        """Jobs a second of the second half, so that all processes of the worker have started."""
        count = self._count(jobs)
        with self.place() as place:
            self.client(place, "fill", count)
            with self.working(place):
                before = marks.until_ran(count // 2, place.folder)
                since = time.perf_counter()
                marks.until_all_ran(count, place.folder)
                return ((count - before) / (time.perf_counter() - since),)

    def trip(self, jobs: int) -> tuple[float]:
        """From a submission to its result, median in ms."""
        with self.place(**self.trip_environ) as place, self.working(place):
            seconds = self.client(place, "trips", TRIPS)
        return (1000 * percentile(seconds, 0.5),)

    @contextmanager
    def place(self, **environ: str) -> Iterator[Place]:
        """A folder, with a server if one is needed."""
        with tempfile.TemporaryDirectory(prefix="peers-") as name, ExitStack() as stack:
            folder = Path(name)
            found = {"PEER_FOLDER": name, **self.environ, **environ}
            if self.server:
                found["PEER_URL"] = stack.enter_context(self.server.running(folder))
            place = Place(folder, found)
            if self.prepare:
                output_of(self.command(self.prepare, place), place.environ, folder)
            yield place

    @contextmanager
    def working(self, place: Place, *options: str) -> Iterator[None]:
        """A block of code in which the worker runs, with further options."""
        command = [*self.command(self.worker, place), *options]
        with ExitStack() as stack:
            for _ in range(self.worker_processes):
                stack.enter_context(running(command, place.environ, place.folder))
            yield

    def client(self, place: Place, measure: str, count: int) -> Any:
        """What the peer's client measures."""
        command = [str(self.python), "-m", f"{APPS}.client", self.name, measure, str(count)]
        return json.loads(output_of(command, place.environ, place.folder))

    def command(self, words: list[str], place: Place) -> list[str]:
        """A command of the peer in a place."""
        url = place.environ.get("PEER_URL", "")
        return [word.format(python=self.python, url=url) for word in words]

    def _count(self, jobs: int) -> int:
        return max(2, round(jobs * self.jobs_share))


def cancel_figures(gone: list[float], followed: list[float]) -> tuple[float, float, float, float]:
    """Of the seconds of a measure of cancels, in ms."""
    p50, p95 = (1000 * percentile(gone, share) for share in (0.5, 0.95))
    next_p50, next_p95 = (1000 * percentile(followed, share) for share in (0.5, 0.95))
    return p50, p95, next_p50, next_p95
