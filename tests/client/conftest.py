"""Fixtures of the client's tests: a real service, and clients of it."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from jobservice import Client
from tests.support.programs import Service, running_service


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A listener and a worker, for all tests of a file; tests must not stop them."""
    with running_service("", tmp_path_factory.mktemp("service")) as service:
        service.worker(CONCURRENCY_LIMIT="4")
        yield service


@pytest.fixture(scope="module")
def client(service: Service) -> Iterator[Client]:
    """A client of the service of this file."""
    with Client(service.base_url, retry_seconds=5) as client:
        yield client


@pytest.fixture
def own_service(tmp_path: Path) -> Iterator[Service]:
    """A listener and a worker that a test may stop."""
    with running_service("", tmp_path) as service:
        service.worker()
        yield service


@pytest.fixture
def event_loop() -> Iterator[asyncio.AbstractEventLoop]:
    """An event loop for asynchronous clients."""
    loop = asyncio.new_event_loop()
    yield loop
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.run_until_complete(loop.shutdown_default_executor())
    loop.close()
