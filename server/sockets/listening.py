"""Opens the sockets of the listener, and tells where it can be reached."""

import errno
import logging
import socket
from collections.abc import Sequence
from ipaddress import ip_address

from tornado.netutil import bind_sockets

from server.settings.server import ServerSettings
from server.sockets import shared_port
from server.sockets.inherited import inherited_sockets
from storage.records.release import RELEASE
from storage.telemetry.service_manager import start_level

log = logging.getLogger(__name__)


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
    """Return the URL by which a browser on this machine reaches the listener."""
    host = settings.listen_host or "localhost"
    return f"http://{f'[{host}]' if ':' in host else host}:{listening.getsockname()[1]}"


def log_addresses(sockets: Sequence[socket.socket], has_tokens: bool) -> None:
    """Log where the listener can be reached, and by whom if there are no tokens."""
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
