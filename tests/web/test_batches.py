"""A batch in the web front end, in a real browser, with a real listener and worker."""

from playwright.sync_api import Page, expect

from tests.support.programs import Service
from tests.web.test_accessibility import problems

NAMES = ("build", "test", "lint", "report")


def test_the_list_of_a_batch_shows_how_far_it_is_and_can_cancel_it(
    service: Service, page: Page
) -> None:
    jobs = [{"type": "sleep", "payload": {"seconds": seconds}} for seconds in (0, 0, 600, -1)]
    status, batch = service.call("POST", "/jobs/batch", jobs)
    assert status == 202
    service.submit("sleep", {"seconds": 600}, delay=600)
    page.goto(f"/ui/jobs/{batch['job_ids'][0]}")
    page.locator(".facts").get_by_role("link", name=batch["batch_id"]).click()
    panel = page.locator(".progress-panel")
    expect(panel).to_contain_text("Batch of 3 jobs: 3 queued; 1 more refused")
    expect(page.locator("table.jobs tbody tr")).to_have_count(3)
    page.goto("/")
    page.get_by_role("heading", name="Batches").click()
    row = page.get_by_role("group", name="Batches").locator("tbody tr")
    expect(row.locator(".number")).to_have_text(["3", "3", "0", "0", "0", "0"])
    row.get_by_role("link").click()
    service.worker()
    expect(panel).to_contain_text("1 running, 2 succeeded; 1 more refused")
    panel.get_by_role("button", name="Cancel batch").click()
    expect(panel).to_contain_text("2 succeeded, 1 canceled; 1 more refused")
    expect(panel.get_by_role("button")).to_have_count(0)
    panel.get_by_role("link", name="2 succeeded").click()
    expect(page.locator("table.jobs tbody tr")).to_have_count(2)


def test_the_list_of_a_batch_draws_which_job_waits_for_which(service: Service, page: Page) -> None:
    sleep = {"type": "sleep", "payload": {"seconds": 0}}
    jobs = [
        {**sleep, "name": "report", "after": ["test", "lint"]},
        {**sleep, "name": "test", "after": ["build"]},
        {**sleep, "name": "lint", "after": ["build"]},
        {**sleep, "name": "build"},
    ]
    _, batch = service.call("POST", "/jobs/batch", {"jobs": jobs, "then": sleep})
    page.goto(f"/ui/jobs?batch={batch['batch_id']}")
    steps = page.get_by_role("region", name="Pipeline").get_by_role("link")
    expect(steps).to_have_text(
        ["buildqueued", "testqueued", "lintqueued", "reportqueued", "sleepqueued"]
    )
    lefts = [box["x"] for step in steps.all() if (box := step.bounding_box())]
    assert lefts[0] < lefts[1] == lefts[2] < lefts[3] < lefts[4]
    names = [step.get_attribute("aria-label") for step in steps.all()]
    assert names[3:] == ["report: queued; after test, lint", "sleep: queued; after all others"]
    assert problems(page) == []
    service.worker()
    expect(steps).to_have_text([f"{each}succeeded" for each in (*NAMES, "sleep")])
    steps.first.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Jobs that run after it")).to_be_visible()


def test_a_batch_of_many_jobs_is_drawn_in_groups(service: Service, page: Page) -> None:
    sleep = {"type": "sleep", "payload": {"seconds": 0}}
    jobs = [{**sleep, "after": ["first"]} for _ in range(300)]
    _, batch = service.call("POST", "/jobs/batch", [{**sleep, "name": "first"}, *jobs])
    page.goto(f"/ui/jobs?batch={batch['batch_id']}")
    page.get_by_text("Which job waits for which").click()
    steps = page.get_by_role("region", name="Pipeline").get_by_role("link")
    expect(steps).to_have_text(["sleepqueued", "300 \u00d7 sleep300 queued"])


def test_a_batch_whose_jobs_do_not_wait_for_each_other_has_no_drawing(
    service: Service, page: Page
) -> None:
    jobs = [{"type": "sleep", "payload": {"seconds": 0}}] * 2
    _, batch = service.call("POST", "/jobs/batch", jobs)
    with page.expect_response(f"**/batches/{batch['batch_id']}/pipeline"):
        page.goto(f"/ui/jobs?batch={batch['batch_id']}")
    expect(page.locator(".progress-panel")).to_contain_text("Batch of 2 jobs")
    expect(page.get_by_text("Which job waits for which")).to_be_hidden()
