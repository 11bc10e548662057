"""Checks callback URLs against the allowed hosts. Imports no other module of the service."""

from collections.abc import Collection
from urllib.parse import urlsplit


def refusal(url: str, hosts: Collection[str]) -> str | None:
    """Return why callbacks to this URL are refused, or None if they are allowed.

    Each entry of `hosts` is a host name, which allows any port, or `host:port`. An empty collection
    means that callbacks are switched off.
    """
    if not hosts:
        return "callbacks are switched off: CALLBACK_HOSTS is empty"
    if not url.isprintable() or " " in url:
        return "it contains characters that are not allowed in a URL"
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return "it is not a URL"
    if parts.scheme not in {"http", "https"} or not host or "@" in parts.netloc or parts.fragment:
        return "it must be a URL such as https://host/path, without a user or a fragment"
    port = port or {"http": 80, "https": 443}[parts.scheme]
    if not {host, f"{host}:{port}"} & set(hosts):
        return f"the host {host} is not listed in CALLBACK_HOSTS"
    return None


def host_of(url: str) -> str:
    """Return the host and port of a URL, or an empty string if it cannot be parsed."""
    try:
        return urlsplit(url).netloc
    except ValueError:
        return ""
