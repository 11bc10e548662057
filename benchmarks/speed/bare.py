"""A Tornado application that only parses requests and answers: the upper bound for the service.

python -m benchmarks.speed.bare PORT
"""

import asyncio
import json
import socket
import subprocess
import sys
import uuid
from typing import Any

from tornado.web import Application, RequestHandler

from benchmarks.http_client import Flood, flood, request
from tests.support.waiting import wait_for

JOB: dict[str, Any] = {
    "job_id": str(uuid.UUID(int=7)),
    "type": "noop",
    "status": "succeeded",
    "payload": {},
    "result": None,
    "attempts": [{"attempt": 1, "runner": "a-runner-somewhere", "outcome": "returned"}],
}


class Jobs(RequestHandler):
    """Accepts JSON, and answers with an id."""

    def post(self) -> None:
        """Read the body as JSON."""
        json.loads(self.request.body)
        self.set_status(202)
        self.finish({"job_id": str(uuid.uuid4()), "status": "queued"})


class Job(RequestHandler):
    """Answers with a document like a job's."""

    def get(self, job_id: str) -> None:
        """Answer with the same document for every id."""
        self.finish({**JOB, "job_id": job_id})


def measure(count: int, connections: int, submission: bytes) -> tuple[Flood, Flood]:
    """Send `count` submissions and `count` status requests to an application in its own process."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "benchmarks.speed.bare", str(port)]
    with subprocess.Popen(command) as process:
        try:
            wait_for(lambda: _answers(port))
            asked = request("GET", f"/jobs/{JOB['job_id']}")
            return (
                asyncio.run(flood([port], connections, iter([submission] * count), 202)),
                asyncio.run(flood([port], connections, iter([asked] * count), 200)),
            )
        finally:
            process.kill()


def _answers(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


async def main(port: int) -> None:
    """Listen, until killed."""
    routes = [("/jobs", Jobs), ("/jobs/([^/]+)", Job)]
    Application(routes, log_function=lambda handler: None).listen(port, "127.0.0.1")
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
