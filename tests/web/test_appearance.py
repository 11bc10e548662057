"""The layout and the texts of the web front end, in a real browser."""

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.programs import Service, running_service

FAR = "2040-12-31T23:59:59Z"
OPEN_PAGES = ("/ui/jobs", "/ui/failures", "/ui/audit", "/ui/submit", "/docs", "/")
LONG_NAME = "a-name-that-somebody-has-made-up-" * 6


WORDY = """
import time
from typing import Literal

from runner.job_types.base import JobType, Payload


class WordyPayload(Payload):
    how: Literal["fail", "wait"]


class Wordy(JobType[WordyPayload]):
    name = "a-type-with-many-words-" * 3
    Payload = WordyPayload
    upload = "none"

    def run(self, payload, context):
        if payload.how == "wait":
            time.sleep(600)
        raise ValueError("the first line\\n" + "many words " * 800)
"""


def formatted(page: Page, call: str) -> Any:
    """The result of a call of a function of lib/format.js."""
    script = page.locator("script[src$='/app.js']").get_attribute("src")
    module = str(script).replace("app.js", "lib/format.js")
    return page.evaluate(f"import('{module}').then((format) => format.{call})")


def test_no_page_is_wider_than_a_tablet(browser: Browser, service: Service) -> None:
    service.worker()
    job_id = service.upload(b"ERROR\n" * 10, {"patterns": ["ERROR", "x" * 200, LONG_NAME]})
    service.submit(payload={"seconds": 1}, run_at=FAR)
    service.submit("note", {"notes": LONG_NAME * 2})
    service.result(job_id)
    page = browser.new_context(base_url=service.base_url).new_page()
    for width in (701, 768, 1024):
        page.set_viewport_size({"width": width, "height": 900})
        for path in (f"/ui/jobs/{job_id}", *OPEN_PAGES):
            page.goto(path)
            expect(page.locator(".loading")).to_have_count(0)
            assert page.evaluate("document.documentElement.scrollWidth") <= width, (path, width)
        tiles = page.locator(".tile")
        expect(tiles).to_have_count(5)
        tops = set(tiles.evaluate_all("all => all.map((each) => each.offsetTop)"))
        assert len(tops) == 1, width
    page.context.close()


def test_times_use_the_24_hour_clock(service: Service, page: Page) -> None:
    page.goto("/")
    today = "new Date(new Date().setHours(0, 0, 1, 0)).toISOString()"
    assert formatted(page, f"time({today})") == "00:00:01"
    assert formatted(page, "time('2040-01-31T12:00:00')") == "Jan 31, 2040, 12:00:00"
    assert formatted(page, "fullTime('2040-01-31T15:00:00')") == "Jan 31, 2040, 15:00:00"


def test_the_mean_wait_keeps_its_last_value_while_no_job_starts(
    service: Service, page: Page
) -> None:
    script = """async (module) => {
        const { Samples } = await import(module);
        const [samples, wait] = [new Samples(), { count: 0, seconds: 0 }];
        const at = (now, count, seconds) => samples.add(
            { types: { any: { finished: { succeeded: count }, wait: { count, seconds } } } }, now);
        [[0, 0, 0], [5000, 2, 8], [10000, 2, 8]].forEach((each) => at(...each));
        const first = new Samples();
        first.add({ types: {} }, 5000);
        return [samples.meanWait(), first.meanWait()];
    }"""
    service.submit(payload={"seconds": 0})  # an empty service has no charts
    page.goto("/")
    module = str(page.locator("script[src$='/app.js']").get_attribute("src"))
    waits = page.evaluate(script, module.replace("app.js", "pages/overview/samples.js"))
    assert waits == [
        {"start": 5000, "now": 10000, "points": [[5000, 4]]},
        {"start": 5000, "now": 5000, "points": []},
    ]
    expect(page.get_by_role("img", name="Mean wait from due to start, no data yet")).to_be_visible()


def submit_without_a_file(page: Page) -> None:
    page.goto("/ui/submit?type=analyze")
    page.get_by_label("Patterns", exact=True).fill("ERROR")
    page.get_by_role("button", name="Submit").click()


def test_a_missing_file_is_reported_where_files_are_chosen(service: Service, page: Page) -> None:
    submit_without_a_file(page)
    expect(page.locator(".drop [role=alert]")).to_have_text("Choose a file, or drop one here.")
    expect(page.locator(".notice.error")).to_have_count(0)
    file: Any = {"name": "a.log", "mimeType": "text/plain", "buffer": b"ERROR one\n"}
    page.get_by_label("Files").set_input_files(file)
    expect(page.locator(".drop [role=alert]")).to_be_empty()
    page.get_by_role("button", name="Submit").click()
    expect(page.locator("h1 .badge")).to_have_text("queued")


def test_a_submission_with_an_invalid_field_cannot_be_sent_again(
    service: Service, page: Page
) -> None:
    submit_without_a_file(page)
    expect(page.locator(".submission")).to_contain_text("Not submitted: the form says why.")
    expect(page.get_by_role("button", name="Send again")).to_have_count(0)
    page.get_by_text("More fields").click()
    job_id = page.get_by_role("group", name="Source").get_by_label("Job id")
    job_id.fill("nonsense")
    page.get_by_text("More fields").click()
    page.get_by_role("button", name="Submit").click()
    expect(job_id).to_be_focused()
    expect(job_id.locator("xpath=../*[contains(@class, 'field-note')]")).to_have_text(
        "it must be the id of a job, a UUID"
    )
    expect(page.get_by_role("button", name="Send again")).to_have_count(0)
    page.get_by_label("Patterns", exact=True).fill('["a", b]')
    page.get_by_role("button", name="Submit").click()
    expect(page.locator("#field-patterns-note")).to_contain_text("invalid JSON")
    expect(page.locator(".submission")).to_have_count(0)


@pytest.mark.parametrize(("width", "height"), [(1280, 800), (390, 844)])
def test_a_log_is_submitted_without_scrolling(
    browser: Browser, service: Service, width: int, height: int
) -> None:
    page = browser.new_context(base_url=service.base_url).new_page()
    page.set_viewport_size({"width": width, "height": height})
    page.goto("/ui/submit")
    expect(page.get_by_label("Job type")).to_have_value("analyze")
    submit = page.get_by_role("button", name="Submit", exact=True).bounding_box()
    page.context.close()
    assert submit is not None
    assert submit["y"] + submit["height"] < height


def test_errors_of_a_form_go_when_its_type_changes(service: Service, page: Page) -> None:
    submit_without_a_file(page)
    expect(page.get_by_label("Files")).to_be_focused()
    page.get_by_label("Job type").select_option("sleep")
    expect(page.locator(".submission")).to_have_count(0)
    expect(page.locator("[aria-invalid=true]")).to_have_count(0)
    expect(page.locator(".notice.error")).to_have_count(0)


def test_folded_fields_open_if_the_browser_refuses_one(service: Service, page: Page) -> None:
    page.goto("/ui/submit?type=analyze")
    for title, label in (("More fields", "Samples"), ("Options", "Retries")):
        page.get_by_text(title).click()
        field = page.get_by_label(label, exact=True)
        field.fill("1000")
        page.get_by_text(title).click()
        expect(field).to_be_hidden()
        page.get_by_role("button", name="Submit").click()
        expect(field).to_be_focused()
        field.fill("1")


def test_hints_have_no_words_of_the_api(service: Service, page: Page) -> None:
    page.goto("/ui/submit?type=analyze")
    page.get_by_text("More fields").click()
    words = re.compile(r"GET |POST |RFC|JSON|[{}_]|docs/|\bnull\b")
    for text in page.locator(".submit .quiet, .submit .field-note").all_text_contents():
        assert not words.search(text.replace("multi_line", "")), text


def test_each_field_of_a_submission_says_what_it_is_for(service: Service, page: Page) -> None:
    page.goto("/ui/submit?type=analyze")
    page.get_by_text("Options").click()
    notes = page.locator(".submit .field-note")
    expect(notes.first).to_be_visible()
    texts = notes.all_text_contents()
    assert len(texts) >= 12
    assert all(texts)
    expect(page.locator("#field-samples-note")).to_have_text(
        "How many matching lines to show for each pattern, 0 to 20."
    )


def test_a_list_that_failed_to_load_appears_once_connected(service: Service, page: Page) -> None:
    job_id = service.submit(payload={"seconds": 600})
    page.goto("/ui/jobs")
    connection = page.locator("#connection")
    expect(connection).to_have_text("Live")
    assert service.listener.stop() == 0
    page.get_by_label("queued").check()
    expect(page.get_by_text("No connection")).to_be_visible()
    again = service.program("server", PORT=service.base_url.rpartition(":")[2])
    again.logged("listening")
    expect(page.locator(f'a[href="/ui/jobs/{job_id}"]')).to_be_visible()
    expect(connection).to_have_text("Live")


def test_an_unknown_job_is_reported_with_a_link_to_all_jobs(service: Service, page: Page) -> None:
    page.goto("/ui/jobs/01a2107d-0895-769f-a7be-5481af6a183c")
    expect(page.get_by_role("alert")).to_contain_text("Not found")
    page.get_by_role("link", name="All jobs").click()
    expect(page.get_by_text("No jobs yet")).to_be_visible()


def test_long_names_and_errors_do_not_break_the_layout(browser: Browser, tmp_path: Path) -> None:
    (tmp_path / "wordy.py").write_text(WORDY)
    types = "runner.job_types,wordy"
    with running_service("", tmp_path, JOB_TYPES=types, PYTHONPATH=str(tmp_path)) as service:
        service.worker()
        (name,) = set(service.call("GET", "/")[1]["job_types"]) - {"analyze", "sleep"}
        job_id = service.submit(name, {"how": "fail"}, max_retries=0)
        assert service.result(job_id)["status"] == "failed"
        running = service.submit(name, {"how": "wait"})
        assert service.wait_for_status(running, "running")
        page = browser.new_context(base_url=service.base_url).new_page()
        for width in (360, 701, 1024):
            page.set_viewport_size({"width": width, "height": 800})
            _require_narrow_pages(page, width, name, job_id)
        page.context.close()


def _require_narrow_pages(page: Page, width: int, name: str, job_id: str) -> None:
    """Open the pages of a failed job with a long name and a long error."""
    for path in ("/ui/jobs", "/ui/failures", "/ui/submit", "/", f"/ui/jobs/{job_id}"):
        page.goto(path)
        expect(page.get_by_text(name).first).to_be_attached()
        assert page.evaluate("document.documentElement.scrollWidth") <= width, (path, width)
        if path == "/":
            card = page.locator(".runners > li")
            expect(card.get_by_role("link")).to_be_visible()
            assert card.evaluate("each => each.scrollWidth <= each.clientWidth"), width
    notice = page.locator(".notice.error")
    assert "the first line\nmany words" in notice.inner_text()
    assert notice.evaluate("each => each.clientHeight") < 400, width
