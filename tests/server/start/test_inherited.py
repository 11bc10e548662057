"""The sockets that systemd opens for the listener, by the protocol of sd_listen_fds(3)."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from server.start.listening import UnusableSocket, inherited_sockets

OWN_PID = str(os.getpid())


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as opened:
        yield opened


def environ_of(pid: str = OWN_PID, count: str = "1") -> dict[str, str]:
    return {"LISTEN_PID": pid, "LISTEN_FDS": count, "LISTEN_FDNAMES": "web", "PATH": "/bin"}


def test_the_sockets_of_this_process_are_taken_over(listening: socket.socket) -> None:
    environ = environ_of()
    os.set_inheritable(listening.fileno(), True)
    (found,) = inherited_sockets(environ, first=os.dup(listening.fileno()))
    with found:
        assert found.getsockname() == listening.getsockname()
        assert not found.getblocking()
        assert not found.get_inheritable()
    assert environ == {"PATH": "/bin"}


@pytest.mark.parametrize(
    "environ",
    [{}, environ_of(pid="1"), environ_of(pid=""), environ_of(count=""), environ_of(count="0")],
)
def test_sockets_of_another_process_are_left_alone(environ: dict[str, str]) -> None:
    assert inherited_sockets(environ, first=10_000) == []


def test_a_socket_that_is_not_there_is_named() -> None:
    with pytest.raises(UnusableSocket, match="descriptor 10000 of systemd: Bad file descriptor"):
        inherited_sockets(environ_of(), first=10_000)


def test_only_sockets_that_listen_on_tcp_ports_are_served(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as local, socket.socket() as idle:
        local.bind(str(tmp_path / "service"))
        local.listen()
        idle.bind(("127.0.0.1", 0))
        for unusable in (local, idle):
            with pytest.raises(UnusableSocket, match="ListenStream= must be a port"):
                inherited_sockets(environ_of(), first=os.dup(unusable.fileno()))
