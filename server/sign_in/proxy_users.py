"""Callers that a trusted proxy has authenticated, such as oauth2-proxy or Authelia.

    browser ──▶ proxy: who is it? ──▶ listener         Remote-User: ann, Remote-Groups: ops,dev

Anyone who reaches the listener can send these headers. `TrustedProxies` removes them unless the
connection comes from an address in TRUSTED_PROXIES. The proxy must remove them from the requests
of its clients.
"""

from collections.abc import Mapping

from server.auth.callers import Caller
from server.sign_in.group_roles import GroupRoles


class ProxyUsers:
    """Reads the name of the caller from the header `name`, and its groups from `groups`."""

    def __init__(self, name: str, groups: str, roles: GroupRoles):
        """`groups` is a header with names separated by commas, or empty."""
        self._name = name
        self._groups = groups
        self._roles = roles

    def caller(self, headers: Mapping[str, str]) -> Caller | None:
        """Return the caller of a request with these headers. None if the proxy names nobody.

        Raises Problem 403 if the name cannot be used, or if none of the groups has a role.
        """
        name = _text(headers.get(self._name, "")).strip()
        if not name:
            return None
        text = _text(headers.get(self._groups, "")) if self._groups else ""
        groups = [each.strip() for each in text.split(",") if each.strip()]
        return self._roles.caller("proxy", name, groups)


def _text(value: str) -> str:
    """Return a header as UTF-8, which proxies send; Tornado reads each byte as a character."""
    try:
        return value.encode("latin-1").decode()
    except ValueError:
        return value
