"""The web front end in a real browser, with 100,000 jobs in the store."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from benchmarks.storage.stored_jobs import fill
from tests.support.programs import Service, running_service
from tests.support.stores import open_bench

MANY = 100_000


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    """A listener on a store with many jobs, and no worker."""
    url = f"sqlite:///{tmp_path / 'jobs.db'}"
    with open_bench(url, tmp_path) as bench:
        bench.clock.now = round(time.time() * 1000)
        fill(bench, MANY)
    with running_service(url, tmp_path) as service:
        yield service


def test_a_hundred_thousand_jobs_are_paged_filtered_and_followed(
    service: Service, page: Page
) -> None:
    page.goto("/")
    tiles = page.locator(".tile-number")
    expect(tiles.first).to_contain_text(",")
    queued = int(tiles.first.inner_text().replace(",", ""))
    assert queued == sum(t["queued"] for t in service.call("GET", "/overview")[1]["types"].values())
    page.get_by_role("link", name="Jobs", exact=True).click()
    rows = page.locator("tbody tr")
    expect(rows).to_have_count(50)
    first = rows.first.get_by_role("link").get_attribute("href")
    page.get_by_role("link", name="Older jobs").click()
    expect(page.get_by_role("link", name="Newest")).to_be_visible()
    expect(page.locator(f'a[href="{first}"]')).to_have_count(0)
    page.goto("/ui/jobs?status=failed&type=analyze")
    expect(page.locator("tbody .badge")).to_have_text(["failed"] * 50)
    page.goto("/ui/jobs")
    expect(page.locator("#connection")).to_have_text("Live")
    job_id = service.submit(payload={"seconds": 600})
    badge = page.locator(f'tr:has(a[href="/ui/jobs/{job_id}"]) .badge')
    expect(badge).to_have_text("queued")
    service.call("POST", f"/jobs/{job_id}/cancel")
    expect(badge).to_have_text("canceled")
