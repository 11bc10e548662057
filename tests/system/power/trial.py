"""Cuts the power of a running service repeatedly, and checks that it has lost nothing.

┌─▶ start ─▶ check all notes ─▶ clients at work ─▶ cut ─▶ kill, unmount, mount ─┐
└──────────────────────────────────────────────────────────────────────────────┘
"""

import random
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.programs import Program, Service, running_service
from tests.support.waiting import LOOK_SECONDS, wait_for
from tests.system.power import notes
from tests.system.power.clients import at_work
from tests.system.power.disk import Disk
from tests.system.power.notes import Notes, Recovered

CUTS_A_DISK = 5
"""Cuts before a new disk is used. The first cut of a disk comes while the database is created."""
MAX_CREATION_SECONDS = 0.08
MAX_WORK_SECONDS = 2.0
PATIENCE_SECONDS = 60.0
"""The time that all jobs together have to become final after a cut."""


@dataclass
class Counts:
    """The counts and findings of a trial."""

    cuts: int = 0
    acknowledged: int = 0
    uploads: int = 0
    finals: int = 0
    lost: dict[str, str] = field(default_factory=dict)
    """What is wrong with jobs that were lost or have changed, by job id."""
    broken: list[str] = field(default_factory=list)
    """Damaged databases, and failures of the service to start or answer."""

    def add(self, notes: Notes) -> None:
        """Add the notes of one disk."""
        self.acknowledged += len(notes.acknowledged)
        self.uploads += sum(1 for sha256 in notes.acknowledged.values() if sha256)
        self.finals += len(notes.finals)


class Trial:
    """Power cuts of the service in a source tree. The logs go to `folder`."""

    def __init__(self, tree: Path, disk: Disk, folder: Path, random: random.Random):
        self.counts = Counts()
        self._disk = disk
        self._folder = folder
        self._random = random
        self._data = disk.root / "service" / "data"  # neither folder exists yet
        self._environ = {
            "DATA_DIR": str(self._data),
            "HOST": "127.0.0.1",
            "PORT": "0",
            "JOB_TYPES": "runner.job_types",
            "LOG_FORMAT": "json",
            # Python imports the programs from the tree, whatever the working directory is.
            "PYTHONPATH": str(tree),
            "PYTHONSAFEPATH": "1",
        }

    def run(self, cuts: int, until_lost: bool = False) -> Counts:
        """Cut the power `cuts` times, or with `until_lost` until the first loss."""
        while self.counts.cuts < cuts and not (until_lost and self.counts.lost):
            self._use_disk(min(CUTS_A_DISK, cuts - self.counts.cuts))
        return self.counts

    def _use_disk(self, cuts: int) -> None:
        answers = Notes()
        self._disk.format()
        self._cut_during_creation()
        try:
            for _ in range(cuts - 1):
                with self._service(answers) as service:
                    self._cut_at_work(service, answers)
                self._power_on()
            with self._service(answers):
                pass
        except (AssertionError, OSError) as error:
            self.counts.broken.append(f"the service does not work: {error}")
        self._disk.unmount()
        self.counts.add(answers)

    def _cut_during_creation(self) -> None:
        listener = Program("server", self._folder, self._environ)
        try:
            wait_for((self._data / "schema.lock").exists)
            time.sleep(self._random.uniform(0, MAX_CREATION_SECONDS))
            self._cut()
        finally:
            listener.stop(signal.SIGKILL)
        self._power_on()

    def _cut_at_work(self, service: Service, answers: Notes) -> None:
        with at_work(service, answers, self._random):
            time.sleep(self._random.uniform(0, MAX_WORK_SECONDS))
            answers.power = False
            self._cut()
            service.listener.stop(signal.SIGKILL)  # else the clients would wait for answers

    def _cut(self) -> None:
        self._disk.cut()
        self.counts.cuts += 1

    def _power_on(self) -> None:
        self._disk.unmount()
        self._disk.mount()

    @contextmanager
    def _service(self, answers: Notes) -> Iterator[Service]:
        """Start the service with a worker, and check all notes; both are killed after the block."""
        with running_service("", self._folder, **self._environ) as service:
            service.worker()
            answers.power = True
            self._check(service, answers)
            yield service

    def _check(self, service: Service, answers: Notes) -> None:
        jobs = final_jobs(service, answers)
        database = self._data / "jobs.db"
        recovered = Recovered(jobs, notes.files_of(database, self._data / "uploads" / "files"))
        self.counts.broken += notes.damage(database)
        for job in jobs.values():
            answers.add_final(job)
        self.counts.lost |= notes.losses(answers, recovered)


def final_jobs(service: Service, answers: Notes) -> dict[str, dict[str, Any]]:
    """Wait for the acknowledged jobs to become final, and return the remaining ones, by id."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    jobs = {}
    for job_id in answers.acknowledged:
        status, job = service.call("GET", f"/jobs/{job_id}")
        while status == 200 and job["status"] not in notes.FINAL and time.monotonic() < deadline:
            time.sleep(LOOK_SECONDS)
            status, job = service.call("GET", f"/jobs/{job_id}")
        if status == 200:
            jobs[job_id] = job
    return jobs
