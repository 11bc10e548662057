"""`/audit`: who has changed what, for admins."""

import logging
from collections.abc import Sequence
from contextlib import suppress
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, Field
from tornado.iostream import StreamClosedError
from typing_extensions import TypedDict

from server.api.openapi.operation import Operation
from server.auth.callers import Role
from server.documents.field_errors import unknown_name
from server.documents.filters import Cursor, Query, Text, Whole, encode_cursor
from server.documents.job_documents import rfc3339
from server.documents.options.times import PastTime
from server.documents.schemas.common import Id, Time
from server.handlers.base import Handler
from server.handlers.query import query_parameters, read_query
from server.http.body import JSON_LINES
from server.http.response import encode_json
from server.store.threads import StoreThreads
from storage.audit.log import AuditLog
from storage.records.audit import ACTIONS, KINDS, AuditEntry, AuditFilters
from storage.records.job import StoreError
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


def _subject(text: str) -> str:
    """Return an id as the log has it, however it is written, and any other text unchanged."""
    try:
        return str(UUID(text))
    except ValueError:
        return text


def _known(what: str, names: tuple[str, ...]) -> AfterValidator:
    """Refuse a name that no entry of this release has. It would find no entries, which looks as
    if the action had never happened."""

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


log = logging.getLogger(__name__)

PIECE = 1000
"""How many entries are read and sent at a time."""


class AuditHandler(Handler):
    """The audit log."""

    audit: AuditLog
    threads: StoreThreads
    ROUTE = "/audit"

    @Operation(
        "listAudit",
        "service",
        {200: (AuditDocument, "application/jsonl")},
        role=Role.ADMIN,
        queries=(AuditQuery,),
    )
    async def get(self) -> None:
        """Who has changed what.

        The newest entries first. The setting AUDIT says what is recorded. With `Accept:
        application/jsonl`, the response has all entries that match, one on each line.
        """
        query = read_query(AuditQuery, query_parameters(self))
        self.add_header("Vary", "Accept")
        if any(kind in self.request.headers.get("Accept", "") for kind in JSON_LINES):
            with suppress(StreamClosedError):  # if the client goes away
                return await self._send_all(query)
        entries = await self._read(query, query.limit + 1, query.start_after())
        self.send_json(audit_document(entries, query.limit))

    async def _read(self, query: AuditQuery, count: int, before: UUID | None) -> list[AuditEntry]:
        return await self.threads.run(self.audit.page, query.filters(), count, before)

    async def _send_all(self, query: AuditQuery) -> None:
        """Send all entries that match, as fast as the client reads them."""
        self.is_timed = False
        entries = await self._read(query, PIECE, query.start_after())
        self.set_header("Content-Type", "application/jsonl; charset=utf-8")
        self.set_header("Content-Disposition", 'attachment; filename="audit.jsonl"')
        while self.request.method != "HEAD":
            self.write(b"".join(encode_json(entry_document(each)) for each in entries))
            await self.flush()
            if len(entries) < PIECE:
                break
            try:
                entries = await self._read(query, PIECE, entries[-1].id)
            except StoreError as error:
                return self._break_off(str(error))
        self.finish()

    def _break_off(self, reason: str) -> None:
        """Close the connection, so that the client notices that entries are missing."""
        log.warning("the audit log was not sent to its end", extra={"reason": reason})
        self.close_connection()
