"""The records of the audit log: who asks for a change, its entries, and filters for them.

Imports nothing of ours.
"""

from dataclasses import dataclass
from typing import Literal, get_args
from uuid import UUID

from storage.records.json_values import Json

Action = Literal[
    "submit",
    "cancel",
    "retry",
    "change",
    "delete",
    "replace",
    "submit batch",
    "cancel many",
    "retry many",
    "put queue",
    "change queue",
    "delete queue",
    "put schedule",
    "delete schedule",
    "run schedule",
    "put pattern set",
    "delete pattern set",
    "create token",
    "revoke token",
    "use token",
    "sign in",
]
"""What this release records. The log can have other actions, by a later release."""
Kind = Literal["job", "jobs", "batch", "queue", "schedule", "pattern set", "token", "caller"]
"""What an action is done to; `jobs` is for calls that change many jobs."""
ACTIONS: tuple[str, ...] = get_args(Action)
KINDS: tuple[str, ...] = get_args(Kind)


@dataclass(frozen=True, slots=True)
class Actor:
    """The sender of a request whose changes are recorded.

    `caller` is None without tokens. `address` is the IP address of the client, and None for changes
    that the service makes itself.
    """

    caller: str | None
    address: str | None


@dataclass(frozen=True)
class AuditEntry:
    """One change, as it was recorded in its own transaction.

    at: in milliseconds since 1970.
    action: what was done, such as `cancel` or `put queue`.
    kind, subject: what it was done to, such as `job` and its id, or `queue` and its name.
    detail: more about the change, a JSON object.
    """

    id: UUID
    at: int
    caller: str | None
    address: str | None
    action: str
    kind: str
    subject: str
    detail: Json


@dataclass(frozen=True)
class AuditFilters:
    """Selects the entries that match everything that is set. Times are in milliseconds."""

    caller: str | None = None
    action: str | None = None
    kind: str | None = None
    subject: str | None = None
    since: int | None = None
    before: int | None = None
