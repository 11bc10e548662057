"""A listener on a real socket, and a client that checks its responses."""

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from tornado.httpclient import AsyncHTTPClient, HTTPResponse
from tornado.ioloop import IOLoop
from tornado.testing import bind_unused_port

from runner.job_types.registry import loader as job_types
from server.settings.server import ServerSettings
from server.start.app import App
from server.start.routes import routes
from tests.support.forms import FILE as FILE
from tests.support.forms import analyze_form as analyze_form
from tests.support.forms import form as form
from tests.support.job_documents import loads
from tests.support.openapi_conformance import require_described
from tests.support.stores import Bench

FAST_PATH = True
"""Whether listeners use the fast path; tests/server/conftest.py runs tests both ways."""


@contextmanager
def open_app(bench: Bench, io_loop: IOLoop, **limits: Any) -> Iterator[App]:
    """Yield the objects of a listener on this store; `limits` are settings."""
    opened = opened_app(bench, **limits)
    app = io_loop.run_sync(opened.__aenter__)
    try:
        yield app
    finally:
        io_loop.run_sync(lambda: opened.__aexit__(None, None, None))


@asynccontextmanager
async def opened_app(bench: Bench, **limits: int | str) -> AsyncIterator[App]:
    """Yield the objects of a listener on this store; `limits` are settings."""
    given = bench.store.settings.model_dump(by_alias=True) | {
        name.upper(): value for name, value in limits.items()
    }
    settings = ServerSettings.model_validate(given)
    app = App(settings, bench.store, job_types.find(settings.job_type_packages))
    if not FAST_PATH:
        app.fast_path = None
    try:
        yield app
    finally:
        await app.finish_requests(5)
        app.close()


class Client:
    """A client of the listener under test. Error responses raise nothing."""

    def __init__(self, http: AsyncHTTPClient, base_url: str):
        self._http = http
        self.base_url = base_url

    async def fetch(self, path: str, **options: Any) -> HTTPResponse:
        """Send any request. Fails if the OpenAPI description does not allow the response."""
        options = {"raise_error": False, "allow_nonstandard_methods": True, **options}
        response = await self._http.fetch(self.base_url + path, **options)
        require_described(options.get("method", "GET"), path, response)
        return response

    async def get(self, path: str, status: int = 200, **options: Any) -> Any:
        """Return the JSON of a response that must have this status."""
        return read(await self.fetch(path, **options), status)

    async def post(self, path: str, document: Any = None, status: int = 202) -> Any:
        """Post JSON, or bytes unchanged; return the JSON of the response."""
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        headers = {"Content-Type": "application/json"}
        return read(await self.fetch(path, method="POST", body=body, headers=headers), status)

    async def post_form(self, parts: list[tuple[str, str | None, bytes]], status: int = 202) -> Any:
        """Post a form of parts (name, file name or None, content); return the JSON response."""
        body, content_type = form(parts)
        headers = {"Content-Type": content_type}
        return read(await self.fetch("/jobs", method="POST", body=body, headers=headers), status)

    async def sleep_job(self, **options: Any) -> str:
        """Submit a sleep job; return its id."""
        document = {"type": "sleep", "payload": {"seconds": 5}, **options}
        return str((await self.post("/jobs", document))["job_id"])


@asynccontextmanager
async def listener_client(bench: Bench, **settings: Any) -> AsyncIterator[Client]:
    """Yield a client of a listener with these settings, on a real socket."""
    async with opened_app(bench, **settings) as app:
        socket, port = bind_unused_port()
        server = app.serve(routes(app), [socket], 10)
        yield Client(AsyncHTTPClient(), f"http://127.0.0.1:{port}")
        server.acceptor.close()
        await server.close_all_connections()
        socket.close()


def read(response: HTTPResponse, status: int) -> Any:
    """Return the JSON of a response. An error response must be a problem document."""
    assert response.code == status, response.body
    if status >= 400:
        assert response.headers["Content-Type"] == "application/problem+json"
        problem = json.loads(response.body)
        assert problem["status"] == status
        assert problem["title"]
        assert problem["detail"]
        return problem
    assert response.headers["Content-Type"] == "application/json; charset=utf-8"
    return loads(response.body)


def fields(problem: Any) -> list[str]:
    """The field names in a problem document."""
    return [error["field"] for error in problem.get("errors", [])]
