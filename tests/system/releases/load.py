"""Clients that use a service while its programs are replaced, and check what becomes of it.

A client keeps its connection, connects to another listener when a response says
`Connection: close` or a connection is refused, and repeats a request without a response, a
submission with its Idempotency-Key. So it sees what a client behind a proxy sees.
"""

import contextlib
import http.client
import json
import random
import threading
import time
import uuid
from collections import Counter
from dataclasses import dataclass
from typing import Any

from tests.support.forms import form

PAUSE_SECONDS = 0.03
PATIENCE_SECONDS = 20.0
SETTLE_SECONDS = 60.0
MOST_IDS = 100
BROKEN = (OSError, http.client.HTTPException)
LOG = b"ERROR one\nWARN two\n" * 5000
READS = ("/jobs?limit=20", "/queues", "/overview", "/metrics", "/healthz", "/")


@dataclass(frozen=True)
class Submitted:
    """An acknowledged job, and what must become of it."""

    job_id: str
    status: str
    result: Any


class Connection:
    """The connection of one client to one listener at a time."""

    def __init__(self, ports: list[int], counts: Counter[str]):
        self._ports, self._counts = ports, counts
        self._http: http.client.HTTPConnection | None = None

    def call(self, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, bytes]:
        """Send a request until there is a response, which is returned. Raises TimeoutError."""
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        until = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < until:
            try:
                connection = self._connected()
                connection.request(method, path, body or None, names)
                with connection.getresponse() as response:
                    text = response.read()
                    if response.getheader("Connection") == "close":
                        self._close()
                    self._counts[f"answers {response.status // 100}xx"] += 1
                    return response.status, text
            except ConnectionRefusedError:
                self._counts["connections refused"] += 1
                self._close()
            except BROKEN:
                self._counts["requests without a response"] += 1
                self._close()
            time.sleep(0.02)
        raise TimeoutError(f"{method} {path}: no response for {PATIENCE_SECONDS:g} s")

    def _connected(self) -> http.client.HTTPConnection:
        if self._http is None:
            new = http.client.HTTPConnection("127.0.0.1", random.choice(self._ports), timeout=10)
            new.connect()
            new.auto_open = 0
            self._http = new
        return self._http

    def _close(self) -> None:
        if self._http is not None:
            self._http.close()
        self._http = None


class Load:
    """Clients of several kinds, in threads."""

    def __init__(self, ports: list[int], clients: int):
        self._ports = ports
        self._end = threading.Event()
        self.counts: Counter[str] = Counter()
        self.submitted: list[Submitted] = []
        self.complaints: list[str] = []
        kinds = [self._sleep, self._analyze, self._wait, self._cancel, self._read]
        chosen = [kinds[number % len(kinds)] for number in range(max(clients, len(kinds)))]
        self._threads = [threading.Thread(target=self._run, args=(each,)) for each in chosen]

    def start(self) -> None:
        """Start all clients."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End all clients."""
        self._end.set()
        for thread in self._threads:
            thread.join()

    def _run(self, act: Any) -> None:
        connection = Connection(self._ports, self.counts)
        while not self._end.is_set():
            try:
                act(connection)
            except Exception as error:
                self.complaints.append(f"{act.__name__}: {error!r}")
            time.sleep(random.uniform(0, 2 * PAUSE_SECONDS))

    def _expect(self, status: int, answer: tuple[int, bytes], what: str) -> Any:
        if answer[0] != status:
            raise AssertionError(f"{what}: {answer[0]} {answer[1][:300]!r}")
        return json.loads(answer[1])

    def _submit(self, connection: Connection, document: Any, query: str = "") -> str:
        answer = connection.call(
            "POST",
            f"/jobs{query}",
            json.dumps(document).encode(),
            Content_Type="application/json",
            Idempotency_Key=str(uuid.uuid4()),
        )
        ended = answer[0] == http.client.OK and query  # it has waited for the end of its job
        return str(self._expect(200 if ended else 202, answer, "a submission")["job_id"])

    def _sleep(self, connection: Connection) -> None:
        job_id = self._submit(connection, {"type": "sleep", "payload": {"seconds": 0.05}})
        self.submitted.append(Submitted(job_id, "succeeded", {"slept": 0.05}))

    def _wait(self, connection: Connection) -> None:
        document = {"type": "sleep", "payload": {"seconds": 0.2}, "priority": 5}
        job_id = self._submit(connection, document, "?wait=1")
        self.submitted.append(Submitted(job_id, "succeeded", {"slept": 0.2}))

    def _analyze(self, connection: Connection) -> None:
        payload = b'{"patterns": ["ERROR"], "lines": false}'
        parts = [("type", None, b"analyze"), ("payload", None, payload)]
        body, kind = form([*parts, ("filename", "app.log", LOG)])
        key = str(uuid.uuid4())
        answer = connection.call("POST", "/jobs", body, Content_Type=kind, Idempotency_Key=key)
        job_id = str(self._expect(202, answer, "an upload")["job_id"])
        self.submitted.append(Submitted(job_id, "succeeded", {"ERROR": 5000}))

    def _cancel(self, connection: Connection) -> None:
        job_id = self._submit(connection, {"type": "sleep", "payload": {"seconds": 300}})
        self._end.wait(random.uniform(0, 0.5))
        # A request whose response was lost has canceled it: 409 then says that it is final.
        status, text = connection.call("POST", f"/jobs/{job_id}/cancel")
        if status not in (200, 202, 409):
            raise AssertionError(f"a cancel: {status} {text[:300]!r}")
        self.submitted.append(Submitted(job_id, "canceled", None))

    def _read(self, connection: Connection) -> None:
        path = random.choice(READS)
        status, text = connection.call("GET", path)
        if status != http.client.OK:
            raise AssertionError(f"GET {path}: {status} {text[:300]!r}")
        with contextlib.suppress(IndexError):
            job = random.choice(self.submitted[-50:])
            self._expect(200, connection.call("GET", f"/jobs/{job.job_id}"), "GET of a job")


def check_jobs(load: Load, ports: list[int]) -> list[str]:
    """Wait until all acknowledged jobs are final, and return what is wrong with them.

    The wait is over when no job has ended for a minute: the clients may have submitted more than
    the workers could run meanwhile.
    """
    connection, found = Connection(ports, Counter()), list[str]()
    for start in range(0, len(load.submitted), MOST_IDS):
        some = load.submitted[start : start + MOST_IDS]
        jobs = _settled(connection, some, 0 if found else SETTLE_SECONDS)
        for expected, job in zip(some, jobs, strict=True):
            found += find_wrong(expected, job)
            outcomes = [each["outcome"] for each in (job or {}).get("attempts", ())]
            load.counts["attempts lost"] += outcomes.count("lost")
    return found


def _settled(
    connection: Connection, some: list[Submitted], patience: float
) -> list[dict[str, Any] | None]:
    """The jobs once they are final, or when none of them has ended for `patience` seconds."""
    left = len(some) + 1
    while True:
        jobs = _jobs(connection, some)
        now_left = sum(not _is_final(job) for job in jobs)
        if now_left < left:
            left, until = now_left, time.monotonic() + patience
        if not left or time.monotonic() > until:
            return jobs
        time.sleep(0.2)


def _jobs(connection: Connection, some: list[Submitted]) -> list[dict[str, Any] | None]:
    """The jobs in their order, None for one that does not exist. Raises AssertionError."""
    query = "&".join(f"id={each.job_id}" for each in some)
    status, text = connection.call("GET", f"/jobs?{query}")
    assert status == http.client.OK, f"GET /jobs?id=…: {status} {text[:300]!r}"
    by_id = {job["job_id"]: job for job in json.loads(text)["items"] if job}
    return [by_id.get(each.job_id) for each in some]


def _is_final(job: dict[str, Any] | None) -> bool:
    return job is None or job["status"] not in ("queued", "running")


def find_wrong(expected: Submitted, job: dict[str, Any] | None) -> list[str]:
    """Return what is wrong with a job, None if it does not exist."""
    if job is None:
        return [f"job {expected.job_id} is lost"]
    if job["status"] != expected.status:
        return [f"job {expected.job_id} is {job['status']}, not {expected.status}: {job}"]
    if expected.status != "succeeded":
        return []
    result = job["result"]
    seen = {name: result.get("counts", result).get(name) for name in expected.result}
    return [] if seen == expected.result else [f"job {expected.job_id} has the result {result}"]
