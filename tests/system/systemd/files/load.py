"""Submits jobs until the file `stop` appears, each by a new connection, and waits for their ends.

Prints what happened. The file `accepted` has a line for each accepted job.
"""

import http.client
import json
import pathlib
import sys
import threading
import time
from typing import Any

CLIENTS = 8
PAUSE_SECONDS = 0.05
STOP, ACCEPTED = pathlib.Path("/tmp/stop"), pathlib.Path("/tmp/accepted")
PATIENCE_SECONDS = 120
BODY = json.dumps({"type": "sleep", "payload": {"seconds": 0}})
HEADERS = {"Content-Type": "application/json"}


class Load:
    """Clients that submit jobs."""

    def __init__(self) -> None:
        self.accepted: list[str] = []
        self.failures: list[str] = []
        self.unavailable = 0
        """Responses 503, as when the disk of a busy machine is slow: clients repeat these."""
        self.longest_seconds = 0.0

    def run(self) -> dict[str, Any]:
        """Submit until the file appears, for ten minutes at most. Returns what happened."""
        threads = [threading.Thread(target=self._submit_all) for _ in range(CLIENTS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        end = time.monotonic() + PATIENCE_SECONDS
        unfinished = self.accepted
        while unfinished and time.monotonic() < end:
            unfinished = [each for each in unfinished if not has_succeeded(each)]
        return {**vars(self), "accepted": len(self.accepted), "unfinished": unfinished}

    def _submit_all(self) -> None:
        end = time.monotonic() + 600
        while not STOP.exists() and time.monotonic() < end:
            began = time.monotonic()
            try:
                self._submit()
            except (OSError, http.client.HTTPException) as error:
                self.failures.append(repr(error))
            self.longest_seconds = max(self.longest_seconds, time.monotonic() - began)
            time.sleep(PAUSE_SECONDS)

    def _submit(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", 5000, timeout=60)
        try:
            connection.request("POST", "/jobs", BODY, HEADERS)
            response = connection.getresponse()
            answer = json.load(response)
        finally:
            connection.close()
        if response.status == 202:
            self.accepted.append(answer["job_id"])
            with ACCEPTED.open("a") as file:
                file.write(answer["job_id"] + "\n")
        elif response.status == 503:
            self.unavailable += 1
        else:
            self.failures.append(f"{response.status} {answer}")


def has_succeeded(job_id: str) -> bool:
    """Whether a job has succeeded."""
    connection = http.client.HTTPConnection("127.0.0.1", 5000, timeout=60)
    try:
        connection.request("GET", f"/jobs/{job_id}")
        status = json.load(connection.getresponse())["status"]
    finally:
        connection.close()
    return bool(status == "succeeded")


if __name__ == "__main__":
    for path in (STOP, ACCEPTED):
        path.unlink(missing_ok=True)
    ACCEPTED.touch()
    json.dump(Load().run(), sys.stdout)
