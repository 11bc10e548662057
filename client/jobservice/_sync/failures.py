# Made from ../_async by client/generate_sync.py. Edit the file there, not here.
"""`client.failures`: failed jobs in groups whose errors are alike."""

from __future__ import annotations

from collections.abc import Iterable

from jobservice import failures, requests
from jobservice._sync.bulk import change_all
from jobservice._sync.transport import Transport
from jobservice.documents import BulkChange
from jobservice.failures import Failures
from jobservice.requests import Since


class FailureCalls:
    """Lists and retries groups of failed jobs."""

    def __init__(self, transport: Transport):
        self._transport = transport

    def list(
        self,
        *,
        type: str | None = None,
        queue: str | None = None,
        tag: str | Iterable[str] | None = None,
        since: Since | None = None,
        limit: int | None = None,
        cursor: str | None = None,
        everything: bool = False,
    ) -> Failures:
        """Return groups of failed jobs, the largest first.

        since: a time, or a timedelta for how long ago; jobs that failed before do not count.
        limit: how many groups are returned, by default 100.
        cursor: `next` of an earlier answer, to look at earlier failures only.
        everything: look at all failures, with several requests. Otherwise the service looks at the
            latest ones, for about half a second; `looked_back_to` tells how far.
        """
        size = requests.MAX_GROUPS if everything else limit
        tags = None if tag is None else [tag] if isinstance(tag, str) else [*tag]
        since = requests.since_text(since)
        request = requests.list_failures(type, queue, tags, since, size, cursor)
        found = failures.read_failures((self._transport.send(request)).document())
        while everything and found.next:
            request = requests.list_failures(type, queue, tags, since, size, found.next)
            answer = self._transport.send(request)
            found = failures.merged(found, failures.read_failures(answer.document()))
        return failures.limited(found, limit) if everything else found

    def retry(
        self,
        failure: str,
        *,
        queue: str | None = None,
        tag: str | Iterable[str] | None = None,
        since: Since | None = None,
        dry_run: bool = False,
    ) -> BulkChange:
        """Let all jobs of a group run again that the filters select. A dry run only counts them."""
        filters = {"failure": failure, "queue": queue, "tag": tag}
        filters["finished_after"] = requests.since_text(since)
        return change_all(self._transport, "retry", filters, False, dry_run)
