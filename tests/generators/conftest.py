"""A service for generated clients."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.generators.tools import places
from tests.support.callers import API_TOKENS, token
from tests.support.programs import Service, running_service


@pytest.fixture
def open_service(tmp_path: Path) -> Iterator[Service]:
    """A service without tokens, with a worker. Generated clients send none."""
    places()
    folder = tmp_path / "service"
    folder.mkdir()
    with running_service("", folder, JOB_TYPES="runner.job_types") as running:
        running.worker()
        yield running


@pytest.fixture
def service(open_service: Service) -> Service:
    """The service `open_service`, through a listener that asks for tokens."""
    listener = open_service.program("server", API_TOKENS=API_TOKENS)
    port = listener.logged("listening")["port"]
    url = f"http://127.0.0.1:{port}"
    return replace(open_service, listener=listener, base_url=url, token=token("sue"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder for a client, with a log file."""
    path = tmp_path / "client"
    path.mkdir()
    (path / "app.log").write_bytes(b"ERROR one\nwarn two\nERROR three\n")
    return path


@pytest.fixture
def document(open_service: Service, folder: Path) -> Path:
    """The description that the service sends, in a file."""
    status, described = open_service.call("GET", "/openapi.json")
    assert status == 200
    path = folder / "openapi.json"
    path.write_text(json.dumps(described))
    return path
