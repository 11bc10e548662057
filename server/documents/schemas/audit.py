"""The JSON documents of the audit log as types."""

from typing_extensions import TypedDict

from server.documents.schemas.common import Id, Time
from storage.records.json_values import Json


class AuditEntryDocument(TypedDict):
    """One change, and who made it."""

    id: Id
    """The id of the entry. Later entries have larger ids."""
    at: Time
    """When the change was made."""
    caller: str | None
    """Name of the caller; null without tokens, and for changes by SCHEDULES_FILE."""
    address: str | None
    """IP address of the client; null for changes by SCHEDULES_FILE."""
    action: str
    """What was done, such as `cancel`, `cancel many` or `put queue`."""
    kind: str
    """What it was done to, such as `job`, `batch`, `queue` or `schedule`."""
    subject: str
    """Its id or its name."""
    detail: Json
    """More about the change, such as the new settings of a queue."""


class AuditDocument(TypedDict):
    """A page of the audit log, the newest entries first."""

    items: list[AuditEntryDocument]
    """The entries, up to `limit`."""
    next: str | None
    """Repeat the request with it as `cursor` for earlier entries; null if there are none."""
