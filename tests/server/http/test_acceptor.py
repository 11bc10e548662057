"""The acceptor: clients that are connected when it stops are not dropped."""

import contextlib
import socket
from collections.abc import Callable
from typing import Any

import pytest

from server.http.connections.acceptor import Acceptor
from server.http.connections.connection import ClientPace, Connection

PACE = ClientPace(idle_seconds=60, slow_seconds=60, min_bytes_per_second=1)


@pytest.mark.gen_test
async def test_clients_in_the_backlog_are_accepted_before_the_sockets_are_closed() -> None:
    accepted: list[Connection] = []

    def open_connection(
        client: socket.socket, address: Any, on_close: Callable[[Connection], None]
    ) -> Connection:
        accepted.append(Connection(client, address[0], on_close))
        return accepted[-1]

    with socket.create_server(("127.0.0.1", 0)) as listening, contextlib.ExitStack() as clients:
        listening.setblocking(False)
        acceptor = Acceptor(open_connection, [listening], 100, PACE)
        for _ in range(20):  # the event loop does not run meanwhile
            clients.enter_context(socket.create_connection(listening.getsockname()))
        acceptor.close()
        assert len(accepted) == 20
        assert listening.fileno() == -1
        for connection in accepted:
            connection.close()
        await acceptor.finish_connections(idle_seconds=60, seconds=60)
