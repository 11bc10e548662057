"""Failures in the web front end, in a real browser."""

import re
from typing import Any

from playwright.sync_api import Browser, Locator, Page, expect

from tests.support.programs import Service

FAILS: Any = {"type": "sleep", "payload": {"seconds": 60}, "timeout": 0.02, "max_retries": 0}


def failed(service: Service, count: int = 1, **options: Any) -> list[str]:
    """Jobs that have timed out."""
    sent = [service.call("POST", "/jobs", {**FAILS, **options})[1]["job_id"] for _ in range(count)]
    for job_id in sent:
        assert service.result(job_id)["status"] == "failed"
    return sent


def row(page: Page, text: str) -> Locator:
    """The row of a group."""
    return page.locator("tbody tr").filter(has_text=text)


def test_a_group_is_shown_listed_and_retried_after_a_question(service: Service, page: Page) -> None:
    service.worker()
    ids = failed(service, 2, tags=["x"])
    failed(service, 1, tags=["y"])
    page.goto("/ui/failures")
    group = row(page, "TimedOut")
    expect(group.get_by_role("rowheader")).to_contain_text("#")
    expect(group.get_by_role("cell").nth(1)).to_have_text("3")
    expect(page.get_by_text("3 failed jobs in 1 group.")).to_be_visible()
    page.get_by_label("Tag").fill("x")
    expect(group.get_by_role("cell").nth(1)).to_have_text("2")
    page.get_by_label("Failed").select_option("the last hour")
    expect(page).to_have_url(re.compile("since=1h"))
    expect(group.get_by_role("cell").nth(1)).to_have_text("2")
    page.reload()
    expect(group.get_by_role("link", name=ids[1][-8:])).to_be_visible()
    group.get_by_role("cell").nth(1).get_by_role("link").click()
    expect(page.locator("tbody tr")).to_have_count(2)
    expect(page.get_by_label("Failure")).to_have_value(re.compile("[0-9a-f]{16}"))
    page.go_back()
    group.get_by_role("button", name="Retry").click()
    dialog = page.get_by_role("dialog", name="Retry 2 jobs?")
    dialog.get_by_role("button", name="Back").click()
    assert [service.job(job_id)["client_retries"] for job_id in ids] == [0, 0]
    group.get_by_role("button", name="Retry").click()
    dialog.get_by_role("button", name="Retry 2 jobs").click()
    expect(page.get_by_text("2 jobs queued again.")).to_be_visible()
    assert [service.job(job_id)["client_retries"] for job_id in ids] == [1, 1]


def test_new_failures_appear_and_a_retry_finds_none_that_others_have_retried(
    service: Service, page: Page
) -> None:
    service.worker()
    page.goto("/ui/failures")
    expect(page.get_by_text("No job has failed.")).to_be_visible()
    (job_id,) = failed(service)
    expect(row(page, "TimedOut")).to_be_visible(timeout=20_000)
    service.call("PUT", "/queues/default", {"paused": True})
    service.call("POST", f"/jobs/{job_id}/retry")
    row(page, "TimedOut").get_by_role("button", name="Retry").click()
    expect(page.get_by_text("None of these jobs is failed any more.")).to_be_visible()
    expect(page.get_by_text("No job has failed.")).to_be_visible()


def test_the_page_fits_a_phone(browser: Browser, service: Service) -> None:
    service.worker()
    failed(service)
    viewport: Any = {"width": 360, "height": 700}
    context = browser.new_context(base_url=service.base_url, viewport=viewport)
    page = context.new_page()
    page.goto("/ui/failures")
    expect(row(page, "TimedOut")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    context.close()
