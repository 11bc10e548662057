"""The page of an analysis with the keyboard alone, in a real browser."""

from playwright.sync_api import Page, expect

from tests.support.programs import Service
from tests.web.test_analysis import analyzed, log

MOST_STEPS = 80


def tab_to(page: Page, text: str) -> None:
    """Press Tab until an element with this text has the focus."""
    found = "text => document.activeElement.textContent.trim() === text"
    for _ in range(MOST_STEPS):
        if page.evaluate(found, text):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"Tab does not lead to {text!r}")


def test_the_chart_its_lines_and_its_templates_are_reached_by_keyboard(
    service: Service, page: Page
) -> None:
    service.worker()
    payload = {"patterns": ["ERROR", "WARN"], "overview": True, "histogram": "auto"}
    page.goto(f"/ui/jobs/{analyzed(service, log(60, 30), **payload)}")
    expect(page.locator(".time-chart canvas")).to_be_visible()
    expect(page.get_by_role("heading", name="Bursts (UTC)")).to_be_visible()
    tab_to(page, "The figures as a table")
    page.keyboard.press("Enter")
    expect(page.get_by_role("group", name="Figures").locator("tbody tr").first).to_be_visible()
    page.keyboard.press("Tab")  # the box, which scrolls
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator(".readout")).to_have_text("Chosen: 2026-01-01 00:00:00 to 00:00:30")
    expect(page.locator(".lines li")).to_have_count(3)
    expect(page.get_by_text("3 lines · times in UTC")).to_be_visible()
    for key in ("Shift+Tab", "Shift+Tab", "Enter"):  # close the table
        page.keyboard.press(key)
    expect(page.get_by_role("group", name="Figures")).to_be_hidden()
    template = page.locator(".templates tbody button").first
    tab_to(page, template.text_content() or "")
    page.keyboard.press("Enter")
    expect(page.locator(".lines li").first).to_be_visible()
    assert "template=t1" in page.url
    tab_to(page, "Compare with another analysis")


def test_a_combination_and_a_range_are_asked_for_by_keyboard(service: Service, page: Page) -> None:
    service.worker()
    page.goto(f"/ui/jobs/{analyzed(service, log(60, 30), patterns=['ERROR'])}")
    expect(page.get_by_role("row", name="ERROR")).to_be_visible()
    tab_to(page, "Lines with all, any or none of several texts")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.get_by_label("All of these")).to_be_focused()
    page.keyboard.type("error\ndisk")
    tab_to(page, "Add")
    page.keyboard.press("Enter")
    expect(page.get_by_role("row", name="error AND disk")).to_be_visible()
    tab_to(page, "Range of time, samples, context and records")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.get_by_label("Start of the range")).to_be_focused()
    page.keyboard.type("-20m")
    page.keyboard.press("Enter")
    expect(page.get_by_text("in the chosen range of time")).to_be_visible()
