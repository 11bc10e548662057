"""Fixtures of the client's tests: a real service, and clients of it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from jobservice import AsyncClient, Client
from tests.support.blocked import blocked
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


@pytest.fixture(params=["asynchronous", "blocking"], scope="module")
def api(request: pytest.FixtureRequest, service: Service) -> Iterator[Client]:
    """Either client, both with blocking calls."""
    if request.param == "blocking":
        with Client(service.base_url, retry_seconds=5) as client:
            yield client
    else:
        with blocked(AsyncClient(service.base_url, retry_seconds=5)) as client:
            yield client


@pytest.fixture
def listener(tmp_path: Path) -> Iterator[Service]:
    """A listener without a worker, which a test may stop and start again."""
    with running_service("", tmp_path) as service:
        yield service
