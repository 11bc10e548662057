"""The audit log: who has changed what. Does no input or output."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from jobservice.documents import known_fields, read_time
from jobservice.json_values import JsonValue


@dataclass(frozen=True)
class AuditEntry:
    """One change, and who made it.

    caller: the name of the caller; None without tokens.
    address: the IP address of the client; None if the service made the change by itself.
    kind, subject: the thing that was changed: `job` and the id of the job, or `queue` and the name
        of the queue, for example.
    """

    id: str
    at: datetime
    caller: str | None
    address: str | None
    action: str
    kind: str
    subject: str
    detail: Mapping[str, JsonValue] = field(default_factory=dict)
    raw: Mapping[str, JsonValue] = field(default_factory=dict, repr=False, compare=False)
    """The document as it was received."""


def read_entry(document: Mapping[str, JsonValue]) -> AuditEntry:
    """Build an entry from its JSON document."""
    known = known_fields(AuditEntry, document)
    return AuditEntry(**{**known, "at": read_time(document["at"])}, raw=document)
