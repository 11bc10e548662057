"""The audit log in the web front end, in a real browser."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.callers import API_TOKENS, token
from tests.support.programs import Service, running_service


def test_the_page_of_a_job_leads_to_who_canceled_it(service: Service, page: Page) -> None:
    job_id, other = (service.submit(payload={"seconds": 600}) for _ in range(2))
    for each in (job_id, other):
        service.call("POST", f"/jobs/{each}/cancel")
    service.call("PUT", "/queues/gpu", {"max_running": 2})
    page.goto(f"/ui/jobs/{job_id}")
    page.get_by_role("link", name="who has changed it").click()
    rows = page.locator("tbody tr")
    expect(rows).to_have_count(1)
    expect(rows.get_by_role("rowheader")).to_have_text("cancel")
    expect(rows).to_contain_text("127.0.0.1")
    rows.get_by_role("link").click()
    expect(page).to_have_url(re.compile(f"/ui/jobs/{job_id}$"))
    page.get_by_role("link", name="Audit").click()
    expect(rows).to_have_count(3)
    expect(rows.first).to_contain_text("put queue")
    expect(rows.first).to_contain_text("max_running: 2")
    page.get_by_label("Action").fill("cancel")
    page.get_by_label("Action").press("Enter")
    expect(rows).to_have_count(2)
    expect(page).to_have_url(re.compile("action=cancel"))
    page.get_by_label("Time").select_option("the last hour")
    expect(page).to_have_url(re.compile("since=1h"))
    expect(rows).to_have_count(2)


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Service]:
    """A service that requires tokens."""
    with running_service(f"sqlite:///{tmp_path}/jobs.db", tmp_path, API_TOKENS=API_TOKENS) as found:
        yield found


@pytest.mark.parametrize(("name", "seen"), [("ada", True), ("ann", False)])
def test_only_admins_see_the_link(
    guarded: Service, browser: Browser, name: str, seen: bool
) -> None:
    page = browser.new_context(base_url=guarded.base_url).new_page()
    page.goto("/ui/jobs")
    page.get_by_label("Token").fill(token(name))
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_text(f"{name} ·")).to_be_visible()
    expect(page.get_by_role("link", name="Audit")).to_be_visible(visible=seen)
    page.context.close()
