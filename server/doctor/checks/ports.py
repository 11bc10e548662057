"""Whether the listener can listen on its address, or already does."""

import errno
import json
import socket
from collections.abc import Iterator
from urllib.error import URLError
from urllib.request import urlopen

from server.doctor.findings.finding import Finding, ok
from server.doctor.findings.subject import Subject

NAME = "port"
_SECONDS = 1.0


def check(subject: Subject) -> Iterator[Finding]:
    """Yield whether the port is free, or a listener of this service answers there."""
    listener = subject.listener
    host, port = listener.listen_host or "0.0.0.0", listener.port
    shown = f"HOST={host}, PORT={port}"
    if port == 0:
        yield ok(NAME, "PORT=0: each listener picks a free port")
        return
    try:
        _bind(host, port)
        yield ok(NAME, f"{shown} is free")
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            yield _of_program(shown, subject)
            return
        yield Finding(
            NAME,
            "error",
            f"cannot listen on {shown}: {error.strerror or error}",
            "the listener does not start",
            "give HOST an address of this machine, or *; ports below 1024 need a capability "
            "(systemd: AmbientCapabilities=CAP_NET_BIND_SERVICE)",
        )


def _bind(host: str, port: int) -> None:
    family, kind, protocol, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    with socket.socket(family, kind, protocol) as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind(address)
        server.listen(1)


def _of_program(shown: str, subject: Subject) -> Finding:
    """Return the finding for a port that a program uses: a listener, or another one."""
    try:
        with urlopen(f"{subject.listener_url}/healthz", timeout=_SECONDS) as answer:
            is_listener = isinstance(json.load(answer).get("status"), str)
    except (URLError, OSError, ValueError, AttributeError) as error:
        is_listener = getattr(error, "code", None) == 503
    if is_listener:
        return ok(NAME, f"a listener answers on {shown}")
    return Finding(
        NAME,
        "error",
        f"another program listens on {shown}",
        "the listener does not start",
        f"find it with ss -ltnp 'sport = :{subject.listener.port}', or set PORT to another number",
    )
