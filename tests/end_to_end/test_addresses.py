"""The addresses that a listener listens on: only the own machine, unless the operator opens it."""

import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.callers import API_TOKENS
from tests.support.programs import Program

ONLY_HERE = "no API_TOKENS are set: only this machine can connect; HOST opens the service"
OPEN = "no API_TOKENS are set: anyone who can reach this address may do anything"
Start = Callable[..., Program]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts a listener on a free port, with these settings."""
    started: list[Program] = []

    def begin(**settings: str) -> Program:
        environ = {"DATA_DIR": str(tmp_path), "DATABASE_URL": "", "PORT": "0", **settings}
        started.append(Program("server", tmp_path, environ))
        return started[-1]

    yield begin
    for program in started:
        assert program.stop() == 0


def reaches(program: Program, address: str) -> bool:
    """Whether the listener accepts connections to an address."""
    port = program.logged("listening")["port"]
    try:
        socket.create_connection((address, port), timeout=5).close()
    except ConnectionRefusedError:
        return False
    return True


@pytest.mark.heavy
def test_without_tokens_only_the_own_machine_can_connect(start: Start) -> None:
    listener = start(HOST="")
    assert reaches(listener, "127.0.0.1")
    assert not reaches(listener, "127.0.0.2")  # would be reached by way of any open address
    assert listener.logged(ONLY_HERE)["level"] == "INFO"
    addresses = listener.logged("listening")["addresses"].split(", ")
    assert "127.0.0.1" in addresses
    assert set(addresses) <= {"127.0.0.1", "::1"}


@pytest.mark.heavy
@pytest.mark.parametrize("host", ["*", "0.0.0.0"])
def test_host_opens_a_listener_without_tokens_and_the_log_warns(start: Start, host: str) -> None:
    listener = start(HOST=host)
    assert reaches(listener, "127.0.0.2")
    assert listener.logged(OPEN)["level"] == "WARNING"
    assert "0.0.0.0" in listener.logged("listening")["addresses"]


@pytest.mark.heavy
def test_with_tokens_a_listener_is_open(start: Start) -> None:
    listener = start(HOST="", API_TOKENS=API_TOKENS)
    assert reaches(listener, "127.0.0.2")
    assert not any("API_TOKENS" in line["message"] for line in listener.lines())


@pytest.mark.heavy
def test_host_restricts_a_listener_with_tokens(start: Start) -> None:
    listener = start(HOST="127.0.0.1", API_TOKENS=API_TOKENS)
    assert reaches(listener, "127.0.0.1")
    assert not reaches(listener, "127.0.0.2")
