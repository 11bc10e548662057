"""Receives callbacks on loopback, and checks that the service reports each end of a job by one."""

import json
import random
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from storage.records.states import FINAL, Status
from tests.system.chaos.history import Acknowledged, Change, Violation

PROMISE = "P21"
REFUSED_SHARE = 0.1
"""The share of callbacks that are answered 503, so that they have to be sent again."""


@dataclass(frozen=True)
class Delivery:
    """A callback as it arrived. `id` is its `webhook-id`, and the rest is what it says of a job."""

    id: str
    job_id: str
    status: str
    accepted: bool


class Receiver:
    """An HTTP server that records callbacks."""

    def __init__(self, address: str, seed: int):
        self.deliveries: list[Delivery] = []
        received, chance, lock = self.deliveries, random.Random(seed), threading.Lock()

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["data"]
                with lock:
                    accepted = chance.random() > REFUSED_SHARE
                    id = self.headers["webhook-id"]
                    received.append(Delivery(id, body["job_id"], body["status"], accepted))
                self.send_response(204 if accepted else 503)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer((address, 0), Handler)
        self.host = f"{address}:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    def stop(self) -> None:
        """Stop the server, and free its port."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def check_callbacks(
    deliveries: Sequence[Delivery], acknowledged: Iterable[Acknowledged], changes: Iterable[Change]
) -> Iterator[Violation]:
    """Check that each callback reports an end of its job, and that one reports the job's last end.

    A client may retry a job before the service has sent the callback of its end. The service may
    then leave out that callback, but not the one of the next end.
    """
    ends = [each for each in changes if Status(each.status) in FINAL]
    last = {each.job_id: each for each in ends}
    reported = {(f"{each.job_id}-{each.version}", each.status) for each in ends}
    for each in deliveries:
        if (each.id, each.status) not in reported:
            yield Violation(PROMISE, each.job_id, f"was told as {each}, which is no end of it")
    told = {each.id for each in deliveries if each.accepted}
    for job in acknowledged:
        end = last.get(job.job_id)
        if job.has_callback and end and f"{job.job_id}-{end.version}" not in told:
            yield Violation(PROMISE, job.job_id, f"the callback of its end never came: {end}")
