"""The quotas of the caller beside its name, and a submission that one of them refuses."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.support.callers import token
from tests.support.programs import Service, running_service

TOKENS = f"ann:submit queued=1 bytes=1GB requests=50:{token('ann')}"


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    """A listener whose caller ann may have one queued job."""
    with running_service("", tmp_path, API_TOKENS=TOKENS) as service:
        service.token = token("ann")
        yield service


def test_the_page_shows_quotas_and_says_which_one_refuses_a_job(
    service: Service, page: Page
) -> None:
    page.goto("/ui/submit?type=sleep")
    page.get_by_role("dialog").get_by_label("Token").fill(token("ann"))
    page.get_by_role("dialog").get_by_role("button", name="Sign in").click()
    quotas = page.get_by_role("list", name="Quotas").get_by_role("listitem")
    seconds = page.get_by_label("Seconds required")
    expect(seconds).to_be_visible()  # the form is complete: it does not take the focus again
    expect(quotas).to_have_count(0)
    page.locator("#caller summary").press("Enter")
    expect(quotas).to_have_text(
        ["0 of 1 queued job", "0 bytes of 1 GiB of files", "50 requests per second"]
    )
    page.locator("#caller summary").press("Enter")
    service.submit(payload={"seconds": 600})
    seconds.fill("5")
    page.get_by_role("button", name="Submit").click()
    expect(page.locator("main")).to_contain_text("ann may have 1 queued job")
    expect(page.locator("main")).to_contain_text("cancel some")
    page.locator("#caller summary").click()
    expect(quotas.first).to_have_text("1 of 1 queued job")
