"""Fixtures that all tests share."""

import asyncio
import runpy
import shutil
import socket
from collections.abc import Generator, Iterator
from contextlib import ExitStack
from pathlib import Path
from unittest.mock import patch

import pytest
from tornado.httpclient import AsyncHTTPClient
from tornado.ioloop import IOLoop

from server.start.app import App
from server.start.http_server import HttpServer
from server.start.routes import routes
from tests.support.api import Client, open_app
from tests.support.browsers import browser as browser
from tests.support.browsers import page as page
from tests.support.browsers import service as service
from tests.support.compiled_once import shared_compilation
from tests.support.event_clients import Followers
from tests.support.paths import ROOT
from tests.support.pool.pools import Owner, open_pool
from tests.support.selection import HELP_OF_ALL, is_left_out, processes
from tests.support.servers import postgres, s3
from tests.support.servers.shared_database import SharedDatabases
from tests.support.skips import refuse_unknown_skip
from tests.support.stores import Bench, open_bench

runpy.run_path(str(ROOT / "client/generate_sync.py"), run_name="__main__")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add --all."""
    parser.addoption("--all", action="store_true", help=HELP_OF_ALL)


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Run many tests in several processes, and few in this one."""
    return processes(config)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Import no other file if only the tests are run that measure time: imports take longer."""
    only_timing = config.option.markexpr == "timing" and collection_path.name.startswith("test_")
    return True if only_timing and "timing" not in collection_path.read_text() else None


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out heavy tests and second runs. Pytest calls this after -k and -m have chosen."""
    chosen = {each.nodeid for each in items}
    left_out = {each for each in items if is_left_out(each, config, chosen)}
    config.hook.pytest_deselected(items=[*left_out])
    items[:] = [each for each in items if each not in left_out]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Fail a test that CI may not skip."""
    report = yield
    refuse_unknown_skip(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Fail a file that CI may not skip."""
    report = yield
    refuse_unknown_skip(report)
    return report


@pytest.fixture(scope="session", autouse=True)
def compiled_once() -> Iterator[None]:
    """Compiles statements once for all tests of a process, not once for each store."""
    with shared_compilation():
        yield


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[postgres.PostgresServer]:
    """A PostgreSQL server for this session (one per process of xdist). Skips the test if PostgreSQL
    is not installed."""
    lack = postgres.missing()
    if lack is not None:
        pytest.skip(lack)
    with postgres.running_server() as server:
        yield server


@pytest.fixture(scope="session")
def s3_server() -> Iterator[s3.S3Server]:
    """An S3 server for this session (one per process of xdist)."""
    with s3.running_server() as server:
        yield server


@pytest.fixture
def bucket(s3_server: s3.S3Server) -> s3.Bucket:
    """A new, empty bucket."""
    return s3_server.new_bucket()


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database without tables. Runs the test once with SQLite, where the file does not
    exist yet, and once with PostgreSQL."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'jobs.db'}"
    else:
        server: postgres.PostgresServer = request.getfixturevalue("postgres_server")
        with server.new_database() as url:
            yield url


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with the tables of a new store, for copies."""
    folder = tmp_path_factory.mktemp("migrated")
    with open_bench(f"sqlite:///{folder / 'jobs.db'}", folder):
        return folder / "jobs.db"


@pytest.fixture(scope="session")
def shared_databases(
    postgres_server: postgres.PostgresServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SharedDatabases]:
    """Lends a PostgreSQL database with the tables of a new store, which is used again."""
    databases = SharedDatabases(postgres_server, tmp_path_factory.mktemp("migrated"))
    yield databases
    databases.close()


@pytest.hookimpl(tryfirst=True)
def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run tests that are marked with `sqlite` only with this database."""
    above_the_store = metafunc.definition.get_closest_marker("sqlite")
    if above_the_store and "database_url" in metafunc.fixturenames:
        only = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
        metafunc.definition.add_marker(only)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database with the tables of a new store: creating them for each test takes a
    while. Runs the test once with SQLite and once with PostgreSQL."""
    if request.param == "sqlite":
        migrated: Path = request.getfixturevalue("migrated_file")
        yield f"sqlite:///{shutil.copy(migrated, tmp_path)}"
    else:
        databases: SharedDatabases = request.getfixturevalue("shared_databases")
        with databases.lend() as url:
            yield url


@pytest.fixture
def io_loop() -> Iterator[IOLoop]:
    """The event loop of a test. pytest-tornado's own fixture uses deprecated calls of Tornado."""
    loop = IOLoop(make_current=False)
    asyncio.set_event_loop(loop.asyncio_loop)
    yield loop
    asyncio.set_event_loop(None)
    loop.close(all_fds=True)


@pytest.fixture
def bench(database_url: str, tmp_path: Path) -> Iterator[Bench]:
    """A new store. Runs the test once with each database."""
    with ExitStack() as stack:
        with patch("storage.open._migrate"):  # the tables are up to date
            bench = stack.enter_context(open_bench(database_url, tmp_path))
        yield bench


@pytest.fixture
def app(bench: Bench, io_loop: IOLoop) -> Iterator[App]:
    """The listener's application on the store `bench`, for pytest-tornado's server."""
    with open_app(bench, io_loop) as application:
        yield application


@pytest.fixture
def http_server(
    app: App, io_loop: IOLoop, _unused_port: tuple[socket.socket, int]
) -> Iterator[HttpServer]:
    """Replaces pytest-tornado's server, so that connections are accepted as in a listener."""

    async def begin() -> HttpServer:
        return app.serve(routes(app), [_unused_port[0]], max_connections=1000)

    entrance = io_loop.run_sync(begin)
    yield entrance
    entrance.acceptor.close()
    io_loop.run_sync(entrance.close_all_connections)


@pytest.fixture
def client(app: App, http_client: AsyncHTTPClient, base_url: str) -> Client:
    """A client of the listener. Depends on `app` so that the test runs with each database."""
    return Client(http_client, base_url)


@pytest.fixture
def follow(io_loop: IOLoop) -> Iterator[Followers]:
    """Opens event streams, and closes them after the test."""
    followers = Followers()
    yield followers
    io_loop.run_sync(followers.close)


@pytest.fixture(scope="module")
def shared() -> Iterator[Owner]:
    """A process pool for all tests of a file."""
    with open_pool() as owner:
        yield owner


@pytest.fixture
def owner(shared: Owner) -> Iterator[Owner]:
    """The shared process pool, for tests that leave it unchanged."""
    yield shared
    assert shared.kill_all() == []
