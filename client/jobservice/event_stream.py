"""Parses server-sent events. Does no input or output.

https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

from jobservice.documents import Status
from jobservice.json_values import Json

_LINE_END = re.compile(rb"\r\n|\n|\r(?!\Z)")
"""A carriage return at the very end may be the first half of a pair."""


@dataclass(frozen=True)
class Event:
    """A change of a job, or a piece of its output.

    name: status, progress, log or end.
    data: the document of the event, as docs/events.md describes it.
    id: the number of the change, from which a stream can continue; None if no id is known.
    """

    name: str
    data: Json
    id: int | None = None

    @property
    def job_id(self) -> str:
        """The id of the job."""
        return str(self.data["job_id"])

    @property
    def status(self) -> Status | None:
        """The status of the job; None for output, and for a job that was deleted."""
        return self.data.get("status")


class EventParser:
    """Turns the bytes of a stream into events.

    last_id: the id of the last event; the stream can be continued from there. None without one.
    is_over: whether the stream has ended for good, so that there is nothing to continue.
    retry_seconds: how long the service wants a client to pause before it connects again.
    """

    def __init__(self, last_id: int | None = None):
        self.last_id = last_id
        self.is_over = False
        self.retry_seconds = 1.0
        self._rest = b""
        self._name = ""
        self._data: list[str] = []

    def begin(self) -> None:
        """A new connection: drop the incomplete event of the last one."""
        self._rest, self._name, self._data = b"", "", []

    def feed(self, received: bytes) -> Iterator[Event]:
        """Take the next bytes, and return the events that they complete."""
        *lines, self._rest = _LINE_END.split(self._rest + received)
        for line in lines:
            if line:
                self._take(line.decode(errors="replace"))
                continue
            name, text = self._name, "\n".join(self._data)
            self._name, self._data = "", []
            if text:
                self.is_over = name == "end"
                yield Event(name or "message", json.loads(text), self.last_id)

    def _take(self, line: str) -> None:
        """Take one line that is not empty. One that begins with a colon is a comment."""
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "data":
            self._data.append(value)
        elif field == "event":
            self._name = value
        elif field == "id" and value.isdecimal():
            self.last_id = int(value)
        elif field == "retry" and value.isdecimal():
            self.retry_seconds = int(value) / 1000
