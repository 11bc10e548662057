"""Callers that a trusted proxy has authenticated, such as oauth2-proxy or Authelia.

    browser ──▶ proxy: who is it? ──▶ listener         Remote-User: ann, Remote-Groups: ops,dev

Anyone who reaches the listener can send these headers. `TrustedProxies` removes them unless the
connection comes from an address in TRUSTED_PROXIES. The proxy must remove them from the requests
of its clients.
"""

from tornado.httputil import HTTPHeaders

from server.auth.callers import Caller
from server.http.problems import malformed
from server.sign_in.group_roles import GroupRoles


class ProxyUsers:
    """Reads the name of the caller from the header `name`, and its groups from `groups`."""

    def __init__(self, name: str, groups: str, roles: GroupRoles):
        """`groups` is a header with names separated by commas, or empty."""
        self._name = name
        self._groups = groups
        self._roles = roles

    def caller(self, headers: HTTPHeaders) -> Caller | None:
        """Return the caller of a request with these headers. None if the proxy names nobody.

        Raises Problem 400 if a header is there twice: one of them may be of the proxy's client. 403
        if the name cannot be used, or if none of the groups has a role.
        """
        for header in (self._name, self._groups):
            if len(headers.get_list(header)) > 1:
                raise malformed(f"{header}: the request has it twice; the proxy must replace it")
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
