"""Builds the requests about the audit log."""

from __future__ import annotations

from collections.abc import Mapping

from jobservice.requests.request import Request

PAGE_ENTRIES = 1000
"""How many entries are requested at once."""


def list_audit(filters: Mapping[str, str | None], limit: int, cursor: str | None) -> Request:
    """Get a page of the audit log."""
    given = {**filters, "limit": str(limit), "cursor": cursor}
    query = [(name, value) for name, value in given.items() if value is not None]
    return Request("GET", "/audit", query)
