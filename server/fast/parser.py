"""The fast path: parses and answers simple requests without Tornado's parser and handlers.

    bytes ─▶ read ─┬─ POST /jobs with JSON or GET /jobs/ID, with ?wait=N or no query, or
                   │  POST /jobs/ID/cancel; only known headers ─▶ server.fast.responders ─▶ bytes
                   └─ all else ─▶ Tornado, from the first byte

It makes the same checks and calls as the handlers, and its responses are identical: the tests
compare them. A request with a header that is not listed in `_KNOWN_HEADERS` goes to Tornado, so no
header can be misunderstood here.
"""

import re
import time
from dataclasses import dataclass
from functools import lru_cache

from tornado.httputil import HTTPHeaders, format_timestamp

from server.auth.authenticate import require_role
from server.auth.callers import ANONYMOUS, Role
from server.fast.responders import (
    FastResponse,
    Responder,
    cancel_job,
    get_job,
    parse_cancel_path,
    parse_job_path,
    parse_jobs_path,
    submit,
)
from server.http.access_log import log_access
from server.http.problems import CONTENT_TYPE, Problem, log_failure, problem_of
from server.http.response import (
    DEFAULT_HEADERS,
    HEADER,
    cors_headers,
    encode_json,
    etag_of,
    given_request_id,
    http_response,
    new_request_id,
)
from server.jobs.services import Services

MAX_HEAD_BYTES = 4 << 10
"""Longer heads go to Tornado: the cache of parsed heads would take too much memory."""
MAX_BODY_BYTES = 64 << 10
"""Longer bodies go to Tornado, which can refuse one before all of it has arrived."""

_REQUEST_LINE = re.compile(rb"(GET|POST) (/jobs[!-~]*) HTTP/1\.1")
_HEADER_LINES = re.compile(rb"(?:[A-Za-z-]+: ?[ -~]*\r\n)+")
_HOST = re.compile(r"[A-Za-z0-9.-]+(?::[0-9]+)?")
_DIGITS = re.compile("[0-9]{1,9}")
_KNOWN_HEADERS = {
    *("Host", "User-Agent", "Accept", "Accept-Encoding", "Connection", "Authorization"),
    *("Traceparent", "Tracestate", "Content-Type", "Content-Length"),
    *("Accept-Language", "Cache-Control", "Pragma", "Sec-Fetch-Mode"),  # without effect here
    # Proxies add these. TrustedProxies reads some of them.
    *(f"X-Forwarded-{name}" for name in ("For", "Proto", "Host", "Port", "Server")),
    "X-Real-Ip",
    HEADER,
}
_JSON = {f"application/json{charset}" for charset in ("", ";charset=utf-8", "; charset=utf-8")}
_ROLES = {"GET": Role.READ, "POST": Role.SUBMIT}


@dataclass(frozen=True, slots=True)
class RequestHeaders:
    """The headers of a simple request, and what was parsed from them."""

    fields: HTTPHeaders
    content_length: int
    is_json: bool
    closes: bool
    """Whether the client wants the connection to be closed after the response."""
    request_id: str | None
    """The id that the client chose for the request."""


@dataclass(frozen=True, slots=True)
class Request:
    """A simple request. The end of its body may still be missing."""

    method: str
    path: str
    headers: RequestHeaders
    body: bytes
    route: str
    is_timed: bool
    """Whether its duration is measured: it does not wait for a job."""
    respond: Responder

    @property
    def is_whole(self) -> bool:
        """Whether the whole body has arrived."""
        return len(self.body) == self.headers.content_length


class FastPath:
    """Parses and handles simple requests for all connections."""

    def __init__(self, services: Services):
        self.services = services
        settings = services.settings
        self._max_head_bytes = min(MAX_HEAD_BYTES, settings.max_header_bytes)
        self._max_body_bytes = min(MAX_BODY_BYTES, settings.max_json_bytes)
        self._headers = {**DEFAULT_HEADERS, **cors_headers({}, settings.allowed_origins)}

    def read(self, data: bytes) -> Request | None:
        """Parse the first bytes of a request.

        None if Tornado must handle it, or if its head is not complete.
        """
        line, _, rest = data.partition(b"\r\n")
        head, end, body = rest.partition(b"\r\n\r\n")
        request_line = _REQUEST_LINE.fullmatch(line)
        if not (request_line and end) or len(data) - len(body) > self._max_head_bytes:
            return None
        headers = _parse_headers(head)
        if headers is None or not len(body) <= headers.content_length <= self._max_body_bytes:
            return None
        if not self.services.hosts.allows(headers.fields["Host"]):
            return None
        method, path = request_line[1].decode(), request_line[2].decode()
        found = self._responder(method, path, headers)
        return found and Request(method, path, headers, body, *found)

    def _responder(
        self, method: str, path: str, headers: RequestHeaders
    ) -> tuple[str, bool, Responder] | None:
        """Return the route of a request, whether it is timed, and its responder.

        None if Tornado must handle it.
        """
        services, fields = self.services, headers.fields
        if method == "POST" and headers.is_json and (seconds := parse_jobs_path(path)) is not None:
            return "/jobs", not seconds, submit(services, fields, seconds)
        if headers.content_length:
            return None
        if method == "GET" and (job := parse_job_path(path)):
            return "/jobs/{job_id}", not job[1], get_job(services, *job)
        if method == "POST" and (job_id := parse_cancel_path(path)):
            return "/jobs/{job_id}/cancel", True, cancel_job(services, fields, job_id)
        return None

    async def handle(self, request: Request, peer: str) -> bytes:
        """Return the whole response to a request from the address `peer`."""
        started_at, caller = time.monotonic(), ANONYMOUS
        authenticator, method = self.services.authenticator, request.method
        request_id = request.headers.request_id or new_request_id()
        address = self.services.proxies.client_address(peer, request.headers.fields)
        try:
            caller = authenticator.admit(address, request.headers.fields, method)
            authenticator.count_request(address, caller.name)
            require_role(caller, _ROLES[method])
            response = await request.respond(request.body, caller)
            data = self._encode(request, response, request_id)
        except Exception as error:
            log_failure(error, request_id)
            response = _problem_response(problem_of(error, 500), request_id)
            data = self._encode(request, response, request_id)
        seconds = time.monotonic() - started_at
        counted = seconds if request.is_timed else None
        self.services.request_metrics.count(request.route, method, response.status, counted)
        log_access(method, request.path, response.status, seconds, address, caller.name, request_id)
        return data

    def _encode(self, request: Request, response: FastResponse, request_id: str) -> bytes:
        body = encode_json(response.document)
        own = {"Date": _http_date(int(time.time())), HEADER: request_id}
        headers = {**own, **self._headers, **response.headers}
        if response.status == 200 and request.method == "GET":
            headers["Etag"] = etag_of(body)
        if request.headers.closes or self.services.stopping:
            headers["Connection"] = "close"
        return http_response(response.status, headers, body)


def _problem_response(problem: Problem, request_id: str) -> FastResponse:
    headers = {"Content-Type": CONTENT_TYPE, **problem.headers}
    return FastResponse(problem.status, problem.document(request_id), headers)


@lru_cache(512)  # a client sends the same headers with each request
def _parse_headers(head: bytes) -> RequestHeaders | None:
    """Parse the header lines. None if Tornado must handle the request."""
    if not _HEADER_LINES.fullmatch(head + b"\r\n"):
        return None
    fields = HTTPHeaders.parse(head.decode())
    length, connection = fields.get("Content-Length"), fields.get("Connection", "keep-alive")
    is_simple = (
        _KNOWN_HEADERS.issuperset(fields)
        and _HOST.fullmatch(fields.get("Host", ""))
        and connection.lower() in ("keep-alive", "close")
        and _DIGITS.fullmatch(length or "0")
    )
    if not is_simple:
        return None
    is_json = fields.get("Content-Type", "").lower() in _JSON and length is not None
    closes, request_id = connection.lower() == "close", given_request_id(fields)
    return RequestHeaders(fields, int(length or 0), is_json, closes, request_id)


@lru_cache(1)
def _http_date(second: int) -> str:
    return format_timestamp(second)
