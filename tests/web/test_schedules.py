"""Schedules in the web front end, in a real browser."""

import json
import re
from typing import Any

from playwright.sync_api import Browser, Page, expect

from tests.support.programs import Service
from tests.support.waiting import wait_for

LONGEST_NAME = "s" * 64


def put(service: Service, name: str, **fields: Any) -> dict[str, Any]:
    """Put a schedule of jobs that sleep."""
    document: dict[str, Any] = {"type": "sleep", "payload": {"seconds": 0}, "cron": "@yearly"}
    status, document = service.call("PUT", f"/schedules/{name}", {**document, **fields})
    assert status in (200, 201), document
    return document


def get(service: Service, name: str) -> dict[str, Any]:
    """Get a schedule."""
    document: dict[str, Any] = service.call("GET", f"/schedules/{name}")[1]
    return document


def test_a_schedule_is_made_without_writing_json_or_cron(service: Service, page: Page) -> None:
    page.goto("/")
    page.get_by_role("link", name="Schedules").click()
    expect(page.get_by_text("No schedules yet")).to_be_visible()
    page.get_by_role("link", name="New schedule").click()
    page.get_by_label("Name", exact=True).fill("nightly")
    page.get_by_label("At", exact=True).fill("02:30")
    page.get_by_label("Time zone").fill("Europe/Berlin")
    page.get_by_label("Job type").select_option("sleep")
    page.get_by_label("Seconds required").fill("1.5")
    page.get_by_text("Options").click()
    page.get_by_label("Priority").fill("3")
    page.get_by_label("Tags").fill("nightly, customer:42")
    page.get_by_label("Metadata").fill("order=7")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("h1 .badge")).to_have_text("active")
    expect(page.locator(".facts")).to_contain_text("daily at 02:30, Europe/Berlin")
    expect(page.locator(".next-times time")).to_have_count(5)
    saved = get(service, "nightly")
    assert (saved["cron"], saved["timezone"]) == ("30 2 * * *", "Europe/Berlin")
    assert (saved["missed"], saved["overlap"], saved["until"]) == ("once", "skip", None)
    options = {"priority": 3, "tags": ["nightly", "customer:42"], "metadata": {"order": 7}}
    assert (saved["payload"], saved["options"]) == ({"seconds": 1.5}, options)


def test_a_schedule_is_edited(service: Service, page: Page) -> None:
    options = {"priority": 3, "tags": ["nightly"], "metadata": {"order": 7}, "backoff": [1, 10]}
    put(service, "nightly", cron="30 2 * * *", payload={"seconds": 1.5}, options=options)
    page.goto("/ui/schedules/nightly")
    page.get_by_role("link", name="Edit").click()
    expect(page.get_by_label("At", exact=True)).to_have_value("02:30")
    expect(page.get_by_label("Seconds required")).to_have_value("1.5")
    page.get_by_label("Fires").select_option("at an interval")
    page.get_by_label("Every").fill("2")
    page.get_by_label("Unit").select_option("hours")
    page.get_by_label("Until").fill("2040-01-31T12:00:00")
    page.get_by_label("Priority").fill("")
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".facts")).to_contain_text("every 2 h")
    edited = get(service, "nightly")
    assert (edited["every"], edited["cron"], edited["version"]) == (7200, None, 2)
    assert edited["until"].startswith("2040-01-3")
    del options["priority"]
    assert (edited["payload"], edited["options"]) == ({"seconds": 1.5}, options)


def test_a_schedule_is_deleted_after_a_question(service: Service, page: Page) -> None:
    put(service, "nightly")
    page.goto("/ui/schedules/nightly")
    page.get_by_role("button", name="Delete").click()
    dialog = page.get_by_role("dialog", name="Delete the schedule nightly?")
    dialog.get_by_role("button", name="Back").click()
    assert get(service, "nightly")["version"] == 1
    page.get_by_role("button", name="Delete").click()
    dialog.get_by_role("button", name="Delete").click()
    expect(page.get_by_text("No schedules yet")).to_be_visible()
    assert service.call("GET", "/schedules/nightly")[0] == 404


def test_a_schedule_runs_now_and_shows_the_job(service: Service, page: Page) -> None:
    service.worker()
    put(service, "yearly")
    page.goto("/ui/schedules")
    page.get_by_role("button", name="Run yearly now").click()
    expect(page.get_by_text(re.compile("Job …[0-9a-f]{8} of yearly submitted"))).to_be_visible()
    page.get_by_role("link", name="yearly").click()
    firing = page.get_by_role("group", name="Recent firings").get_by_role("row").nth(1)
    expect(firing).to_contain_text("submitted")
    expect(firing.locator(".badge")).to_have_text("succeeded")
    firing.get_by_role("link").click()
    expect(page.locator("h1 .badge")).to_have_text("succeeded")
    expect(page.locator(".facts")).to_contain_text("Schedule")
    page.locator(".facts").get_by_role("link", name="yearly").click()
    expect(page.locator("h1")).to_contain_text("yearly")
    page.get_by_role("link", name="All its jobs").click()
    expect(page.locator(".jobs tbody tr")).to_have_count(1)
    expect(page.get_by_label("Schedule", exact=True)).to_have_value("yearly")


def test_a_schedule_is_paused_and_resumed_where_it_is_listed(service: Service, page: Page) -> None:
    put(service, "yearly")
    page.goto("/ui/schedules")
    row = page.get_by_role("row").nth(1)
    page.get_by_role("button", name="Pause yearly").click()
    expect(row.locator(".badge")).to_have_text("paused")
    assert get(service, "yearly")["paused"]
    resume = page.get_by_role("button", name="Resume yearly")
    expect(resume).to_be_focused()
    resume.click()
    expect(row.locator(".badge")).to_have_text("active")
    page.get_by_role("link", name="yearly").click()
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_text("None while it is paused.")).to_be_visible()
    page.get_by_role("link", name="Edit").click()
    page.get_by_role("button", name="Save").click()
    expect(page.locator("h1 .badge")).to_have_text("paused")
    assert get(service, "yearly")["version"] == 5


def test_firings_appear_by_themselves(service: Service, page: Page) -> None:
    put(service, "often", cron=None, every=1)
    page.goto("/ui/schedules/often")
    expect(page.get_by_text("No firings yet")).to_be_visible()
    service.worker()
    expect(page.locator(".schedules .badge.succeeded").first).to_be_visible()


def test_errors_are_shown_at_the_fields_that_they_name(service: Service, page: Page) -> None:
    put(service, "taken")
    page.goto("/ui/schedules?new=")
    page.get_by_label("Name", exact=True).fill("taken")
    page.get_by_label("Fires").select_option("at the times of a cron expression")
    page.get_by_label("Cron", exact=True).fill("30 2 * *")
    page.get_by_label("Job type").select_option("sleep")
    page.get_by_label("Seconds required").fill("1")
    page.get_by_text("Options").click()
    page.get_by_label("Expires after").fill("0")
    save = page.get_by_role("button", name="Save")
    save.click()
    expect(page.locator("#schedule-cron-note")).to_contain_text("cron has 4 fields, expected 5")
    expect(page.get_by_label("Cron", exact=True)).to_be_focused()
    expect(page.locator("#option-expires_in-note")).to_contain_text("must be above 0")
    page.get_by_label("Cron", exact=True).fill("30 2 * * *")
    page.get_by_label("Expires after").fill("60")
    page.get_by_label("Time zone").fill("Nowhere")
    save.click()
    expect(page.locator("#schedule-timezone-note")).to_contain_text("IANA name")
    page.get_by_label("Time zone").fill("UTC")
    save.click()
    note = page.locator("#schedule-name-note")
    expect(note).to_have_text("a schedule with this name already exists")
    for wrong in ("Big", "..", "a/b"):
        page.get_by_label("Name", exact=True).fill(wrong)
        save.click()
        expect(note).to_contain_text("letter or a digit")
    assert [each["name"] for each in service.call("GET", "/schedules")[1]["schedules"]] == ["taken"]
    assert get(service, "taken")["version"] == 1


def test_rows_and_groups_of_a_payload_are_shown_by_fields(service: Service, page: Page) -> None:
    patterns = ["ERROR", {"all": ["a", "b"], "none": [{"pattern": "c"}]}]
    job_id = service.upload(b"ERROR\n", {"patterns": ["ERROR"]})
    payload = {"patterns": patterns, "source": {"job_id": job_id}}
    put(service, "analysis", type="analyze", payload=payload)
    page.goto("/ui/schedules/analysis?edit=")
    expect(page.get_by_role("group", name="Source").get_by_label("Job Id")).to_have_value(job_id)
    page.get_by_role("button", name="Save").click()
    expect(page.locator("h1 .badge")).to_have_text("active")
    saved = get(service, "analysis")
    assert (saved["version"], saved["payload"]["patterns"]) == (2, patterns)


def test_a_payload_that_no_field_can_show_is_edited_as_json(service: Service, page: Page) -> None:
    job_id = service.upload(b"ERROR\n", {"patterns": ["ERROR"]})
    payload = {"records": {"start": "[0-9]{6} "}, "source": {"job_id": job_id}}
    put(service, "analysis", type="analyze", payload=payload)
    page.goto("/ui/schedules/analysis?edit=")
    field = page.get_by_label("Payload")
    assert json.loads(field.input_value()) == payload
    field.fill("[5]")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#payload-json-note")).to_contain_text("must be a JSON object")
    field.fill(json.dumps({**payload, "top": 5}))
    page.get_by_role("button", name="Save").click()
    expect(page.locator("h1 .badge")).to_have_text("active")
    assert get(service, "analysis")["payload"] == {**payload, "top": 5}


def test_an_unknown_schedule_is_reported_with_a_link_to_all(service: Service, page: Page) -> None:
    page.goto("/ui/schedules/none")
    expect(page.get_by_role("alert")).to_contain_text("there is no schedule none")
    page.get_by_role("link", name="All schedules").click()
    expect(page.get_by_text("No schedules yet")).to_be_visible()


def test_a_long_list_has_pages(service: Service, page: Page) -> None:
    for number in range(101):
        put(service, f"s{number:03}")
    page.goto("/ui/schedules")
    expect(page.locator("tbody tr")).to_have_count(100)
    page.get_by_role("link", name="Next page").click()
    expect(page.get_by_role("link", name="s100")).to_be_visible()
    expect(page.locator("tbody tr")).to_have_count(1)
    page.get_by_role("link", name="First page").click()
    expect(page.get_by_role("link", name="s000")).to_be_visible()


def test_no_page_of_schedules_is_wider_than_a_phone(browser: Browser, service: Service) -> None:
    service.worker()
    put(service, LONGEST_NAME, cron=None, every=1, options={"tags": ["x" * 100]})
    put(service, "nightly", cron="30 2 * * *", timezone="America/Argentina/ComodRivadavia")
    wait_for(lambda: get(service, LONGEST_NAME)["recent"])
    page = browser.new_context(base_url=service.base_url).new_page()
    for width in (360, 390, 701, 1024):
        page.set_viewport_size({"width": width, "height": 800})
        for path in ("", f"/{LONGEST_NAME}", f"/{LONGEST_NAME}?edit=", "?new="):
            page.goto(f"/ui/schedules{path}")
            expect(page.locator("h1")).to_be_visible()
            expect(page.locator(".loading")).to_have_count(0)
            assert page.evaluate("document.documentElement.scrollWidth") <= width, (path, width)
    page.set_viewport_size({"width": 390, "height": 800})
    page.goto("/ui/schedules")
    button = page.get_by_role("button", name="Pause nightly")
    assert button.evaluate("each => each.getBoundingClientRect().right") <= 390
    page.context.close()
