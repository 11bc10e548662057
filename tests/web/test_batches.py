"""A batch in the web front end, in a real browser, with a real listener and worker."""

from playwright.sync_api import Page, expect

from tests.support.programs import Service


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
