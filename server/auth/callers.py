"""Callers and their roles."""

from dataclasses import dataclass, field, replace
from enum import IntEnum
from functools import lru_cache
from typing import Literal

from storage.records.audit import Actor

Method = Literal["token", "oidc", "proxy"]
"""Who has authenticated a caller: the service by a token, a provider of OpenID Connect, a proxy."""


class Role(IntEnum):
    """The rights of a caller. Each role includes the rights of all lower ones."""

    READ = 1
    """Read everything."""
    SUBMIT = 2
    """Submit jobs, and change its own."""
    ADMIN = 3
    """Change all jobs."""

    def __str__(self) -> str:
        return self.name.lower()


@dataclass(frozen=True)
class Caller:
    """The sender of a request. `name` is None if the request was not authenticated."""

    name: str | None
    role: Role
    method: Method = "token"
    until: float | None = None
    """When the caller must authenticate again, in Unix seconds. None: not before the token ends."""
    actor: Actor | None = field(default=None, compare=False, repr=False)
    """Who the audit log says this is; None if nothing is recorded."""

    def at(self, address: str) -> "Caller":
        """Return this caller at an IP address, so that its changes are recorded."""
        return _at(self, address)

    def may_change(self, submitted_by: str | None) -> bool:
        """Whether this caller may cancel, retry or delete a job that `submitted_by` submitted."""
        own = self.name is not None and self.name == submitted_by
        return self.role >= (Role.SUBMIT if own else Role.ADMIN)


@lru_cache(1024)  # a client sends many requests from one address
def _at(caller: Caller, address: str) -> Caller:
    return replace(caller, actor=Actor(caller.name, address))


UNRESTRICTED = Caller(None, Role.ADMIN)
"""Every caller, if no tokens are configured."""
ANONYMOUS = Caller(None, Role.READ)
"""The caller of an endpoint that needs no token."""
