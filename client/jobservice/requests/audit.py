"""Builds the requests about the audit log."""

from __future__ import annotations

from collections.abc import Mapping

from jobservice.requests.request import Request, query_of

PAGE_ENTRIES = 1000
"""How many entries are requested at once."""


def list_audit(filters: Mapping[str, str | None], limit: int, cursor: str | None) -> Request:
    """Get a page of the audit log."""
    return Request("GET", "/audit", query_of({**filters, "limit": limit, "cursor": cursor}))
