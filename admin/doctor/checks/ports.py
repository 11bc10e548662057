"""Whether the listener can listen on its address, or already does."""

import errno
import json
import socket
from collections.abc import Iterator
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

from admin.doctor.findings.finding import Finding, ok
from admin.doctor.findings.subject import Subject, local_url

NAME = "port"
_SECONDS = 1.0
Address = tuple[int, tuple[Any, ...]]
"""The family of an address, and the address with its port, as sockets take it."""


def check(subject: Subject) -> Iterator[Finding]:
    """Yield whether the port is free, or a listener of this service answers there.

    A listener needs the port on each address of HOST: `localhost` has 127.0.0.1 and ::1.
    """
    host, port = subject.listener.listen_host, subject.listener.port
    shown = f"HOST={host or '*'}, PORT={port}"
    if port == 0:
        yield ok(NAME, "PORT=0: each listener picks a free port")
        return
    try:
        taken = [each for each in _addresses(host, port) if not _is_free(host, *each)]
    except OSError as error:
        yield Finding(
            NAME,
            "error",
            f"cannot listen on {shown}: {error.strerror or error}",
            "the listener does not start",
            "give HOST an address of this machine, or *; ports below 1024 need a capability "
            "(systemd: AmbientCapabilities=CAP_NET_BIND_SERVICE)",
        )
        return
    of_others = next((name for _, (name, *_) in taken if not _answers(local_url(name, port))), None)
    if not taken:
        yield ok(NAME, f"{shown} is free")
    elif of_others is None:
        yield ok(NAME, f"a listener answers on {shown}")
    else:
        yield Finding(
            NAME,
            "error",
            f"another program listens on {shown} (address {of_others})",
            "the listener does not start",
            f"find it with ss -ltnp 'sport = :{port}', or set PORT to another number",
        )


def _addresses(host: str | None, port: int) -> list[Address]:
    """Return the addresses of a host, None for all addresses. Raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    return list(dict.fromkeys((family, address) for family, *_, address in found))


def _is_free(host: str | None, family: int, address: tuple[Any, ...]) -> bool:
    """Return whether no program listens on an address. Raises OSError if none can.

    As for the listener, an address of IPv6 counts for nothing if this machine has no IPv6.
    """
    try:
        server = socket.socket(family, socket.SOCK_STREAM)
    except OSError as error:
        if error.errno == errno.EAFNOSUPPORT:
            return True
        raise
    with server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        try:
            server.bind(address)
            server.listen(1)
        except OSError as error:
            has_no_ipv6 = host == "localhost" and error.errno == errno.EADDRNOTAVAIL
            if error.errno != errno.EADDRINUSE and not (has_no_ipv6 and address[0] == "::1"):
                raise
            return error.errno != errno.EADDRINUSE
    return True


def _answers(url: str) -> bool:
    """Return whether a listener of this service answers."""
    try:
        with urlopen(f"{url}/healthz", timeout=_SECONDS) as answer:
            return isinstance(json.load(answer).get("status"), str)
    except (URLError, OSError, ValueError, AttributeError) as error:
        return getattr(error, "code", None) == 503
