"""The two calls that come by the thousand, without what Tornado's handlers cost.

    HTTP/1.1 ─▶ FastPath ─┬─ POST /jobs with JSON, GET /jobs/ID, both with ?wait=N or
                          │  without a query; plain headers ─▶ fast_calls
                          └─ all else ─▶ the application

The same checks, the same store, the same answers: the tests compare them. A request with any
header that is not listed here goes to the application: what a header means needs no thought here.
"""

import asyncio
import hashlib
import re
import time
from collections.abc import Awaitable
from functools import lru_cache
from http.client import responses
from typing import Any

from tornado.httputil import (
    HTTPConnection,
    HTTPHeaders,
    HTTPMessageDelegate,
    HTTPServerConnectionDelegate,
    RequestStartLine,
    ResponseStartLine,
    format_timestamp,
)
from tornado.web import Application

from server.access import log_access
from server.callers import NOBODY, Role
from server.door import require_role
from server.failures import log_failure, problem_of
from server.fast_calls import Answer, Call, get_job, job_in, jobs_in, submit
from server.problems import CONTENT_TYPE
from server.services import Services
from server.wire import HEADERS, encode

MAX_BODY_BYTES = 64 << 10
"""A longer one is the application's, which does not wait for its end to refuse it."""

_PLAIN = {"Host", "User-Agent", "Accept", "Accept-Encoding", "Connection", "Authorization"}
_PLAIN |= {"Traceparent", "Tracestate"}
_WITH_BODY = {*_PLAIN, "Content-Type", "Content-Length"}
_EXPECTED = "100-continue"
_SIZE = re.compile("[0-9]{1,9}")
_ROLES = {"GET": Role.READ, "POST": Role.SUBMIT}


class FastPath(HTTPServerConnectionDelegate):
    """What the HTTP server asks for each request."""

    def __init__(self, application: Application, services: Services):
        self.application = application
        self.services = services

    def start_request(
        self, server_conn: object, request_conn: HTTPConnection
    ) -> HTTPMessageDelegate:
        """See HTTPServerConnectionDelegate."""
        return _Request(self, server_conn, request_conn)

    def on_close(self, server_conn: object) -> None:
        """See HTTPServerConnectionDelegate."""
        self.application.on_close(server_conn)

    def call(self, start: RequestStartLine, headers: HTTPHeaders) -> Call | None:
        """What answers such a request; None if that is the application."""
        if start.version != "HTTP/1.1":
            return None
        if start.method == "GET" and _PLAIN.issuperset(headers):
            found = job_in(start.path)
            return None if found is None else get_job(self.services, *found)
        seconds = jobs_in(start.path) if start.method == "POST" else None
        if seconds is not None and _WITH_BODY.issuperset(headers):
            size = headers.get("Content-Length", "")
            limit = min(MAX_BODY_BYTES, self.services.settings.max_json_bytes)
            if _is_json(headers) and _SIZE.fullmatch(size) and int(size) <= limit:
                return submit(self.services, headers, seconds)
        return None


class _Request(HTTPMessageDelegate):
    def __init__(self, path: FastPath, server_conn: object, connection: HTTPConnection):
        self._path, self._server_conn, self._connection = path, server_conn, connection
        self._context: Any = getattr(connection, "context", None)
        self._rest: HTTPMessageDelegate | None = None
        self._body, self._caller = b"", NOBODY

    def headers_received(
        self, start_line: RequestStartLine | ResponseStartLine, headers: HTTPHeaders
    ) -> Awaitable[None] | None:
        assert isinstance(start_line, RequestStartLine)
        self._path.services.proxies.note(self._context, headers)
        call = self._path.call(start_line, headers)
        if call is None:
            if headers.get("Expect", "").lower() == _EXPECTED:
                headers["Expect"] = _EXPECTED  # as Tornado knows it; Java's clients write it else
            application = self._path.application
            self._rest = application.start_request(self._server_conn, self._connection)
            return self._rest.headers_received(start_line, headers)
        self._start, self._call, self._began = start_line, call, time.monotonic()
        self._headers = headers
        self._entered = True
        self._path.services.entered()
        return None

    def data_received(self, chunk: bytes) -> Awaitable[None] | None:
        if self._rest:
            return self._rest.data_received(chunk)
        self._body += chunk
        return None

    def finish(self) -> None:
        if self._rest:
            self._rest.finish()
        else:
            self._task = asyncio.get_running_loop().create_task(self._answer())

    def on_connection_close(self) -> None:
        if self._rest:
            self._rest.on_connection_close()
        else:
            self._leave()

    async def _answer(self) -> None:
        try:
            self._admit()
            answer = await self._call(self._body, self._caller)
        except Exception as error:
            log_failure(error)
            problem = problem_of(error, 500)
            headers = {"Content-Type": CONTENT_TYPE, **problem.headers}
            answer = Answer(problem.status, problem.document(), headers)
        if self._entered:  # else the client went away
            self._write(answer)
            self._leave()

    def _admit(self) -> None:
        admission, address = self._path.services.admission, self._context.remote_ip
        method = self._start.method
        self._caller = admission.caller(address, self._headers, method)
        admission.count(address, self._caller)
        require_role(self._caller, _ROLES[method])

    def _write(self, answer: Answer) -> None:
        body = encode(answer.document)
        headers = HTTPHeaders({"Date": _date(int(time.time())), **HEADERS, **answer.headers})
        headers["Content-Length"] = str(len(body))
        if answer.status == 200 and self._start.method == "GET":
            headers["Etag"] = f'"{hashlib.sha1(body, usedforsecurity=False).hexdigest()}"'
        start = ResponseStartLine("HTTP/1.1", answer.status, responses[answer.status])
        self._connection.write_headers(start, headers, body)
        self._connection.finish()
        log_access(
            self._start.method,
            self._start.path,
            answer.status,
            time.monotonic() - self._began,
            self._context.remote_ip,
            self._caller.name,
        )

    def _leave(self) -> None:
        if self._entered:
            self._entered = False
            self._path.services.left()


def _is_json(headers: HTTPHeaders) -> bool:
    return headers.get("Content-Type", "").lower() == "application/json"


@lru_cache(1)
def _date(second: int) -> str:
    return format_timestamp(second)
