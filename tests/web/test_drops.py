"""Files that are dropped on the page: folders, empty files, and drops during uploads."""

from typing import Any

from playwright.sync_api import Page, Route, expect

from tests.support.programs import Service
from tests.support.waiting import wait_for

DROP = """(names) => {
    const dataTransfer = new DataTransfer();
    for (const name of names)
        dataTransfer.items.add(new File(name.startsWith("empty") ? [] : ["ERROR one\\n"], name));
    const init = { bubbles: true, cancelable: true, dataTransfer };
    document.body.dispatchEvent(new DragEvent("drop", init));
}"""
DROP_FOLDER = """(names) => {
    const file = (name) => ({
        name, isFile: true, isDirectory: false,
        file: (take) => take(new File(["ERROR one\\n"], name)),
    });
    const folder = (name, entries) => ({
        name, isFile: false, isDirectory: true,
        createReader: () => {
            const rest = [...entries];
            return { readEntries: (take) => take(rest.splice(0, 2)) };
        },
    });
    const hidden = folder(".git", [file("config")]);
    const top = folder("logs", [...names.map(file), folder("old", [file("z.log")]), hidden]);
    const dataTransfer = new DataTransfer();
    dataTransfer.items.add(new File([], "logs"));
    DataTransferItem.prototype.webkitGetAsEntry = () => top;
    const init = { bubbles: true, cancelable: true, dataTransfer };
    document.body.dispatchEvent(new DragEvent("drop", init));
}"""


def jobs(service: Service) -> list[dict[str, Any]]:
    """The jobs of the service."""
    found: list[dict[str, Any]] = service.call("GET", "/jobs")[1]["items"]
    return found


def test_several_dropped_files_with_an_empty_one_become_jobs(service: Service, page: Page) -> None:
    service.worker()
    page.goto("/ui/jobs")
    expect(page.get_by_text("No jobs yet")).to_be_visible()
    page.evaluate(DROP, ["a.log", "empty.log", "b.log"])
    links = page.locator(".submission a")
    expect(links).to_have_count(3)
    wait_for(lambda: {job["status"] for job in jobs(service)} == {"succeeded"})
    page.locator(".submission", has_text="empty.log").get_by_role("link").click()
    expect(page.get_by_text("The file has no lines.")).to_be_visible()


def test_the_files_of_a_folder_go_into_one_job(service: Service, page: Page) -> None:
    service.worker()
    page.goto("/ui/submit?type=analyze")
    expect(page.get_by_label("Files")).to_be_visible()
    page.evaluate(DROP_FOLDER, ["b.log", "a.log", "c.log"])
    expect(page.locator(".chosen li")).to_have_count(4)
    page.get_by_label("all of them in one job").check()
    page.get_by_role("button", name="Submit").click()
    expect(page.locator("[data-key=members] tbody th")).to_have_text(
        ["a.log", "b.log", "c.log", "z.log"]
    )
    (job,) = jobs(service)
    assert job["upload"]["name"] == "a.log and 3 more.zip"


def test_a_file_that_is_dropped_during_an_upload_is_sent_next(service: Service, page: Page) -> None:
    page.goto("/ui/submit?type=analyze")
    big = {"name": "big.log", "mimeType": "text/plain", "buffer": b"line\n" * 1_000_000}
    page.get_by_label("Files").set_input_files(big)  # type: ignore[arg-type]
    slow = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 500_000}
    session = page.context.new_cdp_session(page)
    session.send("Network.emulateNetworkConditions", slow)
    page.get_by_role("button", name="Submit").click()
    expect(page.locator(".submission")).to_contain_text(" MiB · ")
    page.evaluate(DROP, ["late.log"])
    expect(page.locator(".submission")).to_have_count(2)
    session.send("Network.emulateNetworkConditions", {**slow, "uploadThroughput": -1})
    expect(page.locator(".submission a")).to_have_count(2)
    assert sorted(job["upload"]["name"] for job in jobs(service)) == ["big.log", "late.log"]


def test_an_upload_that_loses_its_connection_can_be_sent_again_and_others_go_on(
    service: Service, page: Page
) -> None:
    page.goto("/ui/submit?type=analyze")
    big = {"name": "big.log", "mimeType": "text/plain", "buffer": b"line\n"}
    small = {"name": "small.log", "mimeType": "text/plain", "buffer": b"line\n"}
    page.get_by_label("Files").set_input_files([big, small])  # type: ignore[arg-type]
    is_broken = True

    def answer(route: Route) -> None:
        body = route.request.post_data_buffer or b""
        if is_broken and b"big.log" in body:
            route.abort("connectionreset")
        else:
            route.continue_()

    page.route("**/jobs", answer)
    page.get_by_role("button", name="Submit").click()
    failed = page.locator(".submission", has_text="big.log")
    expect(page.locator(".submission", has_text="small.log").get_by_role("link")).to_be_visible()
    expect(failed).to_contain_text("The connection was lost.")
    expect(page.locator(".chosen li")).to_have_count(2)
    is_broken = False
    failed.get_by_role("button", name="Send again").click()
    expect(failed.get_by_role("link")).to_be_visible()
    assert sorted(job["upload"]["name"] for job in jobs(service)) == ["big.log", "small.log"]


def test_the_empty_overview_invites_to_a_first_job(service: Service, page: Page) -> None:
    service.worker()
    page.goto("/")
    invitation = page.get_by_label("First steps")
    expect(invitation.get_by_label("Drop a log here")).to_be_visible()
    expect(page.locator(".charts")).to_be_hidden()
    page.get_by_role("button", name="Analyze a sample log").click()
    expect(page.locator("h1 .badge")).to_have_text("succeeded")
    page.locator(".bursts button").first.click()
    expect(page.locator(".lines li").first).to_contain_text("ERROR payment of order")
    page.goto("/")
    expect(page.locator(".charts")).to_be_visible()
    expect(invitation).to_be_hidden()
