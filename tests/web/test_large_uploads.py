"""Large files, which the front end sends as resumable uploads: a killed listener, a reload, and a
cancel."""

import hashlib
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.support.client_restarts import restart
from tests.support.programs import Service
from tests.support.waiting import wait_for

SIZE = 64 * 1024**2
SOME = 8 * 1024**2
LINE = b"ERROR one\n"
CONTENT = (LINE * (SIZE // len(LINE) + 1))[:SIZE]
SHA256 = hashlib.sha256(CONTENT).hexdigest()
DROP = """([line, size]) => {
    const times = Math.ceil(size / line.length);
    const file = new File([new Blob([line.repeat(times)]).slice(0, size)], "big.log");
    const dataTransfer = new DataTransfer();
    dataTransfer.items.add(file);
    const init = { bubbles: true, cancelable: true, dataTransfer };
    document.body.dispatchEvent(new DragEvent("drop", init));
}"""
SLOW = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 8_000_000}

pytestmark = pytest.mark.sqlite


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A large file."""
    path = tmp_path / "big.log"
    path.write_bytes(CONTENT)
    return path


class Line:
    """The way from the browser to the service, which can be slow. It notes where pieces begin."""

    def __init__(self, page: Page):
        self.offsets: list[int] = []
        self._session = page.context.new_cdp_session(page)
        page.on("request", self._note)

    def slow(self, is_slow: bool) -> None:
        """Send 8 MB/s, or as fast as possible."""
        throughput = SLOW["uploadThroughput"] if is_slow else -1
        conditions = {**SLOW, "uploadThroughput": throughput}
        self._session.send("Network.emulateNetworkConditions", conditions)

    def _note(self, request: Any) -> None:
        if request.method == "PATCH":
            self.offsets.append(int(request.headers["upload-offset"]))


def stored(service: Service) -> int:
    """How many bytes of resumable uploads the service has."""
    folder = service.folder / "data/uploads/partial"
    return sum(path.stat().st_size for path in folder.glob("*/data")) if folder.exists() else 0


def jobs(service: Service) -> list[dict[str, Any]]:
    """The jobs of the service."""
    found: list[dict[str, Any]] = service.call("GET", "/jobs")[1]["items"]
    return found


def submit(page: Page, file: Path) -> None:
    """Choose a file in the form, and submit it."""
    page.get_by_label("Files").set_input_files(file)
    page.get_by_role("button", name="Submit").click()


def test_a_dropped_large_file_goes_on_after_a_kill_of_the_listener(
    service: Service, page: Page
) -> None:
    page.goto("/ui/jobs")
    expect(page.get_by_text("No jobs yet")).to_be_visible()
    line = Line(page)
    line.slow(True)
    page.evaluate(DROP, [LINE.decode(), SIZE])
    note = page.locator(".submission")
    expect(note).to_contain_text(" MiB of 64 MiB (")
    expect(note).to_contain_text("MiB/s · ")
    wait_for(lambda: stored(service) > SOME)
    service.listener.die()
    expect(note).to_contain_text("It goes on ")
    line.slow(False)
    restart(service)
    expect(page.locator("h1 .badge")).to_have_text("queued")
    (job,) = jobs(service)
    assert job["upload"] == {"name": "big.log", "size": SIZE, "sha256": SHA256}
    assert line.offsets[0] == 0
    assert line.offsets[1] > SOME
    wait_for(lambda: stored(service) == 0)
    assert page.evaluate("localStorage.length") == 0


def test_a_large_file_that_is_chosen_again_after_a_reload_goes_on(
    service: Service, page: Page, file: Path
) -> None:
    page.goto("/ui/submit?type=analyze")
    line = Line(page)
    line.slow(True)
    submit(page, file)
    wait_for(lambda: stored(service) > SOME)
    page.reload()
    expect(page.get_by_label("Unfinished uploads")).to_contain_text("big.log: ")
    line.slow(False)
    submit(page, file)
    expect(page.locator("h1 .badge")).to_have_text("queued")
    (job,) = jobs(service)
    assert job["upload"] == {"name": "big.log", "size": SIZE, "sha256": SHA256}
    assert line.offsets[0] == 0
    assert line.offsets[1] > SOME


def test_an_unfinished_upload_can_be_deleted(service: Service, page: Page, file: Path) -> None:
    page.goto("/ui/submit?type=analyze")
    Line(page).slow(True)
    submit(page, file)
    wait_for(lambda: stored(service) > 0)
    page.reload()
    page.get_by_role("button", name="Delete the upload of big.log").click()
    expect(page.get_by_label("Unfinished uploads")).to_have_count(0)
    assert stored(service) == 0
    assert page.evaluate("localStorage.length") == 0


def test_a_canceled_large_upload_is_deleted(service: Service, page: Page, file: Path) -> None:
    page.goto("/ui/submit?type=analyze")
    Line(page).slow(True)
    submit(page, file)
    wait_for(lambda: stored(service) > 0)
    page.locator(".submission").get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="Delete the upload").click()
    expect(page.locator(".submission")).to_contain_text("Canceled. The upload was deleted")
    wait_for(lambda: stored(service) == 0)
    assert jobs(service) == []
    assert page.evaluate("localStorage.length") == 0


def test_a_large_file_is_sent_after_the_fields_were_checked(
    service: Service, page: Page, file: Path
) -> None:
    page.goto("/ui/submit?type=analyze")
    line = Line(page)
    page.get_by_label("Files").set_input_files(file)
    page.get_by_role("button", name="Check only").click()
    expect(page.locator("form [role=status]")).to_contain_text("Nothing was submitted")
    page.get_by_text("Options").click()
    tags = page.get_by_label("Tags")
    tags.fill("x" * 101)
    page.get_by_role("button", name="Submit").click()
    expect(tags).to_have_attribute("aria-invalid", "true")
    assert page.evaluate("localStorage.length") == 0
    assert (line.offsets, jobs(service)) == ([], [])
