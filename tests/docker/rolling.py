"""Clients during a rolling update. Runs inside a container, with the standard library alone.

    python rolling.py TOKEN SECONDS

They submit jobs for so many seconds, each to any listener that the network names, and send what was
not answered again to another one, with the same Idempotency-Key. Prints as JSON the ids of all jobs
that were acknowledged, how often a request was not answered, and those that never were.
"""

import http.client
import json
import random
import socket
import sys
import threading
import time
import uuid

CLIENTS = 4
PATIENCE_SECONDS = 15.0


class Load:
    """What all clients have seen."""

    def __init__(self, token: str, seconds: float):
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        self._end = time.monotonic() + seconds
        self.ids: list[str] = []
        self.again = 0
        self.never: list[str] = []

    def run(self) -> None:
        """Submit until the time is over."""
        while time.monotonic() < self._end:
            key, given_up = str(uuid.uuid4()), time.monotonic() + PATIENCE_SECONDS
            while (job_id := self._submit(key)) is None and time.monotonic() < given_up:
                self.again += 1
                time.sleep(0.05)
            if job_id is None:
                self.never.append(key)
            else:
                self.ids.append(job_id)
            time.sleep(0.02)

    def _submit(self, key: str) -> str | None:
        """The id of the job, None if no listener has answered or it is stopping."""
        body = json.dumps({"type": "sleep", "payload": {"seconds": 0.05}})
        headers = {**self._headers, "Idempotency-Key": key}
        try:
            connection = http.client.HTTPConnection(random.choice(listeners()), 5000, timeout=10)
            connection.request("POST", "/jobs", body, headers)
            with connection.getresponse() as answer:
                text = answer.read()
                if answer.status in (409, 503):  # the first request is under way; it is stopping
                    return None
                assert answer.status == 202, text
                return str(json.loads(text)["job_id"])
        except (OSError, http.client.HTTPException):
            return None


def listeners() -> list[str]:
    """The addresses of those that run. Raises OSError if there is none."""
    found = socket.getaddrinfo("tasks.listener", 5000, socket.AF_INET, socket.SOCK_STREAM)
    return sorted({str(address[4][0]) for address in found})


def main() -> None:
    """Let some clients submit at once."""
    load = Load(sys.argv[1], float(sys.argv[2]))
    threads = [threading.Thread(target=load.run) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sys.stdout.write(json.dumps({"ids": load.ids, "again": load.again, "never": load.never}))


if __name__ == "__main__":
    main()
