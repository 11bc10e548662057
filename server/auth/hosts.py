"""The host names by which clients may call the service.

A web page can point its own host name at the address of the service, and then counts as a page of
the service (DNS rebinding). Such a name is always public, so it has a dot. Names that no page can
have are allowed: addresses, names without a dot, and names below localhost. Imports nothing of
ours.
"""

import re
from collections.abc import Collection
from functools import lru_cache
from ipaddress import ip_address

ANY = "*"
"""An entry of ALLOWED_HOSTS that allows all names."""
_PORT = re.compile(r":[0-9]*\Z")
_ENTRY = re.compile(r"\.?[a-z0-9_-]+(?:\.[a-z0-9_-]+)*")
_LOCAL = ".localhost"


class AllowedHosts:
    """Decides whether a request's host is allowed.

    `entries` are names in lower case, such as jobs.example.org. One that begins with a dot also
    allows all names below it.
    """

    def __init__(self, entries: Collection[str]):
        self._names = frozenset(entry for entry in entries if not entry.startswith("."))
        self._suffixes = (_LOCAL, *(entry for entry in entries if entry.startswith(".")))
        self.allows = lru_cache(1024)(self._allows)

    def _allows(self, host: str) -> bool:
        """Whether a Host header, with or without a port, names this service."""
        name = _PORT.sub("", host).lower().removesuffix(".")
        if ANY in self._names or name in self._names or f".{name}".endswith(self._suffixes):
            return True
        has_one_label = bool(name) and "." not in name and ":" not in name
        return has_one_label or _is_address(name)


def require_host_entry(text: str) -> None:
    """Raise ValueError if a text cannot be an entry of ALLOWED_HOSTS."""
    if text != ANY and not _ENTRY.fullmatch(text) and not _is_address(text):
        examples = "jobs.example.org, .example.org or *"
        raise ValueError(f"{text!r} is not a host name without a port, such as {examples}")


def _is_address(name: str) -> bool:
    try:
        ip_address(name[1:-1] if name.startswith("[") and name.endswith("]") else name)
    except ValueError:
        return False
    return True
