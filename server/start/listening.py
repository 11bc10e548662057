"""Opens the sockets of the listener, or takes over sockets of systemd, and logs their addresses.

systemd passes sockets by the protocol of sd_listen_fds(3). They stay open while the program is
restarted, so no client is refused meanwhile: its connection waits in the queue of the socket.
"""

import errno
import logging
import os
import socket
from collections.abc import MutableMapping, Sequence
from ipaddress import ip_address

from tornado.netutil import bind_sockets

from server.settings.server import ServerSettings
from server.start import shared_port
from storage.records.release import RELEASE
from storage.telemetry.service_manager import start_level

log = logging.getLogger(__name__)

_FIRST = 3
"""The descriptor of the first socket. The others follow it."""
_VARIABLES = ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES")


def take_over_sockets(settings: ServerSettings) -> list[socket.socket]:
    """Return the sockets that systemd has opened; none if the listener is to open its own.

    Raises UnusableSocket, and OSError if the address of the settings cannot be listened on, as when
    it is in use.
    """
    inherited = inherited_sockets()
    if not inherited and shared_port.must_be_free():
        for each in bind_sockets(settings.port, settings.listen_host):
            each.close()
    return inherited


def bind_to(settings: ServerSettings) -> list[socket.socket]:
    """Return sockets that listen on the address of the settings. Raises OSError."""
    is_shared = shared_port.is_shared()
    return bind_sockets(settings.port, settings.listen_host, reuse_port=is_shared)


def cannot_listen(settings: ServerSettings, error: OSError) -> str:
    """Return the text for an address that cannot be listened on."""
    host = f"HOST={settings.listen_host}, " if settings.listen_host else ""
    hint = "; PORT=NUMBER chooses another port" if error.errno == errno.EADDRINUSE else ""
    return f"cannot listen on {host}PORT={settings.port}: {error.strerror}{hint}"


def own_url(settings: ServerSettings, listening: socket.socket) -> str:
    """Return the URL of the listener for a browser on this machine."""
    host = settings.listen_host or "localhost"
    return f"http://{f'[{host}]' if ':' in host else host}:{listening.getsockname()[1]}"


def log_addresses(sockets: Sequence[socket.socket], has_tokens: bool) -> None:
    """Log the addresses of the listener. Without tokens, also log who can use the service."""
    addresses = [listening.getsockname()[0] for listening in sockets]
    port = sockets[0].getsockname()[1]
    extra = {"port": port, "addresses": ", ".join(addresses), "version": RELEASE}
    log.log(start_level(), "listening", extra=extra)
    if has_tokens:
        return
    if all(ip_address(address).is_loopback for address in addresses):
        text = "no API_TOKENS are set: only this machine can connect; HOST opens the service"
        log.log(start_level(), text)
    else:
        log.warning("no API_TOKENS are set: anyone who can reach this address may do anything")


class UnusableSocket(Exception):
    """A socket that systemd has opened cannot be served. The text says why, and what to change."""


def inherited_sockets(
    environ: MutableMapping[str, str] = os.environ, first: int = _FIRST
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
