"""The web front end passes axe's checks in both color schemes, with and without content."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.support.programs import Service
from tests.support.waiting import wait_for

OF_COLORS = ["color-contrast", "link-in-text-block"]
"""The rules of axe whose results depend on the color scheme."""


WITH_CHART = {"patterns": ["ERROR"], "histogram": "minute", "samples": 1}


def problems(page: Page) -> list[str]:
    """Return the problems that axe finds on a page: its rule and the first element, for each.

    All rules are checked in the light color scheme, and those about colors also in the dark one.
    """
    page.emulate_media(color_scheme="dark")
    rules = {"resultTypes": ["violations"], "runOnly": OF_COLORS}
    found = Axe().run(page, options=rules).response["violations"]
    page.emulate_media(color_scheme="light")
    found += Axe().run(page).response["violations"]
    return [f"{each['id']}: {each['nodes'][0]['html']}" for each in found]


def keep_one_of_each_kind(page: Page) -> None:
    """Leave calls and schemas of the API whose parts no other has, with three rows of each table.

    One function makes all of them, and axe takes half a minute for all.
    """
    script = """each => {
        const known = new Set();
        for (const one of each) {
            const parts = [...one.querySelectorAll("*")].map((it) => it.tagName + it.className);
            if (parts.every((part) => known.has(part))) one.remove();
            parts.forEach((part) => known.add(part));
            one.querySelectorAll("tbody tr:nth-child(n+4)").forEach((row) => row.remove());
            one.open = true;
        }
        return [...each].filter((one) => one.isConnected).length;
    }"""
    for kind in ("details.call", "section.schema"):
        assert page.locator(kind).evaluate_all(script) > 0


def open_page(page: Page, path: str) -> Page:
    """Open a page, and wait until it has loaded its contents."""
    page.goto(path)
    expect(page.locator("h1")).to_be_visible()
    expect(page.locator(".loading")).to_have_count(0)
    return page


@pytest.fixture
def page(browser: Browser, service: Service) -> Iterator[Page]:
    """A page that axe may inject its script into, which its content security policy forbids."""
    context = browser.new_context(base_url=service.base_url, bypass_csp=True)
    yield context.new_page()
    context.close()


def test_no_page_without_jobs_has_a_problem_that_axe_finds(page: Page) -> None:
    for path in (
        "/",
        "/ui/jobs",
        "/ui/failures",
        "/ui/audit",
        "/ui/submit?type=analyze",
        "/docs/errors",
        "/docs/guides",
        "/docs/log-formats",
        "/ui/none",
    ):
        assert problems(open_page(page, path)) == [], path


def test_the_page_of_the_api_has_no_problem_that_axe_finds(page: Page) -> None:
    keep_one_of_each_kind(open_page(page, "/docs"))
    assert problems(page) == []


def test_no_page_with_jobs_has_a_problem_that_axe_finds(page: Page, service: Service) -> None:
    service.worker()
    done = service.upload(b"2026-01-01T00:00:00Z ERROR <b>\n" * 10, WITH_CHART)
    failed = service.submit("talk", {"lines": 3, "then": "crash"})
    running = service.submit(payload={"seconds": 600})
    service.result(done)
    for path in (
        "/",
        "/ui/jobs",
        "/ui/failures",
        *(f"/ui/jobs/{each}" for each in (done, failed, running)),
    ):
        assert problems(open_page(page, path)) == [], path


def test_the_forms_of_an_analysis_have_no_problem_that_axe_finds(
    page: Page, service: Service
) -> None:
    service.worker()
    service.call("PUT", "/pattern-sets/shop", {"patterns": ["order rejected"]})
    done = service.upload(b"2026-01-01T00:00:00Z ERROR <b>\n" * 10, WITH_CHART)
    service.result(done)
    open_page(page, f"/ui/jobs/{done}")
    page.get_by_text("Lines with all, any or none of several texts").click()
    page.get_by_text("Range of time, samples, context and records").click()
    page.get_by_label("End of the range").fill("yesterday")
    page.get_by_role("button", name="Analyze again").click()
    expect(page.locator(".question .error-text")).not_to_be_empty()
    page.get_by_text("Compare with another analysis").click()
    page.get_by_label("Patterns of a set").select_option("shop")
    assert problems(page) == []
    page.get_by_role("button", name="Save patterns as a set").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("A B")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog.locator(".bad")).to_be_visible()
    assert problems(page) == []


def test_queues_and_their_dialogs_have_no_problem_that_axe_finds(
    page: Page, service: Service
) -> None:
    for name, paused in (("empty", False), ("held", True)):
        assert (
            service.call("PUT", f"/queues/{name}", {"max_running": 2, "paused": paused})[0] == 201
        )
    service.worker(QUEUES="default,held")
    held, alone = (service.submit(payload={"seconds": 5}, queue=name) for name in ("held", "empty"))
    for path in ("/", "/ui/jobs?queue=held", f"/ui/jobs/{held}"):
        assert problems(open_page(page, path)) == [], path
    open_page(page, "/ui/submit").get_by_text("Options").click()
    assert problems(page) == []
    expect(open_page(page, "/").locator(".notice")).to_have_count(2)
    page.get_by_role("button", name="New queue").click()
    page.get_by_role("dialog").get_by_label("Name").fill("Big")
    page.keyboard.press("Enter")
    expect(page.locator(".bad")).to_be_visible()
    assert problems(page) == []
    page.keyboard.press("Escape")
    service.call("POST", f"/jobs/{alone}/cancel")
    expect(page.locator(".notice")).to_have_count(1)
    page.get_by_role("button", name="Change… empty").click()
    service.submit(payload={"seconds": 5}, queue="empty")
    page.get_by_role("button", name="Delete").click()
    expect(page.locator("dialog .error-text")).not_to_be_empty()
    assert problems(page) == []


def test_schedules_and_their_forms_have_no_problem_that_axe_finds(
    page: Page, service: Service
) -> None:
    service.worker()
    assert problems(open_page(page, "/ui/schedules")) == []
    document = {"type": "sleep", "payload": {"seconds": 0}, "options": {"tags": ["nightly"]}}
    for name, times in (("often", {"every": 1}), ("held", {"cron": "@daily", "paused": True})):
        assert service.call("PUT", f"/schedules/{name}", {**document, **times})[0] == 201
    wait_for(lambda: service.call("GET", "/schedules/often")[1]["recent"])
    for path in ("", "/often", "/held", "/held?edit="):
        assert problems(open_page(page, f"/ui/schedules{path}")) == [], path
    open_page(page, "/ui/schedules?new=").get_by_label("Name", exact=True).fill("Big")
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".bad")).to_be_visible()
    assert problems(page) == []


def test_axe_finds_problems_in_a_bad_page(browser: Browser, tmp_path: Path) -> None:
    bad = tmp_path / "bad.html"
    bad.write_text("<html><body><img src='x'><input></body></html>")
    context = browser.new_context()
    page = context.new_page()
    page.goto(bad.as_uri())
    assert {line.partition(":")[0] for line in problems(page)} >= {"image-alt", "label"}
    context.close()


def test_axe_finds_a_low_contrast_in_either_color_scheme(browser: Browser) -> None:
    context = browser.new_context()
    page = context.new_page()
    for scheme in ("light", "dark"):
        colors = f"@media (prefers-color-scheme: {scheme}) {{ p {{ color: #777 }} }}"
        styles = "p { background: #888; color: #000 }" + colors
        page.set_content(f"<html lang=en><title>x</title><style>{styles}</style><p>text</p>")
        assert "color-contrast: <p>text</p>" in problems(page), scheme
    context.close()
