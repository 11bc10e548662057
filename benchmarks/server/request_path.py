"""Lists the files that a listener's code goes through for one request.

    python -m benchmarks.server.request_path [--functions]

Runs a listener in this process, beside a real worker. Prints the files that are entered, in order,
for `POST /jobs`, for the same with `?wait=5`, for `GET /jobs/ID` and for the cancel of a running
job. Counts the files, and how often a function is entered in a file that was left before: with and
without leaves, functions that call no other function of the project. The first requests, which fill
caches, are not traced. `--functions` also lists the functions, leaves in parentheses.
"""

import argparse
import asyncio
import json
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from types import FrameType
from typing import Any

from tornado.netutil import bind_sockets

from benchmarks.http_client import Connection, connect, request
from benchmarks.speed import ours
from runner.job_types.registry import loader
from server.settings.server import ServerSettings
from server.start.app import App
from server.start.routes import routes
from storage.open import open_store

ROOT = Path(__file__).parents[2]
FOLDERS = ("server/", "runner/", "storage/")
WARM = 5
SLEEP = {"type": "sleep", "payload": {"seconds": 60}}
COMPREHENSIONS = {"<listcomp>", "<dictcomp>", "<setcomp>", "<genexpr>"}


@dataclass
class Step:
    """A function that was entered. A leaf calls no other function of the project."""

    file: str
    function: str
    is_leaf: bool = True


def main() -> None:
    """Trace the requests, and print their paths."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.server.request_path")
    parser.add_argument("--functions", action="store_true", help="also list the functions")
    options = parser.parse_args()
    with ours.service() as running:
        settings = ServerSettings.model_validate(running.environ)
        paths = asyncio.run(trace(settings))
    for name, steps in paths.items():
        sys.stdout.write("\n".join([*rows(name, steps, options.functions), "", ""]))


def rows(name: str, steps: list[Step], with_functions: bool) -> Iterator[str]:
    """Describe a path."""
    yield f"{name}: {counts(steps)}"
    yield f"without leaves: {counts([step for step in steps if not step.is_leaf])}"
    for file, group in groupby(steps, key=lambda step: step.file):
        functions = [f"({step.function})" if step.is_leaf else step.function for step in group]
        yield f"  {file}: {', '.join(functions)}" if with_functions else f"  {file}"


def counts(steps: list[Step]) -> str:
    """Count the files, functions and returns of a path."""
    visits = [file for file, _ in groupby(steps, key=lambda step: step.file)]
    files = set(visits)
    in_server = sum(file.startswith("server/") for file in files)
    return (
        f"{len(files)} files ({in_server} in server), {len(steps)} functions,"
        f" {len(visits) - len(files)} returns"
    )


async def trace(settings: ServerSettings) -> dict[str, list[Step]]:
    """Send the requests to a listener of this process; return the path of each."""
    tracer = Tracer()
    store = open_store(settings)
    app = App(settings, store, loader.find(settings.job_type_packages))
    sockets = bind_sockets(0, "127.0.0.1")
    server = app.serve(routes(app), sockets, 100)
    client = await connect(sockets[0].getsockname()[1])
    noop = request("POST", "/jobs", ours.NOOP)
    awaited = request("POST", "/jobs?wait=5", ours.NOOP)
    for _ in range(WARM):
        await finished(client, awaited)
        await client.ask(request("POST", f"/jobs/{await running_job(client)}/cancel"))
    found = {}
    with tracer.tracing() as found["POST /jobs"]:
        answer = await client.ask(noop)
    await asyncio.sleep(1)
    with tracer.tracing() as found["POST /jobs?wait=5"]:
        await client.ask(awaited)
    with tracer.tracing() as found["GET /jobs/ID"]:
        await client.ask(request("GET", f"/jobs/{job_id_in(answer)}"))
    canceled = request("POST", f"/jobs/{await running_job(client)}/cancel")
    with tracer.tracing() as found["POST /jobs/ID/cancel"]:
        await client.ask(canceled)
    client.close()
    server.acceptor.close()
    await app.finish_requests(5)
    app.close()
    store.close()
    return found


async def finished(client: Connection, submission: bytes) -> None:
    """Submit a job and wait for its end."""
    answer = await client.ask(submission)
    assert b'"succeeded"' in answer, answer


async def running_job(client: Connection) -> str:
    """Submit a job; return its id once it runs."""
    answer = await client.ask(request("POST", "/jobs", json.dumps(SLEEP).encode()))
    job_id = job_id_in(answer)
    while b'"running"' not in await client.ask(request("GET", f"/jobs/{job_id}")):
        await asyncio.sleep(0.05)
    await asyncio.sleep(1)
    return job_id


def job_id_in(answer: bytes) -> str:
    """Return the id of the job in a response."""
    return str(json.loads(answer.partition(b"\r\n\r\n")[2])["job_id"])


class Tracer:
    """Notes the functions that all threads enter in a block. Create it before the threads."""

    def __init__(self) -> None:
        self._is_on = False
        self._steps: dict[FrameType, Step] = {}
        """By their frames, so that a coroutine that goes on is not taken for a new one."""
        threading.setprofile(self._note)
        sys.setprofile(self._note)

    @contextmanager
    def tracing(self) -> Iterator[list[Step]]:
        """Yield a list, which has the functions that were entered in this block after its end."""
        steps = list[Step]()
        self._is_on = True
        try:
            yield steps
        finally:
            self._is_on = False
            steps += self._steps.values()
            self._steps.clear()

    def _note(self, frame: FrameType, event: str, _: Any) -> None:
        if not self._is_on or event != "call" or frame in self._steps:
            return
        name = frame.f_code.co_filename.removeprefix(f"{ROOT}/")
        if name.startswith(FOLDERS) and frame.f_code.co_name not in COMPREHENSIONS:
            self._steps[frame] = Step(name, frame.f_code.co_qualname)
            caller = frame.f_back
            while caller and caller not in self._steps:
                caller = caller.f_back
            if caller:
                self._steps[caller].is_leaf = False


if __name__ == "__main__":
    main()
