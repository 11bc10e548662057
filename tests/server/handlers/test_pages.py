"""The web front end over HTTP: the page for browsers, JSON and problems for other clients."""

import gzip
import re

import pytest
from tornado.httpclient import HTTPResponse

from server.handlers.web_files import CONTENT_TYPES, PAGE_MODULES, WEB_FOLDER
from server.http.negotiation import takes_gzip, wants_page
from storage.records.release import RELEASE
from tests.support.api import Client, read

pytestmark = [pytest.mark.sqlite, pytest.mark.tornado]

BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
PAGES = ["/", "/docs", "/ui", "/ui/", "/ui/jobs", "/ui/failures", "/ui/audit", "/ui/schedules"]
PAGES += ["/ui/schedules/nightly"]
PAGES += ["/ui/jobs/01a2107d-08aa-71c5-afd2-2b50fea1da82"]
LATER = {"pages/job/csv.js", "pages/job/filePreview.js"}
"""Modules that no page names, since they are loaded when a reader asks for a preview."""


def base_of(page: HTTPResponse) -> str:
    """Return the URL prefix of the files that a page references."""
    found = re.search(r"/ui/static/[0-9a-f]{16}", page.body.decode())
    assert found
    return found[0]


@pytest.mark.parametrize("path", [*PAGES, "/ui/submit?type=sleep"])
@pytest.mark.gen_test
async def test_a_browser_gets_the_page_at_all_its_paths(client: Client, path: str) -> None:
    page = await client.fetch(path, headers=BROWSER)
    assert (page.code, page.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert page.headers["Cache-Control"] == "no-cache"
    assert b"VERSION" not in page.body
    assert f"Job Service {RELEASE}</footer>".encode() in page.body
    again = {**BROWSER, "If-None-Match": page.headers["Etag"]}
    assert (await client.fetch(path, headers=again)).code == 304


@pytest.mark.gen_test
async def test_the_root_is_json_for_other_clients(client: Client) -> None:
    page = await client.fetch("/", headers=BROWSER)
    for headers in ({}, {"Accept": "*/*"}, {"Accept": "application/json, text/html;q=0.5"}):
        answer = await client.fetch("/", headers=headers)
        assert set(read(answer, 200)["job_types"]) == {"analyze", "sleep"}
        assert answer.headers["Vary"] == "Accept,Accept-Encoding"
        assert page.headers.get_list("Vary") == ["Accept", "Accept-Encoding"]


@pytest.mark.gen_test
async def test_the_page_allows_nothing_inline_and_no_other_origin(client: Client) -> None:
    page = await client.fetch("/", headers=BROWSER)
    policy = page.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'self';")
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert page.headers["X-Content-Type-Options"] == "nosniff"
    assert page.headers["Referrer-Policy"] == "same-origin"
    assert page.headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert "camera=()" in page.headers["Permissions-Policy"]
    for path in ("/", "/jobs", "/openapi.json"):
        answer = await client.fetch(path)
        assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
    text = page.body.decode()
    assert re.findall(r"<style| style=| on\w+=|<script(?! type=\"module\" src=)", text) == []
    assert re.findall(r'(?:src|href)="(?!/|#)', text) == []


async def named_files(client: Client, path: str) -> set[str]:
    """Return the URLs of the files that a page names."""
    page = await client.fetch(path, headers=BROWSER)
    return set(re.findall(r'(?:src|href)="(/ui/static/[^"]+)"', page.body.decode()))


@pytest.mark.heavy
@pytest.mark.gen_test
async def test_every_file_of_the_pages_exists_and_is_cacheable(client: Client) -> None:
    named = set().union(*[await named_files(client, path) for path in [*PAGES, "/ui/submit"]])
    modules = {str(path.relative_to(WEB_FOLDER)) for path in WEB_FOLDER.rglob("*.js")} - LATER
    assert len(named) == len(modules) + 5  # four style sheets and an icon
    for path in named:
        file = await client.fetch(path)
        assert file.code == 200, path
        suffix = "." + path.rpartition(".")[2]
        assert file.headers["Content-Type"] == CONTENT_TYPES[suffix]
        assert file.headers["X-Content-Type-Options"] == "nosniff"
        assert "immutable" in file.headers["Cache-Control"]
        headers = {"If-None-Match": file.headers["Etag"]}
        assert (await client.fetch(path, headers=headers)).code == 304


@pytest.mark.gen_test
async def test_a_page_names_the_modules_that_it_needs_and_no_others(client: Client) -> None:
    job, docs = [await named_files(client, path) for path in (PAGES[-1], "/docs")]
    names = [{path.split("/", 4)[-1] for path in each} for each in (job, docs)]
    assert names[0] >= {"app.js", "pages/job/jobPage.js", "vendor/uPlot.js"}
    assert names[1] >= {"app.js", "pages/docs/docsPage.js"}
    assert not names[0] & {"pages/docs/docsPage.js", "pages/submit/submitPage.js"}
    assert not names[1] & {"pages/job/jobPage.js", "vendor/uPlot.js"}


def test_app_js_imports_the_modules_of_the_pages() -> None:
    text = (WEB_FOLDER / "app.js").read_text()
    assert re.findall(r'import\("\./(.+?)"\)', text) == list(PAGE_MODULES.values())


@pytest.mark.gen_test
async def test_files_are_sent_as_gzip_if_accepted(client: Client) -> None:
    path = base_of(await client.fetch("/", headers=BROWSER)) + "/app.js"
    plain = await client.fetch(path, decompress_response=False)
    headers = {"Accept-Encoding": "br, gzip"}
    small = await client.fetch(path, headers=headers, decompress_response=False)
    assert small.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(small.body) == plain.body
    assert len(small.body) < len(plain.body) / 2
    assert "Content-Encoding" not in plain.headers
    assert plain.headers["Vary"] == small.headers["Vary"] == "Accept-Encoding"
    assert plain.headers["Etag"] != small.headers["Etag"]


@pytest.mark.parametrize(
    ("accept", "gzip"), [("gzip;q=0", False), ("", False), ("GZIP;q=0.1", True), ("*", False)]
)
def test_gzip_must_be_accepted_explicitly(accept: str, gzip: bool) -> None:
    assert takes_gzip(accept) is gzip


@pytest.mark.gen_test
async def test_a_file_under_another_version_is_not_cacheable(client: Client) -> None:
    file = await client.fetch("/ui/static/0123456789abcdef/app.js")
    assert (file.code, file.headers["Cache-Control"]) == (200, "no-cache")


@pytest.mark.parametrize(
    "name",
    ["none.js", "index.html", "../web_files.py", "..%2fweb_files.py", "lib", "lib/", "types.d.ts"],
)
@pytest.mark.gen_test
async def test_no_other_file_is_served(client: Client, name: str) -> None:
    base = base_of(await client.fetch("/", headers=BROWSER))
    read(await client.fetch(f"{base}/{name}", headers=BROWSER), 404)


@pytest.mark.gen_test
async def test_an_unknown_page_is_a_404_in_the_clients_format(client: Client) -> None:
    read(await client.fetch("/ui/none"), 404)
    page = await client.fetch("/ui/none", headers=BROWSER)
    assert (page.code, page.headers["Content-Type"]) == (404, "text/html; charset=utf-8")
    read(await client.fetch("/ui/jobs", method="POST", body=b""), 405)


@pytest.mark.parametrize(
    ("accept", "html"),
    [
        (BROWSER["Accept"], True),
        ("text/html", True),
        ("TEXT/HTML;q=0.2, application/json;q=0.1", True),
        ("", False),
        ("*/*", False),
        ("text/html;q=0", False),
        ("text/html;q=much", False),
        ("application/json, text/html;q=0.9", False),
    ],
)
def test_the_page_is_for_clients_that_prefer_html(accept: str, html: bool) -> None:
    assert wants_page(accept) is html


def test_no_module_turns_text_into_markup() -> None:
    forbidden = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function"
    found = {
        path.name: re.findall(forbidden, path.read_text()) for path in WEB_FOLDER.rglob("*.js")
    }
    assert {name: bad for name, bad in found.items() if bad} == {}


@pytest.mark.gen_test
async def test_the_overview_has_the_figures_of_each_type(client: Client) -> None:
    await client.sleep_job()
    overview = await client.get("/overview")
    assert set(overview["types"]) == {"analyze", "sleep"}
    sleep = overview["types"]["sleep"]
    assert (sleep["queued"], sleep["running"], sleep["submitted"]) == (1, 0, 1)
    assert sleep["finished"] == {"canceled": 0, "failed": 0, "succeeded": 0}
    assert sleep["wait"] == {"count": 0, "seconds": 0}
    assert sleep["oldest_due_seconds"] >= 0
    assert (overview["runners"], overview["slots"], overview["busy"]) == ([], 0, 0)
