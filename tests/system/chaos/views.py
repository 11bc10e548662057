"""Reads the service's answers about all jobs at the end: its lists and its metrics."""

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode
from urllib.request import urlopen

from prometheus_client.parser import text_string_to_metric_families

from tests.system.chaos.history import Views

PAGE = 100
TIMEOUT_SECONDS = 15.0
METRICS = "job_service_"


def ask(address: tuple[str, int]) -> Views:
    """Read the lists and the metrics of a listener. Raises OSError."""
    listed = {job["job_id"]: job["status"] for job in _pages(address, {})}
    by_status = {
        status: [job["job_id"] for job in _pages(address, {"status": status})]
        for status in sorted(set(listed.values()))
    }
    families = text_string_to_metric_families(_get(address, "/metrics").decode())
    samples = [sample for family in families for sample in family.samples]
    submitted, unfinished, finished = 0, 0, Counter[str]()
    for sample in samples:
        name = sample.name.removeprefix(METRICS)
        if name == "jobs_submitted_total":
            submitted += int(sample.value)
        elif name == "jobs_finished_total":
            finished[sample.labels["status"]] += int(sample.value)
        elif name in ("jobs_queued", "jobs_running"):
            unfinished += int(sample.value)
    return Views(listed, by_status, submitted, dict(finished), unfinished)


def _pages(address: tuple[str, int], filters: dict[str, str]) -> Iterator[dict[str, Any]]:
    """All jobs that match filters, page after page."""
    query = {**filters, "limit": str(PAGE)}
    while True:
        page = json.loads(_get(address, f"/jobs?{urlencode(query)}"))
        yield from page["items"]
        if page["next"] is None:
            return
        query["cursor"] = page["next"]


def _get(address: tuple[str, int], path: str) -> bytes:
    host, port = address
    with urlopen(f"http://{host}:{port}{path}", timeout=TIMEOUT_SECONDS) as response:
        body: bytes = response.read()
        return body
