"""The query of `GET /audit`, and the documents of its response."""

from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, Field

from server.documents.field_errors import unknown_name
from server.documents.filters import Cursor, Query, Text, Whole, encode_cursor
from server.documents.jobs import rfc3339
from server.documents.options.times import PastTime
from server.documents.schemas.audit import AuditDocument, AuditEntryDocument
from storage.records.audit import ACTIONS, KINDS, AuditEntry, AuditFilters


def _subject(text: str) -> str:
    """Return an id as the log has it, however it is written, and any other text unchanged."""
    try:
        return str(UUID(text))
    except ValueError:
        return text


def _known(what: str, names: tuple[str, ...]) -> AfterValidator:
    """Refuse a name that no entry of this release has: it would find nothing, as if nobody had
    done it."""

    def require(text: str) -> str:
        if text not in names:
            raise ValueError(unknown_name(what, text, names))
        return text

    return AfterValidator(require)


class AuditQuery(Query, Cursor):
    """The query parameters of the audit log."""

    subject: Annotated[Text, AfterValidator(_subject)] | None = Field(
        None, description="id of a job or batch, or name of a queue, schedule, pattern set or token"
    )
    kind: Annotated[Text, _known("kind", KINDS)] | None = Field(
        None, description=f"kind of the subject: {', '.join(KINDS)}"
    )
    action: Annotated[Text, _known("action", ACTIONS)] | None = Field(
        None, description=f"what was done: {', '.join(ACTIONS)}"
    )
    caller: Text | None = Field(None, description="name of the caller")
    since: PastTime | None = Field(
        None, description="recorded at this time or later, or since so long ago, such as 24h"
    )
    before: PastTime | None = Field(None, description="recorded before this time, or so long ago")
    limit: Whole = Field(
        100, ge=1, le=1000, description="maximum number of entries in a page; by default 100"
    )

    def filters(self) -> AuditFilters:
        """Convert the filters to the store's type."""
        names = ("caller", "action", "kind", "subject", "since", "before")
        return AuditFilters(**{name: getattr(self, name) for name in names})


def audit_document(entries: Sequence[AuditEntry], limit: int) -> AuditDocument:
    """Build a page of up to `limit` entries. There is a next page if there are more."""
    page = entries[:limit]
    more = len(entries) > limit
    return {
        "items": [entry_document(entry) for entry in page],
        "next": encode_cursor(page[-1].id) if more else None,
    }


def entry_document(entry: AuditEntry) -> AuditEntryDocument:
    """Build the document of an entry."""
    return {
        "id": str(entry.id),
        "at": rfc3339(entry.at),
        "caller": entry.caller,
        "address": entry.address,
        "action": entry.action,
        "kind": entry.kind,
        "subject": entry.subject,
        "detail": entry.detail,
    }
