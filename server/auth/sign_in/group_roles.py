"""Roles from groups: GROUP_ROLES, and the callers that providers and proxies name."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Self

from tornado.httputil import HTTPHeaders

from server.auth.callers import Caller, Method, Rights, Role, parse_rights
from server.http.codes import Code
from server.http.problems import Problem, malformed

ANYONE = "*"
"""The group of everybody who is signed in."""
MAX_NAME_LENGTH = 190
"""Longer names would not fit into filters, which take 200 characters, with their prefix."""


@dataclass(frozen=True)
class GroupRoles:
    """The rights of each group. A person in several groups has the highest of their roles, in the
    queues of all groups with that role."""

    rights: dict[str, Rights]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse `ops:admin,developers:submit@builds+nightly,*:read-own`. Group names may contain
        colons.

        Raises ValueError that names the entry.
        """
        rights: dict[str, Rights] = {}
        for entry in filter(None, map(str.strip, text.split(","))):
            group, _, role = entry.rpartition(":")
            if not group:
                raise ValueError(f"{entry!r} must be GROUP:ROLE, such as ops:admin or *:read")
            if group in rights:
                raise ValueError(f"the group {group!r} is given twice")
            try:
                rights[group] = parse_rights(role)
            except ValueError as error:
                raise ValueError(f"{entry!r}: {error}") from error
        return cls(rights)

    def known(self, groups: Iterable[str]) -> list[str]:
        """Return the given groups that have a role, sorted."""
        return sorted(self.rights.keys() & set(groups))

    def caller(
        self, method: Method, name: str, groups: Collection[str], until: float | None = None
    ) -> Caller:
        """Return the caller with a name and groups, as a provider or a proxy gives them.

        `until` is the time at which its authentication ends, in Unix seconds. Raises Problem 403 if
        the name cannot be used, or if none of the groups has a role.
        """
        is_short = 0 < len(name) <= MAX_NAME_LENGTH
        if not is_short or not name.isprintable() or name.strip() != name:
            detail = (
                f"the name {name[:MAX_NAME_LENGTH]!r} cannot be used: it must have 1 to"
                f" {MAX_NAME_LENGTH} printable characters, and no space at its ends"
            )
            raise Problem(Code.NAME_REFUSED, detail)
        found = [self.rights[each] for each in self.known([*groups, ANYONE])]
        if not found:
            detail = f"none of the groups of {method}:{name} has a role: see GROUP_ROLES"
            raise Problem(Code.NO_ROLE, detail)
        role, queues = _joined(found)
        return Caller(f"{method}:{name}", role, queues, method=method, until=until)


def _joined(rights: Collection[Rights]) -> tuple[Role, frozenset[str] | None]:
    """Return the highest of the roles, and the queues of all rights with that role."""
    role = max(each.role for each in rights)
    queues = [each.queues for each in rights if each.role is role]
    limits = [each for each in queues if each is not None]
    return role, frozenset().union(*limits) if len(limits) == len(queues) else None


class ProxyUsers:
    """Reads the name of the caller from the header `name`, and its groups from `groups`.

    A trusted proxy, such as oauth2-proxy or Authelia, has authenticated the caller:

        browser ──▶ proxy: who is it? ──▶ listener      Remote-User: ann, Remote-Groups: ops,dev

    Anyone who reaches the listener can send these headers. `TrustedProxies` removes them unless the
    connection comes from an address in TRUSTED_PROXIES. The proxy must remove them from the
    requests of its clients.
    """

    def __init__(self, name: str, groups: str, roles: GroupRoles):
        """`groups` is a header with names separated by commas, or empty."""
        self._name = name
        self._groups = groups
        self._roles = roles

    def caller(self, headers: HTTPHeaders) -> Caller | None:
        """Return the caller of a request with these headers. None if the proxy gives no name.

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
