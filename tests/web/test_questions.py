"""Questions about a file that are asked on the page of its analysis, in a real browser."""

from playwright.sync_api import Browser, Page, expect

from tests.support.programs import Service
from tests.web.test_analysis import analyzed, log


def job_of(service: Service, page: Page) -> dict[str, object]:
    """The job whose page is shown."""
    found: dict[str, object] = service.job(page.url.rpartition("/")[2].partition("?")[0])
    return found


def test_combinations_are_added_and_removed_without_json(service: Service, page: Page) -> None:
    service.worker()
    first = analyzed(service, log(60, 30), patterns=["ERROR"], histogram="auto")
    page.goto(f"/ui/jobs/{first}")
    page.get_by_text("Lines with all, any or none of several texts").click()
    page.get_by_label("All of these").fill("error\ndisk")
    page.get_by_label("None of these").fill("disk 0")
    page.locator(".pattern-form").get_by_label("ignore case").check()
    page.get_by_role("button", name="Add", exact=True).click()
    row = page.get_by_role("row", name="error AND disk NOT disk 0")
    expect(row.locator(".number")).to_have_text("49")
    assert first not in page.url
    folded = {"ignore_case": True}
    assert job_of(service, page)["payload"]["patterns"][1] == {  # type: ignore[index]
        "all": [{"pattern": "error", **folded}, {"pattern": "disk", **folded}],
        "none": [{"pattern": "disk 0", **folded}],
    }
    row.get_by_role("button", name="Remove").click()
    expect(row).to_have_count(0)
    expect(page.get_by_role("row", name="ERROR")).to_be_visible()


def test_a_range_samples_and_context_are_asked_for_in_a_form(service: Service, page: Page) -> None:
    service.worker()
    page.goto(f"/ui/jobs/{analyzed(service, log(60, 30), patterns=['ERROR'])}")
    page.get_by_text("Range of time, samples, context and records").click()
    page.get_by_label("Start of the range").fill("-20m")
    page.get_by_label("Samples of each pattern").fill("3")
    page.get_by_label("Context of each sample").fill("1")
    page.get_by_label("count lines over time").check()
    page.get_by_label("End of the range").fill("yesterday")
    page.get_by_role("button", name="Analyze again").click()
    expect(page.locator(".question .error-text")).to_contain_text("until")
    page.get_by_label("End of the range").fill("2026-01-01T00:50:00Z")
    page.get_by_role("button", name="Analyze again").click()
    expect(page.get_by_text("in the chosen range of time")).to_be_visible()
    expect(page.locator(".time-chart canvas")).to_be_visible()
    page.get_by_text("ERROR (3)").click()
    expect(page.locator("[data-key=samples] pre, section pre.text").first).to_contain_text("ERROR")
    page.get_by_text("Range of time, samples, context and records").click()
    expect(page.get_by_label("Start of the range")).to_have_value("-20m")


def test_records_are_asked_for_in_forms(service: Service, page: Page) -> None:
    service.worker()
    content = b"2026-01-01T00:00:00Z ERROR a\nValueError: b\n\tat c\n" * 5
    page.goto(f"/ui/jobs/{analyzed(service, content, patterns=['ERROR'])}")
    page.get_by_text("Range of time, samples, context and records").click()
    page.get_by_label("First lines of records").fill("(")
    page.get_by_role("button", name="Analyze again").click()
    expect(page.locator(".question .error-text")).to_contain_text("records")
    page.get_by_label("First lines of records").fill("multi_line")
    page.get_by_label("count lines over time").check()
    page.get_by_role("button", name="Analyze again").click()
    expect(page.get_by_text("15 lines · 5 records")).to_be_visible()
    expect(page.get_by_text("in 5 records, from line 1 to line 13")).to_be_visible()
    expect(page.get_by_text("Records per")).to_be_visible()
    page.get_by_role("button", name="ERROR", exact=True).click()
    expect(page.locator(".lines li")).to_have_count(15)
    page.get_by_text("Range of time, samples, context and records").click()
    expect(page.get_by_label("First lines of records")).to_have_value("multi_line")
    page.goto("/ui/submit?type=analyze")
    page.get_by_text("More fields").click()
    expect(page.get_by_label("Records", exact=True)).to_have_value("")
    page.get_by_label("Records", exact=True).select_option("multi_line")


def test_the_address_of_a_view_shows_the_same_in_another_browser(
    browser: Browser, service: Service, page: Page
) -> None:
    service.worker()
    job_id = analyzed(service, log(120, 90), patterns=["ERROR", "WARN"], histogram="auto")
    calm = log(120, -1).replace(b"ERROR", b"DEBUG")
    other = analyzed(service, calm, patterns=["ERROR", "WARN"])
    page.goto(f"/ui/jobs/{job_id}")
    page.get_by_role("button", name="ERROR: 2026-01-01 01:30:00").click()
    page.get_by_label("Lines with").fill("disk 4")
    page.get_by_label("Lines around").fill("1")
    page.get_by_role("button", name="Show", exact=True).click()
    page.get_by_label("Times").select_option("local time")
    page.get_by_label("Color of ERROR").fill("#123456")
    page.get_by_text("Compare with another analysis").click()
    page.get_by_label("Before").select_option(other)
    changes = page.get_by_role("group", name="Changes").locator("tbody tr")
    expect(changes).not_to_have_count(0)
    parts = [".readout", ".lines", ".legend", "[data-key=comparison] table", ".bursts"]
    expect(page.locator(".lines mark").first).to_be_visible()
    shown = [page.locator(each).inner_text() for each in parts]
    context = browser.new_context(base_url=service.base_url)
    again = context.new_page()
    again.goto(page.url)
    expect(again.locator(".lines mark").first).to_be_visible()
    expect(again.get_by_role("group", name="Changes").locator("tbody tr")).not_to_have_count(0)
    assert [again.locator(each).inner_text() for each in parts] == shown
    expect(again.get_by_label("Color of ERROR")).to_have_value("#123456")
    expect(again.get_by_label("Times")).to_have_value("local")
    context.close()
