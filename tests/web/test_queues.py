"""Queues in the web front end, in a real browser."""

import re
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.support.programs import Service
from tests.support.waiting import wait_for

LONG = {"seconds": 600}
LONGEST_NAME = "q" * 64


def set_queue(service: Service, name: str, **changes: Any) -> None:
    """Create or change a queue."""
    status, document = service.call("PUT", f"/queues/{name}", changes)
    assert status in (200, 201), document


def row(page: Page, name: str) -> Locator:
    """The row of a queue on the overview."""
    return page.get_by_role("row").filter(has=page.get_by_role("link", name=name, exact=True))


def cells(page: Page, name: str) -> Locator:
    """The cells of a queue: state, running, waiting, and longest due."""
    return row(page, name).get_by_role("cell")


def test_the_list_shows_the_queue_of_a_job_unless_it_is_the_default(
    service: Service, page: Page
) -> None:
    set_queue(service, LONGEST_NAME)
    service.submit(payload=LONG, queue=LONGEST_NAME)
    page.goto("/ui/jobs")
    expect(page.locator(".queue-tag")).to_have_text(LONGEST_NAME)
    submitted = service.submit(payload=LONG)
    expect(page.get_by_role("link", name=submitted[-8:])).to_be_visible()
    expect(page.locator(".queue-tag")).to_have_count(1)


def test_a_new_queue_has_a_limit_until_the_limit_is_removed(service: Service, page: Page) -> None:
    service.worker(CONCURRENCY_LIMIT="3")
    page.goto("/")
    page.get_by_role("button", name="New queue").click()
    dialog = page.get_by_role("dialog", name="New queue")
    dialog.get_by_label("Name").fill("gpu")
    dialog.get_by_label("Limit").fill("1")
    page.keyboard.press("Enter")
    expect(cells(page, "gpu").nth(1)).to_have_text("0 of at most 1")
    first = service.submit(payload=LONG, queue="gpu")
    second = service.submit(payload=LONG, queue="gpu")
    expect(cells(page, "gpu").nth(1)).to_have_text("1 of at most 1")
    expect(cells(page, "gpu").nth(2)).to_have_text("1")
    page.goto(f"/ui/jobs/{second}")
    expect(page.locator(".waiting li").first).to_have_text(
        "the queue gpu is full: 1 of at most 1 job is running"
    )
    expect(page.locator(".facts").get_by_role("link", name="gpu")).to_be_visible()
    page.goto("/")
    page.get_by_role("button", name="Change… gpu").click()
    dialog = page.get_by_role("dialog", name="Queue gpu")
    expect(dialog.get_by_label("Limit")).to_have_value("1")
    dialog.get_by_label("Limit").fill("")
    dialog.get_by_role("button", name="Save").click()
    expect(cells(page, "gpu").nth(1)).to_have_text("2")
    assert service.call("GET", "/queues/gpu")[1]["max_running"] is None
    assert service.wait_for_status(second, "running")
    assert service.job(first)["status"] == "running"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Big", "begin with a letter or a digit"),
        ("a/b", "begin with a letter or a digit"),
        ("..", "begin with a letter or a digit"),
        ("default", "a queue with this name already exists"),
    ],
)
def test_an_invalid_name_of_a_new_queue_is_reported_at_its_field(
    service: Service, page: Page, name: str, text: str
) -> None:
    page.goto("/")
    page.get_by_role("button", name="New queue").click()
    field = page.get_by_role("dialog").get_by_label("Name")
    field.fill(name)
    page.get_by_role("button", name="Create").click()
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(page.locator("#queue-name-note")).to_contain_text(text)
    expect(field).to_be_focused()
    assert [each["name"] for each in service.call("GET", "/queues")[1]["items"]] == ["default"]
    page.get_by_role("button", name="Back").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_role("button", name="New queue")).to_be_focused()


def test_a_job_in_a_paused_queue_says_so_and_runs_once_the_queue_is_resumed(
    service: Service, page: Page
) -> None:
    service.worker()
    page.goto("/")
    page.get_by_role("button", name="Pause default").click()
    expect(cells(page, "default").first).to_contain_text("paused since")
    expect(page.locator(".notice")).to_have_count(0)
    job_id = service.submit(payload={"seconds": 0})
    expect(page.get_by_role("alert")).to_have_text("Jobs are waiting in paused queues: default.")
    page.goto(f"/ui/jobs/{job_id}")
    why = page.locator(".waiting li")
    expect(why).to_have_text(re.compile(r"the queue default has been paused since 20\S+Z"))
    page.goto("/")
    page.get_by_role("button", name="Resume default").click()
    expect(cells(page, "default").first).to_have_text("open")
    expect(page.locator(".notice")).to_have_count(0)
    assert service.result(job_id)["status"] == "succeeded"


def test_only_a_queue_without_jobs_can_be_deleted(service: Service, page: Page) -> None:
    for name in ("empty", "used"):
        set_queue(service, name)
    service.submit(payload=LONG, queue="used")
    page.goto("/")
    delete = page.get_by_role("dialog").get_by_role("button", name="Delete")
    for name in ("default", "used"):
        page.get_by_role("button", name=f"Change… {name}").click()
        expect(page.get_by_role("dialog", name=f"Queue {name}")).to_be_visible()
        expect(delete).to_have_count(0)
        page.keyboard.press("Escape")
    page.get_by_role("button", name="Change… empty").click()
    job_id = service.submit(payload=LONG, queue="empty")
    delete.click()
    refused = page.get_by_role("dialog").get_by_role("alert")
    expect(refused).to_have_text("the queue empty has jobs that are queued or running")
    service.call("POST", f"/jobs/{job_id}/cancel")
    delete.click()
    expect(row(page, "empty")).to_have_count(0)
    expect(page.get_by_role("button", name="New queue")).to_be_focused()
    assert service.call("GET", "/queues/empty")[0] == 404


def test_focus_and_scroll_position_stay_while_figures_change(service: Service, page: Page) -> None:
    page.set_viewport_size({"width": 360, "height": 700})
    set_queue(service, "gpu")
    page.goto("/")
    table = page.get_by_role("group", name="Queues")
    button = page.get_by_role("button", name="Pause gpu")
    button.focus()
    scrolled = table.evaluate("element => element.scrollLeft")
    assert scrolled > 0
    for count, other in enumerate(("a", "z", "b"), start=1):
        service.submit(payload=LONG, queue="gpu")
        set_queue(service, other)
        expect(row(page, other)).to_be_visible()
        expect(cells(page, "gpu").nth(2)).to_have_text(str(count))
        expect(button).to_be_focused()
        assert table.evaluate("element => element.scrollLeft") == scrolled
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Resume gpu")).to_be_focused()
    page.keyboard.press("Enter")
    expect(button).to_be_focused()
    wait_for(lambda: not service.call("GET", "/queues/gpu")[1]["paused"])


def test_the_overview_shows_which_queues_a_worker_takes_and_which_have_none(
    service: Service, page: Page
) -> None:
    for name in ("fast", "slow"):
        set_queue(service, name)
    service.worker(QUEUES="fast,default")
    job_id = service.submit(payload={"seconds": 0}, queue="slow")
    page.goto("/")
    expect(page.locator(".runners")).to_contain_text(
        "takes jobs only from the queues default, fast"
    )
    notice = page.get_by_role("alert")
    expect(notice).to_have_text("Jobs are waiting in queues that no worker serves: slow.")
    notice.get_by_role("link").click()
    page.get_by_role("link", name="sleep").click()
    expect(page.locator(".waiting")).to_contain_text(
        "no live runner takes jobs of the queue slow: start a worker that does"
    )
    service.worker()
    assert service.result(job_id)["status"] == "succeeded"
    page.goto("/")
    expect(page.locator(".runners > li")).to_have_count(2)
    expect(page.get_by_text("takes jobs only")).to_have_count(1)
    expect(page.locator(".notice")).to_have_count(0)


def test_a_list_of_one_queue_has_its_own_address_and_its_own_bulk_cancel(
    service: Service, page: Page
) -> None:
    kept = service.submit(payload=LONG)
    page.goto("/ui/jobs")
    expect(page.get_by_label("Type")).to_be_visible()
    expect(page.get_by_role("combobox", name="Queue")).to_have_count(0)
    set_queue(service, "gpu")
    mine = service.submit(payload=LONG, queue="gpu")
    page.goto("/")
    row(page, "gpu").get_by_role("link").click()
    choice = page.get_by_role("combobox", name="Queue")
    expect(choice).to_have_value("gpu")
    expect(page.locator("tbody tr")).to_have_count(1)
    choice.select_option("default")
    expect(page.locator(f'a[href="/ui/jobs/{kept}"]')).to_be_visible()
    choice.select_option("gpu")
    expect(page.locator(f'a[href="/ui/jobs/{mine}"]')).to_be_visible()
    page.reload()
    expect(page.locator("tbody tr")).to_have_count(1)
    assert page.url.endswith("/ui/jobs?queue=gpu")
    page.get_by_role("button", name="Cancel all").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel 1 job").click()
    expect(page.locator("tbody .badge")).to_have_text(["canceled"])
    assert service.job(kept)["status"] == "queued"
    page.get_by_role("button", name="Clear").click()
    expect(page.locator("tbody tr")).to_have_count(2)


def test_a_job_is_submitted_into_a_queue_with_its_file(service: Service, page: Page) -> None:
    page.goto("/ui/submit?type=analyze")
    page.get_by_text("Options").click()
    expect(page.get_by_label("Retries", exact=True)).to_be_visible()
    expect(page.get_by_label("Queue")).to_have_count(0)
    set_queue(service, "gpu", paused=True)
    page.reload()
    page.get_by_text("Options").click()
    expect(page.get_by_label("Queue").locator("option")).to_have_text(["default", "gpu (paused)"])
    page.get_by_label("Queue").select_option("gpu")
    page.get_by_label("Patterns").fill("ERROR")
    file = {"name": "a.log", "mimeType": "text/plain", "buffer": b"ERROR one\n"}
    page.get_by_label("Files").set_input_files(file)  # type: ignore[arg-type]
    page.get_by_role("button", name="Submit").click()
    expect(page.locator(".facts")).to_contain_text("gpu")
    page.get_by_text("curl commands").click()
    expect(page.locator(".commands")).to_contain_text("--form-string 'queue=gpu'")
    (job,) = service.call("GET", "/jobs")[1]["items"]
    assert (job["queue"], job["upload"]["name"]) == ("gpu", "a.log")


def test_a_deleted_queue_is_reported_at_its_field(service: Service, page: Page) -> None:
    set_queue(service, "gpu")
    page.goto("/ui/submit?type=sleep")
    page.get_by_label("Seconds required").fill("600")
    page.get_by_text("Options").click()
    page.get_by_label("Queue").select_option("gpu")
    page.get_by_text("Options").click()
    assert page.request.delete(f"{service.base_url}/queues/gpu").status == 204
    page.get_by_role("button", name="Submit").click()
    expect(page.locator("#option-queue-note")).to_contain_text("there is no such queue")
    page.get_by_label("Queue").select_option("default")
    page.get_by_role("button", name="Submit").click()
    expect(page.locator("h1 .badge")).to_have_text("queued")
    expect(page.locator(".facts")).not_to_contain_text("Queue")


def test_the_longest_name_of_a_queue_fits_a_phone(browser: Browser, service: Service) -> None:
    set_queue(service, LONGEST_NAME, paused=True)
    service.worker(QUEUES=LONGEST_NAME)
    job_id = service.submit(payload=LONG, queue=LONGEST_NAME)
    viewport: Any = {"width": 360, "height": 700}
    context = browser.new_context(base_url=service.base_url, viewport=viewport)
    page = context.new_page()
    selectors = {
        "/": ".notice",
        "/ui/jobs": ".filters option",
        f"/ui/jobs/{job_id}": ".waiting li",
        "/ui/submit": "#option-queue option",
    }
    for path, selector in selectors.items():
        page.goto(path)
        expect(page.locator(selector).filter(has_text=LONGEST_NAME)).to_be_attached()
        page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true })")
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, path
    page.goto("/")
    page.get_by_role("button", name=f"Change… {LONGEST_NAME}").click()
    dialog = page.get_by_role("dialog")
    assert dialog.evaluate("each => each.scrollWidth <= each.clientWidth")
    context.close()
