"""Signing in and out, and what each role sees, in a real browser."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.callers import API_TOKENS, token
from tests.support.programs import Service, running_service

COMMANDS = 'curl -s -H "Authorization: Bearer $TOKEN" '
LONG = {"seconds": 600}


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    """A listener with tokens. `service` itself sends requests as ann."""
    with running_service("", tmp_path, API_TOKENS=API_TOKENS) as service:
        service.token = token("ann")
        yield service


def sign_in(page: Page, name: str) -> None:
    dialog = page.get_by_role("dialog", name="Sign in")
    dialog.get_by_label("Token").fill(token(name))
    dialog.get_by_role("button", name="Sign in").click()
    expect(page.locator("#caller")).to_contain_text(name)
    expect(dialog).to_have_count(0)


def test_a_sign_in_returns_to_the_requested_page(service: Service, page: Page) -> None:
    job_id = service.submit(payload=LONG)
    page.goto(f"/ui/jobs/{job_id}")
    dialog = page.get_by_role("dialog", name="Sign in")
    dialog.get_by_label("Token").fill("jst_wrong-0123456789")
    page.keyboard.press("Enter")
    expect(dialog.get_by_role("alert")).to_have_text("this token is unknown")
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    expect(dialog).to_be_visible()
    assert job_id not in page.locator("main").inner_text()
    sign_in(page, "ann")
    expect(page.locator("h1 .badge")).to_have_text("queued")
    expect(page.locator(".facts")).to_contain_text("Submitted by")
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator("h1 .badge")).to_have_text("canceled")
    expect(page.locator(".facts")).to_contain_text("Canceled by")
    assert service.job(job_id)["canceled_by"] == "ann"
    page.get_by_text("curl commands").click()
    expect(page.locator(".commands")).to_contain_text(COMMANDS)
    page.reload()
    expect(page.locator("#caller")).to_contain_text("ann")


def test_actions_that_a_role_forbids_are_disabled_and_say_why(service: Service, page: Page) -> None:
    job_id = service.submit(payload=LONG)
    page.goto("/ui/jobs")
    sign_in(page, "rob")
    expect(page.get_by_role("button", name="Cancel all")).to_be_disabled()
    expect(page.get_by_text("For admins only")).to_be_visible()
    page.goto("/ui/submit?type=sleep")
    expect(page.get_by_role("button", name="Submit")).to_be_disabled()
    expect(page.get_by_text("requires the role submit")).to_be_visible()
    page.goto(f"/ui/jobs/{job_id}")
    expect(page.get_by_role("button", name="Cancel")).to_be_disabled()
    expect(page.get_by_text("does not allow changing jobs")).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    sign_in(page, "sue")
    expect(page.get_by_role("button", name="Cancel")).to_be_disabled()
    expect(page.get_by_text("Only admins may change jobs of others")).to_be_visible()


def test_only_admins_and_its_creator_may_change_a_schedule(service: Service, page: Page) -> None:
    document = {"type": "sleep", "payload": {"seconds": 0}, "cron": "@yearly"}
    assert service.call("PUT", "/schedules/yearly", document)[0] == 201
    create = page.get_by_role("link", name="New schedule")
    buttons = page.locator("main").get_by_role("button")
    page.goto("/ui/schedules")
    sign_in(page, "rob")
    expect(page.get_by_role("link", name="yearly")).to_be_visible()
    expect(create).to_have_count(0)
    expect(buttons).to_have_count(0)
    page.get_by_role("button", name="Sign out").click()
    sign_in(page, "sue")
    expect(create).to_be_visible()
    expect(buttons).to_have_count(0)
    page.get_by_role("link", name="yearly").click()
    expect(page.get_by_text("Only admins and its creator")).to_be_visible()
    expect(buttons).to_have_count(0)
    page.get_by_role("button", name="Sign out").click()
    sign_in(page, "ann")
    expect(page.get_by_role("button", name="Delete")).to_be_visible()


def test_readers_are_not_asked_to_submit_the_first_job(service: Service, page: Page) -> None:
    page.goto("/ui/jobs")
    sign_in(page, "rob")
    expect(page.get_by_text("as soon as somebody submits one")).to_be_visible()
    expect(page.get_by_role("link", name="Submit the first one")).to_have_count(0)


def test_only_an_admin_sees_the_controls_of_queues(service: Service, page: Page) -> None:
    change = page.get_by_role("button", name=re.compile("New queue|Pause|Change"))
    table = page.get_by_role("group", name="Queues")
    page.goto("/")
    for name in ("rob", "ann"):
        sign_in(page, name)
        expect(table.get_by_role("columnheader")).to_have_count(5)
        expect(table.get_by_role("row", name="default")).to_contain_text("open")
        expect(change).to_have_count(0)
        page.get_by_role("button", name="Sign out").click()
    sign_in(page, "ada")
    expect(change).to_have_text(["New queue…", "Pause", "Change…"])


def test_a_sign_out_leaves_nothing_on_the_page(service: Service, page: Page) -> None:
    job_id = service.submit(payload=LONG)
    page.goto("/ui/jobs")
    sign_in(page, "ada")
    expect(page.locator("tbody tr")).to_have_count(1)
    expect(page.get_by_role("button", name="Cancel all")).to_be_enabled()
    page.get_by_label("Submitted by").fill("ann")
    expect(page.locator(f'tr:has(a[href="/ui/jobs/{job_id}"])')).to_be_visible()
    page.get_by_label("Submitted by").fill("sue")
    expect(page.get_by_text("No matching jobs")).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("dialog", name="Sign in")).to_be_visible()
    expect(page.locator("tbody tr")).to_have_count(0)
    assert page.context.cookies() == []


def test_a_form_keeps_its_contents_while_its_sender_signs_in_again(
    service: Service, page: Page
) -> None:
    page.goto("/ui/submit?type=analyze")
    sign_in(page, "sue")
    file = {"name": "app.log", "mimeType": "text/plain", "buffer": b"ERROR one\n"}
    page.get_by_label("Files").set_input_files(file)  # type: ignore[arg-type]
    page.get_by_label("Patterns").fill("ERROR")
    page.context.clear_cookies()  # as if the session had expired
    page.get_by_role("button", name="Submit").click()
    sign_in(page, "sue")
    expect(page.locator("h1 .badge")).to_have_text("queued")
    (job,) = service.call("GET", "/jobs")[1]["items"]
    assert (job["submitted_by"], job["upload"]["name"]) == ("sue", "app.log")


def test_no_script_can_read_the_cookie(service: Service, page: Page) -> None:
    page.goto("/")
    sign_in(page, "ada")
    assert page.evaluate("document.cookie") == ""
    (cookie,) = page.context.cookies()
    assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Strict")
    assert token("ada") not in page.evaluate(
        "JSON.stringify([{...localStorage}, {...sessionStorage}])"
    )


def test_the_signed_in_caller_fits_a_phone(service: Service, page: Page) -> None:
    page.set_viewport_size({"width": 360, "height": 700})
    page.goto("/")
    expect(page.get_by_role("dialog", name="Sign in")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    sign_in(page, "ann")
    for path in ("/", "/ui/jobs", "/ui/submit"):
        page.goto(path)
        expect(page.locator("h1")).to_be_visible()
        expect(page.locator(".loading")).to_have_count(0)
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, path


def test_without_tokens_the_page_says_that_anyone_has_access(
    tmp_path: Path,
    browser: Browser,
) -> None:
    with running_service("", tmp_path) as service:
        context = browser.new_context(base_url=service.base_url)
        page = context.new_page()
        page.goto("/")
        expect(page.locator("#caller")).to_have_text("Open to anyone")
        expect(
            page.get_by_text("anyone who can reach this address has full access")
        ).to_be_visible()
        context.close()


def test_a_token_that_sees_only_its_jobs_gets_no_figures_of_others(
    tmp_path: Path, page: Page
) -> None:
    tokens = f"{API_TOKENS},own:read-own:jst_own-0123456789"
    with running_service("", tmp_path, API_TOKENS=tokens) as service:
        service.token = token("ann")
        foreign = service.submit(payload=LONG)
        service.token = "jst_own-0123456789"
        mine = service.submit(payload=LONG)
        page.goto(f"{service.base_url}/")
        dialog = page.get_by_role("dialog", name="Sign in")
        dialog.get_by_label("Token").fill("jst_own-0123456789")
        dialog.get_by_role("button", name="Sign in").click()
        expect(page.locator("main")).to_contain_text("Your token sees only some jobs")
        expect(page.locator("#caller")).to_contain_text("read-own")
        expect(page.locator("table.queues tbody tr")).to_have_count(1)
        page.get_by_role("link", name="Your jobs").click()
        expect(page.locator("main")).to_contain_text(mine[-8:])
        assert foreign[-8:] not in page.locator("main").inner_text()
