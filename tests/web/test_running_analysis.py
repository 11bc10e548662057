"""The page of an analysis while its scan runs, or after it has failed, in a real browser."""

import gzip
from datetime import UTC, datetime, timedelta

from playwright.sync_api import Page, expect

from tests.support.programs import Service

START = datetime(2026, 1, 1, tzinfo=UTC)
SLOW = {"pattern": "a.*z|a", "regex": True, "name": "slow"}
"""A regex that searches to the end of the line from each `a`."""
STAYS = """() => document.querySelector(".time-chart canvas").isKept
    && document.activeElement.id === "view-zone" && String(getSelection()) === "Over time" """


def slow_log(lines: int) -> bytes:
    """A log with a line every two seconds; three of four take long."""
    texts = (
        f"{START + timedelta(seconds=2 * n):%Y-%m-%dT%H:%M:%SZ} "
        + (f"INFO {'a' * 40}" if n % 4 else f"ERROR user {n} failed")
        for n in range(lines)
    )
    return "\n".join(texts).encode()


def test_the_page_fills_while_the_scan_runs_and_stays_in_place(
    service: Service, page: Page
) -> None:
    service.worker()
    payload = {"patterns": ["ERROR", SLOW], "overview": True, "histogram": "auto"}
    job_id = service.upload(slow_log(400_000), payload)
    page.goto(f"/ui/jobs/{job_id}")
    expect(page.locator(".time-chart canvas")).to_be_visible()
    expect(page.get_by_role("heading", name="Kinds of lines so far")).to_be_visible()
    expect(page.locator(".templates tbody tr")).to_have_count(2)
    page.get_by_text("The figures as a table").click()
    table = page.get_by_role("group", name="Figures")
    expect(table.locator("tbody tr").first).to_be_visible()
    page.evaluate("document.querySelector('.time-chart canvas').isKept = true")
    page.locator("#view-zone").focus()
    page.evaluate(
        "getSelection().selectAllChildren("
        "[...document.querySelectorAll('h2')].find((each) => each.textContent === 'Over time'))"
    )
    total = page.locator(".legend li", has_text="all lines")
    before = total.text_content() or ""
    expect(total).not_to_have_text(before, timeout=40_000)  # ms: processors are busy
    assert page.evaluate(STAYS)
    expect(table).to_be_visible()
    service.call("POST", f"/jobs/{job_id}/cancel")
    expect(page.locator("h1 .badge")).to_have_text("canceled")
    expect(page.get_by_text("The file was not read to its end.")).to_be_visible()
    assert page.evaluate(STAYS)


def test_a_failed_scan_shows_what_it_has_found(service: Service, page: Page) -> None:
    service.worker()
    whole = gzip.compress(slow_log(3000).replace(b"a" * 40, b"a"))
    job_id = service.upload(whole[: len(whole) * 3 // 4], {"histogram": "auto"})
    assert service.result(job_id)["status"] == "failed"
    page.goto(f"/ui/jobs/{job_id}")
    expect(page.get_by_text("The file was not read to its end.")).to_be_visible()
    expect(page.locator(".time-chart canvas")).to_be_visible()
    expect(page.locator(".legend li")).to_have_count(3)
    expect(page.locator(".templates tbody tr")).to_have_count(2)
