"""Pattern sets in the web front end, in a real browser."""

import pytest
from playwright.sync_api import FilePayload, Page, expect

from tests.support.programs import Service

LOG = b"2026-01-01T00:00:01Z ERROR disk full\n2026-01-01T00:00:02Z WARN order rejected\n"


@pytest.fixture
def analysis(service: Service) -> str:
    """A job that has analyzed a file, on a service with the set `shop`."""
    service.worker()
    status, _ = service.call(
        "PUT", "/pattern-sets/shop", {"patterns": ["WARN", "order rejected"], "description": "Shop"}
    )
    assert status == 201
    job_id = service.upload(LOG, {"patterns": ["ERROR"]})
    assert service.result(job_id)["status"] == "succeeded"
    return job_id


def shown_job(service: Service, page: Page) -> str:
    """The id of the job whose page is shown."""
    return page.url.rpartition("/")[2].partition("?")[0]


def test_the_patterns_of_a_set_are_added_and_stay_removed(
    service: Service, page: Page, analysis: str
) -> None:
    page.goto(f"/ui/jobs/{analysis}")
    page.get_by_label("Patterns of a set").select_option("shop")
    page.get_by_role("button", name="Add set").click()
    expect(page.get_by_role("row", name="order rejected")).to_be_visible()
    first = shown_job(service, page)
    payload = service.job(first)["payload"]
    assert payload["pattern_sets"] == ["shop"]
    assert payload["patterns"] == ["ERROR", "WARN", "order rejected"]
    page.get_by_role("button", name="Remove WARN").click()
    expect(page.get_by_role("row", name="WARN")).to_have_count(0)
    expect(page.locator(".bars tbody tr")).to_have_count(2)
    payload = service.job(shown_job(service, page))["payload"]
    assert payload["patterns"] == ["ERROR", "order rejected"]


def test_the_patterns_of_an_analysis_are_saved_as_a_set(
    service: Service, page: Page, analysis: str
) -> None:
    page.goto(f"/ui/jobs/{analysis}")
    page.get_by_role("button", name="Save patterns as a set").click()
    dialog = page.get_by_role("dialog", name="Save 1 pattern as a set")
    for wrong, reason in (("nginx", "built in"), ("Errors", "1 to 64 of a-z")):
        dialog.get_by_label("Name").fill(wrong)
        dialog.get_by_role("button", name="Save").click()
        expect(dialog.locator(".bad")).to_contain_text(reason)
    dialog.get_by_label("Name").fill("errors")
    dialog.get_by_label("What it is for").fill("all errors")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog).to_have_count(0)
    _, saved = service.call("GET", "/pattern-sets/errors")
    assert (saved["patterns"], saved["description"]) == (["ERROR"], "all errors")
    page.get_by_label("Patterns of a set").select_option("errors")


def test_sets_are_chosen_in_the_form_of_a_new_analysis(
    service: Service, page: Page, analysis: str
) -> None:
    page.goto("/ui/submit?type=analyze")
    page.get_by_text("More fields").click()
    page.get_by_label("shop", exact=True).check()
    page.get_by_label("sshd", exact=True).check()
    page.get_by_label("sshd", exact=True).uncheck()
    file: FilePayload = {"name": "app.log", "mimeType": "text/plain", "buffer": LOG}
    page.locator("input[type=file]").first.set_input_files(file)
    page.get_by_role("button", name="Submit", exact=True).click()
    expect(page.get_by_role("row", name="order rejected")).to_be_visible()
    payload = service.job(shown_job(service, page))["payload"]
    assert payload["pattern_sets"] == ["shop"]


def test_the_overview_lists_sets_and_deletes_them(
    service: Service, page: Page, analysis: str
) -> None:
    page.goto("/")
    page.get_by_text("Pattern sets").click()
    page.get_by_role("button", name="shop", exact=True).click()
    expect(page.locator(".set-patterns:visible")).to_have_text("WARN\norder rejected")
    expect(page.get_by_role("button", name="Delete the set nginx")).to_have_count(0)
    page.get_by_role("button", name="Delete the set shop").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_role("button", name="shop", exact=True)).to_have_count(0)
    assert service.call("GET", "/pattern-sets/shop")[0] == 404
    expect(page.get_by_role("button", name="sshd", exact=True)).to_be_visible()
