"""The page of an analysis, in a real browser, with a real listener and worker."""

import hashlib
import json
import re
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.support.paths import ROOT
from tests.support.programs import Service
from tests.support.waiting import wait_for

VENDOR = ROOT / "server/web/vendor"
UPLOT_1_6_32 = {
    "uPlot.js": "5dd9b3281aa64b461b42d9945f6adb2649d346502b12281a9ae0d46599a80eba",
    "uPlot.d.ts": "af44374f6e808be4f7f3fa5888b9c7574dca9f8a15a66d54b6763535802c8080",
}
"""The SHA-256 of dist/uPlot.esm.js and dist/uPlot.d.ts in the package uplot."""
START = datetime.fromisoformat("2026-01-01T00:00:00+00:00")
MOST_NODES = 2000


def log(minutes: int, burst_at: int) -> bytes:
    """A log with a line of each kind per minute, and fifty errors in one minute."""
    lines = []
    for minute in range(minutes):
        stamp = (START + timedelta(minutes=minute)).strftime("%Y-%m-%dT%H:%M:%SZ")
        lines += [f"{stamp} INFO user{minute} logged in", f"{stamp} WARN <b>slow</b>"]
        lines += [f"{stamp} ERROR disk {n}" for n in range(50 if minute == burst_at else 1)]
    return "\n".join([*lines, ""]).encode()


def analyzed(service: Service, content: bytes, **payload: Any) -> str:
    """The id of a job that has analyzed this file."""
    job_id = service.upload(content, payload)
    assert service.result(job_id)["status"] == "succeeded"
    return job_id


@pytest.fixture
def incident(service: Service) -> str:
    """A job that has analyzed a log of two hours with a burst of errors at 01:30."""
    service.worker()
    patterns = ["ERROR", "WARN", {"pattern": r"user\d+", "regex": True, "name": "users"}]
    return analyzed(service, log(120, 90), patterns=patterns, histogram="minute", samples=2)


def nodes(page: Page) -> int:
    """The number of elements of the page."""
    return int(page.evaluate("document.querySelectorAll('*').length"))


def with_result(page: Page, job_id: str, result: dict[str, Any]) -> None:
    """Let the page see another result of a job, with fields that a future service has."""

    def answer(route: Route) -> None:
        response = route.fetch()
        job = response.json()
        job["result"] |= result
        route.fulfill(response=response, body=json.dumps(job))

    page.route(lambda url: urlsplit(url).path == f"/jobs/{job_id}", answer)


def test_the_chart_library_is_the_published_file() -> None:
    hashes = {
        name: hashlib.sha256((VENDOR / name).read_bytes()).hexdigest() for name in UPLOT_1_6_32
    }
    assert hashes == UPLOT_1_6_32


def test_patterns_share_one_time_axis_on_which_a_burst_is_marked(
    service: Service, page: Page, incident: str
) -> None:
    page.goto(f"/ui/jobs/{incident}")
    expect(page.locator(".time-chart canvas")).to_have_count(1)
    expect(page.locator(".legend li")).to_have_text(["ERROR 169", "WARN 120", "users 120"])
    burst = page.get_by_role("button", name="ERROR: 2026-01-01 01:30:00 to 01:31:00")
    expect(burst).to_be_visible()
    expect(page.get_by_text("Lines per 1 min · times in UTC.")).to_be_visible()
    page.get_by_text("The figures as a table").click()
    table = page.get_by_role("group", name="Figures")
    expect(table.locator("tbody tr")).to_have_count(120)
    expect(table.locator("tr", has_text="01:30").locator("td")).to_have_text(["50", "1", "1"])


def test_a_drag_over_the_chart_chooses_a_range_that_a_reload_keeps(
    service: Service, page: Page, incident: str
) -> None:
    page.goto(f"/ui/jobs/{incident}")
    over = page.locator(".u-over")
    expect(over).to_be_visible()
    over.scroll_into_view_if_needed()
    box = over.bounding_box()
    assert box
    left, y = box["x"], box["y"] + box["height"] / 2
    page.mouse.move(left + box["width"] * 0.5, y)
    page.mouse.down()
    page.mouse.move(left + box["width"] * 0.75, y, steps=4)
    page.mouse.up()
    chosen = page.locator(".readout")
    page.mouse.move(left, box["y"] - 30)
    expect(chosen).to_have_text(re.compile("^Chosen: 2026-01-01 0(0:59|1:00):00 to 01:3[01]:00$"))
    text = chosen.text_content() or ""
    assert "from=2026-01-01T0" in page.url
    page.reload()
    expect(chosen).to_have_text(text)
    assert page.locator(".u-select").evaluate("each => each.clientWidth") > 50
    page.go_back()
    expect(chosen).to_contain_text("Drag over a range")


def test_a_click_on_a_column_chooses_its_interval(
    service: Service, page: Page, incident: str
) -> None:
    page.goto(f"/ui/jobs/{incident}")
    over = page.locator(".u-over")
    width = over.evaluate("each => each.clientWidth")
    over.click(position={"x": width * 90.5 / 120, "y": 50})
    expect(page.get_by_role("textbox", name="From")).to_have_value("2026-01-01T01:30")
    expect(page.get_by_role("textbox", name="To")).to_have_value("2026-01-01T01:31")


def test_a_burst_and_a_dragged_range_are_explained_with_their_lines(
    service: Service, page: Page
) -> None:
    service.worker()
    page.goto(f"/ui/jobs/{analyzed(service, log(120, 90))}")
    page.get_by_role("button", name="Explain the bursts, also by the values of fields").click()
    panel = page.locator("[data-key=explanations]")
    expect(panel.get_by_role("button", name="2026-01-01 01:30:00 to")).to_be_visible()
    reason = panel.get_by_role("button", name=re.compile("^level ERROR: 50 of 52 lines"))
    reason.click()
    lines = page.locator(".lines li")
    expect(lines).to_have_count(50)
    expect(lines.last).to_contain_text("ERROR disk 49")
    expect(panel.get_by_text("the chosen range: ")).to_be_visible()
    page.goto(f"{page.url.split('?')[0]}?from=2025-12-31T00:00:00Z&to=2025-12-31T01:00:00Z")
    expect(panel.get_by_text("the log has no time in this range")).to_be_visible()


def test_times_are_shown_in_the_zone_that_the_reader_chooses(
    browser: Browser, service: Service, incident: str
) -> None:
    context = browser.new_context(base_url=service.base_url, timezone_id="Asia/Kolkata")
    page = context.new_page()
    page.goto(f"/ui/jobs/{incident}?from=2026-01-01T01:00:00Z&to=2026-01-01T01:05:00Z")
    expect(page.locator(".readout")).to_have_text("Chosen: 2026-01-01 01:00:00 to 01:05:00")
    page.get_by_label("Times").select_option("local time")
    expect(page.locator(".readout")).to_have_text("Chosen: 2026-01-01 06:30:00 to 06:35:00")
    expect(page.get_by_text("times in local time, UTC+05:30")).to_be_visible()
    assert "zone=local" in page.url
    page.reload()
    expect(page.get_by_role("textbox", name="From")).to_have_value("2026-01-01T06:30")
    context.close()


def test_a_pattern_is_added_and_removed_without_json(
    service: Service, page: Page, incident: str
) -> None:
    page.goto(f"/ui/jobs/{incident}?zone=local")
    page.get_by_label("Another pattern").fill("DISK 1.")
    form = page.locator(".pattern-form")
    form.get_by_label("regex").check()
    form.get_by_label("ignore case").check()
    form.get_by_label("Name").fill("tens")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_role("row", name="tens").locator(".number")).to_have_text("10")
    assert incident not in page.url
    assert page.url.endswith("?zone=local")
    job = service.job(page.url.rpartition("/")[2].partition("?")[0])
    assert job["payload"]["source"] == {"job_id": incident}
    assert (job["payload"]["histogram"], job["payload"]["samples"]) == ("minute", 2)
    page.get_by_role("button", name="Remove WARN").click()
    expect(page.get_by_role("row", name="WARN")).to_have_count(0)
    expect(page.locator(".bars tbody tr")).to_have_count(3)
    expect(page.locator(".legend li")).to_have_count(3)


def test_an_invalid_pattern_is_refused_where_it_is_entered(
    service: Service, page: Page, incident: str
) -> None:
    page.goto(f"/ui/jobs/{incident}")
    page.get_by_label("Another pattern").fill("(")
    page.locator(".pattern-form").get_by_label("regex").check()
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.locator("[data-key=pattern-forms] .error-text")).to_contain_text("patterns[3]")
    assert incident in page.url


def test_a_color_that_the_reader_chooses_stays(service: Service, page: Page, incident: str) -> None:
    page.goto(f"/ui/jobs/{incident}")
    page.get_by_label("Color of WARN").fill("#123456")
    page.reload()
    expect(page.get_by_label("Color of WARN")).to_have_value("#123456")
    expect(page.locator(".legend li", has_text="WARN").locator(".swatch")).to_have_css(
        "background-color", "rgb(18, 52, 86)"
    )


def test_results_are_saved_as_files(service: Service, page: Page, incident: str) -> None:
    page.goto(f"/ui/jobs/{incident}")
    with page.expect_download() as csv:
        page.get_by_role("link", name="over time").click()
    assert csv.value.suggested_filename.endswith(".csv")
    rows = csv.value.path().read_text().splitlines()
    assert (rows[0], len(rows)) == ("time,ERROR,WARN,users", 121)
    with page.expect_download() as saved:
        page.get_by_role("button", name="JSON").click()
    assert json.loads(saved.value.path().read_text()) == service.job(incident)["result"]
    page.get_by_role("link", name="Report").click()
    expect(page.locator("h1")).to_contain_text("app.log")


def test_an_analysis_is_compared_with_another_one(
    service: Service, page: Page, incident: str
) -> None:
    calm_log = log(120, -1).replace(b"ERROR", b"DEBUG")
    calm = analyzed(service, calm_log, patterns=["ERROR", "WARN"])
    page.goto(f"/ui/jobs/{incident}")
    page.get_by_text("Compare with another analysis").click()
    page.get_by_label("Before").select_option(calm)
    changes = page.get_by_role("group", name="Changes").locator("tbody tr")
    expect(changes).to_have_count(1)
    expect(changes).to_contain_text("newpattern: ERROR0169")
    expect(page.get_by_text("Not in both: users.")).to_be_visible()
    page.reload()
    expect(changes).to_have_count(1)


def test_the_page_of_a_large_analysis_has_few_nodes(
    service: Service, page: Page, incident: str
) -> None:
    keys = [f"pattern {n}" for n in range(20)]
    curve = [n % 7 for n in range(200)]
    timeline = {"start": "2026-01-01T00:00:00Z", "bin_seconds": 300, "bins": 200, "undated": 0}
    timeline |= {"total": curve, "patterns": dict.fromkeys(keys, curve)}
    result = {"counts": dict.fromkeys(keys, 600), "timeline": timeline}
    samples = {key: ["a sample line"] * 20 for key in keys}
    with_result(page, incident, {**result, "samples": samples, "histogram": {}})
    page.goto(f"/ui/jobs/{incident}")
    expect(page.locator(".legend li")).to_have_count(21)
    assert nodes(page) <= MOST_NODES


def test_the_page_of_an_analysis_fits_a_phone(
    browser: Browser, service: Service, incident: str
) -> None:
    context = browser.new_context(
        base_url=service.base_url, viewport={"width": 390, "height": 800}, has_touch=True
    )
    page = context.new_page()
    page.goto(f"/ui/jobs/{incident}?from=2026-01-01T01:00:00Z")
    expect(page.locator(".time-chart canvas")).to_have_count(1)
    page.get_by_text("The figures as a table").tap()
    expect(page.get_by_role("group", name="Figures").locator("tr")).to_have_count(121)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.set_viewport_size({"width": 700, "height": 800})
    wide = "each => each.clientWidth > 500"
    page.wait_for_function(f"({wide})(document.querySelector('.time-chart canvas'))")
    context.close()


def file_line(number: int, text: str, *matches: list[int], **more: Any) -> dict[str, Any]:
    """A line as the service reports it."""
    time = "2026-01-01T01:30:00Z"
    return {"line": number, "time": time, "text": text, "matches": list(matches), **more}


def with_lines(page: Page, *pages: list[dict[str, Any]]) -> list[dict[str, list[str]]]:
    """Let the page see these pages of lines, one for each request. Returns the queries."""
    queries: list[dict[str, list[str]]] = []

    def answer(route: Route) -> None:
        queries.append(parse_qs(urlsplit(route.request.url).query))
        at = int(queries[-1].get("cursor", ["0"])[0])
        following = str(at + 1) if at + 1 < len(pages) else None
        route.fulfill(
            json={"lines": pages[at], "next": following, "total_lines": None, "problem": None}
        )

    page.route("**/lines?*", answer)
    return queries


def test_lines_of_a_range_are_shown_with_marked_matches_and_more_on_scroll(
    service: Service, page: Page, incident: str
) -> None:
    first = [file_line(n, "a🙂b ERROR <i>", [4, 9]) for n in range(10, 60)]
    queries = with_lines(page, first, [], [file_line(99, "the last")])
    page.goto(f"/ui/jobs/{incident}?from=2026-01-01T01:30:00Z&match=ERROR&context=2")
    lines = page.locator(".lines li")
    expect(lines).to_have_count(50)
    expect(lines.first.locator("mark")).to_have_text("ERROR")
    expect(lines.first.locator("code")).to_have_text("a🙂b ERROR <i>")
    page.locator(".lines").evaluate("each => each.scrollTo(0, each.scrollHeight)")
    expect(lines).to_have_count(51)
    expect(page.get_by_role("button", name="More lines")).to_be_hidden()
    assert [query.get("cursor") for query in queries] == [None, ["1"], ["2"]]
    assert {(*query["from"], *query["match"], *query["before"]) for query in queries} == {
        ("2026-01-01T01:30:00Z", "ERROR", "2")
    }


def test_each_line_has_a_link_to_the_lines_around_it(
    service: Service, page: Page, incident: str
) -> None:
    queries = with_lines(page, [file_line(n, f"line {n}") for n in range(40, 60)])
    page.goto(f"/ui/jobs/{incident}?match=line")
    page.locator(".lines").get_by_role("link", name="50").click()
    expect(page.locator(".lines [aria-current]")).to_contain_text("line 50")
    assert queries[-1]["line"] == ["40"]
    assert "match" not in queries[-1]
    page.go_back()
    expect(page.locator(".lines [aria-current]")).to_have_count(0)
    page.go_forward()
    page.reload()
    expect(page.locator(".lines [aria-current]")).to_contain_text("line 50")


def test_a_pattern_and_a_form_choose_lines(service: Service, page: Page, incident: str) -> None:
    queries = with_lines(page, [file_line(1, "x")])
    page.goto(f"/ui/jobs/{incident}")
    page.get_by_role("button", name="users", exact=True).click()
    expect(page.get_by_label("Lines with")).to_have_value(r"user\d+")
    expect(page.locator(".lines li")).to_have_count(1)
    page.get_by_label("Lines with").fill("WARN")
    page.locator(".lines-form").get_by_label("regex").uncheck()
    page.get_by_role("textbox", name="From").fill("2026-01-01T00:10:00")
    page.get_by_role("button", name="Show", exact=True).click()
    expect(page.get_by_role("button", name="Clear")).to_be_visible()
    wait_for(lambda: len(queries) == 2)
    del queries[1]["limit"]
    assert queries[1] == {"match": ["WARN"], "from": ["2026-01-01T00:10:00Z"]}
    page.get_by_role("button", name="Clear").click()
    expect(page.locator(".lines li")).to_have_count(0)


def test_a_template_shows_its_lines_and_its_curve(
    service: Service, page: Page, incident: str
) -> None:
    queries = with_lines(page, [file_line(1, "x")])
    timeline = {"start": "2026-01-01T00:00:00Z", "bin_seconds": 300, "bins": 3, "undated": 0}
    timeline |= {"total": [9, 9, 9], "templates": {"t1": [1, 2, 3], "t2": [4, 4, 4]}}
    template = {
        "id": "t1", "template": "ERROR disk <*>", "count": 6, "first_line": 1, "last_line": 9,
        "first_time": None, "last_time": None, "sample": "ERROR disk 1", "level": "ERROR",
        "state": "burst",
    }  # fmt: skip
    found = {"templates": [template], "templates_total": 1, "templates_approximate": False}
    with_result(page, incident, {"timeline": timeline, "overview": found})
    page.goto(f"/ui/jobs/{incident}")
    expect(page.locator(".legend li")).to_have_text(["t2 12", "ERROR disk <*> 6", "all lines 27"])
    page.get_by_role("button", name="ERROR disk <*>").click()
    expect(page.locator(".legend li")).to_have_text(["ERROR disk <*> 6", "all lines 27"])
    expect(page.locator(".lines li")).to_have_count(1)
    assert queries[0]["regex"] == [r"ERROR\s*disk\s*.*?"]


def test_the_lines_of_a_burst_are_those_of_the_file(
    service: Service, page: Page, incident: str
) -> None:
    page.goto(f"/ui/jobs/{incident}")
    page.get_by_role("button", name="ERROR: 2026-01-01 01:30:00 to 01:31:00").click()
    lines = page.locator(".lines li")
    expect(lines).to_have_count(50)
    expect(lines.first.locator("code")).to_have_text("2026-01-01T01:30:00Z ERROR disk 0")
    more = page.get_by_role("button", name="More lines")
    if more.is_visible():
        more.click()
    expect(more).to_be_hidden()
    expect(lines).to_have_count(50)
    page.get_by_role("button", name="users", exact=True).click()
    expect(lines).to_have_count(1)
    expect(lines.locator("mark")).to_have_text("user90")
    page.get_by_label("Lines around").fill("1")
    page.get_by_role("button", name="Show", exact=True).click()
    expect(page.locator(".lines .context")).to_have_count(2)  # one is before the range


@pytest.mark.parametrize("content", ["levels", "statuses"])
def test_a_click_on_a_burst_of_an_overview_shows_exactly_its_lines(
    service: Service, page: Page, content: str
) -> None:
    service.worker()
    bursts = {"levels": "ERROR", "statuses": "5xx"}
    text = log(120, 90) if content == "levels" else access_log(120, 90)
    job_id = analyzed(service, text, histogram="auto")
    (burst,) = [
        each
        for each in service.job(job_id)["result"]["overview"]["bursts"]
        if each["key"] == bursts[content]
    ]
    page.goto(f"/ui/jobs/{job_id}")
    page.get_by_role("button", name=f"{bursts[content]}: 2026-01-01 01:30:00").click()
    lines = page.locator(".lines li")
    expect(lines).to_have_count(burst["count"])
    assert len(set(lines.locator("time").all_text_contents())) == 1
    template = page.locator(".templates tbody tr", has=page.locator(".badge", has_text="burst"))
    template.get_by_role("button", name="Lines of the burst of").click()
    expect(lines).to_have_count(burst["count"])
    assert "01:30:00" in str(lines.first.locator("time").text_content())


def access_log(minutes: int, burst_at: int) -> bytes:
    """A log with two requests per minute, one of them fails, and forty failures in one minute."""
    lines = []
    for minute in range(minutes):
        at = (START + timedelta(minutes=minute)).strftime("%d/%b/%Y:%H:%M:%S +0000")
        for status in [200, 404, *[503] * (40 if minute == burst_at else 1)]:
            lines.append(f'10.0.0.7 - - [{at}] "GET /a HTTP/1.1" {status} 503 "-" "curl/8"')
    return "\n".join([*lines, ""]).encode()


def test_an_overview_leads_to_the_values_of_fields_and_to_their_lines(
    service: Service, page: Page
) -> None:
    service.worker()
    lines = (
        f'10.0.0.{n % 3} - - [01/Jan/2026:00:{n // 60:02d}:{n % 60:02d} +0000] "GET /a HTTP/1.1"'
        f' {503 if n % 10 == 0 else 200} {n} "-" "curl/8"'
        for n in range(300)
    )
    page.goto(f"/ui/jobs/{analyzed(service, chr(10).join(lines).encode())}")
    expect(page.locator(".legend li")).to_have_text(["2xx 270", "5xx 30", "all lines 300"])
    page.locator(".templates tbody tr", has_text="5xx").get_by_role("button").click()
    expect(page.locator(".lines li")).to_have_count(30)
    expect(page.locator(".legend li")).to_have_count(2)
    page.get_by_role("button", name="Count the values of").click()
    client = page.locator(".card", has=page.get_by_role("heading", name="client"))
    expect(client.locator("tbody tr")).to_have_count(3)
    client.get_by_role("button", name="10.0.0.2").click()
    expect(page.locator(".lines mark").first).to_have_text("10.0.0.2")
    page.get_by_label("Another pattern").fill("curl")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.locator(".legend li")).to_have_text(["curl 300", "all lines 300"])
    expect(page.locator(".templates tbody tr", has_text="5xx")).to_be_visible()


def test_a_chosen_field_shows_its_curves_and_a_table(service: Service, page: Page) -> None:
    service.worker()
    lines = (
        f"2026-01-01T00:{n // 60:02d}:{n % 60:02d}Z {'get' if n % 3 else 'put'} took {n} ms"
        for n in range(300)
    )
    fields = [
        {"name": "ms", "regex": "took ([0-9]+)"},
        {"name": "verb", "regex": "(get|put)", "over_time": True},
    ]
    payload: dict[str, Any] = {"patterns": ["ms"], "fields": fields, "fields_over_time": True}
    page.goto(f"/ui/jobs/{analyzed(service, chr(10).join(lines).encode(), **payload)}")
    page.get_by_role("button", name="Show ms over time").click()
    curves = page.get_by_role("img", name="ms over time: p50, p95, p99")
    expect(curves.locator("path")).to_have_count(3)
    swatch = page.locator(".card .swatch").first.bounding_box()
    assert swatch is not None
    assert swatch["height"] < 20
    page.locator(".card").get_by_text("The figures as a table").click()
    rows = page.get_by_role("group", name="ms over time").locator("tbody tr")
    expect(rows).to_have_count(150)
    expect(rows.first).to_contain_text("2026-01-01 00:00:00")
    page.get_by_role("button", name="Show verb over time").click()
    expect(page.get_by_role("img", name="verb over time: get, put")).to_be_visible()
    expect(curves).to_have_count(0)
    page.reload()
    hide = page.get_by_role("button", name="Hide verb over time")
    expect(hide).to_have_attribute("aria-expanded", "true")
    hide.click()
    expect(page.get_by_role("img", name="verb over time")).to_have_count(0)


def test_an_analysis_without_times_leads_to_one_with_times(service: Service, page: Page) -> None:
    service.worker()
    page.goto(f"/ui/jobs/{analyzed(service, log(10, 5), patterns=['ERROR'])}")
    expect(page.locator(".time-chart")).to_be_hidden()
    page.get_by_role("button", name="Show the lines over time").click()
    expect(page.locator(".time-chart canvas")).to_be_visible()
    expect(page.get_by_role("button", name="Show the lines over time")).to_have_count(0)


def test_a_range_is_analyzed_alone(service: Service, page: Page) -> None:
    service.worker()
    job_id = analyzed(service, log(120, 90), patterns=["ERROR", "WARN"], histogram="auto")
    page.goto(f"/ui/jobs/{job_id}")
    alone = page.get_by_role("button", name="Analyze this range alone")
    expect(page.locator(".time-chart canvas")).to_be_visible()
    expect(alone).to_be_hidden()
    page.get_by_role("button", name="ERROR: 2026-01-01 01:30:00").click()
    alone.click()
    expect(page.locator(".legend li")).to_have_text(["ERROR 50", "WARN 1", "all lines 52"])
    expect(page.get_by_text("52 of them in the chosen range of time")).to_be_visible()
    assert page.url.endswith("?match=ERROR")  # the range is left out, and the lines stay chosen


def test_a_binary_file_and_one_that_is_gone_are_explained(service: Service, page: Page) -> None:
    service.worker()
    page.goto(f"/ui/jobs/{analyzed(service, bytes(range(1, 32)) * 200, patterns=['a'])}")
    expect(page.locator(".notice")).to_contain_text("it may be a binary file")
    job_id = analyzed(service, b"ERROR gone\n", patterns=["ERROR"])
    for path in (service.folder / "data/uploads").rglob("*"):
        if path.is_file() and path.read_bytes() == b"ERROR gone\n":
            path.unlink()
    page.goto(f"/ui/jobs/{job_id}")
    page.get_by_label("Lines with").fill("ERROR")
    page.get_by_role("button", name="Show", exact=True).click()
    expect(page.get_by_text("the file was deleted or changed")).to_be_visible()
