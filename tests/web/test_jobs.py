"""Jobs in the web front end, in a real browser, with a real listener and worker."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.programs import Service
from tests.support.waiting import wait_for

NAME = '<img src=x onerror="alert(1)">.log'
LONG = {"seconds": 600}


def expect_status(page: Page, text: str) -> None:
    """Expect the page of a job to show this status."""
    expect(page.locator("h1 .badge")).to_have_text(text)


def row(page: Page, job_id: str) -> str:
    """The selector of a job's row in the list."""
    return f'tr:has(a[href="/ui/jobs/{job_id}"])'


def test_a_file_is_submitted_and_its_counts_are_shown(service: Service, page: Page) -> None:
    service.worker()
    page.goto("/ui/submit")
    page.get_by_label("Job type").select_option("analyze")
    file = {"name": NAME, "mimeType": "text/plain", "buffer": b"ERROR one\nWARN\nERROR ERROR\n"}
    page.get_by_label("Files").set_input_files(file)  # type: ignore[arg-type]
    page.get_by_label("Patterns").fill("ERROR\n<b>WARN</b>")
    page.get_by_role("button", name="Submit").click()
    expect_status(page, "succeeded")
    expect(page.get_by_role("row", name="ERROR").locator(".number")).to_have_text("3")
    expect(page.get_by_role("row", name="<b>WARN</b>")).to_be_visible()
    (job,) = service.call("GET", "/jobs")[1]["items"]
    assert page.url == f"{service.base_url}/ui/jobs/{job['job_id']}"
    expect(page.locator(".facts")).to_contain_text(job["upload"]["name"])


def test_the_page_of_the_api_has_a_command_for_each_kind_of_body(
    service: Service, page: Page
) -> None:
    page.goto("/docs#analyze")
    for operation, end in (
        ("analyze", "/analyze?p=TEXT' --data-binary @FILE"),
        ("analyzeNamedFile", "/analyze/NAME?p=TEXT' --data-binary @FILE"),
        ("uploadJob", "/jobs/upload' -F type=… -F payload=… -F filename=@FILE"),
        ("submitJob", "/jobs' -H 'Content-Type: application/json' -d '{…}'"),
        ("cancelJob", "/jobs/JOB_ID/cancel'"),
    ):
        command = page.locator(f"#{operation} .commands code")
        expect(command).to_have_text(re.compile(re.escape(f"{service.base_url}{end}") + "$"))


def test_the_page_of_a_job_follows_it_from_waiting_to_its_end(service: Service, page: Page) -> None:
    page.goto("/ui/submit?type=sleep")
    page.get_by_label("Seconds required").fill("0.5")
    page.get_by_role("button", name="Submit").click()
    expect_status(page, "queued")
    expect(page.get_by_text("no live runner")).to_be_visible()
    service.worker()
    expect_status(page, "succeeded")
    expect(page.get_by_text("returned")).to_be_visible()
    expect(page.locator("#connection")).to_be_empty()
    expect(page.get_by_role("button", name="Delete")).to_be_visible()


def test_the_page_of_a_waiting_job_shows_new_reasons_and_estimates(
    service: Service, page: Page
) -> None:
    job_id = service.submit(payload={"seconds": 0})
    page.goto(f"/ui/jobs/{job_id}")
    reasons = page.locator(".waiting")
    expect(reasons).to_contain_text("no live runner")
    for paused in (True, False):
        assert service.call("PATCH", "/queues/default", {"paused": paused})[0] == 200
        if paused:
            expect(reasons).to_contain_text("has been paused since", timeout=15_000)
    service.worker(CONCURRENCY_LIMIT="1")
    service.result(job_id)
    running = service.submit(payload={"seconds": 600})
    service.wait_for_status(running, "running")
    page.goto(f"/ui/jobs/{service.submit(payload={'seconds': 0})}")
    expect(reasons).to_contain_text(
        re.compile("expected to start in about (10|9) min"), timeout=15_000
    )


def test_the_list_says_why_a_job_has_failed(service: Service, page: Page) -> None:
    service.worker()
    job_id = service.submit(payload=LONG, timeout=2, max_retries=0)
    page.goto("/ui/jobs")
    expect(page.locator(row(page, job_id)).locator(".badge")).to_have_text(
        re.compile("running|queued")
    )
    error = service.result(job_id)["error"]
    for _ in range(2):  # first from the event, then from the store
        shown = page.locator(row(page, job_id)).locator(".row-error")
        expect(shown).to_have_text(f"{error['type']}: {error['message']}")
        page.reload()


def test_one_job_is_canceled_while_its_neighbor_goes_on(service: Service, page: Page) -> None:
    service.worker(CONCURRENCY_LIMIT="2")
    mine, neighbor = (service.submit(payload=LONG) for _ in range(2))
    page.goto("/ui/jobs")
    for job_id in (mine, neighbor):
        expect(page.locator(row(page, job_id)).locator(".badge")).to_have_text("running")
    page.locator(row(page, mine)).get_by_role("link").click()
    page.get_by_role("button", name="Cancel").click()
    expect_status(page, "canceled")
    page.go_back()
    expect(page.locator(row(page, mine)).locator(".badge")).to_have_text("canceled")
    expect(page.locator(row(page, neighbor)).locator(".badge")).to_have_text("running")
    assert [len(service.job(job_id)["attempts"]) for job_id in (mine, neighbor)] == [1, 1]


def test_the_list_updates_at_its_top_and_otherwise_announces_new_jobs(
    service: Service, page: Page
) -> None:
    page.goto("/ui/jobs")
    expect(page.get_by_text("No jobs yet")).to_be_visible()
    expect(page.locator("#connection")).to_have_text("Live")
    first = service.submit(payload=LONG)
    expect(page.locator(row(page, first))).to_be_visible()
    page.locator(row(page, first)).hover()
    second = service.submit(payload=LONG)
    more = page.get_by_role("button", name="1 new job")
    expect(more).to_be_visible()
    assert page.locator(row(page, second)).count() == 0
    service.call("POST", f"/jobs/{first}/cancel")
    expect(page.locator(row(page, first)).locator(".badge")).to_have_text("canceled")
    more.click()
    expect(page.locator(row(page, second))).to_be_visible()


def test_going_back_restores_the_scroll_position_of_the_list(service: Service, page: Page) -> None:
    ids = [service.submit(payload=LONG) for _ in range(40)]
    page.goto("/ui/jobs")
    expect(page.locator("tbody tr")).to_have_count(40)
    page.locator(row(page, ids[0])).get_by_role("link").click()
    expect_status(page, "queued")
    assert page.evaluate("scrollY") == 0
    page.go_back()
    expect(page.locator(row(page, ids[0]))).to_be_in_viewport()


def test_filters_are_in_the_address_and_a_bulk_cancel_says_how_many(
    service: Service, page: Page
) -> None:
    kept = service.submit("note", {"notes": "none"})
    ids = [service.submit(payload=LONG) for _ in range(3)]
    page.goto("/ui/jobs")
    page.get_by_label("Type").select_option("sleep")
    expect(page.locator("tbody tr")).to_have_count(3)
    page.reload()
    expect(page.locator("tbody tr")).to_have_count(3)
    page.get_by_role("button", name="Cancel all").click()
    dialog = page.get_by_role("dialog", name="Cancel 3 jobs?")
    dialog.get_by_role("button", name="Back").click()
    assert {service.job(job_id)["status"] for job_id in ids} == {"queued"}
    page.get_by_role("button", name="Cancel all").click()
    dialog.get_by_role("button", name="Cancel 3 jobs").click()
    expect(page.locator("tbody .badge")).to_have_text(["canceled"] * 3)
    assert service.job(kept)["status"] == "queued"


def test_a_job_leaves_the_list_when_it_no_longer_matches(service: Service, page: Page) -> None:
    first, second, third = (service.submit(payload=LONG) for _ in range(3))
    page.goto("/ui/jobs?status=queued")
    expect(page.locator("tbody tr")).to_have_count(3)
    expect(page.locator("#connection")).to_have_text("Live")
    service.call("POST", f"/jobs/{first}/cancel")
    expect(page.locator("tbody tr")).to_have_count(2)
    page.locator(row(page, third)).hover()
    service.call("POST", f"/jobs/{second}/cancel")
    expect(page.locator(row(page, second))).to_have_class("pale")
    page.get_by_role("button", name="Show 1 change").click()
    expect(page.locator("tbody .badge")).to_have_text(["queued"])


def test_a_job_is_found_by_the_end_of_its_id_that_the_list_shows(
    service: Service, page: Page
) -> None:
    wanted, _ = (service.submit(payload=LONG) for _ in range(2))
    page.goto("/ui/jobs")
    shown = page.locator(row(page, wanted)).locator("code").inner_text()
    for text in (shown, wanted, wanted[:23]):
        page.get_by_label("Text").fill(text)
        expect(page.locator("tbody tr")).to_have_count(1)
        expect(page.locator(row(page, wanted))).to_be_visible()


def test_the_page_of_a_job_that_never_started_says_so(service: Service, page: Page) -> None:
    job_id = service.submit(payload=LONG)
    page.goto(f"/ui/jobs/{job_id}")
    expect(page.get_by_text("No attempts yet.")).to_be_visible()
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("The job ended before it started.")).to_be_visible()
    expect(page.get_by_text("No output.")).to_be_visible()
    expect(page.get_by_text("yet")).to_have_count(0)


def test_output_is_filtered_by_its_level_and_stream(service: Service, page: Page) -> None:
    service.worker()
    job_id = service.submit("talk", {"lines": 1, "then": "log"})
    service.result(job_id)
    page.goto(f"/ui/jobs/{job_id}")
    output = page.get_by_label("Output of the attempt")
    expect(output.locator(".entry")).to_have_count(4)
    expect(output.locator(".warning")).to_contain_text('no date\nin a row {"row":17}')
    expect(output.locator(".error")).to_contain_text("ValueError: invalid literal")
    page.get_by_label("Show").select_option("Log: errors")
    expect(output.locator(".entry")).to_have_count(1)
    page.get_by_label("Show").select_option("Standard error")
    expect(page.get_by_text("No such output.")).to_be_visible()
    page.get_by_label("Show").select_option("Standard output")
    expect(output).to_have_text("line 0\n")


DROP = """([selector, name]) => {
    const dataTransfer = new DataTransfer();
    dataTransfer.items.add(new File(["ERROR"], name));
    const init = { bubbles: true, cancelable: true, dataTransfer };
    const target = document.querySelector(selector);
    return ["dragover", "drop"].map((type) => !target.dispatchEvent(new DragEvent(type, init)));
}"""


def test_a_file_may_be_dropped_anywhere_on_the_page(service: Service, page: Page) -> None:
    page.goto("/ui/submit?type=analyze")
    expect(page.get_by_label("Files")).to_be_visible()
    for at, selector in enumerate(("h1", ".drop", "textarea", "body"), 1):
        assert page.evaluate(DROP, [selector, f"{at}.log"]) == [True, True]
        expect(page.locator(".chosen li")).to_have_count(at)
    page.get_by_label("Job type").select_option("sleep")
    assert page.evaluate(DROP, ["h1", "1.log"]) == [True, True]
    expect(page.get_by_role("alert")).to_contain_text("take no files")


def test_a_file_that_is_dropped_on_any_page_is_analyzed_without_a_question(
    service: Service, page: Page
) -> None:
    service.worker()
    page.goto("/ui/jobs")
    expect(page.get_by_text("No jobs yet")).to_be_visible()
    assert page.evaluate(DROP, ["h1", "1.log"]) == [True, True]
    expect_status(page, "succeeded")
    expect(page.locator(".facts")).to_contain_text("1.log")
    expect(page.locator(".templates tbody tr")).to_have_count(1)


def test_a_pattern_with_options_is_submitted_without_json(service: Service, page: Page) -> None:
    service.worker()
    page.goto("/ui/submit?type=analyze")
    file = {"name": "a.log", "mimeType": "text/plain", "buffer": b"user1 error\nuser22 Error\n"}
    page.get_by_label("Files").set_input_files(file)  # type: ignore[arg-type]
    for _ in range(2):
        page.get_by_role("button", name="Add a row").first.click()
    row = page.locator(".rows > li").first
    row.get_by_label("Pattern required").fill(r"user\d+ error")
    for option in ("Regex", "Ignore Case"):
        row.get_by_label(option).check()
    row.get_by_label("Name").fill("users")
    page.get_by_role("button", name="Remove").last.click()
    page.get_by_role("button", name="Submit").click()
    expect(page.get_by_role("row", name="users").locator(".number")).to_have_text("2")


def test_an_invalid_field_is_marked(service: Service, page: Page) -> None:
    page.goto("/ui/submit?type=analyze")
    page.get_by_label("Files").set_input_files(Path(__file__))
    page.get_by_label("Patterns").fill('[{"pattern": "(", "regex": true}]')
    page.get_by_role("button", name="Submit").click()
    expect(page.get_by_label("Patterns")).to_have_attribute("aria-invalid", "true")
    assert service.call("GET", "/jobs")[1]["items"] == []


def test_a_restart_of_the_listener_is_shown_and_nothing_is_missed(
    service: Service, page: Page
) -> None:
    service.worker()
    gate = service.folder / "gate"
    job_id = service.submit("gated", {"notes": str(service.folder / "notes"), "gate": str(gate)})
    page.goto(f"/ui/jobs/{job_id}")
    expect_status(page, "running")
    connection = page.locator("#connection")
    expect(connection).to_have_text("Live")
    assert service.listener.stop() == 0
    expect(connection).to_contain_text("reconnecting")
    gate.touch()  # the job ends while no listener can tell the page
    again = service.program("server", PORT=service.base_url.rpartition(":")[2])
    again.logged("listening")
    expect_status(page, "succeeded")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_is_wider_than_a_phone(browser: Browser, service: Service, scheme: str) -> None:
    service.worker()
    job_id = service.upload(b"ERROR\n" * 10, {"patterns": ["ERROR", "x" * 200]})
    service.result(job_id)
    context = browser.new_context(
        base_url=service.base_url,
        viewport={"width": 360, "height": 700},
        color_scheme="dark" if scheme == "dark" else "light",
    )
    page = context.new_page()
    for path in ("/", "/ui/jobs", f"/ui/jobs/{job_id}", "/ui/submit", "/ui/none"):
        page.goto(path)
        expect(page.locator("h1")).to_be_visible()
        expect(page.locator(".loading")).to_have_count(0)
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, path
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(18, 21, 27)"
    assert dark is (scheme == "dark")
    context.close()


def test_a_job_can_be_submitted_with_the_keyboard_alone(service: Service, page: Page) -> None:
    page.goto("/ui/submit?type=sleep")
    page.get_by_label("Seconds required").focus()
    page.keyboard.type("600")
    page.keyboard.press("Enter")
    expect_status(page, "queued")
    wait_for(lambda: page.evaluate("document.activeElement.id") == "main")


def test_the_charts_show_what_happened_before_the_page_was_opened(
    service: Service, page: Page
) -> None:
    service.worker()
    service.result(service.submit(payload={"seconds": 0}))
    wait_for(lambda: service.call("GET", "/overview/history")[1]["moments"], timeout=40)
    page.goto("/")
    points = page.get_by_role("img", name="Jobs finished per second").locator("polyline")
    expect(points).to_have_attribute("points", re.compile(r"\d,\d"))
    page.get_by_text("The figures as a table").first.click()
    rows = page.get_by_role("group", name="Figures: Jobs finished per second").locator("tbody tr")
    expect(rows.first).to_be_visible()
    expect(rows.first.get_by_role("rowheader")).to_have_text(re.compile("^(now|.* ago)$"))


def test_the_api_is_described_with_links_to_its_documents(service: Service, page: Page) -> None:
    page.goto("/")
    page.get_by_role("link", name="API").click()
    expect(page.locator("h1")).to_have_text("API")
    calls = set(service.call("GET", "/openapi.json")[1]["paths"])
    shown = page.locator(".call > summary > code")
    expect(shown.first).to_be_visible()
    assert set(shown.all_text_contents()) == calls
    page.locator("#getJob > summary").click()
    page.locator("#getJob").get_by_role("link", name="JobDocument").first.click()
    expect(page.locator("#schema-JobDocument")).to_be_in_viewport()
    expect(page.locator("#schema-JobDocument")).to_contain_text("retry_count")
    page.locator("#uploadJob > summary").click()
    expect(page.locator("#uploadJob")).to_contain_text(
        "The media type of the body is not supported"
    )
    expect(page.locator("#uploadJob")).to_contain_text("-F filename=@")


def test_each_of_several_files_becomes_a_job(service: Service, page: Page) -> None:
    page.goto("/ui/submit?type=analyze")
    for name in ("a.log", "b.log", "c.log"):
        file = {"name": name, "mimeType": "text/plain", "buffer": name.encode()}
        page.get_by_label("Files").set_input_files(file)  # type: ignore[arg-type]
    page.get_by_role("button", name="Remove b.log").click()
    page.get_by_label("Patterns").fill("a")
    page.get_by_role("button", name="Submit").click()
    expect(page.locator(".submission a")).to_have_count(2)
    jobs = service.call("GET", "/jobs")[1]["items"]
    assert sorted(job["upload"]["name"] for job in jobs) == ["a.log", "c.log"]


def test_an_upload_shows_its_progress_and_can_be_stopped(service: Service, page: Page) -> None:
    page.goto("/ui/submit?type=analyze")
    file = {"name": "big.log", "mimeType": "text/plain", "buffer": b"line\n" * 2_000_000}
    page.get_by_label("Files").set_input_files(file)  # type: ignore[arg-type]
    page.get_by_label("Patterns").fill("line")
    slow = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 500_000}
    session = page.context.new_cdp_session(page)
    session.send("Network.emulateNetworkConditions", slow)
    page.get_by_role("button", name="Submit").click()
    expect(page.locator(".submission")).to_contain_text(" MiB · ")
    page.get_by_role("button", name="Stop").click()
    expect(page.locator(".submission")).to_contain_text("No job was created")
    session.send("Network.emulateNetworkConditions", {**slow, "uploadThroughput": -1})
    assert service.call("GET", "/jobs")[1]["items"] == []
    page.get_by_role("button", name="Send again").click()
    expect(page.locator(".submission a")).to_be_visible()
    assert len(service.call("GET", "/jobs")[1]["items"]) == 1


def test_the_page_of_a_job_shows_where_an_attempt_has_failed(
    service: Service, page: Page, tmp_path: Path
) -> None:
    service.worker()
    job_id = service.submit("flaky", {"notes": str(tmp_path / "<b>notes</b>")}, max_retries=0)
    page.goto(f"/ui/jobs/{job_id}")
    expect_status(page, "failed")
    traceback = page.locator(".traceback pre")
    expect(traceback).to_be_hidden()
    page.get_by_text("Traceback of attempt 1").click()
    expect(traceback).to_be_visible()
    expect(traceback).to_have_text(service.job(job_id)["attempts"][0]["traceback"])


def test_output_of_a_job_appears_while_it_runs(service: Service, page: Page) -> None:
    job_id = service.submit("talk", {"lines": 1, "then": "bar"})
    page.goto(f"/ui/jobs/{job_id}")
    expect_status(page, "queued")
    service.worker()
    output = page.get_by_label("Output of the attempt")
    expect(output).to_contain_text("done")
    assert output.text_content() == "line 0\n100 %, done\n"
    expect_status(page, "running")
    bar = page.locator(".span.running")
    assert bar.evaluate("each => each.clientWidth / each.parentElement.clientWidth") < 0.9


SELECTED = "getSelection().toString()"


def test_focus_selection_and_open_sections_stay_while_a_job_makes_progress(
    service: Service, page: Page
) -> None:
    service.worker()
    job_id = service.submit(payload=LONG)
    page.goto(f"/ui/jobs/{job_id}")
    progress = page.locator(".progress-panel p")
    expect(progress).to_contain_text("left")
    page.get_by_text("Payload", exact=True).click()
    page.get_by_text("curl commands").click()
    page.get_by_role("button", name="Output").focus()
    page.locator("h1 + .id").evaluate("each => getSelection().selectAllChildren(each)")
    assert page.evaluate(SELECTED) == job_id
    for _ in range(2):
        shown = page.get_by_label("Progress", exact=True).text_content()
        expect(page.get_by_label("Progress", exact=True)).not_to_have_text(shown or "")
    assert page.evaluate(SELECTED) == job_id
    assert page.evaluate("document.activeElement.textContent") == "Output"
    assert page.locator("details:open > summary").all_text_contents() == [
        "Progress",
        "curl commands",
    ]


def test_a_job_shows_what_runs_after_it_and_retries_it_with_them(
    service: Service, page: Page
) -> None:
    first = service.submit(payload=LONG)
    after = service.call("POST", "/jobs", {"type": "sleep", "payload": LONG, "after": [first]})
    second = after[1]["job_id"]
    page.goto(f"/ui/jobs/{first}")
    related = page.get_by_role("region", name="Related jobs")
    expect(related.get_by_role("listitem")).to_have_text(re.compile("queued.*sleep"))
    page.get_by_role("button", name="Cancel").click()
    dialog = page.get_by_role("dialog", name="Cancel this job?")
    expect(dialog).to_contain_text("1 waiting job will be canceled with it.")
    dialog.get_by_role("button", name="Back").click()
    expect(related.locator(".badge")).to_have_text("queued")
    page.get_by_role("button", name="Cancel").click()
    dialog.get_by_role("button", name="Cancel all").click()
    expect(related.locator(".badge")).to_have_text("canceled")
    page.get_by_role("button", name="Retry with jobs after it").click()
    expect_status(page, "queued")
    expect(related.locator(".badge")).to_have_text("queued")
    related.get_by_role("link").click()
    expect(page.locator(".id")).to_have_text(second)
    expect(related.get_by_role("heading")).to_have_text("Runs after")
