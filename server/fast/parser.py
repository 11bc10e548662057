"""The calls that come by the thousand, and cancels, without what Tornado and its handlers cost.

    bytes ─▶ read ─┬─ POST /jobs with JSON, GET /jobs/ID, both with ?wait=N or without a
                   │  query; POST /jobs/ID/cancel; plain headers ─▶ fast_calls ─▶ bytes
                   └─ all else ─▶ Tornado, from the first byte

The same checks, the same store, the same answers: the tests compare them. A request with any
header that is not listed here goes to the application: what a header means needs no thought here.
"""

import hashlib
import re
import time
from dataclasses import dataclass
from functools import lru_cache

from tornado.httputil import HTTPHeaders, format_timestamp

from server.auth.authenticate import require_role
from server.auth.callers import NOBODY, Role
from server.fast.calls import (
    Call,
    FastResponse,
    cancel_job,
    canceled_in,
    get_job,
    job_in,
    jobs_in,
    submit,
)
from server.http import cors as origins
from server.http.access_log import log_access
from server.http.failures import log_failure, problem_of
from server.http.problems import CONTENT_TYPE, Problem
from server.http.response import HEADERS, encode, http_answer
from server.jobs.services import Services

MAX_HEAD_BYTES = 4 << 10
"""Of a longer one, it would cost much to remember what it says."""
MAX_BODY_BYTES = 64 << 10
"""A longer one is the application's, which does not wait for its end to refuse it."""

_LINE = re.compile(rb"(GET|POST) (/jobs[!-~]*) HTTP/1\.1")
_LINES = re.compile(rb"(?:[A-Za-z-]+: ?[ -~]*\r\n)+")
_HOST = re.compile(r"[A-Za-z0-9.-]+(?::[0-9]+)?")
_SIZE = re.compile("[0-9]{1,9}")
_PLAIN = {"Host", "User-Agent", "Accept", "Accept-Encoding", "Connection", "Authorization"}
_PLAIN |= {"Traceparent", "Tracestate", "Content-Type", "Content-Length"}
_PLAIN |= {"Accept-Language", "Cache-Control", "Pragma", "Sec-Fetch-Mode"}  # mean nothing here
_PLAIN |= {f"X-Forwarded-{name}" for name in ("For", "Proto", "Host", "Port", "Server")}
_PLAIN |= {"X-Real-Ip"}  # all that proxies add; whose word is taken, Proxies knows
_JSON = {f"application/json{charset}" for charset in ("", ";charset=utf-8", "; charset=utf-8")}
_ROLES = {"GET": Role.READ, "POST": Role.SUBMIT}


@dataclass(frozen=True, slots=True)
class Fields:
    """Headers that are plain; `size` is that of the body, and `is_json` what it is said to be."""

    headers: HTTPHeaders
    size: int
    is_json: bool
    closes: bool


@dataclass(frozen=True, slots=True)
class Request:
    """One that is answered here, once no byte of it is missing."""

    method: str
    path: str
    fields: Fields
    body: bytes
    call: Call

    @property
    def is_whole(self) -> bool:
        """Whether all of it has come."""
        return len(self.body) == self.fields.size


class FastPath:
    """Reads requests and answers them, for the connections that have them."""

    def __init__(self, services: Services):
        self.services = services
        self._most_head = min(MAX_HEAD_BYTES, services.settings.max_header_bytes)
        self._headers = {**HEADERS, **origins.answer_headers({}, services.settings.origins)}
        self._most_body = min(MAX_BODY_BYTES, services.settings.max_json_bytes)

    def read(self, data: bytes) -> Request | None:
        """The request that these bytes are, perhaps without its end; None if that is not answered
        here, or cannot be told from what has come."""
        line, _, rest = data.partition(b"\r\n")
        head, end, body = rest.partition(b"\r\n\r\n")
        start = _LINE.fullmatch(line)
        if not (start and end) or len(data) - len(body) > self._most_head:
            return None
        fields = _fields(head)
        if fields is None or not len(body) <= fields.size <= self._most_body:
            return None
        method, path = start[1].decode(), start[2].decode()
        call = self._call(method, path, fields)
        return call and Request(method, path, fields, body, call)

    def _call(self, method: str, path: str, fields: Fields) -> Call | None:
        """What answers such a request; None if that is the application."""
        if method == "POST" and fields.is_json and (seconds := jobs_in(path)) is not None:
            return submit(self.services, fields.headers, seconds)
        if fields.size:
            return None
        if method == "GET":
            return get_job(self.services, *found) if (found := job_in(path)) else None
        job_id = canceled_in(path)
        return None if job_id is None else cancel_job(self.services, fields.headers, job_id)

    async def answer(self, request: Request, peer: str) -> bytes:
        """The whole answer to who is connected from this address."""
        began, caller = time.monotonic(), NOBODY
        admission, method = self.services.request_gate, request.method
        address = self.services.proxies.address(peer, request.fields.headers)
        try:
            caller = admission.caller(address, request.fields.headers, method)
            admission.count(address, caller)
            require_role(caller, _ROLES[method])
            answer = await request.call(request.body, caller)
            text = self._text(request, answer)
        except Exception as error:
            log_failure(error)
            answer = _refusal(problem_of(error, 500))
            text = self._text(request, answer)
        seconds = time.monotonic() - began
        log_access(method, request.path, answer.status, seconds, address, caller.name)
        return text

    def _text(self, request: Request, answer: FastResponse) -> bytes:
        body = encode(answer.document)
        headers = {"Date": _date(int(time.time())), **self._headers, **answer.headers}
        if answer.status == 200 and request.method == "GET":
            headers["Etag"] = f'"{hashlib.sha1(body, usedforsecurity=False).hexdigest()}"'
        if request.fields.closes:
            headers["Connection"] = "close"
        return http_answer(answer.status, headers, body)


def _refusal(problem: Problem) -> FastResponse:
    headers = {"Content-Type": CONTENT_TYPE, **problem.headers}
    return FastResponse(problem.status, problem.document(), headers)


@lru_cache(512)  # a client sends the same ones each time
def _fields(head: bytes) -> Fields | None:
    """The headers in all lines after the first one; None if they are not plain."""
    if not _LINES.fullmatch(head + b"\r\n"):
        return None
    headers = HTTPHeaders.parse(head.decode())
    size, connection = headers.get("Content-Length"), headers.get("Connection", "keep-alive")
    are_plain = (
        _PLAIN.issuperset(headers)
        and _HOST.fullmatch(headers.get("Host", ""))
        and connection.lower() in ("keep-alive", "close")
        and _SIZE.fullmatch(size or "0")
    )
    if not are_plain:
        return None
    is_json = headers.get("Content-Type", "").lower() in _JSON and size is not None
    return Fields(headers, int(size or 0), is_json, connection.lower() == "close")


@lru_cache(1)
def _date(second: int) -> str:
    return format_timestamp(second)
