"""Restarts two listeners in turn while clients submit jobs on connections that they keep.

    python -m benchmarks.faults.rolling_restart [--restarts 10] [--clients 16]

A client connects to either listener, sends requests with short pauses, and connects again when a
response says `Connection: close` or the connection is closed. A submission is cut off if it was
sent and the connection then ends without a response: the client cannot know whether the job was
stored. A refused connection is no such case.
"""

import argparse
import http.client
import json
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

from tests.support.ports import free_port
from tests.support.programs import running_service

BODY = json.dumps({"type": "sleep", "payload": {"seconds": 0}})
JSON = {"Content-Type": "application/json"}
PAUSE_SECONDS = 0.02
"""The longest pause between two requests of a client."""


def submit_jobs(ports: list[int], counts: Counter[str], end: threading.Event) -> None:
    """Submit jobs until the end, and count what becomes of them."""
    connection: http.client.HTTPConnection | None = None
    while not end.is_set():
        if connection is None:
            connection = connected(random.choice(ports))
            if connection is None:
                counts["connections refused"] += 1
                time.sleep(PAUSE_SECONDS)
                continue
        try:
            connection.request("POST", "/jobs", BODY, JSON)
            with connection.getresponse() as response:
                response.read()
                counts[f"answered {response.status}"] += 1
                closes = response.getheader("Connection") == "close"
        except (OSError, http.client.HTTPException):
            counts["cut off"] += 1
            closes = True
        if closes:
            counts["connections ended"] += 1
            connection.close()
            connection = None
        time.sleep(random.uniform(0, PAUSE_SECONDS))


def connected(port: int) -> http.client.HTTPConnection | None:
    """A new connection, which never connects again by itself; None if it is refused."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.connect()
    except OSError:
        return None
    connection.auto_open = 0
    return connection


def main() -> None:
    """Restart, and print the counts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--restarts", type=int, default=10)
    parser.add_argument("--clients", type=int, default=16)
    options = parser.parse_args()
    counts: Counter[str] = Counter()
    ports, end = [free_port(), free_port()], threading.Event()
    with (
        tempfile.TemporaryDirectory() as name,
        running_service("", Path(name), PORT=str(ports[0])) as service,
    ):
        service.program("server", PORT=str(ports[1])).logged("listening")
        clients = [
            threading.Thread(target=submit_jobs, args=(ports, counts, end))
            for _ in range(options.clients)
        ]
        for client in clients:
            client.start()
        programs = dict(zip(ports, service.programs(), strict=True))
        for number in range(options.restarts):
            port = ports[number % 2]
            time.sleep(1)
            assert programs[port].stop() == 0
            programs[port] = service.program("server", PORT=str(port))
            programs[port].logged("listening")
        end.set()
        for client in clients:
            client.join()
    for outcome, count in sorted(counts.items()):
        sys.stdout.write(f"{count:7,} {outcome}\n")


if __name__ == "__main__":
    main()
