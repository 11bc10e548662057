"""The fast path: parses and answers simple requests without Tornado's parser and handlers.

    bytes ─▶ read ─┬─ POST /jobs with JSON or GET /jobs/ID, with ?wait=N or no query, or
                   │  POST /jobs/ID/cancel; only known headers ─▶ handle ─▶ server.jobs ─▶ bytes
                   └─ all else ─▶ Tornado, from the first byte

It makes the same checks and calls as the handlers, and its responses are identical: the tests run
both ways. A request with a header that is not listed in `_KNOWN_HEADERS` goes to Tornado, so no
header can be misunderstood here.
"""

import re
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from uuid import UUID

from tornado.httputil import HTTPHeaders, format_timestamp

from server.auth.addresses import AllowedHosts, TrustedProxies
from server.auth.authenticate import Authenticator, require_role
from server.auth.callers import ANONYMOUS, Caller, Role
from server.documents.filters import MAX_WAIT_SECONDS, preferred_wait
from server.http.compression import compress, gzip_etag, is_compressible
from server.http.conditions import ALWAYS
from server.http.cors import cors_headers
from server.http.negotiation import takes_gzip
from server.http.problems import CONTENT_TYPE, log_failure, problem_of
from server.http.request_log import Activity
from server.http.response import (
    DEFAULT_HEADERS,
    HEADER,
    encode_json,
    etag_of,
    given_request_id,
    http_response,
    new_request_id,
)
from server.jobs.admission import Admissions
from server.jobs.jobs import Jobs
from server.jobs.response import Response
from server.jobs.submissions import Submissions
from server.settings.server import ServerSettings

MAX_HEAD_BYTES = 4 << 10
"""Longer heads go to Tornado: the cache of parsed heads would take too much memory."""
MAX_BODY_BYTES = 64 << 10
"""Longer bodies go to Tornado, which can refuse one before all of it has arrived."""

_WAIT = r"(?:\?wait=(?P<wait>[0-9]{1,2}))?"
_ID = "(?P<id>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})"
_SUBMIT = re.compile(f"(?P<path>/jobs){_WAIT}")
_GET = re.compile(f"(?P<path>/jobs/{_ID}){_WAIT}")
_CANCEL = re.compile(f"(?P<path>/jobs/{_ID}/cancel)(?P<wait>)")
_REQUEST_LINE = re.compile(rb"(GET|POST) (/jobs[!-~]*) HTTP/1\.1")
_HEADER_LINES = re.compile(rb"(?:[A-Za-z-]+: ?[ -~]*\r\n)+")
_HOST = re.compile(r"[A-Za-z0-9.-]+(?::[0-9]+)?")
_DIGITS = re.compile("[0-9]{1,9}")
_KNOWN_HEADERS = {
    *("Host", "User-Agent", "Accept", "Accept-Encoding", "Connection", "Authorization"),
    *("Traceparent", "Tracestate", "Content-Type", "Content-Length", "Idempotency-Key", "Prefer"),
    *("Accept-Language", "Cache-Control", "Pragma", "Sec-Fetch-Mode"),  # without effect here
    # Proxies add these. TrustedProxies reads some of them.
    *(f"X-Forwarded-{name}" for name in ("For", "Proto", "Host", "Port", "Prefix", "Server")),
    "X-Real-Ip",
    HEADER,
}
_JSON = {f"application/json{charset}" for charset in ("", ";charset=utf-8", "; charset=utf-8")}

Roles = Mapping[tuple[str, str], Role]
"""The role that each operation needs, by method and route."""


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
    preferred_wait: int | None
    """The seconds of `Prefer: wait=30`."""
    takes_gzip: bool
    """Whether the response may be compressed."""


@dataclass(frozen=True, slots=True)
class Request:
    """A simple request. The end of its body may still be missing."""

    method: str
    path: str
    headers: RequestHeaders
    body: bytes
    route: str
    job_id: UUID | None
    seconds: float
    """How long to wait for the end of the job."""
    preference_applied: bool
    respond: "Callable[[Request, Caller], Awaitable[Response]]"

    @property
    def is_whole(self) -> bool:
        """Whether the whole body has arrived."""
        return len(self.body) == self.headers.content_length


class FastPath:
    """Parses and handles simple requests for all connections."""

    def __init__(
        self,
        submissions: Submissions,
        jobs: Jobs,
        admissions: Admissions,
        authenticator: Authenticator,
        hosts: AllowedHosts,
        proxies: TrustedProxies | None,
        activity: Activity,
        settings: ServerSettings,
        roles: Roles,
    ):
        self._submissions = submissions
        self._jobs = jobs
        self._admissions = admissions
        self._authenticator = authenticator
        self._hosts = hosts
        self._proxies = proxies
        self.activity = activity
        self._root_path = settings.root_path
        self._roles = roles
        self._default_headers = {**DEFAULT_HEADERS, **cors_headers({}, settings.allowed_origins)}

    def read(self, data: bytes) -> Request | None:
        """Parse the first bytes of a request.

        None if Tornado must handle it, or if its head is not complete.
        """
        line, _, rest = data.partition(b"\r\n")
        head, end, body = rest.partition(b"\r\n\r\n")
        request_line = _REQUEST_LINE.fullmatch(line)
        if not (request_line and end) or len(data) - len(body) > MAX_HEAD_BYTES:
            return None
        headers = _parse_headers(head)
        if headers is None or not len(body) <= headers.content_length <= MAX_BODY_BYTES:
            return None
        if not self._hosts.allows(headers.fields["Host"]):
            return None
        return self._route(request_line[1].decode(), request_line[2].decode(), headers, body)

    def _route(
        self, method: str, target: str, headers: RequestHeaders, body: bytes
    ) -> Request | None:
        """Find out what a request asks for. None if Tornado must handle it."""
        is_post, is_empty = method == "POST", not headers.content_length
        if is_post and headers.is_json and (match := _SUBMIT.fullmatch(target)):
            route, respond = "/jobs", self._submit
        elif not is_post and is_empty and (match := _GET.fullmatch(target)):
            route, respond = "/jobs/{job_id}", self._get
        elif is_post and is_empty and (match := _CANCEL.fullmatch(target)):
            route, respond = "/jobs/{job_id}/cancel", self._cancel
        else:
            return None
        wait, preferred = match["wait"], headers.preferred_wait
        applied = wait is None and preferred is not None
        seconds = float((preferred if applied else wait) or 0)
        if seconds > MAX_WAIT_SECONDS:
            return None
        job_id = UUID(match["id"]) if "id" in match.re.groupindex else None
        path = match["path"]
        return Request(method, path, headers, body, route, job_id, seconds, applied, respond)

    async def handle(self, request: Request, peer: str) -> bytes:
        """Return the whole response to a request from the address `peer`."""
        started_at, caller = time.monotonic(), ANONYMOUS
        headers, method = request.headers, request.method
        request_id = headers.request_id or new_request_id()
        proxies = self._proxies
        address = proxies.client_address(peer, headers.fields) if proxies else peer
        try:
            if self._authenticator.provider:
                await self._authenticator.prepare(headers.fields)
            caller = self._authenticator.admit(address, headers.fields, method)
            self._authenticator.count_request(address, caller)
            require_role(caller, self._roles[method, request.route])
            response = await request.respond(request, caller)
            data = self._encode(request, response, request_id)
        except Exception as error:
            log_failure(error, request_id)
            problem = problem_of(error, 500)
            own_headers = {"Content-Type": CONTENT_TYPE, **problem.headers}
            document = problem.document(request_id, self._root_path)
            response = Response(problem.status, document, own_headers)
            data = self._encode(request, response, request_id)
        seconds = time.monotonic() - started_at
        self.activity.record(
            request.route,
            method,
            request.path,
            response.status,
            seconds,
            not request.seconds,
            address,
            caller.name,
            request_id,
        )
        return data

    async def _submit(self, request: Request, caller: Caller) -> Response:
        size = request.headers.content_length
        admission = await self._admissions.admit(request.headers.fields, caller, size)
        return await self._submissions.submit(admission, request.body, request.seconds)

    async def _get(self, request: Request, caller: Caller) -> Response:
        assert request.job_id
        return await self._jobs.get(request.job_id, caller, request.seconds)

    async def _cancel(self, request: Request, caller: Caller) -> Response:
        assert request.job_id
        return await self._jobs.cancel(request.job_id, caller, request.headers.fields, ALWAYS)

    def _encode(self, request: Request, response: Response, request_id: str) -> bytes:
        body = encode_json(response.document)
        own = {"Date": _http_date(int(time.time())), HEADER: request_id}
        headers = {**own, **self._default_headers, **response.headers}
        if request.preference_applied and response.status < 400:
            headers["Preference-Applied"] = f"wait={request.headers.preferred_wait}"
        if response.status == 200 and request.method == "GET":
            headers["Etag"] = etag_of(body)
        if is_compressible(headers["Content-Type"], len(body)):
            headers["Vary"] = ",".join(filter(None, (headers.get("Vary"), "Accept-Encoding")))
            if request.headers.takes_gzip:
                headers["Content-Encoding"] = "gzip"
                if "Etag" in headers:
                    headers["Etag"] = gzip_etag(headers["Etag"])
                body = compress(body)
        if request.headers.closes or self.activity.stopping:
            headers["Connection"] = "close"
        return http_response(response.status, headers, body)


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
    return RequestHeaders(
        fields,
        content_length=int(length or 0),
        is_json=fields.get("Content-Type", "").lower() in _JSON and length is not None,
        closes=connection.lower() == "close",
        request_id=given_request_id(fields),
        preferred_wait=preferred_wait(fields.get("Prefer", "")),
        takes_gzip=takes_gzip(fields.get("Accept-Encoding")),
    )


@lru_cache(1)
def _http_date(second: int) -> str:
    return format_timestamp(second)
