"""Clients that submit and read jobs continuously, and record only complete answers."""

import contextlib
import hashlib
import http.client
import json
import random
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from tests.support.api import form
from tests.support.programs import Service
from tests.support.waiting import wait_for
from tests.system.power.notes import Notes

PAUSE_SECONDS = 0.005
MAX_UPLOAD_BYTES = 64 * 1024
CANCELED = 0.2
"""The share of JSON jobs that are canceled right after their submission."""


class Clients:
    """Three threads: one submits JSON and cancels some jobs, one uploads files, one reads jobs."""

    def __init__(self, service: Service, notes: Notes, random: random.Random):
        self._service = service
        self._notes = notes
        self._random = random
        self._before = len(notes.acknowledged)
        self._stop = threading.Event()
        works = (self._send_json, self._upload, self._read)
        self._threads = [threading.Thread(target=self._repeat, args=(work,)) for work in works]
        for thread in self._threads:
            thread.start()

    def has_acknowledgement(self) -> bool:
        """Whether any of the submissions was acknowledged."""
        return len(self._notes.acknowledged) > self._before

    def stop(self) -> None:
        """Stop all threads. A thread that waits for an answer of a dead service gets an error."""
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _repeat(self, work: Callable[[], None]) -> None:
        while not self._stop.wait(PAUSE_SECONDS):
            # The outcome of a request without a complete answer is unknown.
            with contextlib.suppress(OSError, http.client.HTTPException, ValueError):
                work()

    def _send_json(self) -> None:
        document = {"type": "sleep", "payload": {"seconds": 0}}
        job_id = self._submit(json.dumps(document).encode(), "application/json")
        self._notes.add_accepted(job_id, None)
        if self._random.random() < CANCELED:
            self._service.call("POST", f"/jobs/{job_id}/cancel")

    def _upload(self) -> None:
        content = self._random.randbytes(self._random.randrange(1, MAX_UPLOAD_BYTES))
        parts: list[tuple[str, str | None, bytes]] = [
            ("type", None, b"analyze"),
            ("payload", None, b'{"patterns": ["ERROR"]}'),
            ("filename", "app.log", content),
        ]
        job_id = self._submit(*form(parts))
        self._notes.add_accepted(job_id, hashlib.sha256(content).hexdigest())

    def _read(self) -> None:
        unread = [job_id for job_id in self._notes.acknowledged.copy() if not self._is_read(job_id)]
        for job_id in unread[:20]:
            status, job = self._service.call("GET", f"/jobs/{job_id}")
            if status == 200:
                self._notes.add_final(job)

    def _is_read(self, job_id: str) -> bool:
        return job_id in self._notes.finals

    def _submit(self, body: bytes, kind: str) -> str:
        """Submit a job; returns its id. Raises OSError or HTTPException unless it is accepted."""
        headers = {"Content-Type": kind}
        request = urllib.request.Request(f"{self._service.base_url}/jobs", body, headers)
        with urllib.request.urlopen(request, timeout=10) as answer:
            document: dict[str, Any] = json.load(answer)
        if answer.status != 202:
            raise http.client.HTTPException(answer.status)
        return str(document["job_id"])


@contextmanager
def at_work(service: Service, notes: Notes, random: random.Random) -> Iterator[None]:
    """Run clients during the block, which starts after their first acknowledgement."""
    clients = Clients(service, notes, random)
    try:
        wait_for(clients.has_acknowledgement, timeout=20)
        yield
    finally:
        clients.stop()
