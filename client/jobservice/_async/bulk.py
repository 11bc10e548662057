"""Changes all jobs that filters select, with as many requests as it takes."""

from __future__ import annotations

from collections.abc import Mapping

from jobservice import requests
from jobservice._async.transport import AsyncTransport
from jobservice.documents import BulkChange, total
from jobservice.json_values import Json, JsonValue


async def change_all(
    transport: AsyncTransport,
    change: str,
    filters: Mapping[str, JsonValue],
    every: bool,
    dry_run: bool,
    downstream: bool = False,
) -> BulkChange:
    """Cancel or retry the jobs that all filters select, or every job."""
    how = {"every": every, "dry_run": dry_run, "downstream": downstream}
    done: list[Json] = []
    cursor = None
    while not done or cursor is not None:
        request = requests.change_jobs(change, filters, **how, cursor=cursor)
        done.append(dict((await transport.send(request)).document()))
        cursor = done[-1]["next"]
    return total(done)
