"""Clients that submit jobs during a rolling update. Runs inside a container, and needs only the
standard library.

    python rolling.py TOKEN SECONDS

Each client submits jobs for SECONDS, to a random listener. A request without a response is sent
again to another listener, with the same Idempotency-Key. Prints as JSON: the ids of all
acknowledged jobs (`ids`), the number of requests sent again (`again`), the keys that never got a
response (`never`), and unexpected responses (`refused`).
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
    """Submits jobs, and collects the responses of all clients."""

    PAUSE_SECONDS = 0.06
    """So long that all clients together submit fewer jobs than the workers can run."""

    def __init__(self, token: str, seconds: float):
        self._headers = {"Authorization": f"Bearer {token}"}
        self._end = time.monotonic() + seconds
        self.ids: list[str] = []
        self.again = 0
        self.never: list[str] = []
        self.refused: list[str] = []

    def run(self) -> None:
        """Submit jobs until the time is over."""
        while time.monotonic() < self._end:
            key, given_up = str(uuid.uuid4()), time.monotonic() + PATIENCE_SECONDS
            while (job_id := self._submit(key)) is None and time.monotonic() < given_up:
                self.again += 1
                time.sleep(0.05)
            if job_id is None:
                self.never.append(key)
            else:
                self.ids.append(job_id)
            time.sleep(self.PAUSE_SECONDS)

    def _job(self, key: str) -> tuple[bytes, str]:
        """The body of the submission with this key, and its media type."""
        document = {"type": "sleep", "payload": {"seconds": 0.05}}
        return json.dumps(document).encode(), "application/json"

    def _connect(self) -> http.client.HTTPConnection:
        """Connect to a random listener. Raises OSError if there is none."""
        return http.client.HTTPConnection(random.choice(listeners()), 5000, timeout=10)

    def _submit(self, key: str) -> str | None:
        """Submit a job. Returns its id, or None if the request must be sent again."""
        body, media_type = self._job(key)
        headers = {**self._headers, "Content-Type": media_type, "Idempotency-Key": key}
        try:
            connection = self._connect()
            connection.request("POST", "/jobs", body, headers)
            with connection.getresponse() as response:
                text = response.read()
                if response.status == 202:
                    return str(json.loads(text)["job_id"])
                # 409: the first request is still under way. 503: the listener is stopping.
                if response.status not in (409, 503):
                    self.refused.append(text.decode())
                return None
        except (OSError, http.client.HTTPException):
            return None


def listeners() -> list[str]:
    """The addresses of the running listeners. Raises OSError if there is none."""
    found = socket.getaddrinfo("tasks.listener", 5000, socket.AF_INET, socket.SOCK_STREAM)
    return sorted({str(address[4][0]) for address in found})


def main() -> None:
    """Run all clients, and print what they collected."""
    load = Load(sys.argv[1], float(sys.argv[2]))
    threads = [threading.Thread(target=load.run) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    names = ("ids", "again", "never", "refused")
    sys.stdout.write(json.dumps({name: getattr(load, name) for name in names}))


if __name__ == "__main__":
    main()
