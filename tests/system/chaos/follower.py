"""A client that follows the events of all jobs over every restart of the listeners."""

import http.client
import json
import random
import threading
import time
from collections.abc import Iterator

from tests.system.chaos.clients import CONNECT_SECONDS, CUT_OFF
from tests.system.chaos.history import FollowedEvent

SILENCE_SECONDS = 20.0
"""A stream sends a comment after 15 seconds of silence; a listener that sends none is frozen."""
PAUSE_SECONDS = 0.1
STREAM_SECONDS = (3.0, 20.0)
"""For how long the client stays with a listener."""


class Follower:
    """Follows `/events` from the first event on, at one of the listeners after another.

    `events` are the status events in the order in which they arrived, with repetitions if the
    service sends any. `streams` counts the streams that were opened.
    """

    def __init__(self, addresses: list[tuple[str, int]], seed: int):
        self._addresses = addresses
        self._random = random.Random(seed)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._follow)
        self.events: list[FollowedEvent] = []
        self.complaints: list[str] = []
        self.streams = 0
        self.last_id = 0

    def start(self) -> None:
        """Start to follow, in a thread."""
        self._thread.start()

    def stop(self, version: int, patience: float) -> None:
        """Wait until the event of the change `version` has arrived, or for so many seconds; end."""
        until = time.monotonic() + patience
        while self.last_id < version and time.monotonic() < until:
            time.sleep(PAUSE_SECONDS)
        self._stop.set()
        self._thread.join()

    def _follow(self) -> None:
        while not self._stop.is_set():
            try:
                for event in self._stream():
                    self.events.append(event)
            except CUT_OFF:
                pass
            except Exception as error:
                self.complaints.append(f"the follower of events: {error!r}")
            self._stop.wait(PAUSE_SECONDS)

    def _stream(self) -> Iterator[FollowedEvent]:
        """The status events of one stream, until it ends. Raises the errors in CUT_OFF."""
        host, port = self._random.choice(self._addresses)
        connection = http.client.HTTPConnection(host, port, timeout=CONNECT_SECONDS)
        until = time.monotonic() + self._random.uniform(*STREAM_SECONDS)
        try:
            connection.connect()
            connection.sock.settimeout(SILENCE_SECONDS)
            connection.request("GET", "/events", headers={"Last-Event-ID": str(self.last_id)})
            response = connection.getresponse()
            if response.status != http.client.OK:
                return
            self.streams += 1
            fields: dict[str, str] = {}
            while not self._stop.is_set() and (line := response.readline()):
                if name := line.rstrip(b"\n").decode():
                    fields.update([name.partition(": ")[::2]])
                    continue
                if "id" in fields:
                    self.last_id = int(fields["id"])
                    yield from _status_events(fields)
                fields = {}
                if time.monotonic() > until:
                    return
        finally:
            connection.close()


def _status_events(fields: dict[str, str]) -> Iterator[FollowedEvent]:
    if fields.get("event") == "status":  # some ids come without an event
        data = json.loads(fields["data"])
        yield FollowedEvent(int(fields["id"]), data["job_id"], data["status"])
