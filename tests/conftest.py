"""Fixtures of all tests."""

import asyncio
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from tornado.httpclient import AsyncHTTPClient
from tornado.ioloop import IOLoop

from server.http_server import HttpApplication, HttpServer
from tests.support.api import Client, open_app
from tests.support.browsers import browser as browser
from tests.support.browsers import page as page
from tests.support.browsers import service as service
from tests.support.event_clients import Followers
from tests.support.pool.pools import Owner, open_pool
from tests.support.servers import postgres, s3
from tests.support.stores import Bench, open_bench


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[postgres.PostgresServer]:
    """A server for this session (each process of xdist has one); skips where there is none."""
    lack = postgres.missing()
    if lack is not None:
        if os.environ.get("CI"):
            pytest.fail(lack)
        pytest.skip(lack)
    with postgres.running_server() as server:
        yield server


@pytest.fixture(scope="session")
def s3_server() -> Iterator[s3.S3Server]:
    """A server for this session, as with PostgreSQL."""
    with s3.running_server() as server:
        yield server


@pytest.fixture
def bucket(s3_server: s3.S3Server) -> s3.Bucket:
    """A fresh bucket."""
    return s3_server.new_bucket()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a fresh database, once of each kind."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'jobs.db'}"
    else:
        server: postgres.PostgresServer = request.getfixturevalue("postgres_server")
        with server.new_database() as url:
            yield url


@pytest.fixture
def io_loop() -> Iterator[IOLoop]:
    """The loop of a test; pytest-tornado's own makes calls that Tornado has deprecated."""
    loop = IOLoop(make_current=False)
    asyncio.set_event_loop(loop.asyncio_loop)
    yield loop
    asyncio.set_event_loop(None)
    loop.close(all_fds=True)


@pytest.fixture
def bench(database_url: str, tmp_path: Path) -> Iterator[Bench]:
    """A fresh store on either database."""
    with open_bench(database_url, tmp_path) as bench:
        yield bench


@pytest.fixture
def app(bench: Bench, io_loop: IOLoop) -> Iterator[HttpApplication]:
    """The listener's application, for pytest-tornado's server."""
    with open_app(bench, io_loop) as application:
        yield application


@pytest.fixture
def http_server(
    app: HttpApplication, io_loop: IOLoop, _unused_port: tuple[socket.socket, int]
) -> Iterator[HttpServer]:
    """In place of pytest-tornado's: clients come in as they do to a listener."""

    async def begin() -> HttpServer:
        return HttpServer(app, [_unused_port[0]], max_connections=1000)

    entrance = io_loop.run_sync(begin)
    yield entrance
    entrance.close()
    io_loop.run_sync(entrance.close_all_connections)


@pytest.fixture
def client(app: HttpApplication, http_client: AsyncHTTPClient, base_url: str) -> Client:
    """A client of the listener. (`app` is named, or its databases would not be parameters.)"""
    return Client(http_client, base_url)


@pytest.fixture
def follow(io_loop: IOLoop) -> Iterator[Followers]:
    """Opens event streams that are closed at the end."""
    followers = Followers()
    yield followers
    io_loop.run_sync(followers.close)


@pytest.fixture(scope="module")
def shared() -> Iterator[Owner]:
    """A pool for the tests of one file."""
    with open_pool() as owner:
        yield owner


@pytest.fixture
def owner(shared: Owner) -> Iterator[Owner]:
    """A pool that is shared by tests which leave it as it was."""
    yield shared
    assert shared.kill_all() == []
