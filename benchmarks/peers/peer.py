"""A peer with its server, worker and client, as processes in a temporary folder."""

import json
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.jobs import percentile
from benchmarks.peers.apps import peer_jobs
from benchmarks.peers.processes import output_of, running
from benchmarks.peers.servers import Server

APPS = "benchmarks.peers.apps"
TRIPS = 100
CANCELS = 15


@dataclass(frozen=True)
class Workspace:
    """The folder in which a peer runs for one measure, and the environment of its programs."""

    folder: Path
    environ: dict[str, str]


@dataclass(frozen=True)
class Peer:
    """How to run a peer. `{python}` and `{url}` in commands are replaced."""

    name: str
    python: Path
    worker: list[str]
    server: Server | None = None
    worker_processes: int = 1
    """The number of processes with the worker's command."""
    prepare: list[str] = field(default_factory=list)
    """A command that runs before all others."""
    environ: dict[str, str] = field(default_factory=dict)
    trip_environ: dict[str, str] = field(default_factory=dict)
    """Additional environment when round trips are measured."""
    jobs_share: float = 1
    """The share of the jobs that it runs; less than 1 for a slow peer."""

    def rate(self, jobs: int) -> tuple[float]:
        """Jobs per second, submitted and run."""
        with self.workspace() as workspace, self.working(workspace):
            return (float(self.client(workspace, "rate", self._count(jobs))),)

    def sequential(self, jobs: int) -> tuple[float]:
        """Submissions per second of one client, while the worker runs the jobs."""
        with self.workspace() as workspace, self.working(workspace):
            return (float(self.client(workspace, "sequential", self._count(jobs))),)

    def filled(self, jobs: int) -> tuple[float]:
        """Jobs per second of the second half, when all worker processes have started."""
        count = self._count(jobs)
        with self.workspace() as workspace:
            self.client(workspace, "fill", count)
            with self.working(workspace):
                before = peer_jobs.until_ran(count // 2, workspace.folder)
                since = time.perf_counter()
                peer_jobs.until_all_ran(count, workspace.folder)
                return ((count - before) / (time.perf_counter() - since),)

    def trip(self, jobs: int) -> tuple[float]:
        """Median ms from a submission to its result."""
        with self.workspace(**self.trip_environ) as workspace, self.working(workspace):
            seconds = self.client(workspace, "trips", TRIPS)
        return (1000 * percentile(seconds, 0.5),)

    @contextmanager
    def workspace(self, **environ: str) -> Iterator[Workspace]:
        """A temporary folder, with a server if the peer needs one."""
        with tempfile.TemporaryDirectory(prefix="peers-") as name, ExitStack() as stack:
            folder = Path(name)
            found = {"PEER_FOLDER": name, **self.environ, **environ}
            if self.server:
                found["PEER_URL"] = stack.enter_context(self.server.running(folder))
            workspace = Workspace(folder, found)
            if self.prepare:
                output_of(self.command(self.prepare, workspace), workspace.environ, folder)
            yield workspace

    @contextmanager
    def working(self, workspace: Workspace, *options: str) -> Iterator[None]:
        """A block in which the worker runs, with additional options."""
        command = [*self.command(self.worker, workspace), *options]
        with ExitStack() as stack:
            for _ in range(self.worker_processes):
                stack.enter_context(running(command, workspace.environ, workspace.folder))
            yield

    def client(self, workspace: Workspace, measure: str, count: int) -> Any:
        """Run the peer's client, and return the value that it measures."""
        command = [str(self.python), "-m", f"{APPS}.client", self.name, measure, str(count)]
        return json.loads(output_of(command, workspace.environ, workspace.folder))

    def command(self, words: list[str], workspace: Workspace) -> list[str]:
        """The command with its placeholders replaced."""
        url = workspace.environ.get("PEER_URL", "")
        return [word.format(python=self.python, url=url) for word in words]

    def _count(self, jobs: int) -> int:
        return max(2, round(jobs * self.jobs_share))


def cancel_figures(gone: list[float], followed: list[float]) -> tuple[float, float, float, float]:
    """The percentiles, in ms, of the seconds that cancels took."""
    p50, p95 = (1000 * percentile(gone, share) for share in (0.5, 0.95))
    next_p50, next_p95 = (1000 * percentile(followed, share) for share in (0.5, 0.95))
    return p50, p95, next_p50, next_p95
