"""Keeps ids of jobs out of the log of httpx, which has a line at INFO for each request."""

from __future__ import annotations

import logging

_hidden: set[str] = set()


def hide_requests(url: str) -> None:
    """Drop the lines of httpx about requests to a service; the logger `jobservice` has them."""
    if not _hidden:
        logging.getLogger("httpx").addFilter(_is_shown)
    _hidden.add(f"{url}/")


def _is_shown(record: logging.LogRecord) -> bool:
    asked = str(record.args[1]) if isinstance(record.args, tuple) and len(record.args) > 1 else ""
    return not asked.startswith(tuple(_hidden))
