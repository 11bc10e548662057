"""Clients that submit, cancel, retry and read jobs, and record only complete answers."""

import fcntl
import http.client
import json
import random
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.support.forms import analyze_form, form
from tests.support.job_documents import loads
from tests.system.chaos.history import Acknowledged, Seen
from tests.system.chaos.job_types import lock_path
from tests.system.chaos.pipelines import random_pipeline, with_ids

MOST_OPEN = 6
"""The most jobs per worker that no client has read as final; above it, nothing is submitted.

It is low, so that a rescued job runs again while its first runner is still frozen."""
OUTLASTING = 15.0
"""Seconds that some jobs take: longer than a lease, a rescue and the first backoffs together. So a
first execution that wrongly goes on still holds its lock when the next one starts."""
PAUSE_SECONDS = 0.15
CONNECT_SECONDS = 2.0
ANSWER_SECONDS = 15.0
CANCELED_SHARE = 0.3
BURST_SHARE = 0.15
BURST = 60
"""The number of short jobs in a burst, of which some are prefetched behind others."""
PIPELINE_SHARE = 0.4
DOWNSTREAM_SHARE = 0.3
"""The share of retries that take along what was canceled because of the job."""
CUT_OFF = (OSError, http.client.HTTPException)
"""Errors that mean no answer or an incomplete one: the outcome of the request is unknown."""
NOT_NOW = (503, 507)
FINAL = ("succeeded", "failed", "canceled")
AGAIN = ("failed", "canceled")
RETRIED_SHARE = 0.5
WAITING_SHARE = 0.25
"""The share of jobs that wait for others."""
INPUT_SHARE = 0.5
"""The share of those that get the result of another."""
CALLBACK_SHARE = 0.2
TAGGED_SHARE = 0.3
"""The share of jobs that have a tag, by which they may be retried together."""
RETRIED_BY_TAG_SHARE = 0.4

KEYED_SHARE = 0.4
UNIQUE_SHARE = 0.3
"""The shares of jobs that have keys."""
MOST_KEYED_SECONDS = 1.0
"""The longest job with a concurrency key: jobs of a key run one after the other."""
KEYS = 3

Answer = tuple[int, Any]


class Clients:
    """Threads that use the listeners at `addresses`; more workers get more threads."""

    def __init__(
        self,
        addresses: list[tuple[str, int]],
        workers: int,
        data: Path,
        seed: int,
        callback_url: str,
    ):
        self._addresses = addresses
        self._most_open = MOST_OPEN * workers
        self._data = data
        self._callback_url = callback_url
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._open: dict[str, float] = {}
        self._to_cancel: list[tuple[float, str]] = []
        self.acknowledged: list[Acknowledged] = []
        self.seen: dict[str, list[Seen]] = defaultdict(list)
        self.complaints: list[str] = []
        self.counts: Counter[str] = Counter()
        actions = [self._submit, self._submit, self._upload, self._cancel, self._cancel, self._read]
        actions.append(self._retry)
        actions *= max(1, workers // 2)
        self._threads = [
            threading.Thread(target=self._repeat, args=(action, random.Random(f"{seed} {number}")))
            for number, action in enumerate(actions)
        ]

    def start(self) -> None:
        """Start all threads."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Stop all threads, after their last answers."""
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _repeat(self, action: Callable[[random.Random], None], chance: random.Random) -> None:
        while not self._stop.wait(chance.expovariate(1 / PAUSE_SECONDS)):
            try:
                action(chance)
            except CUT_OFF:
                self.counts["requests without an answer"] += 1
            except Exception as error:
                self.complaints.append(f"{action.__name__}: {error!r}")

    def _submit(self, chance: random.Random) -> None:
        if len(self._open) >= self._most_open:
            return
        self._submit_one(chance, chance.choice([0.0, 0.1, 0.5, 1.0, 2.0, 4.0, 10.0, OUTLASTING]))
        if chance.random() < BURST_SHARE:
            for _ in range(BURST):
                self._submit_one(chance, 0.0, ["none"])
        if chance.random() < PIPELINE_SHARE:
            self._submit_pipeline(chance)

    def _submit_pipeline(self, chance: random.Random) -> None:
        """Submit jobs that name each other: all of them are acknowledged, or none."""
        jobs = random_pipeline(chance)
        body = json.dumps(jobs).encode()
        status, document = self._ask(chance, "POST", "/jobs/batch", body, "application/json")
        if status == 202:
            self.counts["pipelines"] += 1
            for job, job_id in zip(jobs, document["job_ids"], strict=True):
                waits = with_ids(job, document["names"])
                self._note((202, {"job_id": job_id}), "chaos", job["max_retries"], waits=waits)
        elif status not in NOT_NOW:
            self.complaints.append(f"a pipeline was answered {status}: {document}")

    def _submit_one(
        self,
        chance: random.Random,
        seconds: float,
        child: Sequence[str] = ("none", "none", "ended", "left"),
    ) -> None:
        payload = {
            "seconds": seconds,
            "again": chance.choice([0.1, 3.0, 6.0]),
            "fails": chance.choice([0, 0, 0, 0, 1, 2]),
            "child": chance.choice(child),
            "files": chance.choice([0, 0, 0, 1, 20]),
        }
        max_retries = chance.randint(0, 4)
        options: dict[str, Any] = {
            "max_retries": max_retries,
            "delay": chance.choice([0, 0, 0, 0.5, 2]),
            "priority": chance.choice([0, 0, 1]),
        }
        options |= self._predecessors(chance)
        options |= _unique_key(chance)
        if _happens(chance, TAGGED_SHARE):
            options["tags"] = [f"tag {chance.randrange(KEYS)}"]
        if _happens(chance, CALLBACK_SHARE):
            options["callback_url"] = self._callback_url
        if seconds <= MOST_KEYED_SECONDS:
            options |= _concurrency_key(chance, payload)
        body = json.dumps({"type": "chaos", "payload": payload, **options}).encode()
        answer = self._ask(chance, "POST", "/jobs", body, "application/json")
        self._note(answer, "chaos", max_retries, waits=options)
        if answer[0] == 202 and not answer[1].get("existing") and chance.random() < CANCELED_SHARE:
            # At once, some time later while it runs, or in a race with its end.
            wait = chance.choice([0, chance.uniform(0, 4), seconds + chance.uniform(0, 0.2)])
            self._to_cancel.append((time.monotonic() + wait, answer[1]["job_id"]))

    def _predecessors(self, chance: random.Random) -> dict[str, Any]:
        """Options with which some jobs wait for others that have perhaps not ended."""
        with self._lock:
            known = list(self._open)
        if not known or chance.random() > WAITING_SHARE:
            return {}
        after = chance.sample(known, min(len(known), chance.randint(1, 3)))
        found = {"after": after, "on_failure": chance.choice(["cancel", "run"])}
        return found | ({"input": {"from": after[0]}} if _happens(chance, INPUT_SHARE) else {})

    def _upload(self, chance: random.Random) -> None:
        if len(self._open) >= self._most_open or chance.random() < 0.7:
            return
        lines = chance.randint(1, 20_000)
        parts = [*analyze_form(b"one ERROR\ntwo WARN ERROR\n" * lines), ("max_retries", None, b"4")]
        body, content_type = form(parts)
        answer = self._ask(chance, "POST", "/jobs", body, content_type)
        self._note(answer, "analyze", 4, {"ERROR": 2 * lines, "WARN": lines})

    def _note(
        self,
        answer: Answer,
        type: str,
        retries: int,
        counts: dict[str, int] | None = None,
        waits: Mapping[str, Any] | None = None,
    ) -> None:
        status, document = answer
        if status == 409 and document["code"] == "unique_key_held":
            self.counts["submissions refused for their unique key"] += 1
        elif status in (200, 202) and document.get("existing"):
            self.counts["submissions answered by the job with their key"] += 1
        elif status == 202:
            job_id, given = document["job_id"], waits or {}
            after, runs_anyway = tuple(given.get("after", ())), given.get("on_failure") == "run"
            self.counts["jobs that wait for others"] += bool(after)
            self.counts["jobs with a concurrency key"] += "concurrency_key" in given
            self.counts["jobs with a unique key"] += "unique_key" in given
            input_from, told = given.get("input", {}).get("from"), "callback_url" in given
            self.counts["jobs with an input"] += bool(input_from)
            self.counts["jobs with a callback"] += told
            new = Acknowledged(job_id, type, retries, counts, after, runs_anyway, input_from, told)
            self.acknowledged.append(new)
            with self._lock:
                self._open[job_id] = time.monotonic()
        elif status not in NOT_NOW:
            self.complaints.append(f"a submission was answered {answer}")

    def _cancel(self, chance: random.Random) -> None:
        with self._lock:
            due = [each for each in self._to_cancel if each[0] <= time.monotonic()]
            if not due:
                return
            self._to_cancel.remove(due[0])
        _, job_id = due[0]
        answer = self._ask(chance, "POST", f"/jobs/{job_id}/cancel")
        match answer:
            case (200, _):
                self.counts["cancels answered by canceled"] += 1
                self._require_dead(job_id)
            case (202, _):
                self.counts["cancels answered by requested"] += 1
            case (409, _):
                self.counts["cancels that came too late"] += 1
            case (status, _) if status not in NOT_NOW:
                self.complaints.append(f"a cancel was answered {answer}")

    def _retry(self, chance: random.Random) -> None:
        """Retry a job that was read as failed or canceled."""
        with self._lock:
            ended = [job_id for job_id, many in self.seen.items() if many[-1].status in AGAIN]
            closed = [job_id for job_id in ended if job_id not in self._open]
        if not closed or len(self._open) >= self._most_open or chance.random() > RETRIED_SHARE:
            return
        if _happens(chance, RETRIED_BY_TAG_SHARE):
            self._retry_by_tag(chance)
        else:
            self._retry_one(chance, chance.choice(closed))

    def _retry_by_tag(self, chance: random.Random) -> None:
        """Retry all jobs with a tag that have failed or were canceled."""
        given = {"tag": f"tag {chance.randrange(KEYS)}", "status": AGAIN}
        body = json.dumps({**given, "downstream": _happens(chance, DOWNSTREAM_SHARE)}).encode()
        answer = self._ask(chance, "POST", "/jobs/retry", body, "application/json")
        if answer[0] == 200:
            self.counts["retries by a tag"] += answer[1]["changed"]
        elif answer[0] not in NOT_NOW:
            self.complaints.append(f"a retry by a tag was answered {answer}")

    def _retry_one(self, chance: random.Random, job_id: str) -> None:
        """Retry a job, after the predecessors that must be retried first."""
        with self._lock:  # before the request, since the answer may be lost
            self._open[job_id] = time.monotonic()
        query = "?downstream=true" if _happens(chance, DOWNSTREAM_SHARE) else ""
        answer = self._ask(chance, "POST", f"/jobs/{job_id}/retry{query}")
        if answer[0] == 202:
            self.counts["retries by clients"] += 1
            self.counts["downstream retries"] += answer[1].get("downstream", 0)
        elif answer[0] == 409 and answer[1]["code"] == "predecessor_failed":
            self.counts["retries of predecessors"] += 1
            self._retry_one(chance, answer[1]["detail"].partition(" success of ")[2][:36])
            self._ask(chance, "POST", f"/jobs/{job_id}/retry")
        elif answer[0] not in (*NOT_NOW, 409):  # 409: the answer to an earlier one was lost
            self.complaints.append(f"a retry was answered {answer}")

    def _require_dead(self, job_id: str) -> None:
        """Check that the processes of a canceled job are gone: their lock must be free."""
        path = lock_path(self._data, job_id)
        if path.exists():
            with path.open("rb") as file:
                try:
                    fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
                except BlockingIOError:
                    self.complaints.append(f"P8 {job_id} was reported as canceled, and still runs")

    def _read(self, chance: random.Random) -> None:
        with self._lock:
            open_ids = list(self._open)
        for job_id in chance.sample(open_ids, min(10, len(open_ids))):
            answer = self._ask(chance, "GET", f"/jobs/{job_id}")
            status, job = answer
            if status == 200 and job["status"] in FINAL:
                seen = Seen(job["status"], job["result"], job["client_retries"])
                with self._lock:
                    self.seen[job_id].append(seen)
                    self._open.pop(job_id, None)  # another reader may have been first
            elif status != 200 and status not in NOT_NOW:
                self.complaints.append(f"P1 {job_id} was acknowledged, and later answered {answer}")

    def _ask(
        self,
        chance: random.Random,
        method: str,
        path: str,
        body: bytes | None = None,
        content_type: str = "",
    ) -> Answer:
        """Send a request; returns status and JSON of the answer. Raises the errors in CUT_OFF."""
        host, port = chance.choice(self._addresses)
        connection = http.client.HTTPConnection(host, port, timeout=CONNECT_SECONDS)
        try:
            connection.connect()
            connection.sock.settimeout(ANSWER_SECONDS)
            headers = {"Content-Type": content_type} if content_type else {}
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            return response.status, loads(response.read())
        finally:
            connection.close()


def _happens(chance: random.Random, share: float) -> bool:
    return chance.random() < share


def _unique_key(chance: random.Random) -> dict[str, Any]:
    """Options with which some jobs have a unique key."""
    if chance.random() > UNIQUE_SHARE:
        return {}
    policy = chance.choice(["refuse", "return", "replace"])
    scope = chance.choice(["queued", "running", "running"])
    return {"unique_key": f"one {chance.randrange(KEYS)}", "unique": scope, "if_exists": policy}


def _concurrency_key(chance: random.Random, payload: dict[str, Any]) -> dict[str, Any]:
    """Options with which some short jobs have a concurrency key, which the job checks, too."""
    if chance.random() > KEYED_SHARE:
        return {}
    number = chance.randrange(KEYS)
    payload |= {"key": f"key {number}", "most": number + 1, "fails": 0, "again": 0.1}
    return {"concurrency_key": f"key {number}", "max_per_key": number + 1}
