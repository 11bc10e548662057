"""Where callbacks may be sent to. Imports nothing of ours."""

from collections.abc import Collection
from urllib.parse import urlsplit


def refusal(url: str, hosts: Collection[str]) -> str | None:
    """Why nothing is sent there; None if it is. `hosts` may be sent to, at any port or at one."""
    if not hosts:
        return "callbacks are switched off here: CALLBACK_HOSTS names no host"
    if not url.isprintable() or " " in url:
        return "it has characters that no address has"
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return "it is no address"
    if parts.scheme not in {"http", "https"} or not host or parts.username or parts.fragment:
        return "it must be an address as in https://host/path, without a user or a fragment"
    port = port or {"http": 80, "https": 443}[parts.scheme]
    if not {host, f"{host}:{port}"} & set(hosts):
        return f"{host} is not among the hosts that CALLBACK_HOSTS allows"
    return None


def host_of(url: str) -> str:
    """The host of an address with its port, to tell one from another; of none, nothing."""
    try:
        return urlsplit(url).netloc
    except ValueError:
        return ""
