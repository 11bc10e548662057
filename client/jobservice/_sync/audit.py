# Made from ../_async by client/generate_sync.py. Edit the file there, not here.
"""`client.audit`: who has changed what."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

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
        request = partial(requests.list_audit, filters)
        for document in self._transport.items(request, requests.PAGE_ENTRIES, limit):
            yield read_entry(document)
