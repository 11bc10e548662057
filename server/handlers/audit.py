"""`/audit`: who has changed what, for admins."""

import logging
from contextlib import suppress
from uuid import UUID

from tornado.iostream import StreamClosedError

from server.auth.callers import Role
from server.documents.audit import AuditQuery, audit_document, entry_document
from server.documents.schemas.audit import AuditDocument
from server.handlers.base import Handler
from server.handlers.query import query_parameters, read_query
from server.http.body import JSON_LINES
from server.http.response import encode_json
from server.openapi.operation import Operation
from server.store.threads import StoreThreads
from storage.audit.log import AuditLog
from storage.records.audit import AuditEntry
from storage.records.job import StoreError

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
