"""`Request`: one request of the API, and what the builders of requests share."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from difflib import get_close_matches
from typing import Any, Protocol
from urllib.parse import quote

from jobservice.json_values import JsonValue
from jobservice.pieces import Piece
from jobservice.requests.encoding import as_json
from jobservice.uploads import Form

JSON = "application/json"
MAX_WAIT_SECONDS = 30.0
"""The longest wait of one request: many proxies end a connection that is silent for a minute."""


class HasId(Protocol):
    """A job."""

    @property
    def id(self) -> str:
        """Its id."""


class HasUploadId(Protocol):
    """A resumable upload."""

    @property
    def upload_id(self) -> str:
        """Its id."""


@dataclass(frozen=True)
class Request:
    """One request of the API.

    wait: the seconds for which the service may hold back the response.
    repeats: whether it is sent again after failures that pass.
    done_status: a status that, after the first try, means that an earlier try has done the work:
    404 for a deletion, 412 for the creation of something new.
    """

    method: str
    path: str
    query: Sequence[tuple[str, str]] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    form: Form | Piece | None = None
    wait: float = 0.0
    repeats: bool = True
    done_status: int | None = None


def get(path: str, *, repeats: bool = True) -> Request:
    """Get a document that no parameter changes."""
    return Request("GET", path, headers={"Accept": JSON}, repeats=repeats)


def batch_path(batch_id: str) -> str:
    """The path of a batch."""
    return f"/batches/{_segment('a batch', batch_id)}"


def job_path(job: str | HasId) -> str:
    """The path of a job, which is given as a job or as its id."""
    given: Any = job
    return f"/jobs/{_segment('a job', getattr(given, 'id', given))}"


def pattern_set_path(name: str) -> str:
    """The path of a pattern set."""
    return f"/pattern-sets/{_segment('a pattern set', name)}"


def queue_path(name: str) -> str:
    """The path of a queue."""
    return f"/queues/{_segment('a queue', name)}"


def schedule_path(name: str) -> str:
    """The path of a schedule."""
    return f"/schedules/{_segment('a schedule', name)}"


def type_path(name: str) -> str:
    """The path of a job type."""
    return f"/types/{_segment('a job type', name)}"


def plain(name: str, value: object) -> Any:
    """A time or a duration as the service takes it. Raises ValueError without a time zone."""
    if name == "cpu_seconds" and isinstance(value, timedelta):
        return math.ceil(value.total_seconds())
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError(
                f"{name} has no time zone: use datetime.now(timezone.utc), for example"
            )
        return value.isoformat()
    return value.total_seconds() if isinstance(value, timedelta) else value


def require_known(what: str, given: Mapping[str, JsonValue], known: Sequence[str]) -> None:
    """Raise TypeError if a name is not known, with the most similar one that is."""
    for name in given:
        if name not in known:
            similar = get_close_matches(name, known, 1)
            hint = f"did you mean {similar[0]}?" if similar else f"known are {', '.join(known)}"
            raise TypeError(f"{what} does not take {name}: {hint}")


def with_json(method: str, path: str, document: Mapping[str, JsonValue]) -> Request:
    """A request whose body is a document."""
    return Request(method, path, headers={"Content-Type": JSON}, body=as_json(document))


def put(path: str, document: Mapping[str, JsonValue], *, only_new: bool) -> Request:
    """A request that creates something, or replaces it unless `only_new` forbids that."""
    request = with_json("PUT", path, document)
    if only_new:
        headers = {**request.headers, "If-None-Match": "*"}
        request = replace(request, headers=headers, done_status=412)
    return request


def upload_path(upload: str | HasUploadId) -> str:
    """The path of a resumable upload, which is given as it is or as its id."""
    given: Any = upload
    return f"/uploads/{_segment('an upload', getattr(given, 'upload_id', given))}"


def _segment(what: str, name: str) -> str:
    """Return a name as one segment of a path.

    Raises TypeError if the name is not a text, and ValueError if it is empty, `.` or `..`.
    """
    given: object = name
    if not isinstance(given, str):
        raise TypeError(f"{what} is named by a text, not by {repr(given)[:100]}")
    if name in ("", ".", ".."):
        raise ValueError(f"{name!r} is not a name")
    return quote(name, safe="")


def query_of(parameters: Mapping[str, JsonValue]) -> list[tuple[str, str]]:
    """The query of a request; parameters that are None are left out."""
    return [(name, str(value)) for name, value in parameters.items() if value is not None]


def one_wait(wait: float) -> float:
    """The seconds that one request waits of a longer wait."""
    return min(max(wait, 0.0), MAX_WAIT_SECONDS)


def wait_query(wait: float) -> list[tuple[str, str]]:
    """The query of a request that waits; empty for one that does not."""
    seconds = one_wait(wait)
    return [("wait", f"{round(seconds, 3):g}")] if seconds > 0 else []
