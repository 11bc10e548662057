"""Sockets that systemd has opened for this program, by the protocol of sd_listen_fds(3).

They stay open while the program is restarted, so no client is refused meanwhile: its connection
waits in the queue of the socket.
"""

import os
import socket
from collections.abc import MutableMapping

FIRST = 3
"""The descriptor of the first socket. The others follow it."""
_VARIABLES = ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES")


class UnusableSocket(Exception):
    """A socket that systemd has opened cannot be served. The text says why, and what to change."""


def inherited_sockets(
    environ: MutableMapping[str, str] = os.environ, first: int = FIRST
) -> list[socket.socket]:
    """Return the sockets that were opened for this process; none if it opens its own.

    Removes the variables from `environ`, because they do not concern the processes that this one
    starts. Raises UnusableSocket.
    """
    pid, count, _ = (environ.pop(name, "") for name in _VARIABLES)
    if pid != str(os.getpid()) or not count.isdecimal():
        return []
    return [_take(descriptor) for descriptor in range(first, first + int(count))]


def _take(descriptor: int) -> socket.socket:
    try:
        os.set_inheritable(descriptor, False)
        found = socket.socket(fileno=descriptor)
        is_listening = found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    except OSError as error:
        raise UnusableSocket(f"descriptor {descriptor} of systemd: {error.strerror}") from error
    if found.family not in {socket.AF_INET, socket.AF_INET6} or not is_listening:
        name = found.getsockname()
        found.close()
        raise UnusableSocket(
            f"the socket {name!r} of systemd does not listen on a TCP port: ListenStream= must be "
            "a port or an address with a port, and Accept= must be no"
        )
    found.setblocking(False)
    return found
