# Made from ../_async by client/generate_sync.py. Edit the file there, not here.
"""Changes all jobs that filters select, with as many requests as it takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jobservice import requests
from jobservice._sync.transport import Transport
from jobservice.documents import BulkChange, total


def change_all(
    transport: Transport, change: str, filters: Mapping[str, Any], every: bool, dry_run: bool
) -> BulkChange:
    """Cancel or retry the jobs that all filters select, or every job."""
    done: list[dict[str, Any]] = []
    cursor = None
    while not done or cursor is not None:
        request = requests.change_jobs(change, filters, every=every, dry_run=dry_run, cursor=cursor)
        done.append(dict((transport.send(request)).document()))
        cursor = done[-1]["next"]
    return total(done)
