"""Cuts the power of a running service again and again, and looks what it still knows.

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
from tests.system.power.notes import Found, Notes

CUTS_A_DISK = 5
"""Then a new one: the first cut of each comes while the database is made."""
MAX_MAKING_SECONDS = 0.08
MAX_WORK_SECONDS = 2.0
PATIENCE_SECONDS = 60.0
"""After a cut, for all jobs together to become final."""


@dataclass
class Tally:
    """What a trial has counted."""

    cuts: int = 0
    acknowledged: int = 0
    uploads: int = 0
    finals: int = 0
    lost: dict[str, str] = field(default_factory=dict)
    """What does not hold any more of what was told of a job, by its id."""
    broken: list[str] = field(default_factory=list)
    """Damage, and services that do not start or answer any more."""

    def add(self, notes: Notes) -> None:
        """Count what was told on a disk."""
        self.acknowledged += len(notes.acknowledged)
        self.uploads += sum(1 for sha256 in notes.acknowledged.values() if sha256)
        self.finals += len(notes.finals)


class Trial:
    """Cuts on one disk of the service that is in a tree; `folder` takes its logs."""

    def __init__(self, tree: Path, disk: Disk, folder: Path, random: random.Random):
        self.tally = Tally()
        self._disk = disk
        self._folder = folder
        self._random = random
        self._data = disk.root / "service" / "data"  # two new folders
        self._environ = {
            "DATA_DIR": str(self._data),
            "HOST": "127.0.0.1",
            "PORT": "0",
            "JOB_TYPES": "runner.job_types",
            "LOG_FORMAT": "json",
            # Python takes the programs out of the tree, wherever it is started.
            "PYTHONPATH": str(tree),
            "PYTHONSAFEPATH": "1",
        }

    def run(self, cuts: int, until_lost: bool = False) -> Tally:
        """Cut so often, on new disks now and then; with `until_lost`, up to the first loss."""
        while self.tally.cuts < cuts and not (until_lost and self.tally.lost):
            self._use_disk(min(CUTS_A_DISK, cuts - self.tally.cuts))
        return self.tally

    def _use_disk(self, cuts: int) -> None:
        told = Notes()
        self._disk.format()
        self._cut_while_made()
        try:
            for _ in range(cuts - 1):
                with self._service(told) as service:
                    self._cut_at_work(service, told)
                self._power_on()
            with self._service(told):
                pass
        except (AssertionError, OSError) as error:
            self.tally.broken.append(f"the service is not well: {error}")
        self._disk.unmount()
        self.tally.add(told)

    def _cut_while_made(self) -> None:
        listener = Program("server", self._folder, self._environ)
        try:
            wait_for((self._data / "schema.lock").exists)
            time.sleep(self._random.uniform(0, MAX_MAKING_SECONDS))
            self._cut()
        finally:
            listener.stop(signal.SIGKILL)
        self._power_on()

    def _cut_at_work(self, service: Service, told: Notes) -> None:
        with at_work(service, told, self._random):
            time.sleep(self._random.uniform(0, MAX_WORK_SECONDS))
            told.power = False
            self._cut()
            service.listener.stop(signal.SIGKILL)  # or the clients would wait for answers

    def _cut(self) -> None:
        self._disk.cut()
        self.tally.cuts += 1

    def _power_on(self) -> None:
        self._disk.unmount()
        self._disk.mount()

    @contextmanager
    def _service(self, told: Notes) -> Iterator[Service]:
        """The service with a worker, once all notes are checked; killed at the end."""
        with running_service("", self._folder, **self._environ) as service:
            service.worker()
            told.power = True
            self._check(service, told)
            yield service

    def _check(self, service: Service, told: Notes) -> None:
        jobs = final_jobs(service, told)
        database = self._data / "jobs.db"
        found = Found(jobs, notes.files_of(database, self._data / "uploads" / "files"))
        self.tally.broken += notes.damage(database)
        for job in jobs.values():
            told.saw(job)
        self.tally.lost |= notes.losses(told, found)


def final_jobs(service: Service, told: Notes) -> dict[str, dict[str, Any]]:
    """The acknowledged jobs that are there, each once it is final or the patience is over."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    jobs = {}
    for job_id in told.acknowledged:
        status, job = service.call("GET", f"/jobs/{job_id}")
        while status == 200 and job["status"] not in notes.FINAL and time.monotonic() < deadline:
            time.sleep(LOOK_SECONDS)
            status, job = service.call("GET", f"/jobs/{job_id}")
        if status == 200:
            jobs[job_id] = job
    return jobs
