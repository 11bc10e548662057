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


def test_a_job_is_submitted_with_keys_and_jobs_that_it_waits_for(
    service: Service, page: Page
) -> None:
    first = service.submit("sleep", {"seconds": 0}, delay=600)
    page.goto("/ui/submit?type=sleep")
    page.get_by_label("Seconds required").fill("0")
    page.get_by_text("Options").click()
    page.get_by_label("Runs after").fill(f"{first}, x")
    page.get_by_label("If one of these jobs fails").select_option("run it all the same")
    page.get_by_label("Waits before retries").fill("1, 2.5")
    page.get_by_label("Concurrency key", exact=True).fill("host")
    page.get_by_label("Jobs per concurrency key").fill("3")
    page.get_by_label("Unique key", exact=True).fill("nightly")
    page.get_by_label("The unique key is held").select_option("until the job starts")
    page.get_by_label("If another job has the unique key").select_option("show the other one")
    page.get_by_label("Run at").fill("2099-01-31T12:30:00")
    page.get_by_role("button", name="Submit").click()
    expect(page.get_by_label("Runs after")).to_have_attribute("aria-invalid", "true")
    page.get_by_label("Runs after").fill(first)
    page.get_by_role("button", name="Submit").click()
    expect(page.locator(".facts")).to_contain_text("nightly")
    job = service.call("GET", "/jobs")[1]["items"][0]
    assert (job["after"], job["on_failure"], job["backoff"]) == ([first], "run", [1, 2.5])
    assert (job["concurrency_key"], job["max_per_key"]) == ("host", 3)
    assert (job["unique_key"], job["unique"]) == ("nightly", "queued")
    assert job["run_at"].startswith("2099-01-31T12:30:00")


def test_an_error_of_the_input_stands_at_its_field(service: Service, page: Page) -> None:
    page.goto("/ui/submit?type=sleep")
    page.get_by_label("Seconds required").fill("0")
    page.get_by_text("Options").click()
    page.get_by_label("Input from").fill("x")
    page.get_by_role("button", name="Submit").click()
    expect(page.locator("#option-input-note")).to_contain_text("sleep takes none")
