"""Callers, their rights and their quotas. May import the store's records of views of jobs."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from enum import IntEnum
from functools import cached_property, lru_cache
from typing import Literal

from server.auth.quotas import NAMES, Quotas, merged
from storage.records.audit import Actor
from storage.records.filters import View
from storage.records.queue_name import is_queue_name

MAX_QUEUES = 100
"""How many queues one token may name."""

Method = Literal["token", "oidc", "proxy"]
"""Who has authenticated a caller: the service by a token, a provider of OpenID Connect, a proxy."""


class Role(IntEnum):
    """The rights of a caller. Each role from READ on includes the rights of those before it."""

    READ_OWN = 1
    """Submit jobs, and read and change its own; of other jobs, it learns nothing."""
    READ = 2
    """Read everything."""
    SUBMIT = 3
    """Submit jobs, and change its own."""
    ADMIN = 4
    """Change all jobs."""

    def __str__(self) -> str:
        return self.name.lower().replace("_", "-")

    def includes(self, role: "Role") -> bool:
        """Whether this role may make a call that needs another one. Of what SUBMIT may call,
        READ_OWN may call all, and sees and changes only its own jobs by it."""
        return role <= (Role.SUBMIT if self is Role.READ_OWN else self)


ROLE_NAMES = ", ".join(map(str, Role))


@dataclass(frozen=True)
class Rights:
    """A role, and the queues to which it is limited; None for all queues."""

    role: Role
    queues: frozenset[str] | None = None

    def __str__(self) -> str:
        queues = "" if self.queues is None else f"@{'+'.join(sorted(self.queues))}"
        return f"{self.role}{queues}"


def parse_rights(text: str) -> Rights:
    """Parse a role, such as `submit`, or a role in some queues, such as `submit@builds+nightly`.

    Raises ValueError, which does not repeat the text.
    """
    name, at, queues = text.partition("@")
    roles = {str(role): role for role in Role}
    if name not in roles:
        raise ValueError(f"the role must be one of {ROLE_NAMES}; @QUEUE+QUEUE may follow it")
    if not at:
        return Rights(roles[name])
    names = frozenset(queues.split("+"))
    if not all(map(is_queue_name, names)):
        raise ValueError(
            "after @, there must be names of queues with + between them: a-z 0-9 . _ -"
        )
    if len(names) > MAX_QUEUES:
        raise ValueError(f"a token may name at most {MAX_QUEUES} queues")
    return Rights(roles[name], names)


@dataclass(frozen=True)
class Caller:
    """The sender of a request. `name` is None if the request was not authenticated.

    The role counts only in `queues`, and the caller sees only their jobs. None means all queues.
    """

    name: str | None
    role: Role
    queues: frozenset[str] | None = None
    method: Method = "token"
    until: float | None = None
    """When the caller must authenticate again, in Unix seconds. None: not before the token ends."""
    quotas: Quotas | None = None
    """The quotas of the caller's token; None if it has none."""
    actor: Actor | None = field(default=None, compare=False, repr=False)
    """Who the audit log says this is; None if nothing is recorded."""

    @cached_property
    def view(self) -> View | None:
        """The jobs that the caller may see; None for all."""
        owner = self.name if self.role is Role.READ_OWN else None
        return None if owner is None and self.queues is None else View(owner, self.queues)

    @property
    def is_limited(self) -> bool:
        """Whether there may be jobs that the caller does not see."""
        return self.view is not None

    def sees(self, submitted_by: str | None, queue: str) -> bool:
        """Whether the caller sees a job, by the name of its caller and its queue."""
        return self.view is None or self.view.sees(submitted_by, queue)

    def sees_queue(self, name: str) -> bool:
        """Whether the caller may use a queue."""
        return self.queues is None or name in self.queues

    @property
    def may_change_all(self) -> bool:
        """Whether the caller may change the jobs of all callers in all queues."""
        return self.role is Role.ADMIN and not self.is_limited

    @property
    def sharer(self) -> str | None:
        """The name, if the caller has only a share of what the service allows all callers; None
        for admins of all queues, and without tokens: they may use all that others leave."""
        return None if self.may_change_all else self.name

    def outside(self, queues: Collection[str]) -> list[str]:
        """Return the names of the given queues that the caller may not use."""
        return sorted(name for name in set(queues) if not self.sees_queue(name))

    @property
    def may_submit(self) -> bool:
        """Whether the caller may submit jobs."""
        return self.role.includes(Role.SUBMIT)

    def is_own(self, submitted_by: str | None) -> bool:
        """Whether `submitted_by` is the name of this caller."""
        return self.name is not None and self.name == submitted_by

    def at(self, address: str) -> "Caller":
        """Return this caller at an IP address, so that its changes are recorded."""
        return _at(self, address)

    def may_change(self, submitted_by: str | None) -> bool:
        """Whether this caller may cancel, retry or delete a job that `submitted_by` submitted, if
        the caller sees it."""
        own = self.is_own(submitted_by)
        return self.role.includes(Role.SUBMIT if own else Role.ADMIN)

    def may_change_shared(self, created_by: str | None) -> bool:
        """Whether this caller may change what belongs to no queue and `created_by` created."""
        return self.is_own(created_by) if self.is_limited else self.may_change(created_by)


@lru_cache(1024)  # a client sends many requests from one address
def _at(caller: Caller, address: str) -> Caller:
    return replace(caller, actor=Actor(caller.name, address))


class CallerQuotas:
    """The quotas of callers. The default applies where the token of a caller sets no limit."""

    def __init__(self, default: Quotas | None = None):
        """`default` is for every caller with a name."""
        self._default = default or None
        self.refused: Counter[str] = Counter(dict.fromkeys(NAMES, 0))
        """How many requests each quota has refused, by its name."""

    def of(self, caller: Caller) -> Quotas | None:
        """Return the quotas of a caller; None if it has none. Only callers with a name have some.

        Every request asks for them, so most callers cost only a comparison.
        """
        own, default = caller.quotas, self._default
        if own is None:
            return default if caller.name is not None else None
        return own if default is None else merged(own, default)


UNRESTRICTED = Caller(None, Role.ADMIN)
"""Every caller, if no tokens are configured."""
ANONYMOUS = Caller(None, Role.READ)
"""The caller of an endpoint that needs no token."""
