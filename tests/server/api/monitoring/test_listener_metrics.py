"""The metrics of one listener: its requests, connections, streams, disks and process."""

import asyncio
import platform
import re
from itertools import pairwise

import pytest

from server.handlers.base import Handler
from server.http.request_log import BUCKETS, OTHER
from server.start.app import App
from storage.records.release import RELEASE
from tests.server.api.openapi.test_document import api_handlers
from tests.support.api import Client, analyze_form
from tests.support.event_clients import Followers
from tests.support.metrics import samples
from tests.support.paths import ROOT

NO_JOB = "/jobs/01a21054-ecc3-7788-9e49-c6d97d1c0c65"
ONE_JOB = "/jobs/{job_id}"
pytestmark = pytest.mark.sqlite


@pytest.mark.gen_test
async def test_requests_are_counted_by_route_method_and_status_on_both_paths(
    client: Client,
) -> None:
    job_id = await client.sleep_job()
    await client.post("/jobs", {"type": "sleep"}, status=422)
    for path in (f"/jobs/{job_id}", f"/jobs/{job_id}/", NO_JOB, f"{NO_JOB}/", "/jobs?limit=1"):
        await client.fetch(path)
    await client.fetch(f"/jobs/{job_id}/cancel", method="POST", body=b"")
    await client.fetch(f"{NO_JOB}/cancel/", method="POST", body=b"")
    await client.fetch("/jobs", method="OPTIONS")
    await client.fetch("/queues/other", method="HEAD")
    found = await samples(client)
    assert {key[1:]: value for key, value in found.items() if key[0] == "http_requests_total"} == {
        ("POST", "/jobs", "202"): 1,
        ("POST", "/jobs", "422"): 1,
        ("GET", ONE_JOB, "200"): 2,
        ("GET", ONE_JOB, "404"): 2,
        ("GET", "/jobs", "200"): 1,
        ("POST", f"{ONE_JOB}/cancel", "200"): 1,
        ("POST", f"{ONE_JOB}/cancel", "404"): 1,
        ("OPTIONS", "/jobs", "204"): 1,
        ("HEAD", "/queues/{name}", "404"): 1,
    }


@pytest.mark.gen_test
async def test_clients_cannot_add_routes_or_methods(client: Client) -> None:
    for number in range(20):
        await client.fetch(f"/made/up/{number}")
        await client.fetch(f"/ui/static/{number}/{number}")
        await client.fetch("/jobs", method=f"METHOD{number}")
        await client.fetch(f"/queues/{number}")
    found = await samples(client)
    counted = {key[1:]: value for key, value in found.items() if key[0] == "http_requests_total"}
    assert counted == {
        ("GET", OTHER, "404"): 20,
        ("GET", "/ui/static", "404"): 20,
        (OTHER, "/jobs", "405"): 20,
        ("GET", "/queues/{name}", "404"): 20,
    }


def test_every_handler_names_its_route(app: App) -> None:
    assert {path: handler.ROUTE for path, handler in api_handlers(app).items()} == {
        path: path for path in api_handlers(app)
    }
    assert Handler.ROUTE == OTHER


@pytest.mark.gen_test
async def test_durations_are_measured_in_buckets(client: Client) -> None:
    for _ in range(3):
        await client.fetch(NO_JOB)
        await client.fetch("/jobs")
    found = await samples(client)
    for route in (ONE_JOB, "/jobs"):
        counts = [found["http_request_seconds_bucket", str(le), "GET", route] for le in BUCKETS]
        assert counts == sorted(counts)
        assert found["http_request_seconds_bucket", "+Inf", "GET", route] == 3
        assert found["http_request_seconds_count", "GET", route] == 3
        assert 0 < found["http_request_seconds_sum", "GET", route] < 60


def test_a_quantile_is_off_by_a_factor_of_three_at_most(database_url: str) -> None:
    assert (BUCKETS[0], BUCKETS[-1]) == (0.0005, 60)
    assert all(1 < high / low <= 3 for low, high in pairwise(BUCKETS))


@pytest.mark.heavy
@pytest.mark.gen_test
async def test_requests_whose_client_decides_how_long_they_take_are_not_measured(
    client: Client, follow: Followers
) -> None:
    job_id = await client.sleep_job()
    for path in (f"/jobs/{job_id}?wait=0.1", f"/jobs/{job_id}?wait=1", f"/jobs?id={job_id}&wait=1"):
        await client.get(path)
    await client.get(f"/jobs/{job_id}", headers={"Prefer": "wait=1"})
    await client.post("/jobs?wait=1", {"type": "sleep", "payload": {"seconds": 5}})
    await client.post_form(analyze_form())
    await (await follow(client.base_url, "/events")).close()
    after = await samples(client)
    assert after["http_requests_total", "GET", ONE_JOB, "200"] == 3
    assert after["http_requests_total", "POST", "/jobs", "202"] == 3
    measured = [key for key in after if key[0] == "http_request_seconds_count"]
    assert measured == [("http_request_seconds_count", "POST", "/jobs")]
    assert after[measured[0]] == 1


@pytest.mark.heavy
@pytest.mark.gen_test
async def test_connections_and_their_bytes_are_counted(client: Client) -> None:
    body = b'{"type": "sleep", "payload": {"seconds": 1}}'
    await client.fetch("/healthz")
    before = await samples(client)
    for padding in (b"", b" " * 300_000):  # the fast path, and Tornado
        await client.post("/jobs", body + padding)
    await client.fetch("/openapi.json")
    after = await samples(client)
    received = after["http_received_bytes_total",] - before["http_received_bytes_total",]
    sent = after["http_sent_bytes_total",] - before["http_sent_bytes_total",]
    assert 300_000 < received < 310_000
    assert 20_000 < sent < 500_000
    assert after["http_connections",] >= 1


@pytest.mark.gen_test
async def test_open_event_streams_are_counted(client: Client, follow: Followers) -> None:
    assert (await samples(client))["event_streams",] == 0
    first = await follow(client.base_url, "/events")
    await follow(client.base_url, "/events?status=failed")
    assert (await samples(client))["event_streams",] == 2
    await first.close()
    while (await samples(client))["event_streams",] != 1:
        await asyncio.sleep(0)


@pytest.mark.gen_test
async def test_the_free_space_of_each_disk_is_reported(client: Client) -> None:
    found = await samples(client)
    for disk in ("database", "uploads"):
        assert found["disk_free_bytes", disk] > 0


@pytest.mark.gen_test
async def test_the_page_about_monitoring_names_every_metric(client: Client) -> None:
    await client.fetch("/jobs")
    page = (ROOT / "docs/monitoring.md").read_text()
    names = {name for name, *_ in await samples(client)}
    names = {re.sub("_(bucket|count|sum|created)$", "", name) for name in names}
    assert len(names) > 30
    assert {name for name in names if f"`{name}`" not in page} == set()


@pytest.mark.gen_test
async def test_the_release_and_the_process_are_reported(client: Client) -> None:
    found = await samples(client)
    assert found["build_info", platform.python_version(), RELEASE] == 1
    for name in ("cpu_seconds_total", "resident_memory_bytes", "open_fds", "start_time_seconds"):
        assert found[f"process_{name}",] > 0
