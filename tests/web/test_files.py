"""Files of jobs in the web front end, in a real browser."""

import base64
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.support.job_files import leave_files
from tests.support.programs import Service

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
FILES = {
    "a.zip": b"PK",
    "empty.txt": b"",
    "evil.html": b"<script>document.title = 'evil'</script>",
    "pages/dot #1.png": PNG,
    "table.csv": b'name,total\n"<b>x</b>, y",5\n',
    "text.log": b"line\n" * 20_000,
}


def preview(page: Page, name: str) -> None:
    page.get_by_role("button", name=f"Preview {name}").click()
    expect(page.get_by_role("heading", name=name)).to_be_visible()


def test_files_are_listed_shown_and_downloaded(
    service: Service, page: Page, tmp_path: Path
) -> None:
    job_id = leave_files(service, FILES)
    page.goto(f"/ui/jobs/{job_id}")
    panel = page.get_by_role("region", name="Files")
    expect(panel.get_by_role("row")).to_have_count(1 + len(FILES))
    expect(panel.get_by_role("button", name="Preview a.zip")).to_have_count(0)
    for column, side in [("Size", "right"), ("Type", "left")]:
        head = panel.get_by_role("columnheader", name=column)
        expect(head).to_have_css("text-align", side)
    preview(page, "table.csv")
    expect(panel.get_by_role("cell", name="<b>x</b>, y")).to_be_visible()
    preview(page, "text.log")
    expect(panel.get_by_text("The first 64 KiB of")).to_be_visible()
    preview(page, "pages/dot #1.png")
    shown = panel.get_by_role("img", name="pages/dot #1.png")
    expect(shown).to_be_visible()
    assert shown.evaluate("image => image.naturalWidth") == 1
    preview(page, "evil.html")
    expect(panel.get_by_text("<script>document.title")).to_be_visible()
    preview(page, "empty.txt")
    expect(panel.get_by_text("The file is empty.")).to_be_visible()
    for link, name in [("pages/dot #1.png", "dot #1.png"), ("All files as zip", f"{job_id}.zip")]:
        with page.expect_download() as download:
            panel.get_by_role("link", name=link).click()
        assert download.value.suggested_filename == name
        download.value.save_as(tmp_path / "saved")
        assert (tmp_path / "saved").stat().st_size > len(PNG) - 1
    assert "evil" not in page.title()


def test_a_stored_page_that_is_opened_runs_no_script(service: Service, page: Page) -> None:
    job_id = leave_files(service, FILES)
    allowed = page.context.new_page()  # not `page`, which fails on violations of the policy
    allowed.goto(f"/jobs/{job_id}/files/evil.html?disposition=inline")
    assert "evil" not in allowed.title()
    assert allowed.evaluate("self.origin") == "null"


def test_the_file_that_a_job_was_given_is_shown(service: Service, page: Page) -> None:
    job_id = service.upload(b"one ERROR\n", {"patterns": ["ERROR"]})
    page.goto(f"/ui/jobs/{job_id}")
    panel = page.get_by_role("region", name="Files")
    expect(panel.get_by_role("row")).to_have_count(2)
    preview(page, "app.log")
    expect(panel.get_by_text("one ERROR")).to_be_visible()
    with page.expect_download() as download:
        panel.get_by_role("link", name="app.log").click()
    assert download.value.suggested_filename == "app.log"
