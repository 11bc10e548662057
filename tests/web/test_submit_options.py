"""The options of a job in the form of a new one, in a real browser."""

from playwright.sync_api import Page, expect

from tests.support.programs import Service


def test_a_job_is_submitted_with_tags_and_metadata(service: Service, page: Page) -> None:
    page.goto("/ui/submit?type=sleep")
    page.get_by_label("Seconds required").fill("0")
    page.get_by_text("Options").click()
    page.get_by_label("Tags").fill("nightly, customer:42")
    page.get_by_label("Metadata").fill("order=7\nwho=Ann B")
    page.get_by_role("button", name="Submit").click()
    facts = page.locator(".facts")
    expect(facts.get_by_role("link", name="customer:42")).to_be_visible()
    expect(facts).to_contain_text('{"order":7,"who":"Ann B"}')
    (job,) = service.call("GET", "/jobs")[1]["items"]
    assert (job["tags"], job["metadata"]) == (
        ["nightly", "customer:42"],
        {"order": 7, "who": "Ann B"},
    )


def test_metadata_that_cannot_be_read_is_reported_at_its_field(
    service: Service, page: Page
) -> None:
    page.goto("/ui/submit?type=sleep")
    page.get_by_label("Seconds required").fill("0")
    page.get_by_text("Options").click()
    field = page.get_by_label("Metadata")
    field.fill("urgent")
    page.get_by_role("button", name="Submit").click()
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(page.locator("#option-metadata-note")).to_have_text(
        '"urgent" is not name=value, such as order=7'
    )
    expect(page.locator(".submission")).to_have_count(0)
    assert service.call("GET", "/jobs")[1]["items"] == []


def test_a_form_can_be_checked_without_submitting_a_job(service: Service, page: Page) -> None:
    page.goto("/ui/submit?type=sleep")
    page.get_by_label("Seconds required").fill("5")
    page.get_by_text("Options").click()
    tags = page.get_by_label("Tags")
    tags.fill("tried")
    page.get_by_role("button", name="Check only").click()
    expect(page.locator("form [role=status]")).to_contain_text("Nothing was submitted")
    tags.fill("x" * 101)
    page.get_by_role("button", name="Check only").click()
    expect(tags).to_have_attribute("aria-invalid", "true")
    assert service.call("GET", "/jobs?tag=tried")[1]["items"] == []
