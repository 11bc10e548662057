"""The addresses of clients behind trusted proxies, and the host names of the service.

    client ──▶ proxy ──▶ proxy ──▶ listener      X-Forwarded-For: forged, client, proxy
                                                                          ▲
                                         the client's address: the last one that is not trusted

Any client can send these headers, so they are read only if the peer is a trusted proxy. Imports
nothing of ours.
"""

import re
from collections.abc import Collection, Mapping, MutableMapping
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Any

ANY_HOST = "*"
PUBLIC_HOST = "X-Forwarded-Host"
"""The header with the host that the client named to a trusted proxy; no other peer sets it."""
_OWN_PORTS = {("http", "80"), ("https", "443")}
_DIGITS = re.compile("[0-9]{1,5}")
_PORT = re.compile(r":[0-9]*\Z")
_ENTRY = re.compile(r"\.?[a-z0-9_-]+(?:\.[a-z0-9_-]+)*")
_IPV6_PREFIX_BITS = 64
"""Providers give each customer at least a /64 network."""


class TrustedProxies:
    """Finds the client's address, protocol and host. Only headers from `networks` are believed."""

    def __init__(
        self,
        networks: Collection[IPv4Network | IPv6Network],
        hosts: "AllowedHosts",
        names: Collection[str] = (),
    ):
        """`names` are the headers that say who the caller is (AUTH_PROXY_HEADER)."""
        self._networks = networks
        self._hosts = hosts
        self._names = names
        self._is_trusted = lru_cache(4096)(self._is_within)

    def update_context(self, context: Any, headers: MutableMapping[str, str]) -> None:
        """Set `remote_ip` and `protocol` in Tornado's connection context for the next request, and
        X-Forwarded-Host in its headers to the host that the client named; remove it, and headers
        that say who the caller is, if a peer that is no trusted proxy has sent them."""
        peer = str(context.address[0]) if context.address else ""
        is_trusted = self._is_trusted(peer)
        context.remote_ip = self.client_address(peer, headers)
        is_https = is_trusted and _last(headers, "X-Forwarded-Proto").lower() == "https"
        context.protocol = "https" if is_https else "http"
        host = self._named_host(headers, context.protocol) if is_trusted else ""
        headers.pop(PUBLIC_HOST, None)
        if host:
            headers[PUBLIC_HOST] = host
        for name in () if is_trusted else self._names:
            headers.pop(name, None)

    def _named_host(self, headers: Mapping[str, str], protocol: str) -> str:
        """The host that a proxy names in X-Forwarded-Host or X-Forwarded-Port, empty if in none.

        The host has a port unless that is the protocol's own. Some proxies pass on a client's value
        of these headers, so only a name of this service counts.
        """
        host, port = _last(headers, PUBLIC_HOST), _last(headers, "X-Forwarded-Port")
        if _DIGITS.fullmatch(port) and (protocol, port) not in _OWN_PORTS:
            host = host or headers.get("Host", "")
            host = host if _PORT.search(host) else f"{host}:{port}"
        return host if self._hosts.allows(host) else ""

    def client_address(self, peer: str, headers: Mapping[str, str]) -> str:
        """The client's address for a request that arrived from `peer` with these headers.

        It is the last address in X-Forwarded-For, followed by `peer`, that is no trusted proxy. The
        list is read from its end, and reading stops at an entry that is not an address. If all
        entries that were read are trusted, returns the last one read.
        """
        client = peer
        for hop in reversed(headers.get("X-Forwarded-For", "").split(",")):
            if not self._is_trusted(client):
                break
            address = _parse_address(hop)
            if address is None:
                break
            client = str(address)
        return client

    def _is_within(self, text: str) -> bool:
        address = _parse_address(text)
        return address is not None and any(address in network for network in self._networks)


def public_host(headers: Mapping[str, str]) -> str:
    """The host that the client called: from a trusted proxy's header, else from Host."""
    return headers.get(PUBLIC_HOST) or headers.get("Host", "")


def _last(headers: Mapping[str, str], name: str) -> str:
    """The last entry of a header, which the nearest proxy has added."""
    return headers.get(name, "").rpartition(",")[2].strip()


def _parse_address(text: str) -> IPv4Address | IPv6Address | None:
    """The address in `1.2.3.4`, `1.2.3.4:5`, `::1` or `[::1]:5`. None if there is none."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv6Address):
        return address.ipv4_mapped or address
    return address


@lru_cache(4096)
def rate_limit_network(address: str) -> str:
    """The address or network that shares one rate limit: an IPv4 address, or an IPv6 /64."""
    parsed = _parse_address(address)
    if isinstance(parsed, IPv6Address):
        return str(IPv6Network((int(parsed), _IPV6_PREFIX_BITS), strict=False))
    return str(parsed or address)


class AllowedHosts:
    """Checks the host name of a request: only some names are allowed.

    A web page can point its own host name at the address of the service, and then counts as a page
    of the service (DNS rebinding). Such a name is always public, so it has a dot. Names that no
    page can have are allowed: addresses, names without a dot, and names below localhost.

    `entries` are further names in lower case, such as jobs.example.org. One that begins with a dot
    also allows all names below it, and * allows all names.
    """

    def __init__(self, entries: Collection[str]):
        self._names = frozenset(entry for entry in entries if not entry.startswith("."))
        self._suffixes = (".localhost", *(entry for entry in entries if entry.startswith(".")))
        self.allows = lru_cache(1024)(self._allows)

    def _allows(self, host: str) -> bool:
        """Whether a Host header, with or without a port, names this service."""
        name = _PORT.sub("", host).lower().removesuffix(".")
        if ANY_HOST in self._names or name in self._names or f".{name}".endswith(self._suffixes):
            return True
        has_one_label = bool(name) and "." not in name and ":" not in name
        return has_one_label or _is_address(name)


def require_host_entry(text: str) -> None:
    """Raise ValueError if a text cannot be an entry of ALLOWED_HOSTS."""
    if text != ANY_HOST and not _ENTRY.fullmatch(text) and not _is_address(text):
        examples = "jobs.example.org, .example.org or *"
        raise ValueError(f"{text!r} is not a host name without a port, such as {examples}")


def _is_address(name: str) -> bool:
    try:
        ip_address(name[1:-1] if name.startswith("[") and name.endswith("]") else name)
    except ValueError:
        return False
    return True
