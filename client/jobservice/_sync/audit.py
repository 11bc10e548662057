# Made from ../_async by client/generate_sync.py. Edit the file there, not here.
"""`client.audit`: who has changed what."""

from __future__ import annotations

from collections.abc import Iterator

from jobservice import requests
from jobservice._sync.transport import Transport
from jobservice.audit import AuditEntry, read_entry
from jobservice.requests import Since


class AuditCalls:
    """Reads the audit log, for which the role admin is needed."""

    def __init__(self, transport: Transport):
        self._transport = transport

    def list(
        self,
        subject: str | None = None,
        *,
        kind: str | None = None,
        action: str | None = None,
        caller: str | None = None,
        since: Since | None = None,
        before: Since | None = None,
        limit: int | None = None,
    ) -> Iterator[AuditEntry]:
        """Yield the entries that all filters select, newest first: all, or up to `limit`.

        subject: the id of a job or a batch, or the name of a queue or a schedule, for example.
        since, before: times, or timedeltas for how long ago.
        """
        filters = {"subject": subject, "kind": kind, "action": action, "caller": caller}
        filters |= {"since": requests.since_text(since), "before": requests.since_text(before)}
        cursor, left = None, limit
        while left is None or left > 0:
            size = requests.PAGE_ENTRIES if left is None else min(left, requests.PAGE_ENTRIES)
            page = self._transport.document(requests.list_audit(filters, size, cursor))
            for document in page["items"]:
                yield read_entry(document)
            left = None if left is None else left - len(page["items"])
            cursor = page["next"]
            if cursor is None:
                return
