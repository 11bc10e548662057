"""How the front end loads its modules, in a real browser."""

from urllib.parse import urlsplit

from playwright.sync_api import Page, expect

from tests.support.programs import Service

PAGES = ["/", "/ui/jobs", "/ui/schedules", "/ui/schedules/none", "/ui/submit", "/docs"]
NAMED = "[...document.querySelectorAll('link[rel=modulepreload]')].map((link) => link.href)"
NO_OTHER_PAGES = "globalThis.requestIdleCallback = () => 0"


def test_a_page_names_exactly_the_modules_that_it_loads(service: Service, page: Page) -> None:
    page.add_init_script(NO_OTHER_PAGES)
    requested: list[str] = []
    page.on("request", lambda request: requested.append(request.url))
    for path in [*PAGES, f"/ui/jobs/{service.submit(payload={'seconds': 0})}"]:
        requested.clear()
        page.goto(path)
        expect(page.locator("main h1, main h2").first).to_be_visible()
        modules = {url for url in requested if url.endswith(".js")}
        assert modules == {*page.evaluate(NAMED)}, path


def test_the_data_of_a_job_is_requested_while_modules_are_loading(
    service: Service, page: Page
) -> None:
    path = f"/jobs/{service.submit(payload={'seconds': 0})}"
    page.route("**/app.js", lambda route: route.abort())
    with page.expect_request(lambda request: urlsplit(request.url).path == path):
        page.goto(f"/ui{path}", wait_until="commit")
