"""Who a client is by its address: behind proxies that are trusted, what they say of it.

    client ──▶ proxy ──▶ proxy ──▶ listener      X-Forwarded-For: made up, client, proxy
                                                                           ▲ counts: the last
                                                                  that is no trusted proxy

Anybody can send such headers, so they are read only if the peer is trusted. Imports nothing of
ours.
"""

from collections.abc import Collection, Mapping
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Any

_SITE_BITS = 64
"""What one customer of a provider has of IPv6 at least."""


class TrustedProxies:
    """Those whose word is taken."""

    def __init__(self, networks: Collection[IPv4Network | IPv6Network]):
        self._networks = networks
        self._is_trusted = lru_cache(4096)(self._is_within)

    def note(self, context: Any, headers: Mapping[str, str]) -> None:
        """Set `remote_ip` and `protocol` of a connection's context for the request that comes."""
        if self._networks:
            peer = str(context.address[0]) if context.address else ""
            context.remote_ip = self.address(peer, headers)
            context.protocol = self._protocol(peer, headers.get("X-Forwarded-Proto", ""))

    def address(self, peer: str, headers: Mapping[str, str]) -> str:
        """The address that counts of a request with these headers."""
        return self.client(peer, headers.get("X-Forwarded-For", "")) if self._networks else peer

    def client(self, peer: str, forwarded_for: str) -> str:
        """The address that counts."""
        client = peer
        for hop in reversed(forwarded_for.split(",")):
            if not self._is_trusted(client):
                break
            found = _address(hop)
            if found is None:
                break
            client = str(found)
        return client

    def _protocol(self, peer: str, forwarded: str) -> str:
        said = forwarded.rpartition(",")[2].strip().lower()
        return "https" if said == "https" and self._is_trusted(peer) else "http"

    def _is_within(self, text: str) -> bool:
        found = _address(text)
        return found is not None and any(found in network for network in self._networks)


def _address(text: str) -> IPv4Address | IPv6Address | None:
    """The address in 1.2.3.4, 1.2.3.4:5, ::1 or [::1]:5; None if it is none."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        found = ip_address(text)
    except ValueError:
        return None
    if isinstance(found, IPv6Address):
        return found.ipv4_mapped or found
    return found


@lru_cache(4096)
def site(address: str) -> str:
    """What is limited as one: an address of IPv4, or a network of IPv6."""
    found = _address(address)
    if isinstance(found, IPv6Address):
        return str(IPv6Network((int(found), _SITE_BITS), strict=False))
    return str(found or address)
